/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as `quiescectl plan` prints it. */

#include "base/json.h"
#include "flow/plan.h"

static int append(json_t *array, json_t *value)
{
        return json_array_append_new(array, value) < 0 ? -ENOMEM : 0;
}

static json_t *strings_to_json(const StringList *list)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < list->count; i++)
                (void)append(array, json_text(list->items[i]));
        return array;
}

static json_t *volumes_to_json(const Topology *topology, const size_t *volumes, size_t n_volumes)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < n_volumes; i++)
                (void)append(array, json_string(topology->volumes[volumes[i]].id));
        return array;
}

static json_t *mount_to_json(const PlanMount *mount, const Topology *topology)
{
        const FileSystem *fs = mount->fs;

        return json_pack("{s:o,s:s,s:o*,s:o}", "mount-point", json_text(fs->mount_point), "type",
                fs->type, "device", json_text(fs->device), "volumes",
                volumes_to_json(topology, fs->volumes, fs->n_volumes));
}

static json_t *groups_to_json(const Plan *plan, const Topology *topology)
{
        json_t *groups = json_array(), *group = NULL;

        for (size_t i = 0; groups && i < plan->n_mounts; i++) {
                if (i == 0 || plan->mounts[i].group != plan->mounts[i - 1].group) {
                        group = json_array();
                        (void)append(groups, group);
                }
                (void)append(group, mount_to_json(&plan->mounts[i], topology));
        }
        return groups;
}

static json_t *watch_to_json(const PlanWatch *watch, const Topology *topology)
{
        const FileSystem *fs = watch->fs;

        return json_pack("{s:o,s:s*,s:o,s:o*,s:o}", "what", json_text(watch->what), "type",
                fs ? fs->type : NULL, "device", json_text(fs ? fs->device : watch->what), "reason",
                json_text(watch->reason), "volumes",
                volumes_to_json(topology, watch->volumes, watch->n_volumes));
}

static json_t *watches_to_json(const Plan *plan, const Topology *topology)
{
        json_t *watches = json_array();

        for (size_t i = 0; watches && i < plan->n_watches; i++)
                (void)append(watches, watch_to_json(&plan->watches[i], topology));
        return watches;
}

static json_t *gaps_to_json(const Plan *plan)
{
        json_t *gaps = json_array();

        for (size_t i = 0; gaps && i < plan->n_gaps; i++)
                (void)append(gaps, json_pack("{s:o,s:o}", "what", json_text(plan->gaps[i].what),
                                           "reason", json_text(plan->gaps[i].reason)));
        return gaps;
}

static void add_bundling(const Plan *plan, const Profile *profile, json_t *calls)
{
        const char *disk = plan->bundled ? plan->bundled->disk : "the disk";

        (void)append(calls, json_sprintf("Read %s once more while all of it is frozen, after live "
                                         "passes", disk));
        (void)append(calls, json_string(profile->bundle.scrub ?
                        "Remove what is secret, and what the profile excludes, from the staged image" :
                        "Remove from the staged image what the profile excludes, and no secrets"));
        (void)append(calls, json_sprintf("PutObject to %s/%s, part by part, and the manifest last",
                        profile->bucket ? profile->bucket : "the bucket",
                        profile->bucket_prefix ? profile->bucket_prefix : ""));
        if (plan->image_name)
                (void)append(calls, json_sprintf("RegisterImage %s from the manifest",
                                plan->image_name));
}

static void add_making(const Plan *plan, const Profile *profile, json_t *calls)
{
        if (plan->method == METHOD_BUNDLE) {
                add_bundling(plan, profile, calls);
                return;
        }
        if (plan->method == METHOD_REBOOT && plan->image_name) {
                (void)append(calls, json_sprintf("CreateImage %s, which reboots this host: %zu "
                                                 "snapshots between shutdown and boot",
                                           plan->image_name, plan->volumes.count));
                return;
        }
        if (plan->method == METHOD_CREATE_IMAGE && plan->image_name) {
                (void)append(calls, json_sprintf("CreateImage %s (NoReboot), held until DescribeImages "
                                                 "lists %zu snapshots",
                                           plan->image_name, plan->volumes.count));
                return;
        }
        (void)append(calls, json_sprintf("CreateSnapshots of %zu volumes, one instant",
                                   plan->volumes.count));
        if (plan->image_name)
                (void)append(calls, json_sprintf("RegisterImage %s, once they are complete",
                                           plan->image_name));
}

static json_t *calls_to_json(const Plan *plan, const Profile *profile)
{
        json_t *calls = json_array();

        add_making(plan, profile, calls);
        if (plan->image_name && profile->verify == VERIFICATION_LAUNCH)
                (void)append(calls, json_string("RunInstances from that image, and TerminateInstances "
                                                "once it has proved good or not"));
        return calls;
}

int plan_to_json(const Plan *plan, const PlanInput *input, json_t **ret)
{
        const Profile *profile = input->profile;
        json_t *object;

        object = json_pack("{s:s?,s:s,s:s,s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "image-name",
                plan->image_name, "method", method_names[plan->method], "method-reason",
                plan->method_reason, "consistency", consistency_names[profile->consistency],
                "on-degrade", on_degrade_names[profile->on_degrade], "budget-usec",
                (json_int_t)profile->budget_usec, "snapshots", strings_to_json(&plan->volumes),
                "groups", groups_to_json(plan, input->topology), "watched",
                watches_to_json(plan, input->topology), "calls", calls_to_json(plan, profile),
                "not-covered", gaps_to_json(plan), "warnings", strings_to_json(&plan->warnings),
                "refusals", strings_to_json(&plan->refusals), "tags", strings_to_json(&profile->tags));
        if (!object)
                return -ENOMEM;
        *ret = object;
        return 0;
}
