/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What speaks against a plan: lines for people, and whether they end it. */

#include "flow/plan.h"

/* Nothing may be done; the kind of the first refusal is the plan's. 0 or -ENOMEM. */
int plan_refuse(Plan *plan, FailureKind kind, const char *format, ...) _printf_(3, 4);

/* 0 or -ENOMEM. */
int plan_warn(Plan *plan, const char *format, ...) _printf_(2, 3);

/*
 * The class is crash at best: a refusal where the profile demands more and wants failure, else a
 * warning. 0 or -ENOMEM.
 */
int plan_degrade(Plan *plan, const Profile *profile, FailureKind kind, const char *format, ...)
        _printf_(4, 5);

/* Whether a class that is crash at best ends a bake. */
bool plan_degrading_is_refused(const Profile *profile);
