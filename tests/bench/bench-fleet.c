/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet whose timers all say midnight, in one account and region, against EC2's token buckets: a
 * discrete-event simulation that drives our own retry schedule (aws/retry.c), client-side bucket
 * (aws/bucket.c) and polls (flow/follow.c), under the timer's splay; beside a client that repeats what was refused at a fixed interval. Time
 * is simulated: it takes seconds.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/bucket.h"
#include "aws/retry.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "flow/follow.h"
#include "flow/pace.h"

#define HOSTS 10000U
#define LATENCY_USEC (50 * USEC_PER_MSEC)
#define SNAPSHOT_USEC (300 * USEC_PER_SEC) /* of what a day has changed */
#define IMAGE_USEC (20 * USEC_PER_SEC)
#define SPLAY_USEC (3600 * USEC_PER_SEC) /* RandomizedDelaySec= of quiesced-bake@.timer */
#define FIXED_USEC (30 * USEC_PER_SEC) /* with less it only gets worse */
#define END_USEC (86400 * USEC_PER_SEC)

/* "Request throttling for the Amazon EC2 API", its tables: capacity, and tokens a second. */
typedef enum Api {
        API_DESCRIBE_INSTANCES, /* by id: neither a filter nor pages */
        API_DESCRIBE_VOLUMES,
        API_DESCRIBE_SNAPSHOTS,
        API_LIST_SNAPSHOTS, /* with a filter, in pages */
        API_DESCRIBE_IMAGES,
        API_GET_UEFI_DATA,
        API_CREATE_SNAPSHOTS,
        API_CREATE_TAGS,
        API_REGISTER_IMAGE,
        API_MAX,
} Api;

static const struct {
        uint32_t capacity, rate;
        bool only_reads;
} apis[API_MAX] = {
        [API_DESCRIBE_INSTANCES] = { 50, 10000, true },
        [API_DESCRIBE_VOLUMES] = { 50, 10000, true },
        [API_DESCRIBE_SNAPSHOTS] = { 50, 10000, true },
        [API_LIST_SNAPSHOTS] = { 100, 20000, true },
        [API_DESCRIBE_IMAGES] = { 100, 20000, true },
        [API_GET_UEFI_DATA] = { 100, 20000, true },
        [API_CREATE_SNAPSHOTS] = { 100, 5000, false },
        [API_CREATE_TAGS] = { 100, 10000, false },
        [API_REGISTER_IMAGE] = { 50, 5000, false },
};

/* The calls of one bake of an image, as the simulated cloud of the tests sees them. */
typedef struct Stage {
        Api api;
        bool is_frozen; /* one attempt: a refusal leads back to the stage before */
        bool is_made; /* what is there already is followed for as long as it takes */
        uint64_t ready_usec; /* it is asked for again until so long after the stage began */
} Stage;

static const Stage stages[] = {
        { .api = API_DESCRIBE_INSTANCES },
        { .api = API_DESCRIBE_IMAGES }, /* is the name free? */
        { .api = API_DESCRIBE_VOLUMES },
        { .api = API_DESCRIBE_IMAGES }, /* the attributes of the one that this host runs */
        { .api = API_GET_UEFI_DATA },
        { .api = API_LIST_SNAPSHOTS }, /* which are pending */
        { .api = API_CREATE_SNAPSHOTS }, /* DryRun */
        { .api = API_CREATE_SNAPSHOTS, .is_frozen = true },
        { .api = API_DESCRIBE_SNAPSHOTS, .is_made = true },
        { .api = API_CREATE_TAGS, .is_made = true },
        { .api = API_DESCRIBE_SNAPSHOTS, .is_made = true, .ready_usec = SNAPSHOT_USEC },
        { .api = API_DESCRIBE_SNAPSHOTS, .is_made = true },
        { .api = API_REGISTER_IMAGE, .is_made = true },
        { .api = API_DESCRIBE_IMAGES, .is_made = true, .ready_usec = IMAGE_USEC },
        { .api = API_CREATE_TAGS, .is_made = true },
};

typedef struct Client {
        const char *name;
        uint64_t splay_usec;
        bool is_naive; /* every FIXED_USEC, and for ever */
} Client;

typedef struct Host {
        uint64_t next_usec; /* its next attempt */
        uint64_t stage_began_usec;
        unsigned n_looks; /* at what is followed */
        unsigned n_busy; /* of these, the last ones that came to nothing */
        size_t stage;
        Retry retry;
        Retry patience; /* until something is made: of all calls together */
        Bucket reads;
        Bucket writes;
} Host;

typedef struct Fleet {
        const Client *client;
        Host hosts[HOSTS];
        unsigned heap[HOSTS]; /* of those that are not done, by their next attempt */
        unsigned n_heap;
        Bucket cloud[API_MAX];
        uint64_t n_calls;
        uint64_t n_refused;
        uint64_t n_frozen; /* of these, in the window: a freeze for nothing */
        uint64_t done_usec; /* when the last one was */
        unsigned n_done;
        unsigned n_failed;
        uint64_t random;
} Fleet;

