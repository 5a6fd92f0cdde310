/* SPDX-License-Identifier: Apache-2.0 */
/* A region in which something is published: the image or the snapshots, or a copy of the image. */

#include "flow/publish-site.h"

#include "aws/ec2-image-keeping.h"
#include "aws/ec2-sharing.h"
#include "aws/ec2-snapshot-keeping.h"
#include "aws/ssm.h"
#include "base/clock.h"
#include "base/text.h"
#include "flow/follow.h"
#include "flow/identify.h"
#include "flow/publication.h"
#include "flow/publish-copy.h"
#include "flow/publish-order.h"
#include "flow/turn.h"

/* EC2 refuses a moment that has passed, and a job may go on after days. */
#define DEPRECATE_AT_LEAST_USEC (300 * USEC_PER_SEC)

static int fail_memory(Bake *bake)
{
        return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
}

/* --- Where ------------------------------------------------------------------------------------ */

void site_done(Site *site)
{
        if (!site->is_home)
                (void)aws_client_free(site->client);
        string_list_done(&site->snapshots);
        *site = (Site){ 0 };
}

static int open_home(Bake *bake, Site *site)
{
        site->is_home = true;
        site->client = bake->aws;
        site->image_id = bake->record.image_id;
        return string_list_copy(&bake->record.snapshots, &site->snapshots);
}

static int open_copy(Bake *bake, Site *site)
{
        const json_t *copies = json_object_get(bake->record.publication, "copies");
        const json_t *copy = json_object_get(copies, site->region);

        site->image_id = json_get_string(copy, "image", NULL);
        return publication_list(copy, "snapshots", &site->snapshots);
}

int site_open(Bake *bake, const char *region, Site *ret)
{
        _cleanup_(site_done) Site site = { .region = region };
        bool is_home = streq(region, bake->record.region);
        int r;

        r = is_home ? open_home(bake, &site) : open_copy(bake, &site);
        if (r < 0)
                return fail_memory(bake);
        if (!is_home) {
                r = bake_open_client(bake, "ec2", region, &site.client);
                if (r < 0)
                        return r;
        }
        *ret = site;
        site = (Site){ .is_home = true };
        return 0;
}

/* --- What ------------------------------------------------------------------------------------- */

static int each_snapshot(const Site *site, const json_t *wishes, ApiError *reterr,
        int (*call)(const Site *site, const json_t *wishes, const char *id, ApiError *reterr))
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < site->snapshots.count; i++)
                r = call(site, wishes, site->snapshots.items[i], reterr);
        return r;
}

static int share_image(const Bake *bake, const Site *site, ApiError *reterr)
{
        _cleanup_(string_list_done) StringList with = STRING_LIST_INIT;

        if (publication_list(bake->record.publication, "share", &with) < 0)
                return -ENOMEM;
        return ec2_share_image(site->client, site->image_id, &with, reterr);
}

static int share_snapshot(
        const Site *site, const json_t *wishes, const char *id, ApiError *reterr)
{
        _cleanup_(string_list_done) StringList with = STRING_LIST_INIT;

        if (publication_list(wishes, "share", &with) < 0)
                return -ENOMEM;
        return ec2_share_snapshot(site->client, id, &with, reterr);
}

static int share_snapshots(const Bake *bake, const Site *site, ApiError *reterr)
{
        return each_snapshot(site, bake->record.publication, reterr, share_snapshot);
}

static int deprecate(const Bake *bake, const Site *site, ApiError *reterr)
{
        const json_t *wishes = bake->record.publication;
        uint64_t at_usec = json_get_u64(wishes, "made-usec", bake->record.started_usec) +
                json_get_u64(wishes, "deprecate-after-usec", 0);
        uint64_t least_usec = clock_realtime_usec() + DEPRECATE_AT_LEAST_USEC;

        return ec2_deprecate_image(
                site->client, site->image_id, at_usec > least_usec ? at_usec : least_usec, reterr);
}

static int protect(const Bake *bake, const Site *site, ApiError *reterr)
{
        const char *protection = json_get_string(bake->record.publication, "protection", "");

        return ec2_protect_image(site->client, site->image_id,
                streq(protection, protection_names[PROTECTION_COOLDOWN]), reterr);
}

