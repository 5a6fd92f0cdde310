/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a manifest: the registry takes this order, and no white space. */

#include "image/manifest.h"

#define ACCOUNT_DIGITS_MAX 20
#define BUNDLER                                                                                    \
        "<bundler><name>" PACKAGE_NAME "</name><version>" PACKAGE_VERSION "</version>"             \
        "<release>0</release></bundler>"

typedef struct Writer {
        Text text;
        char **reterr_message;
} Writer;

/* What needs no escapes, and means the same to every reader. */
static bool is_plain(const char *text)
{
        for (const char *p = text; *p; p++)
                if (*p <= ' ' || *p > '~' || strchr("<>&'\"", *p))
                        return false;
        return *text != '\0';
}

static int fail(const char *element, const char *value, char **reterr_message)
{
        return string_printf(reterr_message, "A manifest cannot have \"%s\" as its %s", value,
                       element) < 0
                ? -ENOMEM
                : -EINVAL;
}

/* `start` is its name with its attributes. */
static int put(Writer *writer, const char *start, const char *value)
{
        int name_bytes = (int)strcspn(start, " ");

        if (!is_plain(value))
                return fail(start, value, writer->reterr_message);
        return text_addf(&writer->text, "<%s>%s</%.*s>", start, value, name_bytes, start);
}

static int put_optional(Writer *writer, const char *start, const char *value)
{
        return value ? put(writer, start, value) : 0;
}

static int put_number(Writer *writer, const char *element, uint64_t value)
{
        return text_addf(
                &writer->text, "<%s>%llu</%s>", element, (unsigned long long)value, element);
}

static int put_list(Writer *writer, const char *name, const char *item, const StringList *list)
{
        int r;

        if (list->count == 0)
                return 0;
        r = text_addf(&writer->text, "<%s>", name);
        for (size_t i = 0; i < list->count && r >= 0; i++)
                r = put(writer, item, list->items[i]);
        return r < 0 ? r : text_addf(&writer->text, "</%s>", name);
}

static int compare_mappings(const void *a, const void *b)
{
        const ManifestMapping *const *one = a, *const *other = b;

        return strcmp((*one)->virtual_name, (*other)->virtual_name);
}

static int put_mapping(Writer *writer, const ManifestMapping *mapping)
{
        int r = text_add(&writer->text, "<mapping>");

        if (r >= 0)
                r = put(writer, "virtual", mapping->virtual_name);
        if (r >= 0)
                r = put(writer, "device", mapping->device);
        return r < 0 ? r : text_add(&writer->text, "</mapping>");
}

static int put_mappings(Writer *writer, const Manifest *manifest)
{
        _cleanup_(freep) const ManifestMapping **sorted = NULL;
        int r;

        if (manifest->n_mappings == 0)
                return 0;
        sorted = calloc(manifest->n_mappings, sizeof(*sorted));
        if (!sorted)
                return -ENOMEM;
        for (size_t i = 0; i < manifest->n_mappings; i++)
                sorted[i] = &manifest->mappings[i];
        qsort(sorted, manifest->n_mappings, sizeof(*sorted), compare_mappings);
        r = text_add(&writer->text, "<block_device_mapping>");
        for (size_t i = 0; i < manifest->n_mappings && r >= 0; i++)
                r = put_mapping(writer, sorted[i]);
        return r < 0 ? r : text_add(&writer->text, "</block_device_mapping>");
}

static int put_machine(Writer *writer, const Manifest *manifest)
{
        int r = text_add(&writer->text, "<machine_configuration>");

        if (r >= 0)
                r = put(writer, "architecture", manifest->architecture);
        if (r >= 0)
                r = put_mappings(writer, manifest);
        if (r >= 0)
                r = put_optional(writer, "kernel_id", manifest->kernel_id);
        if (r >= 0)
                r = put_optional(writer, "ramdisk_id", manifest->ramdisk_id);
        if (r >= 0)
                r = put_list(writer, "product_codes", "product_code", &manifest->product_codes);
        return r < 0 ? r : text_add(&writer->text, "</machine_configuration>");
}

