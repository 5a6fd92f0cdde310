/* SPDX-License-Identifier: Apache-2.0 */
/* download: a bundle out of its bucket into a folder, as it is. */

#include "base/text.h"
#include "bundle/target.h"
#include "bundle/verb.h"

static int fetch(Session *session, const Place *place, int folder_fd)
{
        const FetchOrder order = session_in_bucket(session, place);

        session_say(session, "downloading");
        return fetch_files(&order, folder_fd, &session->manifest, &session->message);
}

int run_download(Session *session)
{
        _cleanup_(folder_made_done) FolderMade folder = { .fd = -EBADF };
        _cleanup_(place_done) Place place = PLACE_INIT;
        int r = session_read_papers(session);

        if (r >= 0)
                r = place_in_bucket(session->order->operand, &place, &session->message);
        if (r >= 0)
                r = session_open_bucket(session, place.bucket);
        if (r >= 0)
                r = folder_made_open(session->order->into, &folder, &session->message);
        if (r >= 0)
                r = fetch(session, &place, folder.fd);
        if (r != 0)
                return r;
        folder_made_keep(&folder);
        session->done = "Downloaded";
        return string_printf(&session->where, "%s%s%s" MANIFEST_SUFFIX, session->order->into,
                endswith(session->order->into, "/") ? "" : "/", place.name);
}