/* In those of the zones that lie in this region. */
static int restore_fast(const Bake *bake, const Site *site, ApiError *reterr)
{
        _cleanup_(string_list_done) StringList all = STRING_LIST_INIT, here = STRING_LIST_INIT;

        if (publication_list(bake->record.publication, "zones", &all) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < all.count; i++)
                if (startswith(all.items[i], site->region) &&
                        string_list_add(&here, all.items[i]) < 0)
                        return -ENOMEM;
        return here.count == 0 ?
                0 :
                ec2_enable_fast_restore(site->client, &site->snapshots, &here, reterr);
}

static int lock_snapshot(
        const Site *site, const json_t *wishes, const char *id, ApiError *reterr)
{
        return ec2_lock_snapshot(site->client, id, json_get_string(wishes, "lock", ""),
                (unsigned)json_get_u64(wishes, "lock-days", 0), reterr);
}

static int lock(const Bake *bake, const Site *site, ApiError *reterr)
{
        return each_snapshot(site, bake->record.publication, reterr, lock_snapshot);
}

static int archive_snapshot(
        const Site *site, const json_t *wishes, const char *id, ApiError *reterr)
{
        return ec2_archive_snapshot(site->client, id, reterr);
}

static int archive(const Bake *bake, const Site *site, ApiError *reterr)
{
        return each_snapshot(site, bake->record.publication, reterr, archive_snapshot);
}

/* --- Step by step ----------------------------------------------------------------------------- */

typedef enum Scope {
        OF_IMAGES = 1 << 0,
        OF_SETS = 1 << 1,
        OF_ALL = OF_IMAGES | OF_SETS,
} Scope;

typedef struct SiteStep {
        const char *name;
        const char *wish; /* the member of the publication that asks for it */
        const char *done; /* the pause point behind it */
        const char *call;
        const char *advice;
        Scope scope;
        int (*run)(const Bake *bake, const Site *site, ApiError *reterr); /* 0 or an Ec2Outcome */
} SiteStep;

#define SHARE "share"
#define SHARE_ADVICE                                                                               \
        "; correct ShareWith=, and where a default key is the trouble, encrypt with one of your own"

static const SiteStep steps[] = {
        { SHARE, "share", "shared", "ModifyImageAttribute", SHARE_ADVICE, OF_IMAGES, share_image },
        { SHARE, "share", "shared", "ModifySnapshotAttribute", SHARE_ADVICE, OF_SETS,
                share_snapshots },
        { "deprecate", "deprecate-after-usec", "deprecated", "EnableImageDeprecation", "",
                OF_IMAGES, deprecate },
        { "protect", "protection", "protected", "EnableImageDeregistrationProtection", "",
                OF_IMAGES, protect },
        { "fast restore", "zones", "restored", "EnableFastSnapshotRestores",
                "; correct FastRestore=, or ask AWS for a higher quota", OF_ALL, restore_fast },
        { "lock", "lock", "locked", "LockSnapshot", "", OF_ALL, lock },
        { "archive", "archive", "archived", "ModifySnapshotTier", "", OF_SETS, archive },
};

typedef struct Trial {
        const SiteStep *step;
        const Site *site;
        char *later; /* the job that has published since, or NULL */
} Trial;

static int add_advice(Bake *bake, const char *advice, int error)
{
        _cleanup_(freep) char *message = NULL;

        if (bake->failure.kind == FAILURE_ACCESS_DENIED || !bake->failure.message ||
                string_printf(&message, "%s%s", bake->failure.message, advice) < 0)
                return error;
        free(bake->failure.message);
        bake->failure.message = TAKE_PTR(message);
        return error;
}

static int try_step(Bake *bake, Attempt *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Trial *trial = ret->userdata;
        int r = trial->step->run(bake, trial->site, &error);

        ret->complete = r == 0;
        r = follow_judge(bake, trial->step->call, r, &error);
        return r < 0 ? add_advice(bake, trial->step->advice, r) : r;
}

