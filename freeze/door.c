/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/door.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FD 3

int door_open(void)
{
        const char *pid = getenv("LISTEN_PID");
        int fd = pid && strtol(pid, NULL, 10) == getpid() ? LISTEN_FD : STDIN_FILENO;
        int type = 0, is_listening = 0;
        socklen_t size = sizeof(int);

        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
                return -ENOTSOCK;
        (void)getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size);
        return is_listening ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : fd;
}

static bool is_owner(int client_fd, uid_t uid)
{
        struct sockaddr_un address = { 0 };
        socklen_t size = sizeof(address);
        struct stat about;

        return getsockname(client_fd, (struct sockaddr *)&address, &size) == 0 &&
                size <= sizeof(address) && lstat(address.sun_path, &about) == 0 &&
                about.st_uid == uid;
}

bool door_admits(int client_fd, uid_t *ret_uid)
{
        struct ucred peer;
        socklen_t size = sizeof(peer);

        if (getsockopt(client_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
                return false;
        *ret_uid = peer.uid;
        return peer.uid == 0 || is_owner(client_fd, peer.uid);
}
