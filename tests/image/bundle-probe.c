/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bundle pipeline by itself, for tests that look at what it makes. What goes wrong is a line on
 * standard error, "ERRNO: MESSAGE", and the exit status 1.
 *
 * - bundle IMAGE FOLDER NAME EC2-CERTIFICATE CERTIFICATE PRIVATE-KEY
 * - unbundle FOLDER NAME CERTIFICATE PRIVATE-KEY IMAGE
 * - check FOLDER NAME CERTIFICATE
 * - store IMAGE BUCKET FOLDER NAME EC2-CERTIFICATE CERTIFICATE PRIVATE-KEY KEY-FILE HOW, which is
 *   "new", "go-on" or "stay"; credentials and addresses come from the environment
 * - fetch BUCKET FOLDER NAME CERTIFICATE PRIVATE-KEY IMAGE
 * - fetch-check BUCKET FOLDER NAME CERTIFICATE
 * - tar IMAGE NAME: the archive, and its SHA-1 on standard error
 * - parts IMAGE NAME KEY-FILE FAIL: the digests, until part FAIL is refused
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "base/files.h"
#include "image/archive.h"
#include "image/fetch.h"
#include "image/folder.h"
#include "image/store.h"
#include "image/unbundle.h"

#define ARCHIVE_BUFFER_BYTES (256u * 1024)

static int open_or_die(const char *path, int flags)
{
        int fd = open(path, flags | O_CLOEXEC, 0600);

        if (fd < 0) {
                perror(path);
                exit(2);
        }
        return fd;
}

static void fill_manifest(Manifest *manifest, const char *name)
{
        *manifest = (Manifest){
                .name = strdup(name),
                .user = strdup("123456789012"),
                .architecture = strdup("x86_64"),
                .kernel_id = strdup("aki-1234abcd"),
        };
        for (unsigned i = 0; i < 2; i++) {
                ManifestMapping *mapping = ARRAY_ADD(manifest->mappings, manifest->n_mappings);

                mapping->virtual_name = strdup(i == 0 ? "root" : "ami");
                mapping->device = strdup(i == 0 ? "/dev/sda1" : "sda1");
        }
        (void)string_list_add(&manifest->ancestry, "ami-0123456789abcdef0");
}

static int run_bundle(char **arguments, char **reterr_message)
{
        _cleanup_(bundle_certificates_done) BundleCertificates certificates = { 0 };
        _cleanup_(closep) int image = open_or_die(arguments[0], O_RDONLY);
        _cleanup_(closep) int folder = open_or_die(arguments[1], O_RDONLY | O_DIRECTORY);
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        const FolderTarget target = { .fd = folder };
        int r;

        fill_manifest(&manifest, arguments[2]);
        r = bundle_certificates_read(
                arguments[3], arguments[4], arguments[5], &certificates, reterr_message);
        return r < 0 ? r : folder_bundle(&target, image, &certificates, &manifest, reterr_message);
}

static int run_unbundle(char **arguments, char **reterr_message)
{
        _cleanup_(rsa_key_freep) RsaKey *user = NULL, *private_key = NULL;
        _cleanup_(closep) int folder = open_or_die(arguments[0], O_RDONLY | O_DIRECTORY);
        _cleanup_(closep) int image = -EBADF;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        FolderBundle bundle = { .fd = folder, .name = arguments[1] };
        int r = bundle_user_certificate_read(arguments[2], &user, reterr_message);

        if (r >= 0)
                r = bundle_private_key_read(arguments[3], &private_key, reterr_message);
        if (r < 0)
                return r;
        bundle.user = user;
        bundle.private_key = private_key;
        image = open_or_die(arguments[4], O_RDWR | O_CREAT | O_TRUNC);
        return folder_unbundle(&bundle, image, &manifest, reterr_message);
}