static uint32_t random_bits(Fleet *fleet)
{
        fleet->random ^= fleet->random << 13;
        fleet->random ^= fleet->random >> 7;
        fleet->random ^= fleet->random << 17;
        return (uint32_t)(fleet->random >> 32);
}

/* --- The order of events ---------------------------------------------------------------------- */

static bool comes_before(const Fleet *fleet, unsigned a, unsigned b)
{
        return fleet->hosts[fleet->heap[a]].next_usec < fleet->hosts[fleet->heap[b]].next_usec;
}

static void swap(Fleet *fleet, unsigned a, unsigned b)
{
        unsigned host = fleet->heap[a];

        fleet->heap[a] = fleet->heap[b];
        fleet->heap[b] = host;
}

static void sift_down(Fleet *fleet, unsigned i)
{
        for (;;) {
                unsigned child = 2 * i + 1;

                if (child + 1 < fleet->n_heap && comes_before(fleet, child + 1, child))
                        child++;
                if (child >= fleet->n_heap || !comes_before(fleet, child, i))
                        return;
                swap(fleet, i, child);
                i = child;
        }
}

/* The host at the top is over with. */
static void leave(Fleet *fleet)
{
        fleet->heap[0] = fleet->heap[--fleet->n_heap];
        sift_down(fleet, 0);
}

/* --- One host --------------------------------------------------------------------------------- */

static Bucket *bucket_of(Host *host, Api api)
{
        return apis[api].only_reads ? &host->reads : &host->writes;
}

/* Its next attempt: not before `wait_usec`, and, but in the window, when it is its turn. */
static void schedule(Fleet *fleet, Host *host, uint64_t now_usec, uint64_t wait_usec)
{
        const Stage *stage = &stages[host->stage];

        if (!fleet->client->is_naive && !stage->is_frozen) {
                uint64_t turn_usec = bucket_take(bucket_of(host, stage->api), now_usec);

                wait_usec = wait_usec > turn_usec ? wait_usec : turn_usec;
        }
        host->next_usec = now_usec + wait_usec;
}

static void begin_call(Fleet *fleet, Host *host, uint64_t now_usec, uint64_t wait_usec)
{
        schedule(fleet, host, now_usec, wait_usec);
        retry_init(&host->retry, host->next_usec, /* retries_not_found= */ false);
}

static void begin_stage(Fleet *fleet, Host *host, size_t stage, uint64_t now_usec)
{
        host->stage = stage;
        host->stage_began_usec = now_usec;
        host->n_looks = host->n_busy = 0;
        begin_call(fleet, host, now_usec, 0);
}

/* As flow/follow.c does: once more after a pause. */
static void follow_on(Fleet *fleet, Host *host, uint64_t now_usec, bool was_refused)
{
        uint64_t pause_usec = FIXED_USEC;

        host->n_busy = was_refused ? host->n_busy + 1 : 0;
        if (!fleet->client->is_naive)
                pause_usec = follow_pause(host->n_looks++, host->n_busy, random_bits(fleet));
        begin_call(fleet, host, now_usec, pause_usec);
}

static void give_up(Fleet *fleet, Host *host, uint64_t now_usec)
{
        if (stages[host->stage].is_made) {
                follow_on(fleet, host, now_usec, /* was_refused= */ true);
                return;
        }
        fleet->n_failed++;
        leave(fleet);
}

static void on_refused(Fleet *fleet, Host *host, uint64_t now_usec)
{
        const Stage *stage = &stages[host->stage];
        Retry *retry = stage->is_made ? &host->retry : &host->patience;
        uint64_t wait_usec = FIXED_USEC;

        fleet->n_refused++;
        if (!stage->is_frozen)
                bucket_slow_down(bucket_of(host, stage->api), now_usec);
        else
                fleet->n_frozen++;
        if (!fleet->client->is_naive && retry_next(retry, API_ERROR_THROTTLED, now_usec,
                                                random_bits(fleet), &wait_usec) != 0) {
                give_up(fleet, host, now_usec);
                return;
        }
        if (stage->is_frozen) {
                host->stage--; /* thawed, and warmed anew before the next freeze */
                begin_call(fleet, host, now_usec, wait_usec);
        } else {
                schedule(fleet, host, now_usec, wait_usec);
        }
}

static void on_answered(Fleet *fleet, Host *host, uint64_t now_usec)
{
        const Stage *stage = &stages[host->stage];

        if (!stage->is_frozen)
                bucket_speed_up(bucket_of(host, stage->api), now_usec);
        if (now_usec < host->stage_began_usec + stage->ready_usec) {
                follow_on(fleet, host, now_usec, /* was_refused= */ false);
                return;
        }
        if (host->stage + 1 < ELEMENTSOF(stages)) {
                begin_stage(fleet, host, host->stage + 1, now_usec);
                return;
        }
        fleet->n_done++;
        fleet->done_usec = now_usec;
        leave(fleet);
}

