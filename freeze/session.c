/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "freeze/dialogue.h"
#include "freeze/freeze.h"
#include "freeze/packet.h"

typedef union Packet {
        FreezeHeader header;
        FreezePlan plan;
        FreezeMount mount;
} Packet;

typedef struct Session {
        int client_fd;
        const char *ledger_folder;
        DialoguePhase phase;
        Freeze freeze;
} Session;

void session_refuse(int client_fd, int error, const char *text)
{
        FreezeError message = {
                .header = { .version = FREEZE_VERSION, .type = FREEZE_ERROR },
                .error = error,
        };

        (void)snprintf(message.text, sizeof(message.text), "%s", text);
        (void)packet_send(client_fd, &message, sizeof(message));
}

static int report_send(Session *session, FreezeType type)
{
        size_t size = freeze_report(&session->freeze, type);

        return packet_send(session->client_fd, &session->freeze.report, size);
}

/* The verbs answer 0, or negative errno, which ends the connection. */
static int mountinfo_send(Session *session)
{
        FreezeHeader header = { .version = FREEZE_VERSION, .type = FREEZE_MOUNTINFO };
        _cleanup_(closep) int fd = open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);

        if (fd < 0) {
                session_refuse(session->client_fd, errno, "/proc/1/mountinfo cannot be opened");
                return -EIO;
        }
        return packet_send_descriptor(session->client_fd, &header, sizeof(header), fd);
}

static int preparation_refuse(Session *session, int error)
{
        const char *text = strerror(error);

        if (error == EBUSY)
                text = "another freeze is running on this host, or a file system still hangs in "
                       "one: try again when it has ended";
        if (error == ENOTSUP)
                text = "the freezer's --ledger-dir= is not on tmpfs";
        if (error == EINVAL)
                text = "the plan's mounts are not in the order of their groups";
        session_refuse(session->client_fd, error, text);
        return -error;
}

static int plan_receive(Session *session, const FreezePlan *plan)
{
        int r = freeze_begin(&session->freeze, session->ledger_folder, plan);

        if (r < 0)
                return preparation_refuse(session, -r);
        session->phase = DIALOGUE_PLANNING;
        return 0;
}

static int mount_receive(Session *session, const FreezeMount *mount)
{
        int r = freeze_add(&session->freeze, mount);

        if (r > 0)
                r = freeze_prepare(&session->freeze);
        else if (r == 0)
                return 0;
        if (r < 0)
                return preparation_refuse(session, -r);
        session->phase = DIALOGUE_READY;
        r = report_send(session, FREEZE_PREPARED);
        return r < 0 || session->freeze.report.reason == FREEZE_REASON_NONE ? r : -ECANCELED;
}

static int freeze_receive(Session *session)
{
        bool is_held = freeze_freeze(&session->freeze) == 0;

        session->phase = is_held ? DIALOGUE_HELD : DIALOGUE_OVER;
        return report_send(session, is_held ? FREEZE_FROZEN : FREEZE_THAWED);
}

static int session_thaw(Session *session, FreezeReason reason)
{
        freeze_thaw(&session->freeze, reason);
        session->phase = DIALOGUE_OVER;
        return report_send(session, FREEZE_THAWED);
}

static int packet_obey(Session *session, const Packet *packet)
{
        switch (packet->header.type) {
        case FREEZE_MOUNTINFO:
                return mountinfo_send(session);
        case FREEZE_PLAN:
                return plan_receive(session, &packet->plan);
        case FREEZE_MOUNT:
                return mount_receive(session, &packet->mount);
        case FREEZE_SYNC:
                freeze_sync(&session->freeze);
                return report_send(session, FREEZE_SYNCED);
        case FREEZE_FREEZE:
                return freeze_receive(session);
        case FREEZE_THAW:
                return session_thaw(session, FREEZE_REASON_ASKED);
        default:
                return -ECANCELED;
        }
}

static int packet_receive(Session *session)
{
        const char *complaint;
        Packet packet;
        ssize_t size = recv(session->client_fd, &packet, sizeof(packet), MSG_DONTWAIT | MSG_TRUNC);

        if (size <= 0)
                return size < 0 && errno == EAGAIN ? 0 : -ECONNRESET;
        complaint = dialogue_complaint(session->phase, &packet, (size_t)size);
        if (!complaint)
                return packet_obey(session, &packet);
        freeze_thaw(&session->freeze, FREEZE_REASON_STOPPED);
        session_refuse(session->client_fd, EPROTO, complaint);
        return -EPROTO;
}

static int event_handle(Session *session, CrewEvent event)
{
        int r = 0;

        if (event == CREW_PROGRESS || event == CREW_TIMEOUT)
                return 0;
        if (event == CREW_CLIENT)
                return packet_receive(session);
        if (session->phase == DIALOGUE_HELD) {
                r = session_thaw(session, freeze_reason(event));
        } else if (event == CREW_LOST && session->phase != DIALOGUE_OVER) {
                session_refuse(session->client_fd, ECHILD,
                        "a process of quiesced-freezer was killed, before anything was frozen: "
                        "try again");
                return -ECHILD;
        }
        return event == CREW_SIGNAL ? -ECANCELED : r;
}

/* Said when nothing is held any more: a log on a frozen file system blocks its writers. */
static void freeze_log(const Freeze *freeze)
{
        static const char *const ends[] = {
                [FREEZE_REASON_NONE] = "",
                [FREEZE_REASON_ASKED] = "as asked",
                [FREEZE_REASON_DEADLINE] = "at the deadline",
                [FREEZE_REASON_FAILED] = "after a failure",
                [FREEZE_REASON_STOPPED] = "when told to stop",
                [FREEZE_REASON_BROKEN] = "when a process was killed",
        };
        const FreezeReport *report = &freeze->report;
        bool is_well = report->reason == FREEZE_REASON_ASKED;
        uint64_t span_usec =
                report->freezing_at_usec ? report->thawed_at_usec - report->freezing_at_usec : 0;

        if (report->thawed_at_usec == 0)
                return;
        fprintf(stderr, "<%d>%u mounts, thawed %s after %llu us\n", is_well ? 6 : 4,
                report->n_mounts, ends[report->reason], (unsigned long long)span_usec);
        for (unsigned i = 0; i < report->n_mounts; i++) {
                const LedgerMount *mount = &freeze->ledger.file->mounts[i];
                int32_t error = ledger_error(mount);

                if (error != 0)
                        fprintf(stderr, "<4>%s: %s\n", mount->path,
                                error == ETIMEDOUT ? "did not answer in time" : strerror(error));
        }
}

void session_run(int client_fd, int signal_fd, const char *ledger_folder)
{
        Session session = { .client_fd = client_fd, .ledger_folder = ledger_folder };
        int r = 0;

        freeze_init(&session.freeze);
        session.freeze.crew.watch[CREW_CLIENT].fd = client_fd;
        session.freeze.crew.watch[CREW_SIGNAL].fd = signal_fd;
        while (r >= 0)
                r = event_handle(&session, crew_wait(&session.freeze.crew, CREW_FOREVER));
        freeze_finish(&session.freeze);
        freeze_log(&session.freeze);
        freeze_done(&session.freeze);
}
