/* SPDX-License-Identifier: Apache-2.0 */
/* Something that takes long, done beside a bake that stays awake. */

#include "flow/errand.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include "base/clock.h"

/* Between two words that we are alive. */
#define LOOK_USEC USEC_PER_SEC

typedef struct Runner {
        const Errand *errand;
        int ended_fd; /* readable when it has ended */
        int result;
} Runner;

static void *runner_main(void *userdata)
{
        Runner *runner = userdata;

        runner->result = runner->errand->run(runner->errand->userdata);
        (void)eventfd_write(runner->ended_fd, 1);
        return NULL;
}

/* Signals are for the thread that was there before. */
static int runner_start(Runner *runner, pthread_t *ret)
{
        sigset_t all, before;
        int r;

        (void)sigfillset(&all);
        r = pthread_sigmask(SIG_SETMASK, &all, &before);
        if (r == 0) {
                r = pthread_create(ret, NULL, runner_main, runner);
                (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        }
        return -r;
}

static bool has_ended(const Runner *runner)
{
        eventfd_t count;

        return eventfd_read(runner->ended_fd, &count) == 0;
}

int errand_run(Bake *bake, const Errand *errand)
{
        _cleanup_(closep) int ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        Runner runner = { .errand = errand, .ended_fd = ended_fd };
        pthread_t thread;
        int r;

        if (ended_fd < 0)
                return -errno;
        r = runner_start(&runner, &thread);
        if (r < 0)
                return r;
        while (!has_ended(&runner)) {
                if (bake_cancelled(bake)) {
                        errand->break_off(errand->userdata);
                        break;
                }
                bake->observer->wait(bake->observer->userdata, LOOK_USEC, ended_fd);
        }
        (void)pthread_join(thread, NULL);
        return runner.result;
}
