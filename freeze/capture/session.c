/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "freeze/capture/dialogue.h"
#include "freeze/capture/idle.h"
#include "freeze/capture/pass.h"
#include "freeze/capture/scrub.h"
#include "freeze/capture/swap.h"
#include "freeze/moment.h"
#include "freeze/packet.h"

typedef union Packet {
        CaptureHeader header;
        CaptureBegin begin;
        CaptureMount mount;
        CaptureFinal final;
        CaptureRule rule;
        CaptureScrub scrub;
        CaptureName name;
} Packet;

typedef struct Session {
        int client_fd;
        CapturePhase phase;
        unsigned n_mounts;
        bool is_settled; /* the delta is in the image, and what is free is not */
        Disk disk;
        Swaps swaps;
        Map map;
        Stage stage;
        Table table;
        Delta delta;
        Rules rules;
        CaptureReport report;
        Trouble trouble;
} Session;

void capture_session_refuse(int client_fd, int error, const char *text)
{
        CaptureError message = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_ERROR },
                .error = error,
        };

        (void)snprintf(message.text, sizeof(message.text), "%s", text);
        (void)packet_send(client_fd, &message, sizeof(message));
}

/* The verbs answer 0, or negative errno, which ends the connection. */
static int report_send(Session *session, CaptureType type)
{
        session->report.header = (CaptureHeader){ .version = CAPTURE_VERSION, .type = type };
        session->report.size_bytes = session->stage.size;
        return packet_send(session->client_fd, &session->report, sizeof(session->report));
}

static int begin_receive(Session *session, const CaptureBegin *begin)
{
        uint64_t delta_bytes =
                begin->delta_bytes ? begin->delta_bytes : CAPTURE_DELTA_DEFAULT_BYTES;
        int r = disk_open(&session->disk, begin->major, begin->minor, &session->trouble);

        if (r >= 0)
                r = stage_open(&session->stage, begin->folder, begin->job, &session->trouble);
        if (r >= 0)
                r = table_init(&session->table, session->disk.size);
        if (r >= 0)
                r = delta_init(&session->delta, delta_bytes);
        session->n_mounts = begin->n_mounts;
        session->phase = CAPTURE_PHASE_NAMING;
        return r;
}

static int map_read(Session *session)
{
        int r;

        map_clear(&session->map);
        r = disk_map(&session->disk, session->stage.fd, &session->map, &session->trouble);
        if (r >= 0)
                r = swaps_map(&session->swaps, &session->map);
        map_sort(&session->map);
        session->report.used_bytes = map_count_rest(&session->map, 0, session->disk.size);
        return r;
}

static int capture_prepare(Session *session)
{
        int r = disk_check(&session->disk, &session->trouble);

        if (r >= 0)
                r = swaps_find(&session->swaps, &session->disk);
        if (r >= 0)
                r = idle_check(&session->disk, &session->swaps, &session->trouble);
        if (r >= 0)
                r = disk_note_stage(&session->disk, session->stage.folder_fd, &session->trouble);
        if (r >= 0)
                r = map_read(session);
        if (r >= 0)
                r = stage_create(&session->stage, session->disk.size, session->report.used_bytes,
                        &session->trouble);
        return r;
}

static int mount_receive(Session *session, const CaptureMount *mount)
{
        int r = disk_add_part(&session->disk, mount);

        if (r < 0 || session->disk.n_parts < session->n_mounts)
                return r;
        r = capture_prepare(session);
        session->phase = CAPTURE_PHASE_READY;
        return r < 0 ? r : report_send(session, CAPTURE_READY);
}

/* Allocation has gone on since the last one: the map is read anew. */
static int pass_make(Session *session, Delta *delta, uint64_t deadline_usec)
{
        Pass pass = {
                .disk = &session->disk,
                .map = &session->map,
                .stage = &session->stage,
                .table = &session->table,
                .delta = delta,
                .client_fd = session->client_fd,
                .deadline_usec = deadline_usec,
        };
        int r = map_read(session);

        if (r >= 0)
                r = pass_run(&pass, &session->trouble);
        session->report.read_bytes = pass.read_bytes;
        session->report.changed_bytes = pass.changed_bytes;
        return r;
}

/* Synced, or the freeze would have to write all that was staged on one of its file systems. */
static int pass_receive(Session *session)
{
        uint64_t began_usec = moment_usec();
        int r = pass_make(session, /* delta= */ NULL, UINT64_MAX);

        if (r >= 0)
                r = stage_sync(&session->stage, &session->trouble);
        session->report.span_usec = moment_usec() - began_usec;
        session->phase = CAPTURE_PHASE_STAGED;
        return r < 0 ? r : report_send(session, CAPTURE_PASSED);
}

/*
 * All may be frozen, the image's own file system too: nothing is written or logged. What was
 * mounted since the beginning, as an automount does, is not frozen: its blocks may be of different
 * times.
 */
static int final_receive(Session *session, const CaptureFinal *final)
{
        uint64_t began_usec = moment_usec();
        int r = disk_check_others(&session->disk, &session->trouble);

        if (r >= 0)
                r = pass_make(session, &session->delta, began_usec + final->budget_usec);
        if (r >= 0)
                r = disk_check_others(&session->disk, &session->trouble);
        session->report.span_usec = moment_usec() - began_usec;
        session->phase = CAPTURE_PHASE_CAUGHT;
        return r < 0 ? r : report_send(session, CAPTURE_CAUGHT);
}