static int put_user(Writer *writer, const char *user)
{
        size_t length = strlen(user);

        if (length == 0 || length > ACCOUNT_DIGITS_MAX || user[strspn(user, "0123456789")] != '\0')
                return fail("user, which is an account in digits", user, writer->reterr_message);
        return put(writer, "user", user);
}

static int put_keys(Writer *writer, const WrappedKeys *keys)
{
        int r = put(writer, "ec2_encrypted_key algorithm='AES-128-CBC'", keys->ec2_key);

        if (r >= 0)
                r = put(writer, "user_encrypted_key algorithm='AES-128-CBC'", keys->user_key);
        if (r >= 0)
                r = put(writer, "ec2_encrypted_iv", keys->ec2_iv);
        return r < 0 ? r : put(writer, "user_encrypted_iv", keys->user_iv);
}

static int put_parts(Writer *writer, const Manifest *manifest)
{
        int r = text_addf(&writer->text, "<parts count='%zu'>", manifest->n_parts);

        for (size_t i = 0; i < manifest->n_parts && r >= 0; i++) {
                r = text_addf(&writer->text, "<part index='%zu'>", i);
                if (r >= 0)
                        r = put(writer, "filename", manifest->parts[i].filename);
                if (r >= 0)
                        r = put(writer, "digest algorithm='SHA1'", manifest->parts[i].digest);
                if (r >= 0)
                        r = text_add(&writer->text, "</part>");
        }
        return r < 0 ? r : text_add(&writer->text, "</parts>");
}

static int put_image(Writer *writer, const Manifest *manifest)
{
        int r = text_add(&writer->text, "<image>");

        if (r >= 0)
                r = put(writer, "name", manifest->name);
        if (r >= 0)
                r = put_user(writer, manifest->user);
        if (r >= 0)
                r = put(writer, "type", "machine");
        if (r >= 0)
                r = put_list(writer, "ancestry", "ancestor_ami_id", &manifest->ancestry);
        if (r >= 0)
                r = put(writer, "digest algorithm='SHA1'", manifest->digest);
        if (r >= 0)
                r = put_number(writer, "size", manifest->size_bytes);
        if (r >= 0)
                r = put_number(writer, "bundled_size", manifest->bundled_bytes);
        if (r >= 0)
                r = put_keys(writer, &manifest->keys);
        if (r >= 0)
                r = put_parts(writer, manifest);
        return r < 0 ? r : text_add(&writer->text, "</image>");
}

/* Over all that stands behind `begin`. */
static int put_signature(Writer *writer, size_t begin, RsaKey *private_key)
{
        _cleanup_(sha1_freep) Sha1 *sha1 = NULL;
        _cleanup_(freep) char *signature = NULL;
        unsigned char digest[SHA1_BYTES];
        int r = sha1_new(&sha1);

        if (r >= 0)
                r = sha1_add(sha1, writer->text.data + begin, writer->text.length - begin);
        if (r >= 0)
                r = sha1_end(sha1, digest);
        if (r >= 0)
                r = rsa_sign(private_key, digest, &signature);
        return r < 0 ? r : put(writer, "signature", signature);
}

static int put_manifest(Writer *writer, const Manifest *manifest, RsaKey *private_key)
{
        size_t begin;
        int r = text_add(&writer->text,
                "<?xml version='1.0'?><manifest><version>2007-10-10</version>" BUNDLER);

        begin = writer->text.length;
        if (r >= 0)
                r = put_machine(writer, manifest);
        if (r >= 0)
                r = put_image(writer, manifest);
        if (r >= 0)
                r = put_signature(writer, begin, private_key);
        return r < 0 ? r : text_add(&writer->text, "</manifest>");
}

int manifest_write(const Manifest *manifest, RsaKey *private_key, char **ret, char **reterr_message)
{
        Writer writer = { .text = TEXT_INIT, .reterr_message = reterr_message };
        int r = put_manifest(&writer, manifest, private_key);

        if (r >= 0)
                r = text_take(&writer.text, ret);
        text_done(&writer.text);
        return r;
}
