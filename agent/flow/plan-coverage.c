/* SPDX-License-Identifier: Apache-2.0 */
/* What this host and EC2 do not agree on, and what no snapshot would have: may a bake go on? */

#include "flow/plan-coverage.h"

#include "flow/plan-bundle.h"
#include "flow/plan-selection.h"
#include "flow/plan-verdict.h"
#include "host/topology-report.h"

static int check_unlisted(Plan *plan, const PlanInput *input, const Volume *volume)
{
        const Candidate candidate = { .volume_id = volume->id, .device = volume->device };
        _cleanup_(freep) char *text = NULL;

        if (volume->listed || plan->method == METHOD_BUNDLE ||
                selection_leaves_out(input, &candidate))
                return 0;
        if (topology_explain_unlisted(volume, &text) < 0)
                return -ENOMEM;
        return plan_degrade(plan, input->profile, FAILURE_TOPOLOGY_MISMATCH, "%s", text);
}

/* Its snapshot would be taken, and nobody knows of which file systems. */
static int check_absent(Plan *plan, const PlanInput *input, const AbsentVolume *absent)
{
        _cleanup_(freep) char *text = NULL;

        if (!string_list_contains(&plan->volumes, absent->id))
                return 0;
        if (topology_explain_absent(input->topology, absent, &text) < 0)
                return -ENOMEM;
        return plan_degrade(plan, input->profile, FAILURE_TOPOLOGY_MISMATCH, "%s", text);
}

static int refuse_uncovered(Plan *plan, const char *what, const char *reason)
{
        return plan_refuse(plan, FAILURE_NOT_COVERED,
                "%s would be in no %s: %s; the profile says OnUncovered=fail: if it need not "
                "be in one, say Exclude=%s",
                what, plan->method == METHOD_BUNDLE ? "bundle" : "snapshot",
                reason ? reason : "it is not on the disk that is bundled", what);
}

/* An instance store that nothing is mounted from has no data that anyone could miss. */
static int check_other(Plan *plan, const PlanInput *input, const OtherDisk *other)
{
        const Candidate candidate = { .device = other->device };

        if (other->is_instance_store || plan_bundle_is_disk(plan, other->device) ||
                selection_excludes(input, &candidate))
                return 0;
        return refuse_uncovered(plan, other->device, other->reason);
}

static int check_file_system(Plan *plan, const PlanInput *input, const FileSystem *fs)
{
        const Candidate candidate = { .device = fs->device, .mount_point = fs->mount_point };

        bool is_in = plan->method == METHOD_BUNDLE ?
                plan_bundle_holds(plan, input->topology, fs) : fs->covered;

        if (is_in || fs->read_only || !fs_class_is_on_devices(fs->class) ||
                selection_excludes(input, &candidate))
                return 0;
        return refuse_uncovered(plan, fs->mount_point, fs->reason);
}

static int check_uncovered(Plan *plan, const PlanInput *input)
{
        const Topology *topology = input->topology;
        int r = 0;

        /* With Volumes= the profile names all that it wants. */
        if (input->profile->on_uncovered != ON_UNCOVERED_FAIL || input->profile->volumes.count > 0)
                return 0;
        for (size_t i = 0; r >= 0 && i < topology->n_others; i++)
                r = check_other(plan, input, topology->others + i);
        for (size_t i = 0; r >= 0 && i < topology->n_file_systems; i++)
                r = check_file_system(plan, input, topology->file_systems + i);
        return r;
}

int coverage_check(Plan *plan, const PlanInput *input)
{
        const Topology *topology = input->topology;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < topology->n_volumes; i++)
                r = check_unlisted(plan, input, topology->volumes + i);
        for (size_t i = 0; r >= 0 && i < topology->n_absent; i++)
                r = check_absent(plan, input, topology->absent + i);
        return r < 0 ? r : check_uncovered(plan, input);
}
