/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What client and capture say to each other: one message is one SOCK_SEQPACKET packet. */

#include <stdint.h>

#define CAPTURE_VERSION 1
#define CAPTURE_JOB_MAX 64
#define CAPTURE_PATH_MAX 4096
#define CAPTURE_MOUNTS_MAX 64
#define CAPTURE_PATTERN_MAX 1024
#define CAPTURE_RULES_MAX 1024
#define CAPTURE_TEXT_MAX 1024
#define CAPTURE_LIST_MAX 32768
#define CAPTURE_BUDGET_MIN_USEC UINT64_C(1000)
#define CAPTURE_BUDGET_MAX_USEC UINT64_C(30000000) /* the freezer holds no longer */
#define CAPTURE_DELTA_DEFAULT_BYTES (UINT64_C(256) << 20)
#define CAPTURE_DELTA_MAX_BYTES (UINT64_C(4) << 30)

typedef enum CaptureType {
        /* From the client, in this order. */
        CAPTURE_BEGIN = 1, /* followed by n_mounts CAPTURE_MOUNT, then answered by CAPTURE_READY */
        CAPTURE_MOUNT,
        CAPTURE_PASS,  /* reads while all goes on; once or more; answered by CAPTURE_PASSED */
        CAPTURE_FINAL, /* within the window: keeps what changed, in memory; by CAPTURE_CAUGHT */
        CAPTURE_RULE,  /* for the scrub that follows; not answered */
        /*
         * Answered by CAPTURE_SCRUBBED. It may be left out: then what was deleted while it was open,
         * and a log, are left to the first mount.
         */
        CAPTURE_SCRUB,
        CAPTURE_KEEP,  /* names the image by its job; answered by CAPTURE_KEPT, with a descriptor */
        /* On a connection that has not begun, or has kept. */
        CAPTURE_TAKE,    /* one that was kept; answered by CAPTURE_KEPT, with a descriptor */
        CAPTURE_DISCARD, /* likewise; answered by CAPTURE_DISCARDED, also if there is none */
        /* From capture. */
        CAPTURE_READY, /* a CaptureReport, as are all but the next to last two */
        CAPTURE_PASSED,
        CAPTURE_CAUGHT,
        CAPTURE_KEPT,
        CAPTURE_DISCARDED,
        CAPTURE_SCRUBBED, /* a CaptureRemovals; a descriptor of the whole list if it is longer */
        CAPTURE_ERROR,    /* a CaptureError; the connection ends, and nothing is left */
        CAPTURE_TYPE_MAX,
} CaptureType;

typedef struct CaptureHeader {
        uint32_t version;
        uint32_t type;
} CaptureHeader;

/* The device is a whole disk, or one that holds a file system without a table. */
typedef struct CaptureBegin {
        CaptureHeader header;
        uint32_t major;
        uint32_t minor;
        uint64_t delta_bytes; /* the most that may change in the window; 0: the default */
        uint32_t n_mounts;
        uint32_t reserved;             /* 0 */
        char job[CAPTURE_JOB_MAX];     /* letters, digits and "-_."; zeroes behind it */
        char folder[CAPTURE_PATH_MAX]; /* of the image: absolute, root's, of mode 0700 */
} CaptureBegin;

/*
 * Each file system of the device that is mounted is named once. The first one is the root of the
 * image: paths of rules and removals are as they will be there.
 */
typedef struct CaptureMount {
        CaptureHeader header;
        uint32_t major; /* of the superblock, as in mountinfo */
        uint32_t minor;
        char path[CAPTURE_PATH_MAX];
} CaptureMount;

typedef struct CaptureFinal {
        CaptureHeader header;
        uint64_t budget_usec; /* answered, or given up, by then */
} CaptureFinal;

typedef enum CaptureRuleKind {
        CAPTURE_RULE_INCLUDE = 1, /* stays, whatever else says that it goes */
        CAPTURE_RULE_EXCLUDE,     /* goes; of a folder, what it contains */
        CAPTURE_RULE_KIND_MAX,
} CaptureRuleKind;

/* fnmatch(3) over the whole path if the pattern has a slash ('*' matches one, too), else the name.
 */
typedef struct CaptureRule {
        CaptureHeader header;
        uint32_t kind;
        char pattern[CAPTURE_PATTERN_MAX];
} CaptureRule;

#define CAPTURE_SCRUB_NO_DEFAULTS 1u /* only what the rules exclude */
#define CAPTURE_SCRUB_MACHINE_ID 2u  /* emptied; and what else tells two instances apart */
#define CAPTURE_SCRUB_LEASES 4u

typedef struct CaptureScrub {
        CaptureHeader header;
        uint32_t flags;
        uint32_t reserved; /* 0 */
} CaptureScrub;

/* Of TAKE and DISCARD. */
typedef struct CaptureName {
        CaptureHeader header;
        char job[CAPTURE_JOB_MAX];
        char folder[CAPTURE_PATH_MAX];
} CaptureName;

typedef struct CaptureReport {
        CaptureHeader header;
        uint64_t size_bytes;    /* of the image */
        uint64_t used_bytes;    /* of the device: what a pass reads */
        uint64_t read_bytes;    /* by this pass */
        uint64_t changed_bytes; /* what this pass found changed, in whole blocks of 4 KiB */
        uint64_t span_usec;     /* what this step took */
} CaptureReport;

typedef struct CaptureRemovals {
        CaptureHeader header;
        uint64_t removed_bytes;
        uint32_t n_removed;
        uint32_t n_listed; /* in `list`, each with a zero behind it, as far as there is room */
        char list[CAPTURE_LIST_MAX];
} CaptureRemovals;

typedef struct CaptureError {
        CaptureHeader header;
        int32_t error;
        char text[CAPTURE_TEXT_MAX];
} CaptureError;
