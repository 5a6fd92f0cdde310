/* SPDX-License-Identifier: Apache-2.0 */
/* Calls on a bucket several at a time: threads, each with a connection of its own. */

#include "aws/s3-crew.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/thread.h"

#define ASK_NSEC 100000000 /* between two looks at `cancelled` */
#define NSEC_PER_SEC 1000000000

typedef struct Member {
        S3Crew *crew;
        S3Bucket *bucket;
        pthread_t thread;
} Member;

struct S3Crew {
        S3Bucket *bucket; /* the owner's: no member touches it */
        S3Work work;
        Member members[S3_CREW_MAX];
        unsigned n_members; /* whose thread runs */
        atomic_bool stop;   /* what is under way is broken off */

        pthread_mutex_t lock; /* of all that follows */
        pthread_cond_t changed;
        void *offered; /* a task that no member has taken yet, or NULL */
        unsigned n_busy;
        bool ends;
        int outcome; /* the first that is not 0, and its error */
        ApiError error;
};

/* --- Members ---------------------------------------------------------------------------------- */

static bool is_stopped(void *userdata)
{
        S3Crew *crew = userdata;

        return atomic_load(&crew->stop);
}

/* Under the lock. */
static void crew_fail(S3Crew *crew, int outcome, ApiError *error)
{
        if (crew->outcome != 0)
                return;
        crew->outcome = outcome;
        crew->error = *error;
        *error = API_ERROR_INIT;
        atomic_store(&crew->stop, true);
}

static void crew_drop(const S3Crew *crew, void *task)
{
        if (crew->work.drop)
                crew->work.drop(task);
}

/* Under the lock, which it lets go while the task runs. */
static void member_run(Member *member)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        S3Crew *crew = member->crew;
        void *task = TAKE_PTR(crew->offered);
        int r;

        crew->n_busy++;
        (void)pthread_mutex_unlock(&crew->lock);
        r = crew->work.run(crew->work.userdata, member->bucket, task, &error);
        (void)pthread_mutex_lock(&crew->lock);
        crew->n_busy--;
        if (r != 0)
                crew_fail(crew, r, &error);
        (void)pthread_cond_broadcast(&crew->changed);
}

static void *member_main(void *userdata)
{
        Member *member = userdata;
        S3Crew *crew = member->crew;

        (void)pthread_mutex_lock(&crew->lock);
        while (!crew->ends)
                if (crew->offered && crew->outcome == 0)
                        member_run(member);
                else
                        (void)pthread_cond_wait(&crew->changed, &crew->lock);
        (void)pthread_mutex_unlock(&crew->lock);
        return NULL;
}

/* --- Lifetime --------------------------------------------------------------------------------- */

S3Crew *s3_crew_free(S3Crew *crew)
{
        if (!crew)
                return NULL;
        (void)pthread_mutex_lock(&crew->lock);
        crew->ends = true;
        atomic_store(&crew->stop, true);
        (void)pthread_cond_broadcast(&crew->changed);
        (void)pthread_mutex_unlock(&crew->lock);
        for (unsigned i = 0; i < crew->n_members; i++)
                (void)pthread_join(crew->members[i].thread, NULL);
        for (unsigned i = 0; i < S3_CREW_MAX; i++)
                (void)s3_bucket_free(crew->members[i].bucket);
        if (crew->offered)
                crew_drop(crew, crew->offered);
        api_error_done(&crew->error);
        (void)pthread_cond_destroy(&crew->changed);
        (void)pthread_mutex_destroy(&crew->lock);
        free(crew);
        return NULL;
}

static int crew_add_member(S3Crew *crew)
{
        Member *member = &crew->members[crew->n_members];
        int r;

        member->crew = crew;
        r = s3_bucket_clone(crew->bucket, is_stopped, crew, &member->bucket);
        if (r >= 0)
                r = thread_start(&member->thread, member_main, member);
        if (r < 0)
                return r;
        crew->n_members++;
        return 0;
}

