/* SPDX-License-Identifier: Apache-2.0 */
/* Which job has the use of this host, which are followed beside it, and which begins next. */

#include "daemon/queue.h"

/*
 * Processes that wait for EC2, of some megabytes each: a host that has more jobs than that under way
 * waits for one of them to end. EC2 itself has five snapshots of a volume pending at most.
 */
#define FOLLOWED_MAX 16

/* It has the use of this host, or will have it before a job that comes now. */
static bool is_before_new(const Manager *manager, const Job *job)
{
        return job == manager->running || (job->state == JOB_QUEUED && !job->followed);
}

Job *queue_busy(const Manager *manager)
{
        for (size_t i = 0; i < manager->n_jobs; i++)
                if (is_before_new(manager, manager->jobs[i]))
                        return manager->jobs[i];
        return NULL;
}

size_t queue_count_waiting(const Manager *manager)
{
        size_t n = 0;

        for (size_t i = 0; i < manager->n_jobs; i++)
                n += is_before_new(manager, manager->jobs[i]);
        return n;
}

size_t queue_count_active(const Manager *manager)
{
        size_t n = 0;

        for (size_t i = 0; i < manager->n_jobs; i++)
                n += !job_is_finished(manager->jobs[i]);
        return n;
}

static bool is_followed(const Manager *manager, const Job *job)
{
        return job->link && job->followed && job != manager->running;
}

size_t queue_count_followed(const Manager *manager)
{
        size_t n = 0;

        for (size_t i = 0; i < manager->n_jobs; i++)
                n += is_followed(manager, manager->jobs[i]);
        return n;
}

void queue_let_host_go(Manager *manager)
{
        if (manager->running && manager->running->followed &&
                queue_count_followed(manager) < FOLLOWED_MAX)
                manager->running = NULL;
}

bool queue_is_at_work(const Manager *manager)
{
        for (size_t i = 0; i < manager->n_jobs; i++)
                if (manager->jobs[i]->link)
                        return true;
        return false;
}

/*
 * In their order; one that only has to be followed does not wait for those that need the host, and one
 * that was cancelled, as soon over as begun, for no room.
 */
Job *queue_find_next(const Manager *manager)
{
        bool room = queue_count_followed(manager) < FOLLOWED_MAX;

        for (size_t i = 0; i < manager->n_jobs; i++) {
                Job *job = manager->jobs[i];

                if (job->state == JOB_QUEUED &&
                        (job->followed ? room || job->cancelling : !manager->running))
                        return job;
        }
        return NULL;
}