static int run_check(char **arguments, char **reterr_message)
{
        _cleanup_(rsa_key_freep) RsaKey *user = NULL;
        _cleanup_(closep) int folder = open_or_die(arguments[0], O_RDONLY | O_DIRECTORY);
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        FolderBundle bundle = { .fd = folder, .name = arguments[1] };
        int r = bundle_user_certificate_read(arguments[2], &user, reterr_message);

        bundle.user = user;
        return r < 0 ? r : folder_check(&bundle, &manifest, reterr_message);
}

/* --- The archive alone ------------------------------------------------------------------------ */

static void *print_channel(void *userdata)
{
        Channel *channel = userdata;
        const char *data;
        size_t size;

        while (channel_take_filled(channel, &data, &size) > 0) {
                if (write_all(STDOUT_FILENO, data, size) < 0)
                        exit(2);
                channel_give_empty(channel, data);
        }
        return NULL;
}

static int run_tar(char **arguments, char **reterr_message)
{
        _cleanup_(archive_done) Archive archive = { 0 };
        _cleanup_(channel_freep) Channel *channel = NULL;
        _cleanup_(closep) int image = open_or_die(arguments[0], O_RDONLY);
        char digest[SHA1_HEX_SIZE] = "";
        pthread_t thread;
        int r = archive_init(&archive, image, arguments[1], reterr_message);

        if (r >= 0)
                r = channel_new(ARCHIVE_BUFFER_BYTES, &channel);
        if (r >= 0)
                r = -pthread_create(&thread, NULL, print_channel, channel);
        if (r < 0)
                return r;
        r = archive_send(&archive, channel, digest, reterr_message);
        channel_end(channel, r);
        (void)pthread_join(thread, NULL);
        fprintf(stderr, "%s\n", digest);
        return r;
}

/* --- Parts alone ------------------------------------------------------------------------------ */

static int print_part(void *userdata, BundlePart *given, char **reterr_message)
{
        _cleanup_(bundle_part_freep) BundlePart *part = given;

        if (part->index == *(const size_t *)userdata) {
                (void)string_replace(reterr_message, "this part is refused");
                return -ECONNRESET;
        }
        printf("%s %zu %s\n", part->filename, part->size, part->digest);
        return 0;
}

/* The file has the key and the vector, 32 bytes. */
static int read_keys(const char *path, BundleKeys **ret)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        int r = file_read(path, sizeof(BundleKeys), &text, &size);

        if (r >= 0)
                r = bundle_keys_new(ret);
        if (r < 0 || size != sizeof(BundleKeys))
                return r < 0 ? r : -EINVAL;
        memcpy(*ret, text, sizeof(BundleKeys));
        return 0;
}

static int run_parts(char **arguments, char **reterr_message)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(closep) int image = open_or_die(arguments[0], O_RDONLY);
        size_t refused = strtoul(arguments[3], NULL, 10);
        const PartSink sink = { .take = print_part, .userdata = &refused };
        int r = read_keys(arguments[2], &keys);

        return r < 0 ? r
                     : bundle_write(image, arguments[1], keys, &sink, &manifest, reterr_message);
}

/* --- Into a bucket ---------------------------------------------------------------------------- */

static int open_bucket(
        CredentialsProvider *credentials, const char *name, S3Bucket **ret, char **reterr_message)
{
        const S3BucketConfig config = {
                .name = name,
                .region = aws_region_from_environment(),
                .credentials = credentials,
        };

        return s3_bucket_new(&config, ret, reterr_message);
}

/* Its sum is a line on standard output: parts that were sent, and that were there. */
static int store(const StoreOrder *order, const BundleCertificates *certificates, const char *name,
        char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        S3UploadSum sum = { 0 };
        int r;

        fill_manifest(&manifest, name);
        r = bundle_keys_wrap(order->keys, certificates->ec2, certificates->user, &manifest.keys);
        if (r >= 0)
                r = store_bundle(order, &manifest, &sum, reterr_message);
        if (r == 0)
                printf("%u %u\n", (unsigned)sum.n_sent, (unsigned)sum.n_skipped);
        return r;
}

