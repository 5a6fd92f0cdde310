/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor that a client holds: closing its end tells us, closing ours tells the client. */

#include "daemon/hold.h"

#include <sys/socket.h>

struct Hold {
        int fd;
        sd_event_source *source;
        void (*released)(void *userdata);
        void *userdata;
};

Hold *hold_free(Hold *hold)
{
        if (!hold)
                return NULL;
        (void)sd_event_source_disable_unref(hold->source);
        closep(&hold->fd);
        free(hold);
        return NULL;
}

static int hold_hung_up(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Hold *hold = userdata;

        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        hold->released(hold->userdata);
        return 0;
}

int hold_new(sd_event *event, void (*released)(void *userdata), void *userdata, Hold **ret,
        int *ret_fd)
{
        _cleanup_(hold_freep) Hold *hold = calloc(1, sizeof(*hold));
        _cleanup_(closep) int theirs = -EBADF;
        int fds[2], r;

        if (!hold)
                return -ENOMEM;
        *hold = (Hold){ .fd = -EBADF, .released = released, .userdata = userdata };
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        hold->fd = fds[0];
        theirs = fds[1];
        /* Events 0 still tells of EPOLLHUP, and whatever a holder writes wakes nobody. */
        r = sd_event_add_io(event, &hold->source, hold->fd, 0, hold_hung_up, hold);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(hold);
        *ret_fd = TAKE_FD(theirs);
        return 0;
}
