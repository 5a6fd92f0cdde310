/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a scrub removes: by the path and the name of a file, and by what is in it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "freeze/capture/protocol.h"

typedef struct Rule {
        char *pattern;
        CaptureRuleKind kind;
} Rule;

typedef struct Rules {
        Rule *items;
        size_t count;
        uint32_t flags; /* CAPTURE_SCRUB_* */
} Rules;

void rules_done(Rules *rules);

/* 0, -ENOMEM, or -E2BIG after CAPTURE_RULES_MAX. */
int rules_add(Rules *rules, const CaptureRule *rule);

typedef enum Verdict {
        VERDICT_STAYS,
        VERDICT_GOES,
        VERDICT_GOES_IF_KEY, /* if it holds a private key: a CA bundle has the same names */
        VERDICT_GOES_IF_IMAGE, /* if capture has marked it as staged, in whichever folder */
} Verdict;

/*
 * `path` begins with a slash. An include outdoes an exclude, and both what is built in. Of what lies
 * in the copy of a root, as a snapshot is one, `base` is where its path within that begins: then
 * either path counts. 0: there is one.
 */
Verdict rules_judge(const Rules *rules, const char *path, size_t base);

/* Whether what a folder contains goes, all of it that no rule includes. */
bool rules_exclude(const Rules *rules, const char *path, size_t base);

/* Whether it has to stay as a whole, whatever is in it. */
bool rules_include(const Rules *rules, const char *path, size_t base);
