/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The verbs of quiescectl: each is a row of the table in quiescectl.c. */

#include <stdbool.h>
#include <stdint.h>

#include "cli/arguments.h"

/* That quiesced takes in one call. */
#define IDS_MAX 1000
#define IDS_BYTES_MAX (64 * 1024)

struct Verb {
        const char *name;
        const char *operands; /* as the usage line shows them */
        const char *summary;
        const char *missing; /* what to say when an operand is missing */
        unsigned least_operands;
        unsigned most_operands;
        bool command;     /* what follows the first operand, or "--", is another program's */
        uint64_t options; /* bits of OptionId */
        int (*run)(const Arguments *arguments); /* returns the exit status */
};

int verb_status(const Arguments *arguments);
int verb_volumes(const Arguments *arguments);
int verb_plan(const Arguments *arguments);
int verb_image(const Arguments *arguments);
int verb_snapshot(const Arguments *arguments);
int verb_bake(const Arguments *arguments);
int verb_images(const Arguments *arguments);
int verb_snapshots(const Arguments *arguments);
int verb_verify(const Arguments *arguments);
int verb_publish(const Arguments *arguments);
int verb_prune(const Arguments *arguments);
int verb_deregister(const Arguments *arguments);
int verb_orphans(const Arguments *arguments);
int verb_doctor(const Arguments *arguments);
int verb_jobs(const Arguments *arguments);
int verb_cancel(const Arguments *arguments);
int verb_freeze(const Arguments *arguments);

/* All five that are quiesced-bundle's. */
int verb_bundle(const Arguments *arguments);
