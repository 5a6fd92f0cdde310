/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 4 to 6 for what cannot be frozen: it is synced and watched, and its rest is proved. */

#include "flow/rest.h"

#include "base/log.h"
#include "base/text.h"

static size_t count_synced(const Plan *plan)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_watches; i++)
                n += plan->watches[i].fs != NULL;
        return n;
}

bool rest_needs_freezer(const Plan *plan)
{
        return plan->n_mounts > 0 || count_synced(plan) > 0;
}

static FreezerMount mount_of(const FileSystem *fs, unsigned group)
{
        return (FreezerMount){ .path = fs->mount_point, .major = fs->major, .minor = fs->minor,
                .group = group };
}

static size_t add_synced(const Plan *plan, unsigned group, FreezerMount *mounts)
{
        size_t n = 0;

        for (size_t i = 0; i < plan->n_watches; i++)
                if (plan->watches[i].fs)
                        mounts[n++] = mount_of(plan->watches[i].fs, group);
        return n;
}

int rest_freezer_mounts(const Plan *plan, FreezerMount **ret, size_t *ret_count, unsigned *ret_flags)
{
        size_t n = plan->n_mounts, n_synced = count_synced(plan);
        FreezerMount *mounts = calloc(n + n_synced + 1, sizeof(*mounts));

        if (!mounts)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                mounts[i] = mount_of(plan->mounts[i].fs, plan->mounts[i].group);
        (void)add_synced(plan, n > 0 ? mounts[n - 1].group + 1 : 0, mounts + n);
        *ret = mounts;
        *ret_count = n + n_synced;
        *ret_flags = n_synced > 0 ? FREEZE_PLAN_SYNC_LAST : 0;
        return 0;
}

/* In a connection of its own: that of the freeze has said all that it has to say. */
static int sync_again(Bake *bake)
{
        _cleanup_(freezer_client_freep) FreezerClient *freezer = NULL;
        _cleanup_(freep) FreezerMount *mounts = NULL;
        size_t n = count_synced(&bake->plan);
        int r;

        if (n == 0)
                return 0;
        mounts = calloc(n, sizeof(*mounts));
        if (!mounts)
                return -ENOMEM;
        (void)add_synced(&bake->plan, 0, mounts);
        r = freezer_client_new(bake->settings->freezer_socket, &freezer);
        if (r == 0)
                r = freezer_client_plan(freezer, mounts, n, bake->profile.budget_usec,
                        FREEZE_PLAN_SYNC_LAST);
        if (r == 0)
                r = freezer_client_sync(freezer);
        if (r > 0)
                log_warning("What cannot be frozen could not be synced a second time: %s",
                        freezer_client_error(freezer));
        return r > 0 ? -EREMOTEIO : r;
}

static int name_all(const Plan *plan, char **ret)
{
        _cleanup_(string_list_done) StringList names = STRING_LIST_INIT;

        for (size_t i = 0; i < plan->n_watches; i++)
                if (string_list_add(&names, plan->watches[i].what) < 0)
                        return -ENOMEM;
        return string_list_join(&names, ",", ret);
}

void rest_confirm(Bake *bake)
{
        Evidence *evidence = &bake->evidence;
        int r;

        if (!evidence->all_frozen)
                return;
        r = sync_again(bake);
        watch_synced_again(&bake->watch);
        if (r >= 0)
                r = watch_judge(&bake->watch, &bake->disturbance);
        if (r >= 0 && !bake->disturbance && bake->watch.count > 0)
                r = name_all(&bake->plan, &bake->record.at_rest);
        evidence->watched_at_rest = r >= 0 && !bake->disturbance;
        if (bake->disturbance)
                log_warning("%s", bake->disturbance);
}
