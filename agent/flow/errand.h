/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Something that takes long and cannot be asked how it goes: done beside a bake that stays awake.
 */

#include "flow/bake.h"

typedef struct Errand {
        int (*run)(void *userdata);        /* in a thread of its own: touches nothing of the bake */
        void (*break_off)(void *userdata); /* called meanwhile, at most once: run() ends soon */
        void *userdata;
} Errand;

/*
 * What run() returned; or -EAGAIN and the like when there can be no thread. Whoever watches the job
 * is told that we are alive, and a cancel breaks it off. Never while frozen.
 */
int errand_run(Bake *bake, const Errand *errand);
