/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate authorities that TLS peers are checked against, held in memory. */

#include "aws/ca-bundle.h"

#include "base/files.h"

void ca_bundle_done(CaBundle *bundle)
{
        free(bundle->path);
        free(bundle->pem);
        *bundle = (CaBundle){ 0 };
}

static int read_bundle(const char *path, CaBundle *ret)
{
        _cleanup_(ca_bundle_done) CaBundle bundle = { .path = strdup(path) };
        int r;

        if (!bundle.path)
                return -ENOMEM;
        r = file_read(path, CA_BUNDLE_BYTES_MAX, &bundle.pem, &bundle.size);
        if (r < 0)
                return r;
        *ret = bundle;
        bundle = (CaBundle){ 0 };
        return 0;
}

/* Where this build of libcurl looks, and where the distributions keep them. */
static int read_system_bundle(CaBundle *ret)
{
        const char *const paths[] = {
                curl_version_info(CURLVERSION_NOW)->cainfo,
                "/etc/ssl/certs/ca-certificates.crt",
                "/etc/pki/tls/certs/ca-bundle.crt",
                "/etc/ssl/ca-bundle.pem",
        };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                int r = paths[i] ? read_bundle(paths[i], ret) : -ENOENT;

                if (r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

int ca_bundle_read(CaBundle *ret, char **reterr_path)
{
        const char *path = getenv("AWS_CA_BUNDLE");
        int r;

        if (!path || !*path)
                return read_system_bundle(ret);
        r = read_bundle(path, ret);
        if (r < 0 && r != -ENOMEM)
                *reterr_path = strdup(path);
        return r;
}

/* libcurl before 7.77 takes no bundle from memory; it then opens the file for each handshake. */
static CURLcode apply_authorities(const CaBundle *bundle, CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x074d00
        struct curl_blob blob = {
                .data = bundle->pem,
                .len = bundle->size,
                .flags = CURL_BLOB_NOCOPY,
        };

        return curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
#else
        return curl_easy_setopt(easy, CURLOPT_CAINFO, bundle->path);
#endif
}

CURLcode ca_bundle_apply(const CaBundle *bundle, CURL *easy)
{
        CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);

        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        /* A distribution's default directory would add its authorities to those chosen. */
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
        if (code == CURLE_OK && bundle)
                code = apply_authorities(bundle, easy);
        return code;
}
