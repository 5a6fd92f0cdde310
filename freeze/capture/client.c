/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/client.h"

#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "freeze/wire.h"

/* Its service begins with the connection, and a file system may read all its lists of blocks first. */
#define START_USEC (300 * USEC_PER_SEC)
/* A pass over a slow disk of a terabyte; capture itself ends when we do. */
#define PASS_USEC (3600 * USEC_PER_SEC)
#define SLACK_USEC (5 * USEC_PER_SEC)

#define PASSES_MAX 5
/* What is less does not make the window longer: one read of a block costs the same either way. */
#define CHANGES_FEW_BYTES (UINT64_C(4) << 20)

typedef union Packet {
        CaptureHeader header;
        CaptureReport report;
        CaptureRemovals removals;
        CaptureError error;
} Packet;

struct CaptureClient {
        int fd;
        int list_fd; /* of a scrub */
        char *socket_path;
        Packet packet; /* the newest answer, read here so that nothing is allocated while frozen */
        CaptureReport report;
        CaptureRemovals removals;
        CaptureError refusal;
        int result; /* of the last verb */
        char text[CAPTURE_TEXT_MAX];
};

int capture_connect(const char *path, CaptureClient **ret)
{
        _cleanup_(capture_freep) CaptureClient *client = calloc(1, sizeof(*client));
        int r;

        if (!client)
                return -ENOMEM;
        client->fd = client->list_fd = -EBADF;
        client->socket_path = strdup(path);
        if (!client->socket_path)
                return -ENOMEM;
        r = wire_connect(path, SLACK_USEC, &client->fd);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(client);
        return 0;
}

CaptureClient *capture_free(CaptureClient *client)
{
        if (!client)
                return NULL;
        closep(&client->fd);
        closep(&client->list_fd);
        free(client->socket_path);
        free(client);
        return NULL;
}

void capture_break_off(CaptureClient *client)
{
        (void)shutdown(client->fd, SHUT_RDWR);
}

static size_t answer_size(uint32_t type)
{
        switch (type) {
        case CAPTURE_READY:
        case CAPTURE_PASSED:
        case CAPTURE_CAUGHT:
        case CAPTURE_KEPT:
        case CAPTURE_DISCARDED:
                return sizeof(CaptureReport);
        case CAPTURE_SCRUBBED:
                return sizeof(CaptureRemovals);
        case CAPTURE_ERROR:
                return sizeof(CaptureError);
        default:
                return 0;
        }
}

/* As many strings as it says end within the list. */
static int removals_check(const CaptureRemovals *removals)
{
        size_t n_ends = 0;

        for (size_t i = 0; i < sizeof(removals->list); i++)
                n_ends += removals->list[i] == '\0';
        return removals->n_listed <= n_ends && removals->n_listed <= removals->n_removed ? 0
                                                                                         : -EBADMSG;
}

static int answer_take(CaptureClient *client, size_t size)
{
        const Packet *packet = &client->packet;

        if (size < sizeof(CaptureHeader) || packet->header.version != CAPTURE_VERSION ||
                size != answer_size(packet->header.type))
                return -EBADMSG;
        if (packet->header.type == CAPTURE_ERROR) {
                client->refusal = packet->error;
                client->refusal.text[sizeof(client->refusal.text) - 1] = '\0';
        } else if (packet->header.type == CAPTURE_SCRUBBED) {
                client->removals = packet->removals;
                return removals_check(&client->removals);
        } else {
                client->report = packet->report;
        }
        return 0;
}

/* Ends a verb whose answer should be of type `wanted`. */
static int answer_receive(
        CaptureClient *client, CaptureType wanted, uint64_t timeout_usec, int *ret_fd)
{
        ssize_t size = wire_receive(
                client->fd, timeout_usec, &client->packet, sizeof(client->packet), ret_fd);
        int r = size < 0 ? (int)size : answer_take(client, (size_t)size);

        if (r >= 0 && client->packet.header.type == CAPTURE_ERROR)
                r = CAPTURE_E_REFUSED;
        else if (r >= 0 && client->packet.header.type != wanted)
                r = -EBADMSG;
        client->result = r;
        return r;
}

static int request(CaptureClient *client, const void *packet, size_t size, CaptureType wanted,
        uint64_t timeout_usec)
{
        _cleanup_(closep) int stray_fd = -EBADF;
        int r = wire_send(client->fd, packet, size);

        if (r < 0)
                return client->result = r;
        return answer_receive(client, wanted, timeout_usec, &stray_fd);
}

static int descriptor_request(CaptureClient *client, const void *packet, size_t size, int *ret_fd)
{
        _cleanup_(closep) int fd = -EBADF;
        int r = wire_send(client->fd, packet, size);

        if (r < 0)
                return client->result = r;
        r = answer_receive(client, CAPTURE_KEPT, PASS_USEC, &fd);
        if (r == 0 && fd < 0)
                r = client->result = -EBADMSG;
        if (r == 0)
                *ret_fd = TAKE_FD(fd);
        return r;
}

static int field_fill(char *field, size_t size, const char *value)
{
        size_t length = strlen(value);

        if (length >= size)
                return -ENAMETOOLONG;
        memcpy(field, value, length);
        return 0;
}

