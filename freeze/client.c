/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/client.h"

#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/list.h"

/* An answer that needs no disk and no thaw. */
#define ANSWER_USEC (5 * USEC_PER_SEC)
/* To the first request: its service begins with the connection, and makes a sandbox before. */
#define START_USEC (30 * USEC_PER_SEC)
/* What the freezer waits for one group of mounts to thaw before it goes on, generously. */
#define THAW_GROUP_USEC (500 * USEC_PER_MSEC)
#define GOODBYE_USEC (500 * USEC_PER_MSEC)

typedef union Packet {
        FreezeHeader header;
        FreezeReport report;
        FreezeError error;
} Packet;

struct FreezerClient {
        int fd;
        char *socket_path;
        StringList paths; /* of the plan, for error texts */
        uint64_t budget_usec;
        uint64_t thaw_usec; /* how long a thaw may take at most */
        Packet packet; /* the newest answer, read here so that nothing is allocated while frozen */
        FreezeReport report;
        FreezeError refusal;
        int result; /* of the last verb */
        char text[FREEZE_PATH_MAX + FREEZE_TEXT_MAX];
};

static int packet_send(FreezerClient *client, const void *packet, size_t size)
{
        ssize_t sent = send(client->fd, packet, size, MSG_NOSIGNAL);

        /* A freezer that has refused us is gone, but its answer still waits to be read. */
        return sent >= 0 || errno == EPIPE || errno == ECONNRESET ? 0 : -errno;
}

static int request_send(FreezerClient *client, FreezeType type)
{
        FreezeHeader header = { .version = FREEZE_VERSION, .type = type };

        return packet_send(client, &header, sizeof(header));
}

