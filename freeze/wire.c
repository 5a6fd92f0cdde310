/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/wire.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"

int wire_connect(const char *path, uint64_t patience_usec, int *ret_fd)
{
        const struct timeval patience = { .tv_sec = (time_t)(patience_usec / USEC_PER_SEC) };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(closep) int fd = -EBADF;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
                connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int wire_send(int fd, const void *packet, size_t size)
{
        ssize_t sent = send(fd, packet, size, MSG_NOSIGNAL);

        return sent >= 0 || errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
}

static int answer_wait(int fd, uint64_t timeout_usec)
{
        uint64_t end_usec = clock_usec() + timeout_usec;
        struct pollfd ready = { .fd = fd, .events = POLLIN };

        for (;;) {
                uint64_t now_usec = clock_usec();
                uint64_t left_usec = now_usec < end_usec ? end_usec - now_usec : 0;
                int r = poll(&ready, 1, (int)((left_usec + USEC_PER_MSEC - 1) / USEC_PER_MSEC));

                if (r > 0)
                        return 0;
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (left_usec == 0)
                        return -ETIMEDOUT;
        }
}

static void descriptor_take(struct msghdr *message, int *ret_fd)
{
        struct cmsghdr *control = CMSG_FIRSTHDR(message);

        if (control && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
                control->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(control), sizeof(int));
}

static ssize_t answer_read(int fd, void *packet, size_t packet_size, int *ret_fd)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct iovec data = { .iov_base = packet, .iov_len = packet_size };
        struct msghdr message = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);

        /* A reset, when requests were left unread, is told once, before the last answer. */
        if (size < 0 && (errno == ECONNRESET || errno == EINTR))
                size = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
        if (size < 0)
                return -errno;
        if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return -EMSGSIZE;
        descriptor_take(&message, ret_fd);
        return size > 0 ? size : -ECONNRESET;
}

ssize_t wire_receive(int fd, uint64_t timeout_usec, void *packet, size_t size, int *ret_fd)
{
        int r = answer_wait(fd, timeout_usec);

        return r < 0 ? r : answer_read(fd, packet, size, ret_fd);
}
