/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of an instance-store image: what the image is, and of which parts it consists. */

#include "image/manifest.h"

#include "aws/xml.h"
#include "base/list.h"
#include "base/text.h"

#define FORMAT_VERSION "2007-10-10"
#define NAME_MAX_BYTES 512 /* a key of S3 has 1024 with its prefix and suffix */
#define ACCOUNT_DIGITS_MAX 20
#define PART_DIGITS_MAX 10

void manifest_done(Manifest *manifest)
{
        for (size_t i = 0; i < manifest->n_parts; i++)
                free(manifest->parts[i].filename);
        for (size_t i = 0; i < manifest->n_mappings; i++) {
                free(manifest->mappings[i].virtual_name);
                free(manifest->mappings[i].device);
        }
        free(manifest->parts);
        free(manifest->mappings);
        string_list_done(&manifest->ancestry);
        string_list_done(&manifest->product_codes);
        wrapped_keys_done(&manifest->keys);
        free(manifest->signature);
        free(manifest->ramdisk_id);
        free(manifest->kernel_id);
        free(manifest->architecture);
        free(manifest->user);
        free(manifest->name);
        *manifest = (Manifest){ 0 };
}

void manifest_move(Manifest *from, Manifest *ret)
{
        *ret = *from;
        *from = (Manifest){ 0 };
}

void manifest_take_parts(Manifest *manifest, Manifest *written)
{
        memcpy(manifest->digest, written->digest, sizeof(manifest->digest));
        manifest->size_bytes = written->size_bytes;
        manifest->bundled_bytes = written->bundled_bytes;
        manifest->parts = TAKE_PTR(written->parts);
        manifest->n_parts = written->n_parts;
        written->n_parts = 0;
}

static int fail(char **reterr_message, const char *message)
{
        return string_replace(reterr_message, message) < 0 ? -ENOMEM : -EBADMSG;
}

static int fail_element(char **reterr_message, const char *problem, const char *path)
{
        return string_printf(reterr_message, "%s <%s>", problem, path) < 0 ? -ENOMEM : -EBADMSG;
}

static int fail_part(char **reterr_message, const char *problem, size_t index)
{
        return string_printf(reterr_message, "%s (part %zu)", problem, index) < 0 ? -ENOMEM
                                                                                  : -EBADMSG;
}

/* --- Values ----------------------------------------------------------------------------------- */

static bool is_of(const char *text, const char *allowed, size_t most)
{
        size_t length = strlen(text);

        return length > 0 && length <= most && text[strspn(text, allowed)] == '\0';
}

/* One name of a file in one folder, which no terminal stumbles over. */
static bool is_filename(const char *text)
{
        size_t length = strlen(text);

        if (length == 0 || length > NAME_MAX_BYTES || streq(text, ".") || streq(text, ".."))
                return false;
        for (const char *p = text; *p; p++)
                if (*p == '/' || *p == '\\' || (unsigned char)*p < ' ' || *p == 0x7f)
                        return false;
        return true;
}

bool manifest_is_part_name(const char *name, const char *filename)
{
        const char *rest = startswith(filename, name);
        const char *digits = rest ? startswith(rest, ".part.") : NULL;

        return digits && is_of(digits, "0123456789", PART_DIGITS_MAX);
}

/* The child of that name, of which there is one at most; NULL for none. */
static int find_once(
        const XmlNode *node, const char *name, const XmlNode **ret, char **reterr_message)
{
        const XmlNode *found = NULL;

        for (const XmlNode *child = xml_first(node); child; child = xml_next(child)) {
                if (!streq(xml_name(child), name))
                        continue;
                if (found)
                        return fail_element(reterr_message, "has more than one", name);
                found = child;
        }
        *ret = found;
        return 0;
}

static int find_only(
        const XmlNode *node, const char *name, const XmlNode **ret, char **reterr_message)
{
        int r = find_once(node, name, ret, reterr_message);

        if (r >= 0 && !*ret)
                return fail_element(reterr_message, "is cut off, or no manifest: it lacks", name);
        return r;
}

