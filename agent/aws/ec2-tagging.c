/* SPDX-License-Identifier: Apache-2.0 */
/* Tags put on what exists already. */

#include "aws/ec2-tagging.h"

int ec2_create_tags(AwsClient *client, const StringList *ids, const TagList *tags, Ec2Flags flags,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;

        if (ids->count == 0 || tags->count == 0)
                return 0;
        if (ids->count > EC2_IDS_MAX)
                return -E2BIG;
        ec2_begin(&query, "CreateTags");
        query_add_list(&query, "ResourceId", ids);
        for (size_t i = 0; i < tags->count; i++) {
                query_addf(&query, tags->items[i].key, "Tag.%zu.Key", i + 1);
                query_addf(&query, tags->items[i].value, "Tag.%zu.Value", i + 1);
        }
        return ec2_call(client, &query, flags, &reply, reterr);
}
