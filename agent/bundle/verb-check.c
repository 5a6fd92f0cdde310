/* SPDX-License-Identifier: Apache-2.0 */
/* check: the signature; of a folder all digests; of a bucket the sizes, or the digests as well. */

#include "base/text.h"
#include "bundle/verb.h"

/* With the private key all of it is decrypted, and nothing written. */
static int check_folder(Session *session, const Place *place)
{
        const FolderBundle bundle = session_in_folder(session, place);

        return bundle.private_key
                ? folder_unbundle(&bundle, -EBADF, &session->manifest, &session->message)
                : folder_check(&bundle, &session->manifest, &session->message);
}

static int check_bucket(Session *session, const Place *place)
{
        FetchOrder order;
        int r = session_open_bucket(session, place->bucket);

        if (r < 0)
                return r;
        order = session_in_bucket(session, place);
        if (!session->order->digests)
                return fetch_look(&order, &session->manifest, &session->message);
        return order.private_key
                ? fetch_image(&order, -EBADF, &session->manifest, &session->message)
                : fetch_check(&order, &session->manifest, &session->message);
}

int run_check(Session *session)
{
        _cleanup_(place_done) Place place = PLACE_INIT;
        int r = session_read_papers(session);

        if (r >= 0)
                r = place_find(session->order->operand, &place, &session->message);
        if (r < 0)
                return r;
        session_say(session, "checking");
        r = place.bucket ? check_bucket(session, &place) : check_folder(session, &place);
        if (r != 0)
                return r;
        session->done = place.bucket && !session->order->digests
                ? "The signature is right, and all parts are there, of"
                : "All is right with";
        return place_print(&place, &session->where);
}
