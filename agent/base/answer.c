/* SPDX-License-Identifier: Apache-2.0 */
/* An object that may be too long for one line of JSON, cut into pieces and joined again. */

#include "base/answer.h"

typedef struct Cut {
        void (*send)(void *userdata, json_t *piece);
        void *userdata;
} Cut;

static size_t bytes_of(const json_t *value)
{
        return json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* All but the items of its arrays, so that an empty array arrives as well. */
static int send_frame(const Cut *cut, const json_t *answer)
{
        _cleanup_(json_decrefp) json_t *frame = json_object();
        const char *key;
        json_t *value;

        if (!frame)
                return -ENOMEM;
        json_object_foreach((json_t *)answer, key, value) {
                json_t *member = json_is_array(value) ? json_array() : json_incref(value);

                if (json_object_set_new(frame, key, member) < 0)
                        return -ENOMEM;
        }
        cut->send(cut->userdata, TAKE_PTR(frame));
        return 0;
}

/* As many items from `first` on as fit, at least one; how many they were, or -ENOMEM. */
static ssize_t send_items(const Cut *cut, const char *key, const json_t *array, size_t first)
{
        _cleanup_(json_decrefp) json_t *piece = NULL, *items = json_array();
        size_t n = 0, bytes = 0;

        for (; first + n < json_array_size(array) && bytes < ANSWER_PIECE_BYTES; n++) {
                json_t *item = json_array_get(array, first + n);

                bytes += bytes_of(item);
                if (json_array_append(items, item) < 0)
                        return -ENOMEM;
        }
        piece = json_pack("{s:O}", key, items);
        if (!piece)
                return -ENOMEM;
        cut->send(cut->userdata, TAKE_PTR(piece));
        return (ssize_t)n;
}

int answer_cut(
        const json_t *answer, void (*send)(void *userdata, json_t *piece), void *userdata)
{
        const Cut cut = { send, userdata };
        const char *key;
        json_t *value;
        int r;

        if (bytes_of(answer) <= ANSWER_PIECE_BYTES) {
                send(userdata, json_incref((json_t *)answer));
                return 0;
        }
        r = send_frame(&cut, answer);
        if (r < 0)
                return r;
        json_object_foreach((json_t *)answer, key, value) {
                ssize_t n;

                for (size_t i = 0; i < json_array_size(value); i += (size_t)n) {
                        n = send_items(&cut, key, value, i);
                        if (n < 0)
                                return (int)n;
                }
        }
        return 0;
}

static int join_member(json_t *object, const char *key, json_t *value)
{
        json_t *present = json_object_get(object, key);
        int r;

        if (!json_is_array(value))
                r = json_object_set(object, key, value);
        else if (json_is_array(present))
                r = json_array_extend(present, value);
        else /* a copy: the piece stays as it is when this one grows */
                r = json_object_set_new(object, key, json_copy(value));
        return r < 0 ? -ENOMEM : 0;
}

int answer_join(Answer *answer, const json_t *piece)
{
        const char *key;
        json_t *value;
        int r;

        if (!json_is_object(piece))
                return -EBADMSG;
        answer->bytes += bytes_of(piece);
        if (answer->bytes > ANSWER_BYTES_MAX) {
                json_decref(answer->object);
                answer->object = NULL;
                return -EMSGSIZE;
        }
        if (!answer->object)
                answer->object = json_object();
        if (!answer->object)
                return -ENOMEM;
        json_object_foreach((json_t *)piece, key, value) {
                r = join_member(answer->object, key, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

void answer_done(Answer *answer)
{
        json_decref(answer->object);
        *answer = (Answer){ 0 };
}