static int get_text(const XmlNode *node, const char *name, const char **ret, char **reterr_message)
{
        const XmlNode *child;
        int r = find_only(node, name, &child, reterr_message);

        if (r < 0)
                return r;
        *ret = xml_text(child, "");
        return *ret ? 0 : fail_element(reterr_message, "has an empty", name);
}

static int get_number(const XmlNode *node, const char *name, uint64_t *ret, char **reterr_message)
{
        const char *text;
        int r = get_text(node, name, &text, reterr_message);

        if (r < 0)
                return r;
        return parse_u64(text, ret) < 0 ? fail_element(reterr_message, "has no number in", name)
                                        : 0;
}

static int get_digest(const XmlNode *node, char *ret, char **reterr_message)
{
        const XmlNode *child;
        const char *text, *algorithm;
        int r = find_only(node, "digest", &child, reterr_message);

        if (r < 0)
                return r;
        text = xml_text(child, "");
        algorithm = xml_attribute(child, "algorithm");
        if (!text || !streq_ptr(algorithm, "SHA1") || strlen(text) != MANIFEST_DIGEST_SIZE - 1 ||
                !is_of(text, "0123456789abcdef", MANIFEST_DIGEST_SIZE - 1))
                return fail_element(reterr_message, "has no SHA-1 in", "digest");
        memcpy(ret, text, MANIFEST_DIGEST_SIZE);
        return 0;
}

/* --- What may be missing -----------------------------------------------------------------------
 */

typedef struct OptionalText {
        const char *element;
        size_t offset; /* of the char * in a Manifest */
} OptionalText;

static const OptionalText OF_MACHINE[] = {
        { "kernel_id", offsetof(Manifest, kernel_id) },
        { "ramdisk_id", offsetof(Manifest, ramdisk_id) },
};
static const OptionalText OF_IMAGE[] = {
        { "ec2_encrypted_key", offsetof(Manifest, keys.ec2_key) },
        { "user_encrypted_key", offsetof(Manifest, keys.user_key) },
        { "ec2_encrypted_iv", offsetof(Manifest, keys.ec2_iv) },
        { "user_encrypted_iv", offsetof(Manifest, keys.user_iv) },
};
static const OptionalText OF_ROOT[] = { { "signature", offsetof(Manifest, signature) } };

static int read_texts(Manifest *manifest, const XmlNode *node, const OptionalText *texts,
        size_t n_texts, char **reterr_message)
{
        int r = 0;

        for (size_t i = 0; i < n_texts && r >= 0; i++) {
                const XmlNode *child;

                r = find_once(node, texts[i].element, &child, reterr_message);
                if (r >= 0)
                        r = xml_copy(child, "", (char **)((char *)manifest + texts[i].offset));
        }
        return r;
}

static int read_list(const XmlNode *node, const char *name, const char *item, StringList *list,
        char **reterr_message)
{
        const XmlNode *all;
        int r = find_once(node, name, &all, reterr_message);

        for (const XmlNode *one = r < 0 ? NULL : xml_first(all); one && r >= 0;
                one = xml_next(one)) {
                const char *text = xml_text(one, "");

                if (!text || !streq(xml_name(one), item))
                        return fail_element(reterr_message, "has something else in", name);
                r = string_list_add(list, text);
        }
        return r;
}

static int read_mappings(Manifest *manifest, const XmlNode *machine, char **reterr_message)
{
        const XmlNode *all;
        int r = find_once(machine, "block_device_mapping", &all, reterr_message);

        for (const XmlNode *one = r < 0 ? NULL : xml_first(all); one && r >= 0;
                one = xml_next(one)) {
                ManifestMapping *mapping = ARRAY_ADD(manifest->mappings, manifest->n_mappings);
                const char *virtual_name, *device;

                if (!mapping)
                        return -ENOMEM;
                r = get_text(one, "virtual", &virtual_name, reterr_message);
                if (r >= 0)
                        r = get_text(one, "device", &device, reterr_message);
                if (r >= 0)
                        r = string_replace(&mapping->virtual_name, virtual_name);
                if (r >= 0)
                        r = string_replace(&mapping->device, device);
        }
        return r;
}

