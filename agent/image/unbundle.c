/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: from the parts of a bundle to its image. */

#include "image/unbundle.h"

#include <inttypes.h>

#include "image/bundle.h"
#include "image/cipher.h"
#include "image/gzip.h"
#include "image/untar.h"

#define DECRYPTED_BYTES (64u * 1024)
#define EXPANDED_BYTES (256u * 1024)

typedef struct Unbundle {
        const Manifest *manifest;
        const PartSource *source;
        uint64_t bundled_bytes; /* so far */
        Cipher *cipher;
        Gunzip *gunzip;
        bool gunzip_has_ended;
        Sha1 *sha1;
        Untar untar;
        char **reterr_message;
        char decrypted[DECRYPTED_BYTES + CIPHER_BLOCK_BYTES];
        char expanded[EXPANDED_BYTES];
} Unbundle;

static Unbundle *unbundle_free(Unbundle *unbundle)
{
        if (!unbundle)
                return NULL;
        (void)cipher_free(unbundle->cipher);
        (void)gunzip_free(unbundle->gunzip);
        (void)sha1_free(unbundle->sha1);
        untar_done(&unbundle->untar);
        free(unbundle);
        return NULL;
}

DEFINE_CLEANUP(Unbundle *, unbundle_free)

static int fail(const char *sentence, char **reterr_message)
{
        return string_replace(reterr_message, sentence) < 0 ? -ENOMEM : -EBADMSG;
}

/* --- Parts ------------------------------------------------------------------------------------ */

static int fail_part(const ManifestPart *part, const char *problem, char **reterr_message)
{
        return string_printf(reterr_message, "The part %s %s", part->filename, problem) < 0
                ? -ENOMEM
                : -EBADMSG;
}

/* Into `body`, and as the manifest says. */
static int get_part(const Manifest *manifest, size_t index, const PartSource *source, Text *body,
        char **reterr_message)
{
        const ManifestPart *part = &manifest->parts[index];
        char digest[SHA1_HEX_SIZE];
        int r;

        body->length = 0;
        r = source->give(source->userdata, part, body, reterr_message);
        if (r < 0)
                return r;
        if (body->length == 0)
                return fail_part(part, "is empty", reterr_message);
        if (body->length > PART_BYTES)
                return fail_part(part, "is longer than the 10 MiB of a part", reterr_message);
        r = sha1_hex(body->data, body->length, digest);
        if (r < 0)
                return r;
        return streq(digest, part->digest)
                ? part_watch_tell(source->watch, body->length)
                : fail_part(part, "is damaged: its SHA-1 is not the one of the manifest",
                          reterr_message);
}

int bundle_check_sum(const Manifest *manifest, uint64_t bundled_bytes, char **reterr_message)
{
        if (bundled_bytes == manifest->bundled_bytes)
                return 0;
        return string_printf(reterr_message,
                       "The parts have %" PRIu64 " bytes, and the manifest says %" PRIu64,
                       bundled_bytes, manifest->bundled_bytes) < 0
                ? -ENOMEM
                : -EBADMSG;
}

int bundle_pass_parts(const Manifest *manifest, const PartSource *source, const PartTaker *taker,
        char **reterr_message)
{
        _cleanup_(text_done) Text body = TEXT_INIT;
        uint64_t bundled_bytes = 0;
        int r = 0;

        for (size_t i = 0; i < manifest->n_parts && r >= 0; i++) {
                r = get_part(manifest, i, source, &body, reterr_message);
                bundled_bytes += body.length;
                if (r >= 0 && taker)
                        r = taker->take(
                                taker->userdata, &manifest->parts[i], &body, reterr_message);
        }
        return r < 0 ? r : bundle_check_sum(manifest, bundled_bytes, reterr_message);
}

int bundle_check_parts(const Manifest *manifest, const PartSource *source, char **reterr_message)
{
        return bundle_pass_parts(manifest, source, NULL, reterr_message);
}

/* --- The stream ------------------------------------------------------------------------------- */

static int add_archive(Unbundle *unbundle, size_t size)
{
        int r = sha1_add(unbundle->sha1, unbundle->expanded, size);

        return r < 0
                ? r
                : untar_add(&unbundle->untar, unbundle->expanded, size, unbundle->reterr_message);
}

static int add_compressed(Unbundle *unbundle, size_t size)
{
        GzipStep step = { .input = unbundle->decrypted, .input_bytes = size };
        int r = 0;

        do {
                if (unbundle->gunzip_has_ended)
                        return step.input_bytes == 0
                                ? 0
                                : fail("The bundle has more than one archive, or something "
                                       "behind it",
                                          unbundle->reterr_message);
                step.output = unbundle->expanded;
                step.output_bytes = EXPANDED_BYTES;
                r = gunzip_expand(unbundle->gunzip, &step);
                if (r == -EBADMSG)
                        return fail("The bundle is no gzip, or is damaged: is this the right key?",
                                unbundle->reterr_message);
                unbundle->gunzip_has_ended = r == GZIP_E_END;
                if (r >= 0)
                        r = add_archive(unbundle, EXPANDED_BYTES - step.output_bytes);
        } while (r >= 0 && (step.input_bytes > 0 || step.output_bytes == 0));
        return r;
}

