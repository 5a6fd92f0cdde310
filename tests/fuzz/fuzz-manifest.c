/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest, which anybody may have put into a bucket: what it names is never a path, and never
 * twice. */

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"
#include "tests/fuzz/fuzz.h"

static void check(const Manifest *manifest)
{
        if (strchr(manifest->name, '/') || manifest->n_parts == 0)
                abort();
        for (size_t i = 0; i < manifest->n_parts; i++) {
                const ManifestPart *part = &manifest->parts[i];

                if (strchr(part->filename, '/') || strcmp(part->filename, "..") == 0 ||
                        strlen(part->digest) != MANIFEST_DIGEST_SIZE - 1)
                        abort();
                if (i > 0 && strcmp(part->filename, manifest->parts[i - 1].filename) == 0)
                        abort();
        }
}

/* A signature that nobody made, and keys that nobody wrapped. */
static void check_refused(const Manifest *manifest)
{
        static RsaKey *key;
        BundleKeys *keys = NULL;
        char *message = NULL;

        if (!key)
                key = EVP_RSA_gen(1024);
        if (!key || manifest_verify(manifest, key, &message) != -EBADMSG || !message)
                abort();
        if (bundle_keys_unwrap(&manifest->keys, key, &keys) != -EBADMSG || keys)
                abort();
        free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Manifest manifest = { 0 };
        char *message = NULL;
        int r = manifest_parse((const char *)data, size, &manifest, &message);

        if (r == 0) {
                check(&manifest);
                check_refused(&manifest);
        } else if (!message || manifest.name) {
                abort();
        }
        free(message);
        manifest_done(&manifest);
        return 0;
}