static int capture_settle(Session *session)
{
        const Delta *delta = &session->delta;
        size_t n_blocks = delta->count;
        int r = 0;

        if (session->is_settled)
                return 0;
        session->is_settled = true;
        disk_release(&session->disk);
        swaps_done(&session->swaps);
        for (size_t i = 0; r >= 0 && i < n_blocks; i++)
                r = stage_write(&session->stage, delta->blocks + i * BLOCK_BYTES, BLOCK_BYTES,
                        delta->offsets[i], &session->trouble);
        delta_done(&session->delta);
        if (r >= 0)
                r = stage_punch(&session->stage, &session->map, &session->trouble);
        return r < 0 ? r : stage_sync(&session->stage, &session->trouble);
}

static int rule_receive(Session *session, const CaptureRule *rule)
{
        int r = rules_add(&session->rules, rule);

        if (r == -E2BIG)
                return trouble_tell(
                        &session->trouble, r, "a scrub has at most %d rules", CAPTURE_RULES_MAX);
        return r;
}

static int removals_send(Session *session, Removals *removals)
{
        CaptureRemovals *packet = &removals->packet;
        _cleanup_(closep) int fd = -EBADF;
        int r;

        packet->header = (CaptureHeader){ .version = CAPTURE_VERSION, .type = CAPTURE_SCRUBBED };
        if (removals->listing.fd < 0)
                return packet_send(session->client_fd, packet, sizeof(*packet));
        r = listing_finish(&removals->listing, &session->trouble, &fd);
        return r < 0 ? r : packet_send_descriptor(session->client_fd, packet, sizeof(*packet), fd);
}

static int scrub_receive(Session *session, const CaptureScrub *scrub)
{
        _cleanup_(freep) Removals *removals = calloc(1, sizeof(*removals));
        int r = removals ? capture_settle(session) : -ENOMEM;

        if (r < 0)
                return r;
        removals->listing.fd = -EBADF;
        session->rules.flags = scrub->flags;
        r = scrub_run(
                &session->stage, &session->disk, &session->rules, removals, &session->trouble);
        session->phase = CAPTURE_PHASE_SCRUBBED;
        if (r >= 0)
                r = removals_send(session, removals);
        listing_done(&removals->listing);
        return r;
}

/* Of the image that `stage` names. */
static int image_send(Session *session, const Stage *stage)
{
        _cleanup_(closep) int fd = -EBADF;
        CaptureReport report = {
                .header = { .version = CAPTURE_VERSION, .type = CAPTURE_KEPT },
        };
        int r = stage_take(stage, &session->trouble, &fd, &report.size_bytes);

        if (r < 0)
                return r;
        return packet_send_descriptor(session->client_fd, &report, sizeof(report), fd);
}

static int keep_receive(Session *session)
{
        int r = capture_settle(session);

        if (r >= 0)
                r = stage_keep(&session->stage, &session->trouble);
        session->phase = CAPTURE_PHASE_KEPT;
        return r < 0 ? r : image_send(session, &session->stage);
}

static int name_receive(Session *session, const CaptureName *name)
{
        _cleanup_(stage_done) Stage stage = STAGE_INIT;
        int r = stage_open(&stage, name->folder, name->job, &session->trouble);

        if (r < 0)
                return r;
        if (name->header.type == CAPTURE_TAKE)
                return image_send(session, &stage);
        r = stage_discard(&stage, &session->trouble);
        return r < 0 ? r : report_send(session, CAPTURE_DISCARDED);
}

static int packet_obey(Session *session, const Packet *packet)
{
        switch (packet->header.type) {
        case CAPTURE_BEGIN:
                return begin_receive(session, &packet->begin);
        case CAPTURE_MOUNT:
                return mount_receive(session, &packet->mount);
        case CAPTURE_PASS:
                return pass_receive(session);
        case CAPTURE_FINAL:
                return final_receive(session, &packet->final);
        case CAPTURE_RULE:
                return rule_receive(session, &packet->rule);
        case CAPTURE_SCRUB:
                return scrub_receive(session, &packet->scrub);
        case CAPTURE_KEEP:
                return keep_receive(session);
        case CAPTURE_TAKE:
        case CAPTURE_DISCARD:
                return name_receive(session, &packet->name);
        default:
                return -ECANCELED;
        }
}

static int failure_tell(Session *session, int error)
{
        const char *text = session->trouble.text;

        if (error == -ECANCELED && text[0] == '\0')
                text = "the client has gone, or has spoken out of order, before a pass had ended";
        capture_session_refuse(session->client_fd, -error, text[0] ? text : strerror(-error));
        return error;
}

static int packet_receive(Session *session)
{
        const char *complaint;
        Packet packet;
        ssize_t size = recv(session->client_fd, &packet, sizeof(packet), MSG_TRUNC);
        int r;

        if (size <= 0)
                return size < 0 && errno == EINTR ? 0 : -ECONNRESET;
        complaint = capture_complaint(session->phase, &packet, (size_t)size);
        if (complaint) {
                capture_session_refuse(session->client_fd, EPROTO, complaint);
                return -EPROTO;
        }
        r = packet_obey(session, &packet);
        return r < 0 ? failure_tell(session, r) : r;
}

void capture_session_run(int client_fd)
{
        Session session = { .client_fd = client_fd, .disk = DISK_INIT, .stage = STAGE_INIT };

        while (packet_receive(&session) >= 0)
                ;
        rules_done(&session.rules);
        delta_done(&session.delta);
        table_done(&session.table);
        map_done(&session.map);
        stage_done(&session.stage);
        swaps_done(&session.swaps);
        disk_done(&session.disk);
}
