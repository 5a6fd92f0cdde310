/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The entries of a removal on record, and how far each is:
 *
 *      "asked"         the call may be out that makes it, or the first of its set, go
 *      "deregistered"  the image is gone
 *      "gone"          ids of its snapshots that are
 *      "skipped"       [{"id", "reason"}]: of its snapshots those that stay for another image
 *      "bundleless"    it goes because its manifest is gone, and stays if that is back
 *      "bundle-gone"   so are its parts and its manifest in S3
 *      "bundle-kept"   these stay for another image, and stand among what is skipped
 *      "begun"         others of its set are gone, and no longer on record
 *      "done"          nothing is left to do
 *      "stays"         why retention keeps it after all, see flow/reconsider.h
 *      "left"          why it is still there; "error" beside it: and that it stays for good
 */

#include "aws/s3-check.h"
#include "flow/bake.h"

typedef struct Removal Removal;
struct Removal {
        Bake *bake;
        json_t *record; /* record.removal */
        StringList locked; /* snapshots of the account, sorted */
        uint64_t locked_usec; /* clock_usec() when that was read */
        size_t n_since; /* images that went by it */
        S3Bucket *bucket; /* of the last image that lies in one; or NULL */
        bool bucket_was_asked;
        S3Answer bucket_keeps_versions; /* once it was asked */
        const char *kind; /* of the entry that is worked at, see removal_begin_entry() */
        size_t index;
        bool is_retention; /* no one has named what goes: it is asked about again before */
        const char *asked_kind; /* of the entries that were asked about last */
        size_t asked_end;
        uint64_t asked_usec; /* clock_usec() */
        bool stop; /* EC2 cannot be reached: whatever comes next would wait in vain */
};

void removal_done(Removal *removal);

/* The array of entries, which may be empty: "images", "snapshots", "bundles", "instances". */
json_t *removal_entries(const Removal *removal, const char *kind);

/* Whether `what` ("protected", "locked") is lifted. */
bool removal_overrides(const Removal *removal, const char *what);

/* The entry that is worked at from here on: what removal_save() puts on disk is its progress. */
void removal_begin_entry(Removal *removal, const char *kind, size_t index);

/* 0, or a negative errno and a failure. */
int removal_save(Removal *removal);

const char *entry_id(const json_t *entry);

/* Nothing is to be done for it, now or ever. */
bool entry_is_settled(const json_t *entry);

/* Some of it is gone and some is not: no later choice would find the rest again. */
bool entry_is_half(const json_t *entry);

/* From here on the call may be out: on disk before it is. 0, or a negative errno and a failure. */
int removal_note_asked(Removal *removal, json_t *entry);

/* Snapshots that one job made go together; their entries stand side by side. */
bool entries_are_of_one_set(const json_t *entries, size_t i, size_t j);

/* Whether anything of the set of entry `i` is gone. */
bool entry_set_is_begun(const json_t *entries, size_t i);

/* Nobody wants it gone any more. 0 or -ENOMEM. */
int entry_stay(json_t *entry, const char *reason);

/* It stays, for now or for good; the first reason counts. 0 or -ENOMEM. */
int entry_leave(json_t *entry, const char *reason);
int entry_refuse(json_t *entry, FailureKind kind, const char *reason);

/* `value` at the end of the array `key`, which is made. Takes `value` over; 0 or -ENOMEM. */
int entry_add(json_t *entry, const char *key, json_t *value);

/* The image's snapshots that are neither gone nor skipped. 0 or -ENOMEM. */
int entry_remaining(const json_t *image, StringList *ret);

/*
 * A call for this entry failed: the entry is left, and the removal stops if no other would do
 * better. 0, or a negative errno.
 */
int removal_leave_api(Removal *removal, json_t *entry, const char *call, int outcome,
        const ApiError *error);

/* "ec2:DeleteSnapshot is not allowed: ...": in memory of its own; 0 or -ENOMEM. */
int removal_reason(const char *call, int outcome, const ApiError *error, char **ret);
