/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the instance on trial comes up: EC2's checks, or what it says on its console. */

#include "flow/proof.h"

#include "aws/ec2-health.h"
#include "aws/ec2-instance.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/console.h"
#include "flow/follow.h"
#include "flow/trial.h"

#define CONSOLE_LINES 20

static int fail(Bake *bake, const char *how)
{
        return failure_set(&bake->failure, FAILURE_VERIFY_FAILED, -EIO,
                "%s does not verify: %s, launched from it, %s; journalctl JOB_ID=%s has the end of "
                "its console",
                bake->record.image_id, trial_instance(bake), how, bake->record.id);
}

/* --- Console ---------------------------------------------------------------------------------- */

/* 0 or an Ec2Outcome, or a negative errno. */
static int read_console(Bake *bake, char **ret, ApiError *reterr)
{
        const char *id = trial_instance(bake);
        int r = ec2_get_console(bake->aws, id, /* latest= */ true, ret, reterr);

        if (r != EC2_E_REFUSED || !ec2_lacks_latest_console(reterr))
                return r;
        api_error_done(reterr);
        return ec2_get_console(bake->aws, id, /* latest= */ false, ret, reterr);
}

static void log_console(Bake *bake)
{
        _cleanup_(string_list_done) StringList lines = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *text = NULL;

        if (!trial_instance(bake) || read_console(bake, &text, &error) != 0) {
                log_notice("The console of %s cannot be read: %s", trial_instance(bake),
                        error.message ? error.message : "no reason given");
                return;
        }
        if (console_tail(text, CONSOLE_LINES, &lines) < 0)
                return;
        if (lines.count == 0)
                log_notice("%s has written nothing to its console yet", trial_instance(bake));
        for (size_t i = 0; i < lines.count; i++)
                log_notice("%s: %s", trial_instance(bake), lines.items[i]);
}

/* --- Looks ------------------------------------------------------------------------------------ */

/* EC2 knows why: a key that may not be used, a shutdown from inside, a broken machine. */
static int fail_ended(Bake *bake, const char *state)
{
        _cleanup_(ec2_instance_done) Ec2Instance instance = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *how = NULL;

        (void)ec2_describe_instance(bake->aws, trial_instance(bake), &instance, &error);
        if (string_printf(&how, "has ended by itself (%s%s%s)", state,
                    instance.state_message ? ": " : "",
                    instance.state_message ? instance.state_message : "") < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return fail(bake, how);
}

static bool has_ended(const Ec2Health *health)
{
        static const char *const ends[] = { "shutting-down", "terminated", "stopping", "stopped" };

        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                if (streq_ptr(health->state, ends[i]))
                        return true;
        return false;
}

static int look_at_checks(Bake *bake, const Ec2Health *health, Attempt *ret)
{
        if (health->system == EC2_CHECK_IMPAIRED)
                return fail(bake, "runs on a machine that fails EC2's system status check (which is "
                                  "no fault of the image: try again)");
        if (health->instance == EC2_CHECK_IMPAIRED)
                return fail(bake, "fails EC2's instance status check: it does not answer on the "
                                  "network");
        ret->complete = health->system == EC2_CHECK_OK && health->instance == EC2_CHECK_OK;
        return 0;
}

static int look_for_marker(Bake *bake, Attempt *ret)
{
        _cleanup_(freep) char *text = NULL, *state = NULL, *how = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = read_console(bake, &text, &error);

        if (r != 0)
                return follow_judge(bake, "GetConsoleOutput", r, &error);
        r = console_find_marker(text, trial_instance(bake), bake->record.image_id, &state);
        if (r >= 0 && state && !streq(state, "running"))
                r = string_printf(&how, "says that its system is %s", state);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory");
        if (how)
                return fail(bake, how);
        ret->complete = state;
        return 0;
}

static int look(Bake *bake, Attempt *ret)
{
        _cleanup_(ec2_health_done) Ec2Health health = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r = ec2_describe_health(bake->aws, trial_instance(bake), &health, &error);

        if (r == EC2_E_NOT_FOUND)
                return trial_is_fresh(bake) ? r : fail(bake, "is gone");
        if (r != 0)
                return follow_judge(bake, "DescribeInstanceStatus", r, &error);
        if (has_ended(&health))
                return fail_ended(bake, health.state);
        if (bake->settings->verify.wait == VERIFY_WAIT_MARKER)
                return look_for_marker(bake, ret);
        return look_at_checks(bake, &health, ret);
}

/* One that was left alone for long has a last look taken at it before it is too late. */
static int look_in_time(Bake *bake, Attempt *ret)
{
        _cleanup_(freep) char *span = NULL, *how = NULL;
        bool marker = bake->settings->verify.wait == VERIFY_WAIT_MARKER;
        bool late = trial_is_late(bake);
        int r = look(bake, ret);

        if (r < 0 || ret->complete || !late)
                return r;
        if (format_usec(bake->settings->verify.timeout_usec, &span) < 0 ||
                string_printf(&how,
                        "has not %s within %s (TimeoutSec= in [Verify] of quiesced.conf)",
                        marker ? "written the marker to its console" :
                                 "passed EC2's status checks",
                        span) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return fail(bake, how);
}

int proof_await(Bake *bake)
{
        int r = follow(bake, look_in_time);

        if (r < 0 && bake->failure.kind == FAILURE_VERIFY_FAILED)
                log_console(bake);
        return r;
}
