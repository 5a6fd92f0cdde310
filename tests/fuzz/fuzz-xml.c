/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever comes as a reply of EC2: parsed, walked, and judged. */

#include <string.h>

#include "aws/ec2.h"
#include "aws/tags.h"
#include "tests/fuzz/fuzz.h"

/* Depth is bounded by the parser. */
static size_t walk(const XmlNode *node)
{
        const char *text = xml_text(node, "");
        size_t length = strlen(xml_name(node)) + (text ? strlen(text) : 0);

        if (text && xml_first(node))
                abort();
        (void)xml_u64(node, "size", 0);
        (void)xml_bool(node, "encrypted", false);
        for (const XmlNode *child = xml_first(node); child; child = xml_next(child))
                length += walk(child);
        return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(tag_list_done) TagList tags = TAG_LIST_INIT;
        _cleanup_(string_list_done) StringList codes = STRING_LIST_INIT;
        _cleanup_(xml_freep) Xml *xml = NULL, *judged = NULL;
        HttpReply reply = { .status = 200, .body = { .data = (char *)data, .length = size } };

        if (xml_parse((const char *)data, size, &xml) != 0)
                return 0;
        /* Names and texts are bytes of the document, each of them once. */
        if (walk(xml_root(xml)) > size)
                abort();
        if (tag_list_read(xml_find(xml_root(xml), "tagSet"), &tags) == 0 && tags.count > size)
                abort();
        if (ec2_read_product_codes(xml_root(xml), &codes) < 0)
                abort();
        if (query_judge(&judged, &reply, &error) == 0 && !judged)
                abort();
        return 0;
}
