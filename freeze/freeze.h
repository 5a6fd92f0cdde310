/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One freeze, from its plan to its thaw: the steps, each with a bounded time. */

#include "freeze/crew.h"
#include "freeze/deadman.h"
#include "freeze/ledger.h"
#include "freeze/rescue.h"

typedef struct Freeze {
        FreezePlan plan;
        FreezeReport report;
        Ledger ledger;
        Crew crew;
        Rescue rescue;
        unsigned n_added;
        DeadmanView shared; /* what the deadman has, too */
        int life_fd; /* to the deadman */
        int mount_fds[FREEZE_MOUNTS_MAX];
        bool undo_freeze; /* something is frozen, or may be */
} Freeze;

void freeze_init(Freeze *freeze);

/* Thaws if need be, and returns only when nothing hangs frozen any more. */
void freeze_finish(Freeze *freeze);

/* Lets every process go, and the next freeze begin; the end of this process closes the rest. */
void freeze_done(Freeze *freeze);

/* Claims this host's only freeze: -EBUSY while another one is running. */
int freeze_begin(Freeze *freeze, const char *ledger_folder, const FreezePlan *plan);

/* 0 while more mounts are to come, 1 with the last one; -EINVAL if its group is out of order. */
int freeze_add(Freeze *freeze, const FreezeMount *mount);

/*
 * Opens all mounts and starts all processes. A mount that fails fails the plan: it returns 0, and
 * the reason is in the report. Negative errno: this host lacks something that any freeze needs.
 */
int freeze_prepare(Freeze *freeze);

/* syncfs on all at once, in rounds while programs still write, until a round is quick. */
void freeze_sync(Freeze *freeze);

/* 0: all frozen. 1: they are thawed again, and the report says why. */
int freeze_freeze(Freeze *freeze);

/* Does nothing if it was thawed before: the first reason stays. */
void freeze_thaw(Freeze *freeze, FreezeReason reason);

/* What an event means for a freeze that it ends. */
FreezeReason freeze_reason(CrewEvent event);

/* The report as it stands now; returns its size, with only the plan's mounts. */
size_t freeze_report(Freeze *freeze, FreezeType type);
