/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile's Volumes= and Exclude= mean on this host. */

#include "flow/plan-selection.h"

#include "base/text.h"
#include "flow/plan-verdict.h"

Candidate candidate_from_attachment(const Topology *topology, const Ec2Attachment *attached)
{
        Candidate candidate = { .volume_id = attached->volume_id,
                .attached_as = attached->device_name };

        for (size_t i = 0; i < topology->n_volumes; i++)
                if (streq(topology->volumes[i].id, attached->volume_id))
                        candidate.device = topology->volumes[i].device;
        return candidate;
}

static bool volume_is_on(const Topology *topology, const FileSystem *fs, const char *volume_id)
{
        for (size_t i = 0; i < fs->n_volumes; i++)
                if (streq_ptr(topology->volumes[fs->volumes[i]].id, volume_id))
                        return true;
        return false;
}

/* Does an entry of Volumes= or Exclude= mean this: by id, by device, or by mount point? */
static bool entry_names(const Topology *topology, const char *entry, const Candidate *candidate)
{
        if (streq_ptr(entry, candidate->volume_id) || streq_ptr(entry, candidate->attached_as) ||
                streq_ptr(entry, candidate->device) || streq_ptr(entry, candidate->mount_point))
                return true;
        for (size_t i = 0; i < topology->n_file_systems; i++)
                if (streq(topology->file_systems[i].mount_point, entry) &&
                        volume_is_on(topology, &topology->file_systems[i], candidate->volume_id))
                        return true;
        return false;
}

static bool list_names(const Topology *topology, const StringList *list, const Candidate *candidate)
{
        for (size_t i = 0; i < list->count; i++)
                if (entry_names(topology, list->items[i], candidate))
                        return true;
        return false;
}

bool selection_excludes(const PlanInput *input, const Candidate *candidate)
{
        return list_names(input->topology, &input->profile->exclude, candidate);
}

bool selection_leaves_out(const PlanInput *input, const Candidate *candidate)
{
        const Profile *profile = input->profile;

        return (profile->volumes.count > 0 &&
                       !list_names(input->topology, &profile->volumes, candidate)) ||
                selection_excludes(input, candidate);
}

static bool entry_names_an_attachment(const PlanInput *input, const char *entry)
{
        for (size_t i = 0; i < input->instance->n_attachments; i++) {
                Candidate candidate = candidate_from_attachment(
                        input->topology, &input->instance->attachments[i]);

                if (entry_names(input->topology, entry, &candidate))
                        return true;
        }
        return false;
}

/* What no snapshot would have anyway may be left out by name, too: then it is meant to be. */
static bool entry_names_something(const PlanInput *input, const char *entry)
{
        const Topology *topology = input->topology;

        for (size_t i = 0; i < topology->n_volumes; i++)
                if (streq(entry, topology->volumes[i].id) ||
                        streq_ptr(entry, topology->volumes[i].device))
                        return true;
        for (size_t i = 0; i < topology->n_others; i++)
                if (streq(entry, topology->others[i].device))
                        return true;
        for (size_t i = 0; i < topology->n_file_systems; i++)
                if (streq(entry, topology->file_systems[i].mount_point))
                        return true;
        return entry_names_an_attachment(input, entry);
}

static int check_entries(Plan *plan, const PlanInput *input)
{
        const StringList *volumes = &input->profile->volumes, *exclude = &input->profile->exclude;

        for (size_t i = 0; i < volumes->count; i++)
                if (!entry_names_an_attachment(input, volumes->items[i]) &&
                        plan_refuse(plan, FAILURE_PLAN_REFUSED,
                                "Volumes=%s names no volume id, device or mount point on a volume of "
                                "this instance; 'quiescectl volumes' lists them",
                                volumes->items[i]) < 0)
                        return -ENOMEM;
        for (size_t i = 0; i < exclude->count; i++)
                if (!entry_names_something(input, exclude->items[i]) &&
                        plan_refuse(plan, FAILURE_PLAN_REFUSED,
                                "Exclude=%s names no volume id, device or mount point of this "
                                "instance; 'quiescectl volumes' lists them",
                                exclude->items[i]) < 0)
                        return -ENOMEM;
        return 0;
}

static int place_volume(Plan *plan, const PlanInput *input, const Ec2Attachment *attached)
{
        Candidate candidate = candidate_from_attachment(input->topology, attached);

        if (!selection_leaves_out(input, &candidate))
                return string_list_add(&plan->volumes, attached->volume_id);
        if (!streq_ptr(input->instance->root_device_name, attached->device_name))
                return string_list_add(&plan->exclude_data_volumes, attached->volume_id);
        plan->exclude_boot_volume = true;
        return 0;
}

int selection_apply(Plan *plan, const PlanInput *input)
{
        int r = check_entries(plan, input);

        if (plan->method == METHOD_BUNDLE)
                return r;
        for (size_t i = 0; r >= 0 && i < input->instance->n_attachments; i++)
                r = place_volume(plan, input, &input->instance->attachments[i]);
        /* An entry that names nothing is refused already, and explains an empty set. */
        if (r >= 0 && plan->volumes.count == 0 && plan->refusals.count == 0)
                r = plan_refuse(plan, FAILURE_PLAN_REFUSED,
                        "No volume is left to take a snapshot of: check Volumes= and Exclude=, and "
                        "that the instance has EBS volumes");
        return r;
}
