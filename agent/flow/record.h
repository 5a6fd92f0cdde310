/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a job must know after a crash, on disk before it can matter:
 *
 *      planned --> cutting --> cut --> made --> done
 *         |           |         |        |
 *         |           |         |        +----> failed, cancelled: what was made stays
 *         +-----------+---------+--> undoing --> failed, cancelled
 *
 *      removing --> done, failed, cancelled
 *
 * planned: nothing is made yet. cutting: the create call may be out, look its tag up. cut: what was
 * made is listed, and the class is known. made: it is complete and labelled, and is verified and
 * published; nothing takes it back any more. undoing: what was made goes away again. removing: what
 * earlier jobs made goes away, as listed in `removal`.
 */

#include "base/json.h"
#include "flow/profile.h"

typedef enum RecordState {
        RECORD_PLANNED,
        RECORD_CUTTING,
        RECORD_CUT,
        RECORD_MADE,
        RECORD_UNDOING,
        RECORD_REMOVING,
        RECORD_DONE,
        RECORD_FAILED,
        RECORD_CANCELLED,
        RECORD_STATE_MAX,
} RecordState;

typedef struct Journal Journal;

/* Text is NULL where it does not apply. */
typedef struct Record {
        char *folder;
        char *id;
        /* "image", "snapshots", "bake", "deregister", "prune", "orphans", "verify", "publish" */
        char *kind;
        char *profile;
        char *name; /* of the image */
        char *subject; /* of a job that makes none: which ids it is about, for people */
        char *description;
        char *instance_id;
        char *region;
        char *domain;
        char *image_id;
        char *boot_id; /* Method=reboot: of the call; NULL where the class is crash at best */
        char *next_boot_id; /* of the first boot after that, as far as it was seen */
        char *message;
        char *obstacle; /* what stood in the way of a better class */
        char *at_rest; /* what was not frozen and is proved to have been at rest */
        int state; /* RecordState */
        int method;
        int demanded; /* Consistency */
        int on_degrade;
        int reached; /* Consistency; crash until it was measured */
        FailureKind error;
        uint64_t started_usec; /* realtime */
        uint64_t cutting_usec; /* realtime, of the last create call, see cut_stamp() */
        uint64_t cut_usec; /* realtime, of the point in time */
        uint64_t cut_ec2_usec; /* the same moment by EC2's clock, as far as that is known */
        uint64_t asked_usec; /* realtime: before a reboot was asked for */
        uint64_t asked_ec2_usec; /* the same moment by EC2's clock; 0: not known */
        uint64_t finished_usec;
        uint64_t frozen_usec;
        uint64_t generation; /* how often it was saved */
        Journal *journal; /* of what was appended since; NULL: nothing */
        StringList snapshots;
        StringList volumes; /* the set, in the plan's order */
        json_t *image; /* what RegisterImage needs: see flow/spec.h */
        json_t *tags; /* object: those of the image and of every snapshot */
        json_t *bundle; /* object: see flow/bundling.h */
        json_t *contents; /* object: volume id -> object of tags that say what it holds */
        json_t *removal; /* object: what goes away, see flow/removal.h */
        json_t *verification; /* object: see flow/verify.h */
        json_t *publication; /* object: see flow/publish.h */
        json_t *details; /* object: what a finished job has to tell beside its results */
} Record;

void record_done(Record *record);

bool record_is_finished(const Record *record);

/*
 * On disk (fsync) when it returns 0. Never while frozen. -EFBIG for one that record_load() would
 * not read any more.
 */
int record_save(Record *record);

/*
 * What became of the entries `kind` ("images") of `removal` from `start` on, `count` of them: on
 * disk as if the record were saved, but at the cost of these entries. It has been saved before.
 */
int record_append(Record *record, const char *kind, size_t start, size_t count);

/* With what was appended. 0, -ENOENT, or -EBADMSG for a file that is no record. */
int record_load(const char *folder, const char *id, Record *ret);

/* The ids of all that lie in the folder, at most RECORDS_MAX; none where there is no folder. */
#define RECORDS_MAX 10000
int record_list(const char *folder, StringList *ret_ids);

/* An id is a file's name: letters, digits and '-', at most RECORD_ID_MAX of them. */
#define RECORD_ID_MAX 64
bool record_id_is_valid(const char *id);