static int add_part(Unbundle *unbundle, const Text *body)
{
        int r = 0;

        unbundle->bundled_bytes += body->length;
        for (size_t at = 0; at < body->length && r >= 0; at += DECRYPTED_BYTES) {
                size_t left = body->length - at, written;

                r = cipher_add(unbundle->cipher, body->data + at,
                        left < DECRYPTED_BYTES ? left : DECRYPTED_BYTES, unbundle->decrypted,
                        &written);
                if (r >= 0)
                        r = add_compressed(unbundle, written);
        }
        return r;
}

static int add_last(Unbundle *unbundle)
{
        size_t written;
        int r = cipher_end(unbundle->cipher, unbundle->decrypted, &written);

        if (r == -EBADMSG)
                return fail("The bundle is not encrypted with this key, or is cut off",
                        unbundle->reterr_message);
        if (r >= 0)
                r = add_compressed(unbundle, written);
        if (r >= 0 && !unbundle->gunzip_has_ended)
                r = fail("The archive in the bundle is cut off", unbundle->reterr_message);
        return r < 0 ? r : untar_end(&unbundle->untar, unbundle->reterr_message);
}

static int check_archive(Unbundle *unbundle)
{
        char digest[SHA1_HEX_SIZE];
        int r = sha1_end_hex(unbundle->sha1, digest);

        if (r < 0 || streq(digest, unbundle->manifest->digest))
                return r;
        return fail(
                "The archive in the bundle is another than the manifest says: its SHA-1 differs",
                unbundle->reterr_message);
}

static int run(Unbundle *unbundle)
{
        const Manifest *manifest = unbundle->manifest;
        _cleanup_(text_done) Text body = TEXT_INIT;
        int r = 0;

        for (size_t i = 0; i < manifest->n_parts && r >= 0; i++) {
                r = get_part(manifest, i, unbundle->source, &body, unbundle->reterr_message);
                if (r >= 0)
                        r = add_part(unbundle, &body);
        }
        if (r >= 0)
                r = add_last(unbundle);
        if (r >= 0)
                r = bundle_check_sum(manifest, unbundle->bundled_bytes, unbundle->reterr_message);
        return r < 0 ? r : check_archive(unbundle);
}

int unbundle(const Manifest *manifest, const BundleKeys *keys, const PartSource *source,
        int image_fd, char **reterr_message)
{
        _cleanup_(unbundle_freep) Unbundle *unbundle = NULL;
        int r = bundle_check_size(manifest->size_bytes, reterr_message);

        if (r < 0)
                return r;
        unbundle = calloc(1, sizeof(Unbundle));
        if (!unbundle)
                return -ENOMEM;
        unbundle->manifest = manifest;
        unbundle->source = source;
        unbundle->reterr_message = reterr_message;
        untar_init(&unbundle->untar, image_fd, manifest->size_bytes);
        r = cipher_new(keys, /* encrypts= */ false, &unbundle->cipher);
        if (r >= 0)
                r = gunzip_new(&unbundle->gunzip);
        if (r >= 0)
                r = sha1_new(&unbundle->sha1);
        return r < 0 ? r : run(unbundle);
}

int unbundle_with(const Manifest *manifest, RsaKey *private_key, const PartSource *source,
        int image_fd, char **reterr_message)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        int r = bundle_keys_unwrap(&manifest->keys, private_key, &keys);

        if (r == -EBADMSG)
                return fail("The key of the bundle cannot be decrypted with this private key",
                        reterr_message);
        return r < 0 ? r : unbundle(manifest, keys, source, image_fd, reterr_message);
}

int unbundle_manifest(
        const char *filename, const Text *text, RsaKey *user, Manifest *ret, char **reterr_message)
{
        _cleanup_(manifest_done) Manifest manifest = { 0 };
        _cleanup_(freep) char *problem = NULL;
        int r = manifest_parse(text->data ? text->data : "", text->length, &manifest, &problem);

        if (r >= 0)
                r = manifest_verify(&manifest, user, &problem);
        if (r == -EBADMSG)
                return string_printf(reterr_message, "The manifest %s %s", filename, problem) < 0
                        ? -ENOMEM
                        : r;
        if (r < 0)
                return r;
        *ret = manifest;
        manifest = (Manifest){ 0 };
        return 0;
}
