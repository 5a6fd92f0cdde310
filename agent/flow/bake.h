/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One bake from its request to its result: what the eight steps hand on to each other. */

#include "aws/client.h"
#include "aws/ec2-image.h"
#include "aws/ec2-instance.h"
#include "aws/ec2-snapshot.h"
#include "flow/consistency.h"
#include "flow/observer.h"
#include "flow/plan.h"
#include "flow/record.h"
#include "flow/watch.h"
#include "freeze/capture/client.h"
#include "freeze/client.h"
#include "host/facts.h"

typedef struct Bake {
        const Settings *settings;
        const Observer *observer;
        Profile profile;
        Failure failure;

        /* identity */
        Imds *imds;
        CredentialsProvider *credentials;
        AwsClient *aws;
        Retry patience; /* with an EC2 that has too many calls, until something is made */
        Identity identity;

        /* topology */
        FreezerClient *freezer;
        int mountinfo_fd; /* PID 1's, from the freezer; read again after the thaw */
        HostFacts facts;
        Topology topology;
        Ec2Instance instance;

        /* plan */
        Plan plan;
        Record record;

        /* Method=bundle */
        CaptureClient *capture; /* of the disk, until the image is staged */
        int capture_outcome; /* of what was read in the window: 0, CAPTURE_E_REFUSED, or errno */

        /* quiesce, cut, thaw */
        Ec2Request *request;
        Evidence evidence;
        Watch watch; /* of the plan's */
        char *disturbance; /* what of that was not at rest, or NULL */
        uint64_t send_deadline_usec; /* while frozen; 0 else */
        int cut_outcome; /* of the create call: 0 or an Ec2Outcome */
        ApiError cut_error;
        uint64_t settled_usec; /* by then EC2 shows all that was made for the job, as clock_usec() */
        bool resumed; /* what happened in the window died with an earlier worker */
        uint64_t alive_usec; /* when the observer last heard that we are */
        bool throttled; /* EC2 had too many calls for the last look, see flow/follow.h */
        bool deaf; /* no cancel stops what it does now */
        bool undo_freeze;
        bool undo_log_hold;
} Bake;

/* `observer` and `settings` outlive it. */
void bake_init(Bake *bake, const Settings *settings, const Observer *observer);

/* Thaws, first of all, if it is frozen. */
void bake_done(Bake *bake);

/* Whether someone wants the job to end, or the window is over: asked by the client of the API. */
bool bake_cancelled(void *userdata);

/* -ECANCELED and its failure when someone wants the job to end; else 0. */
int bake_check_cancelled(Bake *bake);

/* The record goes to disk; 0, or a negative errno and a failure. Never while frozen. */
int bake_save(Bake *bake);

/* Of that only some entries of the removal, see record_append(). */
int bake_append(Bake *bake, const char *kind, size_t start, size_t count);

/*
 * Fills the record of a job that is no bake: its id, its kind ("deregister"), whose it is. It is not
 * saved yet. 0, or a negative errno and a failure.
 */
int bake_begin_record(Bake *bake, const char *job, const char *kind);

/*
 * Whether an Ec2Outcome may be another one later, by itself: a network that is away for hours, or
 * an EC2 that is busy for minutes, is no reason to throw a good snapshot away.
 */
bool bake_outcome_passes(int outcome, const ApiError *error);

/* Shorthand for failure_set_api() on this bake. */
int bake_fail_api(Bake *bake, const char *what, int error, const ApiError *api);

/*
 * With QUIESCED_TEST_PAUSE=POINT in the environment the process stops itself (SIGSTOP) at this
 * point, for tests of what happens when it dies there. A freeze meanwhile is ended by its deadline.
 */
void bake_pause_point(const char *point);
