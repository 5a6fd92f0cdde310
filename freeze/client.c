/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/client.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/list.h"
#include "freeze/wire.h"

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

static int request_send(FreezerClient *client, FreezeType type)
{
        FreezeHeader header = { .version = FREEZE_VERSION, .type = type };

        return wire_send(client->fd, &header, sizeof(header));
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
        ssize_t size = wire_receive(client->fd, timeout_usec, &client->packet,
                sizeof(client->packet), ret_fd);

        if (size < 0)
                return (int)size;
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
        _cleanup_(freezer_client_freep) FreezerClient *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        client->fd = -EBADF;
        client->socket_path = strdup(path);
        if (!client->socket_path)
                return -ENOMEM;
        r = wire_connect(path, ANSWER_USEC, &client->fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

/* The freezer closes last, when it holds no mount open any more: then umount succeeds. */
static void goodbye_wait(FreezerClient *client)
{
        _cleanup_(closep) int stray_fd = -EBADF;

        if (shutdown(client->fd, SHUT_WR) < 0)
                return;
        while (wire_receive(client->fd, GOODBYE_USEC, &client->packet, sizeof(client->packet),
                       &stray_fd) > 0)
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
        return wire_send(client->fd, &message, sizeof(message));
}

static int plan_send(FreezerClient *client, const FreezerMount *mounts, const FreezePlan *plan)
{
        unsigned n_groups = 1;
        int r = wire_send(client->fd, plan, sizeof(*plan));

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
