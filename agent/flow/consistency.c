/* SPDX-License-Identifier: Apache-2.0 */
/* The consistency class that a bake reached: a conclusion from what was measured, never a wish. */

#include "flow/consistency.h"

static bool at_rest(const Evidence *evidence)
{
        if (evidence->by_reboot)
                return evidence->rebooted && evidence->seen_at_rest && evidence->cut_at_rest &&
                        evidence->complete_coverage && evidence->same_volumes;
        return evidence->all_frozen && evidence->complete_coverage && evidence->answered_inside &&
                evidence->thawed_by_us && evidence->watched_at_rest && evidence->same_mounts &&
                evidence->same_volumes;
}

Consistency consistency_reached(const Evidence *evidence)
{
        if (!at_rest(evidence))
                return CONSISTENCY_CRASH;
        /* What a shutdown made of the applications is between systemd and them. */
        if (evidence->by_reboot || evidence->participants == 0 ||
                evidence->agreed < evidence->participants)
                return CONSISTENCY_FILESYSTEM;
        return CONSISTENCY_APPLICATION;
}

static const char *obstacle_of_reboot(const Evidence *evidence)
{
        if (!evidence->rebooted)
                return "the snapshots were taken before this host was rebooted";
        if (!evidence->seen_at_rest)
                return "the shutdown ended with a file system still writable, or was cut short";
        if (!evidence->cut_at_rest)
                return "a snapshot is of a time before the end of the shutdown, or after the next boot "
                       "had begun, or this host was rebooted more than once; if none of that can be, "
                       "see to the clock of this host";
        if (!evidence->same_volumes)
                return "a volume was attached after the plan; try again";
        return "a shutdown is no word of the applications";
}

const char *consistency_obstacle(const Evidence *evidence)
{
        if (evidence->by_reboot && evidence->complete_coverage)
                return obstacle_of_reboot(evidence);
        if (!evidence->complete_coverage)
                return "a file system in the snapshot cannot be frozen, or was left out of the freeze";
        if (!evidence->all_frozen)
                return "not every file system was frozen";
        if (!evidence->answered_inside)
                return "the answer of the call did not come while the file systems were frozen";
        if (!evidence->thawed_by_us)
                return "a safety net had to thaw";
        if (!evidence->watched_at_rest)
                return "what cannot be frozen cannot be proved to have been at rest";
        if (!evidence->same_mounts)
                return "a file system was mounted, or made writable, after the plan; try again";
        if (!evidence->same_volumes)
                return "a volume was attached after the plan; try again";
        if (evidence->participants == 0)
                return "no application took part";
        return "an application did not get ready in time";
}
