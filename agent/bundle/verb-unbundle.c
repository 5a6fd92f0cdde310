/* SPDX-License-Identifier: Apache-2.0 */
/* unbundle: the image of a bundle, out of its folder or its bucket. */

#include "base/text.h"
#include "bundle/target.h"
#include "bundle/verb.h"

static int read_folder(Session *session, const Place *place, int image_fd)
{
        const FolderBundle bundle = session_in_folder(session, place);

        return folder_unbundle(&bundle, image_fd, &session->manifest, &session->message);
}

static int read_bucket(Session *session, const Place *place, int image_fd)
{
        FetchOrder order;
        int r = session_open_bucket(session, place->bucket);

        if (r < 0)
                return r;
        order = session_in_bucket(session, place);
        return fetch_image(&order, image_fd, &session->manifest, &session->message);
}

int run_unbundle(Session *session)
{
        _cleanup_(file_made_done) FileMade image = { .fd = -EBADF };
        _cleanup_(place_done) Place place = PLACE_INIT;
        int r = session_read_papers(session);

        if (r >= 0)
                r = place_find(session->order->operand, &place, &session->message);
        if (r >= 0)
                r = file_made_open(session->order->into, &image, &session->message);
        if (r < 0)
                return r;
        session_say(session, "unbundling");
        r = place.bucket ? read_bucket(session, &place, image.fd)
                         : read_folder(session, &place, image.fd);
        if (r == 0)
                r = file_made_keep(&image, &session->message);
        if (r != 0)
                return r;
        session->done = "Unbundled";
        return string_replace(&session->where, session->order->into);
}