/* --- Parts ------------------------------------------------------------------------------------ */

static int check_index(const XmlNode *node, size_t expected, char **reterr_message)
{
        const char *text = xml_attribute(node, "index");
        uint64_t index;

        if (!text || parse_u64(text, &index) < 0)
                return fail_part(reterr_message, "has a part without an index", expected);
        if (index < expected)
                return fail_part(reterr_message, "has a part twice, or out of order", index);
        if (index > expected)
                return fail_part(reterr_message, "lacks a part, or has it out of order", expected);
        return 0;
}

static int read_part(Manifest *manifest, const XmlNode *node, char **reterr_message)
{
        size_t index = manifest->n_parts;
        const char *filename;
        ManifestPart *part;
        int r;

        if (index >= MANIFEST_PARTS_MAX)
                return fail(reterr_message, "has more parts than any image");
        r = check_index(node, index, reterr_message);
        if (r >= 0)
                r = get_text(node, "filename", &filename, reterr_message);
        if (r < 0)
                return r;
        if (!is_filename(filename))
                return fail_part(reterr_message,
                        "has a part whose name is a path, or no name of a file", index);
        part = ARRAY_ADD(manifest->parts, manifest->n_parts);
        if (!part || string_replace(&part->filename, filename) < 0)
                return -ENOMEM;
        return get_digest(node, part->digest, reterr_message);
}

static int check_unique(const Manifest *manifest, char **reterr_message)
{
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT;

        for (size_t i = 0; i < manifest->n_parts; i++)
                if (string_list_add(&names, manifest->parts[i].filename) < 0)
                        return -ENOMEM;
        string_list_sort(&names);
        for (size_t i = 1; i < names.count; i++)
                if (streq(names.items[i - 1], names.items[i]))
                        return string_printf(reterr_message, "names the file %s twice",
                                       names.items[i]) < 0
                                ? -ENOMEM
                                : -EBADMSG;
        return 0;
}

static int read_parts(Manifest *manifest, const XmlNode *image, char **reterr_message)
{
        const XmlNode *parts;
        uint64_t count;
        const char *text;
        int r = find_only(image, "parts", &parts, reterr_message);

        for (const XmlNode *part = r < 0 ? NULL : xml_first(parts); part && r >= 0;
                part = xml_next(part))
                r = streq(xml_name(part), "part")
                        ? read_part(manifest, part, reterr_message)
                        : fail_element(reterr_message, "has among its parts a", xml_name(part));
        if (r < 0)
                return r;
        text = xml_attribute(parts, "count");
        if (!text || parse_u64(text, &count) < 0 || count != manifest->n_parts || count == 0)
                return fail(reterr_message, "does not have as many parts as it says");
        return check_unique(manifest, reterr_message);
}

/* --- The whole -------------------------------------------------------------------------------- */

static int read_machine(Manifest *manifest, const XmlNode *machine, char **reterr_message)
{
        const char *architecture;
        int r = get_text(machine, "architecture", &architecture, reterr_message);

        if (r >= 0)
                r = string_replace(&manifest->architecture, architecture);
        if (r >= 0)
                r = read_texts(
                        manifest, machine, OF_MACHINE, ELEMENTSOF(OF_MACHINE), reterr_message);
        if (r >= 0)
                r = read_list(machine, "product_codes", "product_code", &manifest->product_codes,
                        reterr_message);
        return r < 0 ? r : read_mappings(manifest, machine, reterr_message);
}

