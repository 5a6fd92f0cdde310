/* SPDX-License-Identifier: Apache-2.0 */
/* What quiesced-bundle did, on standard output. */

#include "bundle/report.h"

#include "base/json.h"
#include "base/text.h"
#include "cli/display.h"

static int add_sum(const Session *session, json_t *document)
{
        if (!session->has_sum)
                return 0;
        if (json_object_set_new(document, "sent", json_integer((json_int_t)session->sum.n_sent)) <
                        0 ||
                json_object_set_new(document, "sent-bytes",
                        json_integer((json_int_t)session->sum.sent_bytes)) < 0 ||
                json_object_set_new(
                        document, "skipped", json_integer((json_int_t)session->sum.n_skipped)) < 0 ||
                json_object_set_new(document, "removed-leftovers",
                        json_integer((json_int_t)session->n_leftovers)) < 0)
                return -ENOMEM;
        return json_object_set_new(
                       document, "region", json_text(s3_bucket_region(session->bucket))) < 0
                ? -ENOMEM
                : 0;
}

static int print_document(const Session *session)
{
        const Manifest *manifest = &session->manifest;
        _cleanup_(json_decrefp) json_t *document = json_pack(
                "{s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:I}", "verb", session->order->verb,
                "path", json_text(session->where), "name", json_text(manifest->name), "user",
                json_text(manifest->user), "architecture", json_text(manifest->architecture),
                "digest", manifest->digest, "image-bytes", (json_int_t)manifest->size_bytes,
                "bundled-bytes", (json_int_t)manifest->bundled_bytes, "parts",
                (json_int_t)manifest->n_parts);

        if (!document || add_sum(session, document) < 0)
                return -ENOMEM;
        if (json_dumpf(document, stdout, JSON_INDENT(2)) < 0)
                return -EIO;
        return putchar('\n') == EOF ? -EIO : 0;
}

/* "Uploaded s3://bundles/web.manifest.xml: 4 parts of 33.0 MiB, an image of 40.0 MiB; ..." */
static int print_sentence(const Session *session)
{
        const Manifest *manifest = &session->manifest;
        _cleanup_(freep) char *bundled = NULL, *image = NULL, *skipped = NULL, *leftovers = NULL;
        int r = display_bytes(manifest->bundled_bytes, &bundled);

        if (r >= 0)
                r = display_bytes(manifest->size_bytes, &image);
        if (r >= 0 && session->has_sum && session->sum.n_skipped > 0)
                r = string_printf(&skipped, "; %llu parts were there before",
                        (unsigned long long)session->sum.n_skipped);
        if (r >= 0 && session->n_leftovers > 0)
                r = string_printf(&leftovers,
                        "; %zu parts that an earlier run had left there are deleted",
                        session->n_leftovers);
        return r < 0 ? r
                     : display_print("%s %s: %zu parts of %s, an image of %s%s%s", session->done,
                               session->where, manifest->n_parts, bundled, image,
                               skipped ? skipped : "", leftovers ? leftovers : "");
}

int report_print(const Session *session)
{
        int r = session->order->json    ? print_document(session)
                : session->order->quiet ? 0
                                        : print_sentence(session);

        if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
                r = -EIO;
        return r;
}
