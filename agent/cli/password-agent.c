/* SPDX-License-Identifier: Apache-2.0 */
/* polkit's prompt for passwords: who is logged in over the network has no desktop to show one. */

#include "cli/password-agent.h"

#include <fcntl.h>

#include "base/cleanup.h"
#include "base/spawn.h"
#include "base/text.h"

static bool password_agent_is_wanted(void)
{
        return geteuid() != 0 && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* It closes the descriptor once polkit knows of it; a call before that would ask nobody. */
static void wait_for_close(int fd)
{
        char byte;
        ssize_t n;

        do
                n = read(fd, &byte, sizeof(byte));
        while (n > 0 || (n < 0 && errno == EINTR));
}

void password_agent_start(void)
{
        char program[] = "/usr/bin/pkttyagent", notify[] = "--notify-fd=3";
        _cleanup_(closep) int ready = -EBADF, told = -EBADF;
        _cleanup_(freep) char *process = NULL;
        int fds[2];
        pid_t pid;

        if (!password_agent_is_wanted() || pipe2(fds, O_CLOEXEC) < 0)
                return;
        ready = fds[0];
        told = fds[1];
        if (string_printf(&process, "--process=%d", (int)getpid()) < 0)
                return;

        /* Without --fallback, which polkit heeds in sessions of logind only. */
        char *argv[] = { program, notify, process, NULL };
        if (spawn(argv, &told, 1, &pid) < 0)
                return;
        closep(&told);
        told = -EBADF;
        wait_for_close(ready);
}