static void attempt(Fleet *fleet, Host *host)
{
        Bucket *cloud = &fleet->cloud[stages[host->stage].api];
        Bucket before = *cloud;
        uint64_t now_usec = host->next_usec;

        fleet->n_calls++;
        if (bucket_take(cloud, now_usec) == 0) {
                on_answered(fleet, host, now_usec + LATENCY_USEC);
        } else {
                *cloud = before; /* what is refused costs no token */
                on_refused(fleet, host, now_usec + LATENCY_USEC);
        }
}

/* --- The fleet -------------------------------------------------------------------------------- */

static void fleet_start(Fleet *fleet, const Client *client)
{
        *fleet = (Fleet){ .client = client, .n_heap = HOSTS, .random = 88172645463325252u };
        for (size_t i = 0; i < API_MAX; i++)
                bucket_init(&fleet->cloud[i], apis[i].capacity, apis[i].rate, 0);
        for (unsigned i = 0; i < HOSTS; i++) {
                Host *host = &fleet->hosts[i];
                uint64_t start_usec =
                        (client->splay_usec / USEC_PER_MSEC * random_bits(fleet) >> 32) * USEC_PER_MSEC;

                bucket_init(&host->reads, BUCKET_READ_CAPACITY, BUCKET_READ_RATE, start_usec);
                bucket_init(&host->writes, BUCKET_WRITE_CAPACITY, BUCKET_WRITE_RATE, start_usec);
                retry_init(&host->patience, start_usec, /* retries_not_found= */ false);
                retry_be_patient(&host->patience, start_usec + BAKE_PATIENCE_USEC);
                fleet->heap[i] = i;
                begin_stage(fleet, host, 0, start_usec);
        }
        for (unsigned i = HOSTS; i-- > 0;)
                sift_down(fleet, i);
}

static void fleet_run(Fleet *fleet)
{
        while (fleet->n_heap > 0) {
                Host *host = &fleet->hosts[fleet->heap[0]];
                unsigned n_heap = fleet->n_heap;

                if (host->next_usec > END_USEC)
                        return;
                attempt(fleet, host);
                if (fleet->n_heap == n_heap)
                        sift_down(fleet, 0);
        }
}

/* No client could be quicker: each of these calls takes a token, and there are no more. */
static uint64_t least_usec(void)
{
        uint64_t most_usec = 0;

        for (size_t api = 0; api < API_MAX; api++) {
                uint64_t n_calls = 0, usec;

                for (size_t i = 0; i < ELEMENTSOF(stages); i++)
                        n_calls += (stages[i].api == (Api)api) * HOSTS;
                usec = (n_calls - apis[api].capacity) * 1000 * USEC_PER_SEC / apis[api].rate;
                most_usec = usec > most_usec ? usec : most_usec;
        }
        return most_usec;
}

static void print_result(const Fleet *fleet)
{
        printf("  %-44s", fleet->client->name);
        if (fleet->n_done == HOSTS)
                printf("%6.0f min", (double)fleet->done_usec / (60.0 * (double)USEC_PER_SEC));
        else
                printf("%6u not", HOSTS - fleet->n_done);
        printf("%10.1f%10.1f%10.2f\n", (double)fleet->n_calls / HOSTS,
                (double)fleet->n_refused / HOSTS, (double)fleet->n_frozen / HOSTS);
}

int main(void)
{
        static const Client clients[] = {
                { "at a fixed interval of 30 s, all at midnight", 0, true },
                { "at a fixed interval of 30 s, within 1 h", SPLAY_USEC, true },
                { "quiesced, all at midnight", 0, false },
                { "quiesced, within 1 h: its timer's splay", SPLAY_USEC, false },
                { "quiesced, within 3 h", 3 * SPLAY_USEC, false },
        };
        _cleanup_(freep) Fleet *fleet = malloc(sizeof(Fleet));

        if (!fleet)
                return EXIT_FAILURE;
        printf("%-46s%10s%10s%10s%10s\n", "A fleet of 10,000 hosts bakes an image each", "all done",
                "calls", "refused", "frozen");
        printf("  %-44s%6.0f min\n", "EC2's token buckets allow at best",
                (double)least_usec() / (60.0 * (double)USEC_PER_SEC));
        for (size_t i = 0; i < ELEMENTSOF(clients); i++) {
                fleet_start(fleet, &clients[i]);
                fleet_run(fleet);
                print_result(fleet);
        }
        puts("  (hosts that are not done within a day; calls, of these refused, and of these while "
             "frozen, per host)");
        return EXIT_SUCCESS;
}
