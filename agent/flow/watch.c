/* SPDX-License-Identifier: Apache-2.0 */
/* The proof that what cannot be frozen was at rest all the same. */

#include "flow/watch.h"

#include <string.h>

#include "base/text.h"

int watch_open(const Plan *plan, const char *sysfs, Watch *ret)
{
        Watch watch = { .items = calloc(plan->n_watches + 1, sizeof(Watched)) };

        if (!watch.items)
                return -ENOMEM;
        for (; watch.count < plan->n_watches; watch.count++) {
                const PlanWatch *what = plan->watches + watch.count;
                Watched *item = watch.items + watch.count;

                *item = (Watched){ .what = what, .counter = WRITE_COUNTER_INIT };
                item->error = write_counter_open(sysfs, what->major, what->minor, &item->counter);
        }
        *ret = watch;
        return 0;
}

void watch_done(Watch *watch)
{
        for (size_t i = 0; i < watch->count; i++)
                write_counter_done(&watch->items[i].counter);
        free(watch->items);
        *watch = WATCH_INIT;
}

static void count(Watched *item, WriteCount *ret)
{
        int r = item->error < 0 ? item->error : write_counter_read(&item->counter, ret);

        item->error = r;
}

static void begin(Watch *watch, bool file_systems)
{
        for (size_t i = 0; i < watch->count; i++)
                if (file_systems == (watch->items[i].what->fs != NULL))
                        count(watch->items + i, &watch->items[i].before);
}

static void end(Watch *watch, bool file_systems)
{
        for (size_t i = 0; i < watch->count; i++) {
                Watched *item = watch->items + i;
                WriteCount after;

                if (file_systems != (item->what->fs != NULL))
                        continue;
                count(item, &after);
                item->disturbed = item->error == 0 &&
                        !write_count_is_unchanged(&item->before, &after);
        }
}

void watch_synced(Watch *watch)
{
        begin(watch, /* file_systems= */ true);
}

void watch_frozen(Watch *watch)
{
        begin(watch, /* file_systems= */ false);
}

void watch_thawing(Watch *watch)
{
        end(watch, /* file_systems= */ false);
}

void watch_synced_again(Watch *watch)
{
        end(watch, /* file_systems= */ true);
}

int watch_judge(const Watch *watch, char **ret_disturbance)
{
        for (size_t i = 0; i < watch->count; i++) {
                const Watched *item = watch->items + i;
                const char *what = item->what->what;

                if (item->error == -ENODATA)
                        return string_printf(ret_disturbance, "nobody counts the writes to %s: "
                                "see queue/iostats of its device in sysfs", what);
                if (item->error < 0)
                        return string_printf(ret_disturbance, "the writes to %s cannot be counted: "
                                "%s", what, strerror(-item->error));
                if (item->disturbed)
                        return string_printf(ret_disturbance, "%s, which is not frozen, was written "
                                "to meanwhile: try again when nothing writes there%s", what,
                                item->what->n_volumes > 0 ? ", or leave it out with Exclude=" : "");
        }
        return 0;
}
