/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   quiescectl ---- fork ---- freeze ---- "go" ---- waits for the command ---- thaw
 *                     \                     \      /
 *                      `- child: waits ------`- exec
 *
 * An end of the stream in place of "go" tells the child that its parent gave up, or died.
 */

#include "cli/command.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/list.h"
#include "base/text.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static int check_program(const char *path)
{
        struct stat status;

        if (stat(path, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode))
                return -EACCES;
        return access(path, X_OK) < 0 ? -errno : 0;
}

/* execvp(3)'s search: a program without permission is passed over, and remembered as the reason. */
static int search_path(const char *name, char **ret)
{
        _cleanup_(string_list_done) StringList folders = STRING_LIST_INIT;
        const char *path = getenv("PATH");
        int result = -ENOENT;

        if (string_list_split(&folders, path ? path : PATH_DEFAULT, ":") < 0)
                return -ENOMEM;
        for (size_t i = 0; i < folders.count; i++) {
                _cleanup_(freep) char *program = NULL;
                int r;

                if (string_printf(&program, "%s/%s", folders.items[i], name) < 0)
                        return -ENOMEM;
                r = check_program(program);
                if (r == 0) {
                        *ret = TAKE_PTR(program);
                        return 0;
                }
                if (r == -EACCES)
                        result = r;
        }
        return result;
}

static int find_program(const char *name, char **ret)
{
        int r;

        if (!strchr(name, '/'))
                return search_path(name, ret);
        r = check_program(name);
        return r < 0 ? r : string_printf(ret, "%s", name);
}

static int report_program(const char *name, int r)
{
        fprintf(stderr, "quiescectl freeze: cannot run '%s': %s; nothing was frozen\n", name,
                strerror(-r));
        return r == -ENOENT || r == -ENOTDIR ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE;
}

/* A cold program would be read from the disk while everybody else waits. */
static void warm_program(const char *path)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd >= 0)
                (void)posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
}

static void run_child(int fd, const char *path, char *const argv[])
{
        ssize_t n;
        char go;

        do
                n = read(fd, &go, 1);
        while (n < 0 && errno == EINTR);
        if (n != 1)
                _exit(EXIT_SUCCESS);
        /* Not execv(): a script without "#!" runs in a shell, as everywhere else. */
        execvp(path, argv);
        dprintf(STDERR_FILENO, "quiescectl freeze: cannot run '%s': %s\n", path, strerror(errno));
        _exit(EXIT_NOT_EXECUTABLE);
}

static int fork_child(const char *path, char *const argv[], Command *ret)
{
        _cleanup_(closep) int ours = -EBADF, theirs = -EBADF;
        int fds[2];
        pid_t pid;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        ours = fds[0];
        theirs = fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)close(ours); /* else the child itself would keep the stream from ending */
                run_child(theirs, path, argv);
        }
        *ret = (Command){ .pid = pid, .go_fd = TAKE_FD(ours) };
        return 0;
}

int command_prepare(char *const argv[], Command *ret)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        r = find_program(argv[0], &path);
        if (r < 0)
                return report_program(argv[0], r);
        warm_program(path);
        r = fork_child(path, argv, ret);
        return r < 0 ? report_program(argv[0], r) : 0;
}

void command_start(Command *command)
{
        /* Should the child be dead already, its wait status will tell. */
        (void)send(command->go_fd, "", 1, MSG_NOSIGNAL);
        closep(&command->go_fd);
        command->go_fd = -EBADF;
}

void command_done(Command *command)
{
        closep(&command->go_fd);
        if (command->pid > 0)
                while (waitpid(command->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        *command = COMMAND_INIT;
}
