/* SPDX-License-Identifier: Apache-2.0 */
/* One run of quiesced-bundle: papers, the way to S3, progress, and what came of it. */

#include "bundle/session.h"

#include "aws/s3-check.h"
#include "base/text.h"
#include "cli/arguments.h"
#include "cli/display.h"

/* --- Progress --------------------------------------------------------------------------------- */

static int tell_part(void *userdata, size_t size)
{
        _cleanup_(freep) char *bytes = NULL, *line = NULL;
        Session *session = userdata;

        session->n_done++;
        session->done_bytes += size;
        if (session->is_cancelled(NULL))
                return -ECANCELED;
        if (display_bytes(session->done_bytes, &bytes) < 0 ||
                string_printf(&line, "%s: %llu parts%s%s", session->doing,
                        (unsigned long long)session->n_done, session->done_bytes ? ", " : "",
                        session->done_bytes ? bytes : "") < 0)
                return -ENOMEM;
        progress_line(&session->progress, line);
        return 0;
}

void session_say(Session *session, const char *doing)
{
        session->doing = doing;
        session->n_done = 0;
        session->done_bytes = 0;
}

/* --- Lifetime --------------------------------------------------------------------------------- */

void session_init(Session *session, const Order *order, bool (*is_cancelled)(void *userdata))
{
        const Arguments silence = {
                .quiet = order->quiet,
                .verbose = order->verbose,
                .no_progress = order->no_progress,
        };

        *session = (Session){
                .order = order,
                .is_cancelled = is_cancelled,
                .watch = { .done = tell_part, .userdata = session },
                .doing = order->verb,
        };
        progress_init(&session->progress, &silence);
}

void session_done(Session *session)
{
        progress_done(&session->progress);
        bundle_certificates_done(&session->papers);
        (void)s3_bucket_free(session->bucket);
        (void)credentials_provider_free(session->credentials);
        (void)imds_free(session->imds);
        manifest_done(&session->manifest);
        profile_done(&session->profile);
        free(session->message);
        free(session->where);
}

/* --- Papers ----------------------------------------------------------------------------------- */

RsaKey *session_signer(const Session *session)
{
        return session->papers.user ? session->papers.user : session->papers.private_key;
}

int session_read_papers(Session *session)
{
        const Order *order = session->order;
        int r = 0;

        if (order->certificate)
                r = bundle_user_certificate_read(
                        order->certificate, &session->papers.user, &session->message);
        if (r >= 0 && order->private_key)
                r = bundle_private_key_read(
                        order->private_key, &session->papers.private_key, &session->message);
        if (r < 0 || session_signer(session))
                return r;
        session->is_usage = true;
        return string_replace(&session->message, "Neither a certificate nor a key is given") < 0
                ? -ENOMEM
                : -EINVAL;
}

FolderBundle session_in_folder(Session *session, const Place *place)
{
        return (FolderBundle){
                .fd = place->fd,
                .name = place->name,
                .user = session_signer(session),
                .private_key = session->papers.private_key,
                .watch = &session->watch,
        };
}

FetchOrder session_in_bucket(Session *session, const Place *place)
{
        return (FetchOrder){
                .bucket = session->bucket,
                .folder = place->folder,
                .name = place->name,
                .user = session_signer(session),
                .private_key = session->papers.private_key,
                .watch = &session->watch,
        };
}

/* --- S3 --------------------------------------------------------------------------------------- */

int session_explain(Session *session, int outcome, const ApiError *error)
{
        free(TAKE_PTR(session->message));
        return s3_explain(session->bucket, outcome, error, &session->message);
}

static int open_imds(Session *session)
{
        int r = session->imds ? 0 : imds_new(&session->imds);

        if (r == -EINVAL &&
                string_replace(&session->message,
                        "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http:// address") < 0)
                return -ENOMEM;
        return r;
}

int session_find_region(Session *session, char **ret)
{
        const char *given =
                session->order->region ? session->order->region : aws_region_from_environment();
        int r;

        if (given)
                return string_replace(ret, given);
        r = open_imds(session);
        if (r < 0)
                return r;
        r = imds_get(session->imds, "meta-data/placement/region", ret);
        if (r == 0 || r == -ENOMEM)
                return r;
        session->is_usage = true;
        return string_replace(&session->message,
                       "No region is known: give --region=, or set AWS_REGION") < 0
                ? -ENOMEM
                : -EINVAL;
}

static int open_credentials(Session *session)
{
        int r = open_imds(session);

        return r < 0 ? r : credentials_provider_new(session->imds, &session->credentials);
}

/* Of a machine that is no instance, the bucket's own words would speak of metadata alone. */
static int check_credentials(Session *session)
{
        _cleanup_(freep) char *reason = NULL;
        const Credentials *credentials;
        int r = credentials_provider_get(session->credentials, &credentials, &reason);

        if (r <= 0)
                return r;
        return string_printf(&session->message,
                       "No credentials: %s; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                       "give this instance a role",
                       reason ? reason : "there is no source of any") < 0
                ? -ENOMEM
                : -ENOKEY;
}

int session_open_bucket(Session *session, const char *name)
{
        _cleanup_(freep) char *region = NULL;
        S3BucketConfig config = {
                .name = name,
                .cancelled = session->is_cancelled,
        };
        int r = open_credentials(session);

        if (r >= 0)
                r = session_find_region(session, &region);
        if (r >= 0)
                r = check_credentials(session);
        if (r < 0)
                return r;
        config.region = region;
        config.credentials = session->credentials;
        r = s3_bucket_new(&config, &session->bucket, &session->message);
        session->is_usage = r == -EINVAL;
        return r;
}

static int check_target(Session *session)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *obstacle = NULL;
        S3BucketState state;
        int r = s3_bucket_check(session->bucket, &state, &error);

        if (r > 0)
                return session_explain(session, r, &error) < 0 ? -ENOMEM : r;
        if (r < 0)
                return r;
        r = s3_bucket_find_obstacle(
                session->bucket, &state, s3_bucket_region(session->bucket), &obstacle);
        if (r < 0 || !obstacle)
                return r;
        session->message = TAKE_PTR(obstacle);
        return S3_E_ACLS_OFF;
}

/* "Amazon S3 User Guide", "Categorizing your storage using tags": up to 10. */
#define TAGS_MAX 10

int session_open_target(Session *session)
{
        int r;

        if (session->order->tags.count > TAGS_MAX) {
                session->is_usage = true;
                return string_replace(&session->message, "An object of S3 takes 10 tags at most") <
                                0
                        ? -ENOMEM
                        : -EINVAL;
        }
        r = session_open_bucket(session, session->order->bucket);
        return r < 0 ? r : check_target(session);
}

int session_make_folder(const Session *session, char **ret)
{
        const char *prefix = session->order->prefix ? session->order->prefix : "";
        bool is_whole = !*prefix || session->order->prefix_is_whole || endswith(prefix, "/");

        return string_printf(ret, "%s%s", prefix, is_whole ? "" : "/");
}