static int answer_wait(FreezerClient *client, uint64_t timeout_usec)
{
        uint64_t end_usec = clock_usec() + timeout_usec;
        struct pollfd ready = { .fd = client->fd, .events = POLLIN };

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

/* *ret_fd is -EBADF unless one came along. */
static ssize_t answer_read(FreezerClient *client, int *ret_fd)
{
        union {
                struct cmsghdr header;
                char space[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct iovec data = { .iov_base = &client->packet, .iov_len = sizeof(client->packet) };
        struct msghdr message = {
                .msg_iov = &data,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        ssize_t size = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);

        /* A reset, when the freezer has left requests unread, is told once, before its answer. */
        if (size < 0 && (errno == ECONNRESET || errno == EINTR))
                size = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);
        if (size < 0)
                return -errno;
        if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
                return -EMSGSIZE;
        descriptor_take(&message, ret_fd);
        return size;
}

static bool packet_is_sound(const FreezerClient *client, size_t size)
{
        const Packet *packet = &client->packet;

        if (size < sizeof(FreezeHeader) || packet->header.version != FREEZE_VERSION)
                return false;
        if (packet->header.type == FREEZE_MOUNTINFO)
                return size == sizeof(FreezeHeader);
        if (packet->header.type == FREEZE_ERROR)
                return size == sizeof(FreezeError) &&
                        memchr(packet->error.text, 0, sizeof(packet->error.text));
        return size >= offsetof(FreezeReport, mounts) &&
                packet->report.n_mounts == client->paths.count &&
                size == offsetof(FreezeReport, mounts[packet->report.n_mounts]);
}

/* The type of the answer, now in client->packet, or negative errno. */
static int answer_receive(FreezerClient *client, uint64_t timeout_usec, int *ret_fd)
{
        ssize_t size;
        int r = answer_wait(client, timeout_usec);

        if (r < 0)
                return r;
        size = answer_read(client, ret_fd);
        if (size < 0)
                return (int)size;
        if (size == 0)
                return -ECONNRESET;
        if (!packet_is_sound(client, (size_t)size))
                return -EBADMSG;
        if (client->packet.header.type == FREEZE_ERROR)
                client->refusal = client->packet.error;
        else if (client->packet.header.type != FREEZE_MOUNTINFO)
                memcpy(&client->report, &client->packet.report, (size_t)size);
        return (int)client->packet.header.type;
}

static int refusal_outcome(const FreezeError *refusal)
{
        if (refusal->error == EBUSY)
                return FREEZER_E_BUSY;
        return refusal->error == EACCES ? FREEZER_E_DENIED : FREEZER_E_REFUSED;
}

static const FreezeMountReport *report_culprit(const FreezeReport *report)
{
        for (uint32_t i = 0; i < report->n_mounts; i++)
                if (report->mounts[i].error != 0)
                        return &report->mounts[i];
        return NULL;
}

static int report_outcome(const FreezeReport *report)
{
        const FreezeMountReport *culprit = report_culprit(report);

        switch (report->reason) {
        case FREEZE_REASON_NONE:
                return 0;
        case FREEZE_REASON_ASKED:
                return culprit ? FREEZER_E_BROKEN : 0;
        case FREEZE_REASON_DEADLINE:
                return FREEZER_E_TIMEOUT;
        case FREEZE_REASON_FAILED:
                if (culprit && culprit->state == FREEZE_STATE_FOREIGN)
                        return FREEZER_E_FOREIGN;
                if (culprit && culprit->error == ESTALE)
                        return FREEZER_E_VANISHED;
                return FREEZER_E_FAILED;
        default:
                return FREEZER_E_BROKEN;
        }
}

/* Ends a verb whose answer should be of type `wanted`. */
static int answer_judge(FreezerClient *client, int type, FreezeType wanted)
{
        if (type < 0)
                client->result = type;
        else if (type == FREEZE_ERROR)
                client->result = refusal_outcome(&client->refusal);
        else if (type == (int)wanted || type == FREEZE_THAWED)
                client->result = report_outcome(&client->report);
        else
                client->result = -EBADMSG;
        return client->result;
}

static int request(FreezerClient *client, FreezeType type, FreezeType wanted, uint64_t timeout_usec)
{
        _cleanup_(closep) int stray_fd = -EBADF;
        int r = request_send(client, type);

        if (r >= 0)
                r = answer_receive(client, timeout_usec, &stray_fd);
        return answer_judge(client, r, wanted);
}

int freezer_client_new(const char *path, FreezerClient **ret)
{
        const struct timeval patience = { .tv_sec = ANSWER_USEC / USEC_PER_SEC };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_(freezer_client_freep) FreezerClient *client = NULL;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        memcpy(address.sun_path, path, strlen(path) + 1);
        client = calloc(1, sizeof(*client));
        if (!client)
                return -ENOMEM;
        client->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (client->fd < 0)
                return -errno;
        client->socket_path = strdup(path);
        if (!client->socket_path)
                return -ENOMEM;
        if (setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
                connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        *ret = TAKE_PTR(client);
        return 0;
}

/* The freezer closes last, when it holds no mount open any more: then umount succeeds. */
static void goodbye_wait(FreezerClient *client)
{
        _cleanup_(closep) int stray_fd = -EBADF;

        if (shutdown(client->fd, SHUT_WR) < 0)
                return;
        while (answer_wait(client, GOODBYE_USEC) == 0 && answer_read(client, &stray_fd) > 0)
                ;
}

FreezerClient *freezer_client_free(FreezerClient *client)
{
        if (!client)
                return NULL;
        if (client->fd >= 0) {
                goodbye_wait(client);
                (void)close(client->fd);
        }
        string_list_done(&client->paths);
        free(client->socket_path);
        free(client);
        return NULL;
}

int freezer_client_mountinfo(FreezerClient *client, int *ret_fd)
{
        _cleanup_(closep) int fd = -EBADF;
        int r = request_send(client, FREEZE_MOUNTINFO);

        if (r >= 0)
                r = answer_receive(client, START_USEC, &fd);
        if (r != FREEZE_MOUNTINFO || fd < 0)
                return answer_judge(client, r == FREEZE_MOUNTINFO ? -EBADMSG : r, FREEZE_PREPARED);
        client->result = 0;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int mount_send(FreezerClient *client, const FreezerMount *mount)
{
        FreezeMount message = {
                .header = { .version = FREEZE_VERSION, .type = FREEZE_MOUNT },
                .group = mount->group,
                .major = mount->major,
                .minor = mount->minor,
        };

        if (strlen(mount->path) >= sizeof(message.path))
                return -ENAMETOOLONG;
        memcpy(message.path, mount->path, strlen(mount->path));
        return packet_send(client, &message, sizeof(message));
}

static int plan_send(FreezerClient *client, const FreezerMount *mounts, const FreezePlan *plan)
{
        unsigned n_groups = 1;
        int r = packet_send(client, plan, sizeof(*plan));

        for (size_t i = 0; r >= 0 && i < plan->n_mounts; i++) {
                n_groups += i > 0 && mounts[i].group != mounts[i - 1].group;
                r = mount_send(client, &mounts[i]);
                if (r >= 0)
                        r = string_list_add(&client->paths, mounts[i].path);
        }
        client->budget_usec = plan->budget_usec;
        client->thaw_usec = ANSWER_USEC + n_groups * THAW_GROUP_USEC;
        return r;
}

int freezer_client_plan(FreezerClient *client, const FreezerMount *mounts, size_t n_mounts,
        uint64_t budget_usec, unsigned flags)
{
        const FreezePlan plan = {
                .header = { .version = FREEZE_VERSION, .type = FREEZE_PLAN },
                .budget_usec = budget_usec,
                .sync_usec = FREEZE_SYNC_MAX_USEC,
                .n_mounts = (uint32_t)n_mounts,
                .flags = flags,
        };
        _cleanup_(closep) int stray_fd = -EBADF;
        int r = -E2BIG;

        if (n_mounts <= FREEZE_MOUNTS_MAX)
                r = plan_send(client, mounts, &plan);
        if (r >= 0)
                r = answer_receive(client, START_USEC, &stray_fd);
        return answer_judge(client, r, FREEZE_PREPARED);
}

int freezer_client_sync(FreezerClient *client)
{
        return request(client, FREEZE_SYNC, FREEZE_SYNCED, FREEZE_SYNC_MAX_USEC + ANSWER_USEC);
}

int freezer_client_freeze(FreezerClient *client)
{
        /* Warm-up and freeze have a budget each. */
        return request(client, FREEZE_FREEZE, FREEZE_FROZEN,
                2 * client->budget_usec + client->thaw_usec);
}

int freezer_client_thaw(FreezerClient *client)
{
        return request(client, FREEZE_THAW, FREEZE_THAWED, client->thaw_usec);
}

int freezer_client_fd(const FreezerClient *client)
{
        return client->fd;
}

const FreezeReport *freezer_client_report(const FreezerClient *client)
{
        return &client->report;
}

/* NULL where strerror(3) says it all. */
static const char *mount_complaint(const FreezeMountReport *mount)
{
        if (mount->state == FREEZE_STATE_FOREIGN)
                return "is frozen by somebody else";
        switch (mount->error) {
        case ESTALE:
                return "is not mounted there any more";
        case ETIMEDOUT:
                return "does not answer; it is thawed as soon as it does";
        case EINVAL:
                return "did not stay frozen: somebody else has thawed it";
        case EOPNOTSUPP:
                return "is of a type that cannot be frozen: exclude it";
        case EEXIST:
                return "is on the same file system as another mount of the plan: name it once";
        default:
                return NULL;
        }
}

static const char *reason_complaint(uint32_t reason)
{
        switch (reason) {
        case FREEZE_REASON_DEADLINE:
                return "The time of the freeze ended before its work was done";
        case FREEZE_REASON_STOPPED:
                return "quiesced-freezer was told to stop, and has thawed";
        default:
                return "A process of quiesced-freezer was killed, and the others have thawed";
        }
}

static void culprit_describe(FreezerClient *client, const FreezeMountReport *culprit)
{
        const char *path = client->paths.items[culprit - client->report.mounts];
        const char *complaint = mount_complaint(culprit);

        (void)snprintf(client->text, sizeof(client->text), complaint ? "%s %s" : "%s: %s", path,
                complaint ? complaint : strerror(culprit->error));
}

const char *freezer_client_error(FreezerClient *client)
{
        const FreezeMountReport *culprit = report_culprit(&client->report);

        if (client->result == 0)
                return "";
        if (client->result < 0)
                (void)snprintf(client->text, sizeof(client->text),
                        "No answer from quiesced-freezer at %s: %s", client->socket_path,
                        strerror(-client->result));
        else if (client->refusal.error != 0)
                return client->refusal.text;
        else if (culprit && client->report.reason != FREEZE_REASON_BROKEN)
                culprit_describe(client, culprit);
        else
                return reason_complaint(client->report.reason);
        return client->text;
}