static int read_image(Manifest *manifest, const XmlNode *image, char **reterr_message)
{
        const char *name, *user;
        int r = get_text(image, "name", &name, reterr_message);

        if (r >= 0)
                r = get_text(image, "user", &user, reterr_message);
        if (r >= 0 && !is_filename(name))
                r = fail_element(reterr_message, "has a path, or no name, in", "name");
        if (r >= 0 && !is_of(user, "0123456789", ACCOUNT_DIGITS_MAX))
                r = fail_element(reterr_message, "has no account number in", "user");
        if (r >= 0)
                r = get_digest(image, manifest->digest, reterr_message);
        if (r >= 0)
                r = get_number(image, "size", &manifest->size_bytes, reterr_message);
        if (r >= 0)
                r = get_number(image, "bundled_size", &manifest->bundled_bytes, reterr_message);
        if (r >= 0)
                r = read_list(
                        image, "ancestry", "ancestor_ami_id", &manifest->ancestry, reterr_message);
        if (r >= 0)
                r = read_texts(manifest, image, OF_IMAGE, ELEMENTSOF(OF_IMAGE), reterr_message);
        if (r < 0)
                return r;
        if (string_replace(&manifest->name, name) < 0 || string_replace(&manifest->user, user) < 0)
                return -ENOMEM;
        return read_parts(manifest, image, reterr_message);
}

static int read_root(Manifest *manifest, const XmlNode *root, char **reterr_message)
{
        const XmlNode *machine, *image;
        const char *version;
        int r;

        if (!streq(xml_name(root), "manifest"))
                return fail(reterr_message, "is none: it begins with another element");
        r = get_text(root, "version", &version, reterr_message);
        if (r >= 0 && !streq(version, FORMAT_VERSION))
                r = fail_element(
                        reterr_message, "has another format than " FORMAT_VERSION " in", "version");
        if (r >= 0)
                r = find_only(root, "machine_configuration", &machine, reterr_message);
        if (r >= 0)
                r = read_machine(manifest, machine, reterr_message);
        if (r >= 0)
                r = find_only(root, "image", &image, reterr_message);
        if (r >= 0)
                r = read_image(manifest, image, reterr_message);
        return r < 0 ? r : read_texts(manifest, root, OF_ROOT, ELEMENTSOF(OF_ROOT), reterr_message);
}

/* Both elements as they stand there, one behind the other: that, and nothing else, is what counts.
 */
static int digest_signed(const char *data, const XmlNode *root, unsigned char ret[SHA1_BYTES])
{
        static const char *const elements[] = { "machine_configuration", "image" };
        _cleanup_(sha1_freep) Sha1 *sha1 = NULL;
        int r = sha1_new(&sha1);

        for (size_t i = 0; i < ELEMENTSOF(elements) && r >= 0; i++) {
                size_t size;
                size_t begin = xml_span(xml_find(root, elements[i]), &size);

                r = sha1_add(sha1, data + begin, size);
        }
        return r < 0 ? r : sha1_end(sha1, ret);
}

int manifest_parse(const char *data, size_t size, Manifest *ret, char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(xml_freep) Xml *xml = NULL;
        int r;

        if (size > MANIFEST_BYTES_MAX)
                return fail(reterr_message, "is longer than 4 MiB, which none is");
        r = xml_parse(data, size, &xml);
        if (r > 0)
                return fail(reterr_message,
                        r == XML_E_REFUSED ? "has a DOCTYPE, or is larger than any"
                                           : "is cut off, or no XML");
        if (r >= 0)
                r = read_root(&manifest, xml_root(xml), reterr_message);
        if (r >= 0)
                r = digest_signed(data, xml_root(xml), manifest.signed_digest);
        if (r < 0)
                return r;
        *ret = manifest;
        manifest = (Manifest){ 0 };
        return 0;
}

int manifest_verify(const Manifest *manifest, RsaKey *user, char **reterr_message)
{
        int r;

        if (!manifest->signature)
                return fail(reterr_message, "has no signature");
        r = rsa_verify(user, manifest->signed_digest, manifest->signature);
        if (r != -EBADMSG)
                return r;
        return fail(reterr_message,
                "is not signed by the key of this certificate, or was changed since");
}
