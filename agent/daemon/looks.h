/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Looks at EC2 that are taken for several jobs at once: what each of them wishes to see, and the one
 * worker that looks. flow/look.h is its other half.
 */

#include "daemon/job.h"

typedef struct Wish Wish;

typedef struct Looks {
        sd_event *event;
        sd_event_source *due_source;
        WorkerLink *link; /* NULL while nothing was wished for */
        bool looking;
        bool ending; /* the worker was told to end, and will be gone in a moment */
        bool resting; /* there are not several jobs any more, since the last wish */
        uint64_t round; /* of the last look */
        uint64_t silence_max_usec; /* of a worker that looks, before it counts as hung; 0: never */
        Wish *wishes; /* at most one of each job */
        size_t n_wishes;
} Looks;

/* `event` outlives it. */
void looks_init(Looks *looks, sd_event *event, uint64_t silence_max_usec);
void looks_done(Looks *looks);

/* What a job's worker wishes to see, in the place of what it wished for before. Answers in any case. */
void looks_wish(Looks *looks, Job *job, const json_t *report);

/* It waits for nothing any more. */
void looks_forget(Looks *looks, const Job *job);

/* There are not several jobs any more: the worker that looks ends, once nobody waits for it. */
void looks_rest(Looks *looks);
