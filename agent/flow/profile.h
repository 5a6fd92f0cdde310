/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What one bake shall be: a quiesced.profile(5), with the options of a call laid over it. */

#include <stdint.h>

#include "base/json.h"
#include "base/list.h"
#include "flow/bundle-keys.h"
#include "flow/retention.h"
#include "flow/settings.h"

typedef enum BakeType {
        BAKE_IMAGE,
        BAKE_SNAPSHOTS,
        BAKE_TYPE_MAX,
} BakeType;

typedef enum Method {
        METHOD_AUTO,
        METHOD_REGISTER, /* CreateSnapshots in the window, RegisterImage when they are complete */
        METHOD_CREATE_IMAGE, /* CreateImage without a reboot, held until its snapshots are listed */
        METHOD_REBOOT, /* CreateImage, for which EC2 shuts this host down and boots it again */
        METHOD_BUNDLE, /* the disk itself, read from here and put into S3 */
        METHOD_MAX,
} Method;

/* In order: less is better. */
typedef enum Consistency {
        CONSISTENCY_APPLICATION,
        CONSISTENCY_FILESYSTEM,
        CONSISTENCY_CRASH,
        CONSISTENCY_MAX,
} Consistency;

typedef enum OnDegrade {
        ON_DEGRADE_FAIL,
        ON_DEGRADE_LABEL,
        ON_DEGRADE_MAX,
} OnDegrade;

/* Of what lies on this host's disks and would be in no snapshot. */
typedef enum OnUncovered {
        ON_UNCOVERED_LIST,
        ON_UNCOVERED_FAIL,
        ON_UNCOVERED_MAX,
} OnUncovered;

/* Of an image: from being deregistered. */
typedef enum Protection {
        PROTECTION_NO,
        PROTECTION_YES,
        PROTECTION_COOLDOWN, /* and for a day after it was taken off */
        PROTECTION_MAX,
} Protection;

typedef enum LockMode {
        LOCK_NO,
        LOCK_GOVERNANCE,
        LOCK_COMPLIANCE,
        LOCK_MODE_MAX,
} LockMode;

/* Of snapshots: from being deleted. */
typedef struct ProfileLock {
        int mode; /* LockMode */
        unsigned days;
} ProfileLock;

/* What is asked of an image before it is published. */
typedef enum Verification {
        VERIFICATION_NO,
        VERIFICATION_LAUNCH, /* an instance that is launched from it comes up */
        VERIFICATION_MAX,
} Verification;

/* NULL-terminated, as the configuration and the bus spell them. */
extern const char *const bake_type_names[];
extern const char *const method_names[];
extern const char *const consistency_names[];
extern const char *const on_degrade_names[];
extern const char *const on_uncovered_names[];
extern const char *const verification_names[];
extern const char *const protection_names[];
extern const char *const lock_mode_names[];

typedef struct Profile {
        char *name; /* NULL without a profile */
        char *image_name; /* with its specifiers */
        char *description;
        int type; /* BakeType */
        int method; /* Method */
        int consistency; /* the least that is demanded */
        int on_degrade;
        int on_uncovered;
        int verify; /* Verification */
        bool no_freeze;
        uint64_t budget_usec;
        StringList volumes; /* ids, devices or mount points; empty: all that is attached */
        StringList exclude;
        StringList tags; /* "Key=value" */

        /* [Publish] */
        char *ssm_parameter;
        StringList share_with; /* accounts, ARNs of organizations and of their units */
        StringList copy_to; /* REGION or REGION:KEY */
        StringList fast_restore; /* availability zones */
        uint64_t deprecate_after_usec; /* 0: never */
        int protection; /* Protection */
        ProfileLock lock;
        bool archive;
        Retention retention;

        /* [Bundle]: of instance-store images */
        char *bucket;
        char *bucket_prefix; /* of the keys in it; NULL: none */
        BundleWish bundle;
} Profile;

#define PROFILE_NAME_MAX 64

/* Those that there are, in order, sound or not. 0 or -ENOMEM. */
int profile_list_names(const Settings *settings, StringList *ret);

void profile_done(Profile *profile);

/* `name` NULL: the defaults. 0, or a negative errno and its failure (no such profile; file, line). */
int profile_load(const Settings *settings, const char *name, Profile *ret, Failure *reterr_failure);

/* Lays the options of a request over it; 0, or -EINVAL and a failure that names the option. */
int profile_apply(Profile *profile, const json_t *options, Failure *reterr_failure);