static int run_store(char **arguments, char **reterr_message)
{
        _cleanup_(bundle_certificates_done) BundleCertificates certificates = { 0 };
        _cleanup_(credentials_provider_freep) CredentialsProvider *credentials = NULL;
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(closep) int image = open_or_die(arguments[0], O_RDONLY);
        StoreOrder order = {
                .image_fd = image,
                .folder = arguments[2],
                .goes_on = strcmp(arguments[8], "go-on") == 0,
                .stays = strcmp(arguments[8], "stay") == 0,
        };
        int r = credentials_provider_new(NULL, &credentials);

        if (r >= 0)
                r = open_bucket(credentials, arguments[1], &bucket, reterr_message);
        if (r >= 0)
                r = bundle_certificates_read(
                        arguments[4], arguments[5], arguments[6], &certificates, reterr_message);
        if (r >= 0)
                r = read_keys(arguments[7], &keys);
        if (r < 0)
                return r;
        order.keys = keys;
        order.private_key = certificates.private_key;
        order.bucket = bucket;
        return store(&order, &certificates, arguments[3], reterr_message);
}

/* ---------------------------------------------------------------------------------------------- */

/* --- Out of a bucket -------------------------------------------------------------------------- */

/* IMAGE may be NULL. */
static int fetch(const FetchOrder *order, const char *image_path, char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(closep) int image = -EBADF;

        if (!image_path)
                return fetch_check(order, &manifest, reterr_message);
        image = open_or_die(image_path, O_RDWR | O_CREAT | O_TRUNC);
        return fetch_image(order, image, &manifest, reterr_message);
}

static int fetch_any(char **arguments, bool is_check, char **reterr_message)
{
        _cleanup_(credentials_provider_freep) CredentialsProvider *credentials = NULL;
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(rsa_key_freep) RsaKey *user = NULL, *private_key = NULL;
        FetchOrder order = { .folder = arguments[1], .name = arguments[2] };
        int r = credentials_provider_new(NULL, &credentials);

        if (r >= 0)
                r = open_bucket(credentials, arguments[0], &bucket, reterr_message);
        if (r >= 0)
                r = bundle_user_certificate_read(arguments[3], &user, reterr_message);
        if (r >= 0 && !is_check)
                r = bundle_private_key_read(arguments[4], &private_key, reterr_message);
        if (r < 0)
                return r;
        order.bucket = bucket;
        order.user = user;
        order.private_key = private_key;
        return fetch(&order, is_check ? NULL : arguments[5], reterr_message);
}

static int run_fetch(char **arguments, char **reterr_message)
{
        return fetch_any(arguments, /* is_check= */ false, reterr_message);
}

static int run_fetch_check(char **arguments, char **reterr_message)
{
        return fetch_any(arguments, /* is_check= */ true, reterr_message);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct Verb {
        const char *name;
        int n_arguments;
        int (*run)(char **arguments, char **reterr_message);
} VERBS[] = {
        { "bundle", 6, run_bundle },
        { "unbundle", 5, run_unbundle },
        { "check", 3, run_check },
        { "fetch", 6, run_fetch },
        { "fetch-check", 4, run_fetch_check },
        { "store", 9, run_store },
        { "tar", 2, run_tar },
        { "parts", 4, run_parts },
};

int main(int argc, char *argv[])
{
        for (size_t i = 0; i < ELEMENTSOF(VERBS); i++) {
                _cleanup_(freep) char *message = NULL;
                int r;

                if (argc < 2 || strcmp(argv[1], VERBS[i].name) != 0 ||
                        argc - 2 != VERBS[i].n_arguments)
                        continue;
                r = VERBS[i].run(argv + 2, &message);
                if (r != 0)
                        fprintf(stderr, "%d: %s\n", -r, message ? message : "(no message)");
                return r != 0;
        }
        fprintf(stderr, "bundle-probe: no such verb, or not its arguments\n");
        return 2;
}