static int crew_add_members(S3Crew *crew, unsigned count)
{
        int r = 0;

        while (r >= 0 && crew->n_members < count)
                r = crew_add_member(crew);
        return r;
}

static void init_condition(pthread_cond_t *condition)
{
        pthread_condattr_t attributes;

        (void)pthread_condattr_init(&attributes);
        (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        (void)pthread_cond_init(condition, &attributes);
        (void)pthread_condattr_destroy(&attributes);
}

int s3_crew_new(S3Bucket *bucket, unsigned n_threads, const S3Work *work, S3Crew **ret)
{
        _cleanup_(s3_crew_freep) S3Crew *crew = NULL;
        int r;

        if (n_threads == 0 || n_threads > S3_CREW_MAX)
                return -EINVAL;
        crew = calloc(1, sizeof(S3Crew));
        if (!crew)
                return -ENOMEM;
        crew->bucket = bucket;
        crew->work = *work;
        (void)pthread_mutex_init(&crew->lock, NULL);
        init_condition(&crew->changed);
        r = crew_add_members(crew, n_threads);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(crew);
        return 0;
}

/* --- Tasks ------------------------------------------------------------------------------------ */

static bool has_room(const S3Crew *crew)
{
        return !crew->offered && crew->n_busy < crew->n_members;
}

static bool is_idle(const S3Crew *crew)
{
        return !crew->offered && crew->n_busy == 0;
}

static void wait_a_moment(S3Crew *crew)
{
        struct timespec until;

        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += ASK_NSEC;
        if (until.tv_nsec >= NSEC_PER_SEC) {
                until.tv_sec++;
                until.tv_nsec -= NSEC_PER_SEC;
        }
        (void)pthread_cond_timedwait(&crew->changed, &crew->lock, &until);
}

/* Under the lock. 0, or the outcome. */
static int crew_await(S3Crew *crew, bool (*is_so)(const S3Crew *crew))
{
        _cleanup_(api_error_done) ApiError none = API_ERROR_INIT;

        if (crew->outcome == 0 && s3_bucket_is_cancelled(crew->bucket))
                crew_fail(crew, S3_E_CANCELLED, &none);
        while (crew->outcome == 0 && !is_so(crew)) {
                wait_a_moment(crew);
                if (s3_bucket_is_cancelled(crew->bucket))
                        crew_fail(crew, S3_E_CANCELLED, &none);
        }
        return crew->outcome;
}

/* Under the lock. */
static int tell_error(const S3Crew *crew, ApiError *reterr)
{
        const ApiError *error = &crew->error;

        if (api_error_set(reterr, error->code, error->message) < 0 ||
                (error->request_id && string_replace(&reterr->request_id, error->request_id) < 0))
                return -ENOMEM;
        reterr->http_status = error->http_status;
        return crew->outcome;
}

int s3_crew_give(S3Crew *crew, void *task, ApiError *reterr)
{
        int r;

        (void)pthread_mutex_lock(&crew->lock);
        r = crew_await(crew, has_room);
        if (r == 0) {
                crew->offered = TAKE_PTR(task);
                (void)pthread_cond_broadcast(&crew->changed);
        } else
                r = tell_error(crew, reterr);
        (void)pthread_mutex_unlock(&crew->lock);
        if (task)
                crew_drop(crew, task);
        return r;
}

int s3_crew_finish(S3Crew *crew, ApiError *reterr)
{
        int r;

        (void)pthread_mutex_lock(&crew->lock);
        r = crew_await(crew, is_idle);
        if (r != 0)
                r = tell_error(crew, reterr);
        while (crew->n_busy > 0)
                (void)pthread_cond_wait(&crew->changed, &crew->lock);
        crew->ends = true;
        (void)pthread_cond_broadcast(&crew->changed);
        (void)pthread_mutex_unlock(&crew->lock);
        return r;
}
