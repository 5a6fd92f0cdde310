/* SPDX-License-Identifier: Apache-2.0 */
/* upload: a bundle that lies in a folder, into a bucket. */

#include "base/text.h"
#include "bundle/verb.h"
#include "image/upload.h"

typedef struct Sending {
        Session *session;
        bool has_begun;
} Sending;

/* The first part that is on its way ends the look at all of them. */
static int tell_sent(void *userdata, size_t size)
{
        Sending *sending = userdata;

        if (!sending->has_begun)
                session_say(sending->session, "sending");
        sending->has_begun = true;
        return sending->session->watch.done(sending->session, size);
}

/* What was sent stays, since the next attempt need not send it. */
static int add_remedy(Session *session)
{
        _cleanup_(freep) char *before = TAKE_PTR(session->message);

        return string_printf(&session->message,
                "%s; what was sent stays in the bucket: the same command goes on with it",
                before ? before : "The upload did not end");
}

static int send_bundle(Session *session, const Place *place, const char *folder)
{
        Sending sending = { .session = session };
        const PartWatch watch = { .done = tell_sent, .userdata = &sending };
        const FolderBundle bundle = session_in_folder(session, place);
        const UploadOrder order = {
                .bundle = &bundle,
                .bucket = session->bucket,
                .folder = folder,
                .tags = &session->order->tags,
                .watch = &watch,
        };
        int r;

        session_say(session, "checking");
        r = upload_bundle(&order, &session->manifest, &session->sum, &session->message);
        return r != 0 && sending.has_begun && add_remedy(session) < 0 ? -ENOMEM : r;
}

int run_upload(Session *session)
{
        _cleanup_(place_done) Place place = PLACE_INIT;
        _cleanup_(freep) char *folder = NULL;
        int r = session_read_papers(session);

        if (r >= 0)
                r = place_find(session->order->operand, &place, &session->message);
        if (r >= 0 && place.bucket) {
                session->is_usage = true;
                r = string_replace(&session->message,
                            "What is uploaded lies in a folder of this host, not in a bucket") < 0
                        ? -ENOMEM
                        : -EINVAL;
        }
        if (r >= 0)
                r = session_make_folder(session, &folder);
        if (r >= 0)
                r = session_open_target(session);
        if (r == 0)
                r = send_bundle(session, &place, folder);
        if (r != 0)
                return r;
        session->has_sum = true;
        session->done = "Uploaded";
        return string_printf(&session->where, "s3://%s/%s%s" MANIFEST_SUFFIX,
                s3_bucket_name(session->bucket), folder, place.name);
}
