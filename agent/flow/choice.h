/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The policy of a profile, applied to all that it is about. */

#include "flow/stock.h"

typedef struct Choice {
        Stock stock;
        StockObject **order; /* by kind and instance, the newest first */
        size_t n_deleted;
} Choice;

void choice_done(Choice *choice);

/*
 * Reads, chooses, asks the guards, and chooses again. Where no more than `max_ids` have to go the
 * guards are left to the removal, which asks them in any case; 0: they are asked. 0, or a negative
 * errno and a failure.
 */
int choice_make(Bake *bake, size_t max_ids, Choice *ret);

/* As the policy says it, apart for each group; the guards are those that are known. 0 or -ENOMEM.
 */
int choice_apply(Choice *choice, const Retention *retention, const RetainTime *time);

/* What goes, oldest first, as `removal` of a record; at most `max_ids`. 0 or -ENOMEM. */
int choice_to_removal(const Choice *choice, const Retention *retention, size_t max_ids,
        json_t **ret, size_t *ret_left_for_later);

/* As `quiescectl prune --dry-run` shows it; 0 or -ENOMEM. */
int choice_to_json(const Choice *choice, const Profile *profile, json_t **ret);
