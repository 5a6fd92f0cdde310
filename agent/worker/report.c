/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's line to the daemon: reports go out, requests and replies come in. */

#include "worker/report.h"

#include <fcntl.h>
#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

/* More than the daemon gives its participants at most; then it is hung or gone. */
#define PREPARE_USEC_MAX (120 * USEC_PER_SEC)

/* An answer may be longer than a socket holds, and the daemon busy for a moment. */
#define WRITE_WAIT_MS 30000

static void line_report(void *userdata, json_t *report)
{
        _cleanup_(json_decrefp) json_t *owned = report;
        Line *line = userdata;
        int r;

        if (!owned || line->broken)
                return;
        r = json_stream_write(&line->stream, owned);
        if (r < 0) {
                line->broken = true;
                (void)log_debug_errno(r, "The daemon does not listen any more: %m");
        }
}

/* Until there is something to read, or `usec` have passed; `fd` beside the line may be -1. */
static void line_poll(Line *line, uint64_t usec, int fd)
{
        struct pollfd fds[] = {
                { .fd = line->broken ? -1 : line->stream.fd, .events = POLLIN },
                { .fd = fd, .events = POLLIN },
        };
        struct timespec timeout = {
                .tv_sec = (time_t)(usec / USEC_PER_SEC),
                .tv_nsec = (long)(usec % USEC_PER_SEC * 1000),
        };

        (void)ppoll(fds, ELEMENTSOF(fds), &timeout, NULL);
}

/* Takes one message in; *ret is a reply, if it was one. 1, or 0 when none is there yet. */
static int line_take(Line *line, json_t **ret)
{
        _cleanup_(json_decrefp) json_t *message = NULL;
        const char *request;
        int r;

        if (line->broken)
                return 0;
        r = json_stream_read(&line->stream, &message);
        if (r == -EAGAIN)
                return 0;
        if (r <= 0) {
                line->broken = true;
                return 0;
        }
        request = json_get_string(message, "request", "");
        if (streq(request, "look") || streq(json_get_string(message, "reply", ""), "look")) {
                json_decref(line->heard);
                line->heard = TAKE_PTR(message);
                line->heard_is_new = true;
                return 1;
        }
        if (streq(request, "cancel"))
                line->cancel_wanted = true;
        else if (streq(request, "thaw"))
                line->thaw_wanted = true;
        else if (json_object_get(message, "reply"))
                *ret = TAKE_PTR(message);
        return 1;
}

/* All that has arrived. A message may have come with the one before: poll(2) knows nothing of it. */
static void line_take_all(Line *line)
{
        json_t *reply = NULL;

        while (line_take(line, &reply) > 0) {
                json_decref(reply);
                reply = NULL;
        }
}

static bool line_cancelled(void *userdata)
{
        Line *line = userdata;

        line_take_all(line);
        return line->cancel_wanted || line->broken;
}

static bool line_gone(void *userdata)
{
        Line *line = userdata;

        line_take_all(line);
        return line->broken;
}

static bool line_given_back(void *userdata)
{
        Line *line = userdata;

        line_take_all(line);
        return line->thaw_wanted;
}

static json_t *line_heard(void *userdata)
{
        Line *line = userdata;

        line_take_all(line);
        line->heard_is_new = false;
        return TAKE_PTR(line->heard);
}

static void line_wait(void *userdata, uint64_t usec, int fd)
{
        Line *line = userdata;

        if (!line_cancelled(line) && !line_given_back(line) && !line->heard_is_new)
                line_poll(line, usec, fd);
        line->heard_is_new = false; /* whoever does not want it must not be kept awake by it */
}

static int line_prepare(void *userdata, unsigned *ret_participants, unsigned *ret_agreed)
{
        uint64_t now_usec = clock_usec(), end_usec = now_usec + PREPARE_USEC_MAX;
        Line *line = userdata;

        line_report(line, json_pack("{s:s}", "report", "prepare"));
        for (; !line->broken && !line->cancel_wanted && now_usec < end_usec; now_usec = clock_usec()) {
                _cleanup_(json_decrefp) json_t *reply = NULL;

                if (line_take(line, &reply) <= 0) {
                        line_poll(line, end_usec - now_usec, -1);
                        continue;
                }
                if (!reply || !streq(json_get_string(reply, "reply", ""), "prepared"))
                        continue;
                *ret_participants = (unsigned)json_get_u64(reply, "participants", 0);
                *ret_agreed = (unsigned)json_get_u64(reply, "agreed", 0);
                return 0;
        }
        return line->broken ? -EPIPE : line->cancel_wanted ? 0 : -ETIMEDOUT;
}

void line_init(Line *line, int fd)
{
        *line = (Line){
                .observer = {
                        .userdata = line,
                        .report = line_report,
                        .prepare = line_prepare,
                        .cancelled = line_cancelled,
                        .gone = line_gone,
                        .given_back = line_given_back,
                        .heard = line_heard,
                        .wait = line_wait,
                },
        };
        json_stream_init(&line->stream, fd);
        line->stream.write_wait_ms = WRITE_WAIT_MS;
}

void line_done(Line *line)
{
        json_stream_done(&line->stream);
        json_decref(line->heard);
}

int line_read_request(Line *line, json_t **ret)
{
        int r = json_stream_read(&line->stream, ret);

        if (r <= 0)
                return r == 0 ? -EPIPE : r;
        /* From here on it is read between other work, and never waited for but in poll(2). */
        if (fcntl(line->stream.fd, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        return 0;
}

static const char *result_name(int r, const Bake *bake)
{
        if (r >= 0)
                return "done";
        return bake->failure.kind == FAILURE_CANCELLED ? "cancelled" : "failed";
}

void line_send_result(Line *line, int r, const Bake *bake)
{
        _cleanup_(json_decrefp) json_t *result = json_object();
        _cleanup_(freep) char *error = NULL;
        const Record *record = &bake->record;
        json_t *snapshots = json_array();

        for (size_t i = 0; snapshots && i < record->snapshots.count; i++)
                (void)json_array_append_new(snapshots, json_string(record->snapshots.items[i]));
        if (r < 0)
                (void)string_printf(
                        &error, "org.quiesced1.Error.%s", failure_name(bake->failure.kind));
        (void)json_object_update_new(result,
                json_pack("{s:s,s:s,s:s*,s:o,s:s*,s:I,s:s*,s:o*}", "report", "result", "result",
                        result_name(r, bake), "image", record->image_id, "snapshots", snapshots,
                        "consistency",
                        record->volumes.count > 0 ? consistency_names[record->reached] : NULL,
                        "frozen-usec", (json_int_t)record->frozen_usec, "error", error, "message",
                        json_text(bake->failure.message)));
        line_report(line, TAKE_PTR(result));
}