static int place_send(CaptureClient *client, const CapturePlace *place)
{
        CaptureMount message = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_MOUNT },
                .major = place->major,
                .minor = place->minor,
        };
        int r = field_fill(message.path, sizeof(message.path), place->path);

        return r < 0 ? r : wire_send(client->fd, &message, sizeof(message));
}

static int order_send(CaptureClient *client, const CaptureOrder *order)
{
        CaptureBegin message = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_BEGIN },
                .major = order->major,
                .minor = order->minor,
                .delta_bytes = order->delta_bytes,
                .n_mounts = (uint32_t)order->n_places,
        };
        int r = field_fill(message.job, sizeof(message.job), order->job);

        if (r >= 0)
                r = field_fill(message.folder, sizeof(message.folder),
                        order->folder ? order->folder : CAPTURE_FOLDER);
        if (r >= 0)
                r = wire_send(client->fd, &message, sizeof(message));
        for (size_t i = 0; r >= 0 && i < order->n_places; i++)
                r = place_send(client, &order->places[i]);
        return r;
}

int capture_begin(CaptureClient *client, const CaptureOrder *order)
{
        _cleanup_(closep) int stray_fd = -EBADF;
        int r = order->n_places > CAPTURE_MOUNTS_MAX ? -E2BIG : order_send(client, order);

        if (r < 0)
                return client->result = r;
        return answer_receive(client, CAPTURE_READY, START_USEC, &stray_fd);
}

int capture_pass(CaptureClient *client)
{
        const CaptureHeader message = { .version = CAPTURE_VERSION, .type = CAPTURE_PASS };

        return request(client, &message, sizeof(message), CAPTURE_PASSED, PASS_USEC);
}

int capture_passes(CaptureClient *client)
{
        uint64_t before_bytes = UINT64_MAX;
        int r = capture_pass(client);

        for (unsigned i = 1; r == 0 && i < PASSES_MAX; i++) {
                uint64_t changed_bytes = client->report.changed_bytes;

                if (changed_bytes <= CHANGES_FEW_BYTES || changed_bytes > before_bytes / 2)
                        break;
                before_bytes = changed_bytes;
                r = capture_pass(client);
        }
        return r;
}

int capture_final(CaptureClient *client, uint64_t budget_usec)
{
        const CaptureFinal message = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_FINAL },
                .budget_usec = budget_usec,
        };

        return request(client, &message, sizeof(message), CAPTURE_CAUGHT, budget_usec + SLACK_USEC);
}

int capture_rule(CaptureClient *client, CaptureRuleKind kind, const char *pattern)
{
        CaptureRule message = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_RULE },
                .kind = kind,
        };
        int r = field_fill(message.pattern, sizeof(message.pattern), pattern);

        if (r >= 0)
                r = wire_send(client->fd, &message, sizeof(message));
        return client->result = r;
}

int capture_scrub(CaptureClient *client, unsigned flags)
{
        const CaptureScrub message = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_SCRUB },
                .flags = flags,
        };

        int r = wire_send(client->fd, &message, sizeof(message));

        closep(&client->list_fd);
        client->list_fd = -EBADF;
        if (r < 0)
                return client->result = r;
        return answer_receive(client, CAPTURE_SCRUBBED, PASS_USEC, &client->list_fd);
}

int capture_keep(CaptureClient *client, int *ret_fd)
{
        const CaptureHeader message = { .version = CAPTURE_VERSION, .type = CAPTURE_KEEP };

        return descriptor_request(client, &message, sizeof(message), ret_fd);
}

static int name_fill(CaptureName *message, CaptureType type, const char *job, const char *folder)
{
        int r = field_fill(message->job, sizeof(message->job), job);

        message->header = (CaptureHeader){ .version = CAPTURE_VERSION, .type = type };
        return r < 0 ? r
                     : field_fill(message->folder, sizeof(message->folder),
                               folder ? folder : CAPTURE_FOLDER);
}

int capture_take_fd(CaptureClient *client, const char *job, const char *folder, int *ret_fd)
{
        CaptureName message = { 0 };
        int r = name_fill(&message, CAPTURE_TAKE, job, folder);

        if (r < 0)
                return client->result = r;
        return descriptor_request(client, &message, sizeof(message), ret_fd);
}

int capture_discard(CaptureClient *client, const char *job, const char *folder)
{
        CaptureName message = { 0 };
        int r = name_fill(&message, CAPTURE_DISCARD, job, folder);

        if (r < 0)
                return client->result = r;
        return request(client, &message, sizeof(message), CAPTURE_DISCARDED, START_USEC);
}

const CaptureReport *capture_report(const CaptureClient *client)
{
        return &client->report;
}

const CaptureRemovals *capture_removals(const CaptureClient *client)
{
        return &client->removals;
}

int capture_take_list(CaptureClient *client)
{
        return TAKE_FD(client->list_fd);
}

const char *capture_client_error(CaptureClient *client)
{
        if (client->result == 0)
                return "";
        if (client->result > 0)
                return client->refusal.text;
        (void)snprintf(client->text, sizeof(client->text),
                "No answer from quiesced-capture at %s: %s", client->socket_path,
                strerror(-client->result));
        return client->text;
}
