/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a job is given, and what it asks of whoever holds it. */

#include <jansson.h>
#include <stdbool.h>

typedef struct Job Job;
typedef struct JobFace JobFace;

/* `options` is shared, strings are copied, NULL where there is none. */
typedef struct JobRequest {
        const char *verb; /* of the worker: bake, freeze, prune, resume and so on */
        /* image, snapshots, bake, freeze, verify, publish, prune, deregister, orphans */
        const char *kind;
        const char *profile;
        const char *name;
        json_t *options;
        json_t *ids; /* shared, too: of what it is about */
        bool may_reboot; /* who asked may reboot this host */
} JobRequest;

/* `properties` ends with NULL; `ended` may free the job. */
typedef struct JobOwner {
        void (*changed)(void *owner, Job *job, const char *const *properties);
        void (*facts)(void *owner, const json_t *report); /* identity, topology */
        void (*prepare)(void *owner, Job *job); /* answer with job_prepared() */
        void (*frozen)(void *owner, Job *job, bool frozen);
        void (*held)(void *owner, Job *job); /* a freeze for someone else stands */
        void (*released)(void *owner, Job *job); /* of the participants that prepare had asked */
        void (*followed)(void *owner, Job *job); /* it has no more use for this host */
        void (*wish)(void *owner, Job *job, const json_t *report); /* answer with job_seen(); NULL: none */
        void (*ended)(void *owner, Job *job);
} JobOwner;
