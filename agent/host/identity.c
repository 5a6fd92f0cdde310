/* SPDX-License-Identifier: Apache-2.0 */
/* Who this instance is, as its metadata service says. */

#include "host/identity.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

#define DOCUMENT_BYTES_MAX (64U * 1024)
#define VALUE_BYTES_MAX 256U
#define CODES_COUNT_MAX 64U

/* docs.aws.amazon.com/AWSEC2: "Instance identity documents", "Instance metadata categories". */
#define DOCUMENT_PATH "dynamic/instance-identity/document"
#define DOMAIN_PATH "meta-data/services/domain"
#define PARTITION_PATH "meta-data/services/partition"

/* Where the service does not say: clouds that only resemble EC2 lack meta-data/services. */
#define DOMAIN_FALLBACK "amazonaws.com"
#define PARTITION_FALLBACK "aws"

void identity_done(Identity *identity)
{
        free(identity->instance_id);
        free(identity->region);
        free(identity->zone);
        free(identity->account_id);
        free(identity->partition);
        free(identity->domain);
        free(identity->architecture);
        free(identity->instance_type);
        free(identity->image_id);
        free(identity->kernel_id);
        free(identity->ramdisk_id);
        string_list_done(&identity->billing_products);
        string_list_done(&identity->marketplace_product_codes);
        *identity = IDENTITY_INIT;
}

/* No blank, no control character, nothing that is not ASCII: such a value goes into requests. */
static bool is_plain(const char *value)
{
        size_t length = 0;

        for (; value[length] > ' ' && value[length] < 0x7f; length++)
                ;
        return !value[length] && length > 0 && length <= VALUE_BYTES_MAX;
}

static int complain(char **reterr_message, const char *page, const char *what, const char *value)
{
        (void)string_printf(reterr_message, "The metadata service's %s is unusable: %s%s",
                page, what, value);
        return -EBADMSG;
}

typedef struct Member {
        const char *key;
        char **target;
        bool required;
} Member;

static int take_member(const json_t *document, const Member *member, char **reterr_message)
{
        const json_t *value = json_object_get(document, member->key);

        if ((!value || json_is_null(value)) && !member->required)
                return 0;
        if (!value || json_is_null(value))
                return complain(reterr_message, DOCUMENT_PATH, "it lacks ", member->key);
        if (!json_is_string(value) || !is_plain(json_string_value(value)))
                return complain(reterr_message, DOCUMENT_PATH, "not a plain text: ", member->key);
        return string_replace(member->target, json_string_value(value));
}

static int take_members(const json_t *document, Identity *identity, char **reterr_message)
{
        const Member members[] = {
                { "instanceId", &identity->instance_id, true },
                { "region", &identity->region, true },
                { "availabilityZone", &identity->zone, false },
                { "accountId", &identity->account_id, false },
                { "architecture", &identity->architecture, false },
                { "instanceType", &identity->instance_type, false },
                { "imageId", &identity->image_id, false },
                { "kernelId", &identity->kernel_id, false },
                { "ramdiskId", &identity->ramdisk_id, false },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(members); i++)
                r = take_member(document, members + i, reterr_message);
        return r;
}

static int take_codes(const json_t *document, const char *key, StringList *codes,
        char **reterr_message)
{
        const json_t *array = json_object_get(document, key);
        int r = 0;

        if (!array || json_is_null(array))
                return 0;
        if (!json_is_array(array) || json_array_size(array) > CODES_COUNT_MAX)
                r = -EBADMSG;
        for (size_t i = 0; r >= 0 && i < json_array_size(array); i++) {
                const char *code = json_string_value(json_array_get(array, i));

                r = code && is_plain(code) ? string_list_add(codes, code) : -EBADMSG;
        }
        if (r == -EBADMSG)
                return complain(reterr_message, DOCUMENT_PATH, "not a list of codes: ", key);
        return r;
}

int identity_parse_document(Identity *identity, const char *json, char **reterr_message)
{
        _cleanup_(json_decrefp) json_t *document = NULL;
        json_error_t error;
        int r;

        if (strlen(json) > DOCUMENT_BYTES_MAX)
                return complain(reterr_message, DOCUMENT_PATH, "it is too long", "");
        document = json_loads(json, JSON_REJECT_DUPLICATES, &error);
        if (!document)
                return complain(reterr_message, DOCUMENT_PATH, "no JSON: ", error.text);
        if (!json_is_object(document))
                return complain(reterr_message, DOCUMENT_PATH, "no JSON object", "");
        r = take_members(document, identity, reterr_message);
        if (r >= 0)
                r = take_codes(document, "billingProducts", &identity->billing_products,
                        reterr_message);
        if (r >= 0)
                r = take_codes(document, "marketplaceProductCodes",
                        &identity->marketplace_product_codes, reterr_message);
        return r;
}

static int complain_of_fetch(char **reterr_message, const char *page, int error)
{
        (void)string_printf(reterr_message, "Failed to read %s from the metadata service: %s", page,
                strerror(-error));
        return error;
}

static int fetch_document(IdentityFetch fetch, void *userdata, Identity *identity,
        char **reterr_message)
{
        _cleanup_(freep) char *document = NULL;
        int r = fetch(userdata, DOCUMENT_PATH, &document);

        if (r < 0)
                return complain_of_fetch(reterr_message, DOCUMENT_PATH, r);
        return identity_parse_document(identity, document, reterr_message);
}

/* A page with one plain word; `fallback` where the service has no such page. */
static int fetch_word(IdentityFetch fetch, void *userdata, const Member *page, const char *fallback,
        char **reterr_message)
{
        _cleanup_(freep) char *value = NULL;
        int r = fetch(userdata, page->key, &value);

        if (r == -ENOENT)
                return string_replace(page->target, fallback);
        if (r < 0)
                return complain_of_fetch(reterr_message, page->key, r);
        value[strcspn(value, "\r\n")] = '\0';
        if (!is_plain(value))
                return complain(reterr_message, page->key, "not a plain word", "");
        return string_replace(page->target, value);
}

int identity_read(IdentityFetch fetch, void *userdata, Identity *ret, char **reterr_message)
{
        _cleanup_(identity_done) Identity identity = IDENTITY_INIT;
        const Member domain = { DOMAIN_PATH, &identity.domain, false };
        const Member partition = { PARTITION_PATH, &identity.partition, false };
        int r = fetch_document(fetch, userdata, &identity, reterr_message);

        if (r >= 0)
                r = fetch_word(fetch, userdata, &domain, DOMAIN_FALLBACK, reterr_message);
        if (r >= 0)
                r = fetch_word(fetch, userdata, &partition, PARTITION_FALLBACK, reterr_message);
        if (r < 0)
                return r;
        *ret = identity;
        identity = IDENTITY_INIT;
        return 0;
}

bool identity_has_billing_codes(const Identity *identity)
{
        return identity->billing_products.count > 0
                || identity->marketplace_product_codes.count > 0;
}

int identity_to_json(const Identity *identity, json_t **ret)
{
        /* "s*": a NULL text is left out. */
        json_t *object = json_pack("{s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*}",
                "instance-id", identity->instance_id, "region", identity->region, "zone",
                identity->zone, "account-id", identity->account_id, "partition",
                identity->partition, "architecture", identity->architecture, "instance-type",
                identity->instance_type, "image-id", identity->image_id);

        if (!object)
                return -ENOMEM;
        *ret = object;
        return 0;
}
