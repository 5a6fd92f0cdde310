/* SPDX-License-Identifier: Apache-2.0 */
/* A thread beside the one that was there before, whose signals stay its own. */

#include "base/thread.h"

#include <signal.h>

#define STACK_BYTES (512u * 1024)

int thread_start(pthread_t *ret, void *(*run)(void *userdata), void *userdata)
{
        pthread_attr_t attributes;
        sigset_t all, before;
        int r;

        (void)pthread_attr_init(&attributes);
        (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
        (void)sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r == 0) {
                r = pthread_create(ret, &attributes, run, userdata);
                (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        (void)pthread_attr_destroy(&attributes);
        return -r;
}
