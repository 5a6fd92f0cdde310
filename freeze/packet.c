/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int packet_send(int client_fd, const void *packet, size_t size)
{
        return send(client_fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int packet_send_descriptor(int client_fd, const void *packet, size_t size, int fd)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
        struct iovec data = { .iov_base = (void *)packet, .iov_len = size };
        struct msghdr message = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };

        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        return sendmsg(client_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