/* "share", "share us-east-1" */
static int step_name(const Site *site, const char *step, char **ret)
{
        return site->is_home ? string_printf(ret, "%s", step) :
                               string_printf(ret, "%s %s", step, site->region);
}

static int take_step(Bake *bake, const Site *site, const SiteStep *step)
{
        Trial trial = { .step = step, .site = site };
        _cleanup_(freep) char *name = NULL;
        int r;

        if (step_name(site, step->name, &name) < 0)
                return fail_memory(bake);
        if (publication_is_over(bake, name))
                return 0;
        r = follow_with(bake, try_step, &trial);
        if (r >= 0)
                bake_pause_point(step->done);
        return publication_note(bake, name, r);
}

int site_publish(Bake *bake, const Site *site)
{
        Scope scope = site->image_id ? OF_IMAGES : OF_SETS;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(steps); i++)
                if ((steps[i].scope & scope) &&
                        json_object_get(bake->record.publication, steps[i].wish))
                        r = take_step(bake, site, &steps[i]);
        return r;
}

/* --- The parameter ---------------------------------------------------------------------------- */

bool site_can_be_launched(const Bake *bake, const Site *site)
{
        _cleanup_(freep) char *name = NULL;

        if (!json_object_get(bake->record.publication, "share"))
                return true;
        return step_name(site, SHARE, &name) >= 0 && publication_is_done(bake, name);
}

static int judge_parameter(Bake *bake, const char *name, int outcome, const ApiError *error)
{
        _cleanup_(freep) char *text = NULL;

        if (outcome == 0 || outcome == SSM_E_CANCELLED || outcome < 0 ||
                (outcome != SSM_E_NOT_TAKEN && bake_outcome_passes(outcome, error)))
                return follow_judge(bake, "PutParameter", outcome, error);
        if (api_error_format(error, &text) < 0)
                return fail_memory(bake);
        return failure_set(&bake->failure, FAILURE_PUBLISH_FAILED, -EREMOTEIO,
                "Parameter Store %s %s: %s; see \"IAM policy\" in the README, and whether a "
                "parameter of this name and another type is in the way",
                outcome == SSM_E_NOT_TAKEN ? "did not take the new value of" : "refused to set",
                name, text);
}

/* Of one region: another one's may answer while this one's does not. */
static int await_turn(Bake *bake, const Site *site, int *ret_fd)
{
        _cleanup_(freep) char *what = NULL;

        if (string_printf(&what, TURN_PARAMETER "-%s", site->region) < 0)
                return fail_memory(bake);
        return turn_await(bake, what, ret_fd);
}

/*
 * The turn ends with each attempt: whoever has it next sees what came of this one, and this one, when
 * it tries again, what the others did meanwhile.
 */
static int try_parameter(Bake *bake, Attempt *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(aws_client_freep) AwsClient *client = NULL;
        _cleanup_(closep) int turn = -EBADF;
        Trial *trial = ret->userdata;
        const SsmParameter parameter = {
                .name = json_get_string(bake->record.publication, "parameter", NULL),
                .value = trial->site->image_id,
                .data_type = SSM_DATA_TYPE_IMAGE,
        };
        int r = bake_open_client(bake, SSM_SERVICE, trial->site->region, &client);

        if (r >= 0)
                r = await_turn(bake, trial->site, &turn);
        if (r < 0)
                return r;
        r = publish_find_later(bake, trial->site, client, &trial->later, &error);
        if (r == 0 && !trial->later)
                r = ssm_put_parameter(client, &parameter, &error);
        ret->complete = r == 0;
        return judge_parameter(bake, parameter.name, r, &error);
}

int site_announce(Bake *bake, const Site *site)
{
        Trial trial = { .site = site };
        _cleanup_(freep) char *name = NULL, *later = NULL;
        int r;

        if (step_name(site, "parameter", &name) < 0)
                return fail_memory(bake);
        if (publication_is_over(bake, name))
                return 0;
        r = follow_with(bake, try_parameter, &trial);
        later = trial.later;
        if (r >= 0 && later)
                return publication_leave(bake, name, later);
        if (r >= 0)
                bake_pause_point("published");
        return publication_note(bake, name, r);
}
