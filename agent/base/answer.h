/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An object that may be too long for one line of JSON, cut into pieces and joined again. This is
 * how the worker's reports "answer" and "details" go to the daemon, each piece under the report's
 * own name: {"report": "answer", "answer": PIECE}, once or more often, and then the result.
 *
 * Pieces are joined in their order: an array that is there already is lengthened by the piece's
 * array, and any other member is set. So a short answer is its own only piece, and a long one is
 * cut inside the arrays that are members of it, never inside their items.
 */

#include "base/json.h"

/* Of the arrays in one piece: with one item more, it is still far from JSON_LINE_MAX. */
#define ANSWER_PIECE_BYTES (256 * 1024)

/* Of all pieces together; the system's bus ends a connection that sends 32 MiB in one message. */
#define ANSWER_BYTES_MAX (24 * 1024 * 1024)

typedef struct Answer {
        json_t *object; /* NULL before the first piece */
        size_t bytes;
} Answer;

/* Gives `send` the pieces, which it takes over, one after another: 0 or -ENOMEM. */
int answer_cut(
        const json_t *answer, void (*send)(void *userdata, json_t *piece), void *userdata);

/*
 * 0, -EBADMSG for what is no object, -ENOMEM, or -EMSGSIZE past ANSWER_BYTES_MAX: then nothing is
 * left of it, and no later piece is taken.
 */
int answer_join(Answer *answer, const json_t *piece);
void answer_done(Answer *answer);
