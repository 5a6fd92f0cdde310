/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The worker's line to the daemon: reports go out, requests and replies come in. */

#include "flow/bake.h"

typedef struct Line {
        JsonStream stream;
        Observer observer; /* its userdata is this line */
        bool broken; /* the daemon is gone: the job ends */
        bool cancel_wanted;
        bool thaw_wanted;
        json_t *heard; /* what was said last about looks, until it is taken */
        bool heard_is_new; /* nobody was woken for it yet */
} Line;

void line_init(Line *line, int fd);
void line_done(Line *line);

/* The first line, the request: 0, or a negative errno. */
int line_read_request(Line *line, json_t **ret);

/* The last line: `r` is what the job returned. */
void line_send_result(Line *line, int r, const Bake *bake);
