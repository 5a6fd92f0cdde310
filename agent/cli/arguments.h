/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The command line: what one verb accepts, checked, and how --help shows it. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/list.h"

typedef struct Verb Verb;

/* What quiescectl returns when it was called in a wrong way. */
#define EXIT_USAGE 2

/* A shell's way to say "ended by this signal", which is added to it. */
#define EXIT_SIGNAL 128

typedef enum OptionId {
        OPTION_HELP,
        OPTION_JSON,
        OPTION_ANNOUNCE,
        OPTION_ALL,
        OPTION_PROFILE,
        OPTION_DRY_RUN,
        OPTION_DELETE,
        OPTION_YES,
        OPTION_FORCE,
        OPTION_OVERRIDE,
        OPTION_KIND,
        OPTION_METHOD,
        OPTION_CONSISTENCY,
        OPTION_ON_DEGRADE,
        OPTION_VOLUME,
        OPTION_EXCLUDE,
        OPTION_BUDGET,
        OPTION_TAG,
        OPTION_DESCRIPTION,
        OPTION_NO_FREEZE,
        OPTION_SCRUB_INCLUDE,
        OPTION_SCRUB_EXCLUDE,
        OPTION_NO_SCRUB,
        OPTION_INTO,
        OPTION_NAME,
        OPTION_USER,
        OPTION_ARCHITECTURE,
        OPTION_KERNEL,
        OPTION_RAMDISK,
        OPTION_MAPPING,
        OPTION_CERTIFICATE,
        OPTION_PRIVATE_KEY,
        OPTION_EC2_CERTIFICATE,
        OPTION_BUCKET,
        OPTION_PREFIX,
        OPTION_REGION,
        OPTION_DIGESTS,
        OPTION_REMOVE_LEFTOVERS,
        OPTION_QUEUE,
        OPTION_WAIT,
        OPTION_WAIT_END, /* the same name, where no point in time is taken */
        OPTION_NO_PROGRESS,
        OPTION_VERBOSE,
        OPTION_QUIET,
        OPTION_ID_MAX,
} OptionId;

#define OPTION_BIT(id) (UINT64_C(1) << (id))

typedef struct Arguments {
        const Verb *verb;
        char **operands; /* into argv, NULL-terminated */
        size_t n_operands;
        bool help, json, announce, no_freeze, no_scrub, queue, no_progress, verbose, quiet;
        bool all, dry_run, delete, yes, force;
        const char *kind, *method, *consistency, *on_degrade, *description, *wait; /* or NULL */
        const char *profile;                                                       /* or NULL */
        const char *into, *name, *user, *architecture, *kernel, *ramdisk;      /* or NULL */
        const char *certificate, *private_key, *ec2_certificate;               /* or NULL */
        const char *bucket, *prefix, *region;                                  /* or NULL */
        bool digests, remove_leftovers;
        StringList mappings; /* "VIRTUAL=DEVICE" */
        StringList volumes, exclude, override;
        StringList scrub_include, scrub_exclude; /* patterns */
        StringList tags;      /* "KEY=VALUE", each key once */
        uint64_t budget_usec; /* 0: not given */
} Arguments;

void arguments_done(Arguments *arguments);

/* From argv, whose first element is the verb: 0, EXIT_USAGE after a message, or -ENOMEM. */
int arguments_parse(const Verb *verb, int argc, char **argv, Arguments *ret);

/* One message about wrong usage on standard error; returns EXIT_USAGE. */
int usage_error(const Verb *verb, const char *format, ...) _printf_(2, 3);

/* The options of a verb, with their values, for --help. */
void arguments_print_options(const Verb *verb, FILE *file);
