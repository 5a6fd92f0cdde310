/* SPDX-License-Identifier: Apache-2.0 */
/* Who watches a job: is told what happens, and may say that it shall end. */

#include "flow/observer.h"

#include "base/answer.h"

static const char *const step_names[STEP_MAX] = {
        [STEP_IDENTITY] = "identity",
        [STEP_TOPOLOGY] = "topology",
        [STEP_PLAN] = "plan",
        [STEP_QUIESCE] = "quiesce",
        [STEP_CUT] = "cut",
        [STEP_THAW] = "thaw",
        [STEP_COMPLETE] = "complete",
        [STEP_VERIFY] = "verify",
        [STEP_PUBLISH] = "publish",
        [STEP_RETAIN] = "retain",
        [STEP_REMOVE] = "remove",
};

void observer_send(const Observer *observer, const char *kind, json_t *object)
{
        if (object && json_object_set_new(object, "report", json_string(kind)) < 0) {
                json_decref(object);
                object = NULL;
        }
        observer->report(observer->userdata, object);
}

void observer_say(const Observer *observer, const char *kind)
{
        observer_send(observer, kind, json_object());
}

void observer_step(const Observer *observer, Step step)
{
        observer_send(observer, "step", json_pack("{s:s}", "step", step_names[step]));
}

void observer_progress(const Observer *observer, unsigned percent)
{
        observer_send(observer, "progress", json_pack("{s:i}", "percent", (int)percent));
}

typedef struct Pieces {
        const Observer *observer;
        const char *kind;
} Pieces;

static void send_piece(void *userdata, json_t *piece)
{
        const Pieces *pieces = userdata;

        observer_send(pieces->observer, pieces->kind, json_pack("{s:o}", pieces->kind, piece));
}

static int send_pieces(const Observer *observer, const char *kind, json_t *object)
{
        _cleanup_(json_decrefp) json_t *owned = object;
        Pieces pieces = { observer, kind };

        return owned ? answer_cut(owned, send_piece, &pieces) : -ENOMEM;
}

int observer_answer(const Observer *observer, json_t *answer)
{
        return send_pieces(observer, "answer", answer);
}

int observer_details(const Observer *observer, json_t *details)
{
        return send_pieces(observer, "details", details);
}
