/* SPDX-License-Identifier: Apache-2.0 */
/* Starting another program with chosen descriptors and nothing else of ours. */

#include "base/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/cleanup.h"

#define FIRST_FD 3
#define FDS_MAX 8

/* Moves the descriptors out of the way first, so that none is overwritten before it is placed. */
static int place_fds(int *fds, size_t n_fds)
{
        for (size_t i = 0; i < n_fds; i++) {
                fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)n_fds);
                if (fds[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < n_fds; i++)
                if (dup2(fds[i], FIRST_FD + (int)i) < 0)
                        return -errno;
        return 0;
}

static void reset_signals(void)
{
        sigset_t none;

        for (int i = 1; i < NSIG; i++)
                (void)signal(i, SIG_DFL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int child_exec(char *const argv[], const int *fds, size_t n_fds, pid_t parent)
{
        int placed[FDS_MAX];
        int r;

        if (n_fds > FDS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < n_fds; i++)
                placed[i] = fds[i];
        reset_signals();
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        if (getppid() != parent) /* it died before the call above */
                return -ESRCH;
        r = place_fds(placed, n_fds);
        if (r < 0)
                return r;
        (void)execv(argv[0], argv);
        return -errno;
}

int spawn(char *const argv[], const int *fds, size_t n_fds, pid_t *ret_pid)
{
        _cleanup_(closep) int failure_read = -EBADF, failure_write = -EBADF;
        pid_t parent = getpid(), pid;
        int pipe_fds[2], error = 0;
        ssize_t n;

        if (pipe2(pipe_fds, O_CLOEXEC) < 0)
                return -errno;
        failure_read = pipe_fds[0];
        failure_write = pipe_fds[1];

        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                error = child_exec(argv, fds, n_fds, parent);
                (void)!write(failure_write, &error, sizeof(error));
                _exit(127);
        }
        closep(&failure_write);
        failure_write = -EBADF;

        /* End of file: exec closed the pipe, the program runs. */
        do
                n = read(failure_read, &error, sizeof(error));
        while (n < 0 && errno == EINTR);
        if (n > 0) {
                (void)waitpid(pid, NULL, 0);
                return error;
        }
        *ret_pid = pid;
        return 0;
}

void wait_status_format(int status, char *ret)
{
        if (WIFSIGNALED(status))
                (void)snprintf(ret, WAIT_STATUS_MAX, "killed by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        else
                (void)snprintf(ret, WAIT_STATUS_MAX, "exit status %d", WEXITSTATUS(status));
}
