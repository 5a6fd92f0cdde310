/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long retention takes to choose, and what it needs at most: over objects alone, beside a
 * single look at each object's local time, which no choice by days can do without; and over
 * snapshots as EC2 lists them, which are put together to sets before. Each figure is of a process
 * of its own.
 */

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/choice.h"
#include "flow/zone.h"

#define ROUNDS 9U
#define PAGE 500U
#define SET 3U /* snapshots of one job */
#define NOW (UINT64_C(20000) * 86400 * USEC_PER_SEC)

typedef struct Figure {
        uint64_t usec;
        long peak_kb;
        size_t kept;
} Figure;

static const RetainPolicy policy = { .keep = { 24, 48, 30, 52, 24, 10, 5 }, .keep_at_least = 1 };
static const RetainTime now = { .now_usec = NOW, .to_local = localtime_r };

static uint64_t cpu_usec(void)
{
        struct timespec time;

        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
        return (uint64_t)time.tv_sec * USEC_PER_SEC + (uint64_t)time.tv_nsec / 1000;
}

/* An hour and a bit apart, in an order of no use to anyone. */
static uint64_t created_usec(size_t i, size_t count)
{
        return NOW - (i * UINT64_C(7919) % count) * UINT64_C(3700) * USEC_PER_SEC / 10;
}

/* --- Objects alone ---------------------------------------------------------------------------- */

static RetainObject *make_objects(size_t count)
{
        RetainObject *objects = calloc(count, sizeof(objects[0]));

        for (size_t i = 0; objects && i < count; i++)
                objects[i] = (RetainObject){ .id = "snap",
                        .created_usec = created_usec(i, count),
                        .is_verified = i % 3 == 0 };
        return objects;
}

static int scan(size_t count, Figure *ret)
{
        _cleanup_(freep) RetainObject *objects = make_objects(count);
        uint64_t start = cpu_usec();
        struct tm local;

        if (!objects)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++) {
                time_t seconds = (time_t)(objects[i].created_usec / USEC_PER_SEC);

                ret->kept += localtime_r(&seconds, &local) && local.tm_hour == 0;
        }
        ret->usec = cpu_usec() - start;
        return 0;
}

static int choose(size_t count, Figure *ret)
{
        _cleanup_(freep) RetainObject *objects = make_objects(count);
        _cleanup_(freep) RetainObject **order = calloc(count, sizeof(order[0]));
        uint64_t start;

        if (!objects || !order)
                return -ENOMEM;
        for (size_t i = 0; i < count; i++)
                order[i] = &objects[i];
        start = cpu_usec();
        retain_choose(order, count, &policy, &now);
        ret->usec = cpu_usec() - start;
        for (size_t i = 0; i < count; i++)
                ret->kept += retain_is_kept(&objects[i]);
        return 0;
}

/* --- Snapshots, page by page ------------------------------------------------------------------ */

static int add_page(Stock *stock, size_t first, size_t count)
{
        Ec2Snapshot snapshots[PAGE];
        char ids[PAGE][24], jobs[PAGE][24];
        Tag tags[PAGE][4];

        for (size_t i = 0; i < PAGE; i++) {
                (void)snprintf(ids[i], sizeof(ids[i]), "snap-%017zx", first + i);
                (void)snprintf(jobs[i], sizeof(jobs[i]), "j-%zu", (first + i) / SET);
                tags[i][0] = (Tag){ (char *)"quiesced:job", jobs[i] };
                tags[i][1] = (Tag){ (char *)"quiesced:kind", (char *)"snapshots" };
                tags[i][2] = (Tag){ (char *)"quiesced:instance", (char *)"i-0123456789abcdef0" };
                tags[i][3] = (Tag){ (char *)"quiesced:consistency", (char *)"filesystem" };
                snapshots[i] = (Ec2Snapshot){ .id = ids[i],
                        .state = EC2_SNAPSHOT_COMPLETED,
                        .start_time_usec = created_usec((first + i) / SET, count / SET),
                        .size_gib = 8,
                        .tags = { tags[i], ELEMENTSOF(tags[i]) } };
        }
        return stock_add_snapshots(stock, &(Ec2SnapshotList){ snapshots, PAGE });
}

static int choose_sets(size_t count, Figure *ret)
{
        _cleanup_(choice_done) Choice choice = { .stock.now_usec = NOW };
        const Retention retention = { .policy = policy };
        uint64_t start = cpu_usec();
        int r = 0;

        for (size_t i = 0; r >= 0 && i < count; i += PAGE)
                r = add_page(&choice.stock, i, count);
        if (r >= 0)
                r = stock_finish(&choice.stock);
        if (r >= 0)
                r = choice_apply(&choice, &retention, &now);
        ret->usec = cpu_usec() - start;
        ret->kept = choice.stock.count - choice.n_deleted;
        return r;
}

/* --- Measuring -------------------------------------------------------------------------------- */

/* In a process of its own: what it has needed at most is then its own, too. */
static int measure(int (*what)(size_t count, Figure *ret), size_t count, Figure *shared)
{
        struct rusage usage;
        int status = -1;
        pid_t child = fork();

        if (child == 0) {
                *shared = (Figure){ 0 };
                _exit(zone_enter("Europe/Berlin") < 0 || what(count, shared) < 0);
        }
        if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0)
                return -EIO;
        shared->peak_kb = usage.ru_maxrss;
        return 0;
}

static int compare(const void *a, const void *b)
{
        const Figure *x = a, *y = b;

        return (x->usec > y->usec) - (x->usec < y->usec);
}

static int measure_median(int (*what)(size_t count, Figure *ret), size_t count, Figure *ret)
{
        Figure *shared = mmap(
                NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        Figure figures[ROUNDS];
        int r = shared == MAP_FAILED ? -errno : 0;

        for (size_t i = 0; r >= 0 && i < ROUNDS; i++) {
                r = measure(what, count, shared);
                if (r >= 0)
                        figures[i] = *shared;
        }
        if (r < 0)
                return r;
        (void)munmap(shared, sizeof(*shared));
        qsort(figures, ROUNDS, sizeof(figures[0]), compare);
        *ret = figures[ROUNDS / 2];
        return 0;
}

static void print(const char *name, const Figure *figure, const char *aim)
{
        printf("  %-52s%8.1f ms %7.1f MB%s%s\n", name, (double)figure->usec / 1000,
                (double)figure->peak_kb / 1024, *aim ? "   aim: " : "", aim);
}

int main(void)
{
        Figure scanned = { 0 }, few = { 0 }, many = { 0 }, sets = { 0 };
        int r = measure_median(scan, 100000, &scanned);

        if (r >= 0)
                r = measure_median(choose, 10000, &few);
        if (r >= 0)
                r = measure_median(choose, 100000, &many);
        if (r >= 0)
                r = measure_median(choose_sets, 100000, &sets);
        if (r < 0) {
                (void)fprintf(stderr, "bench-retain: %s\n", strerror(-r));
                return 1;
        }
        print("100,000 objects: one look at each", &scanned, "");
        print("10,000 objects: the choice", &few, "");
        print("100,000 objects: the choice", &many, "1,000 ms, 100 MB");
        print("100,000 snapshots: put together to sets, the choice", &sets, "1,000 ms, 100 MB");
        return 0;
}
