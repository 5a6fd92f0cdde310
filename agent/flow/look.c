/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One look at EC2 for all the jobs of this host that wait for it:
 *
 *      a job's worker        the daemon                 the worker that looks
 *      wish: these, within -->
 *      wish: those, within --> later; when the first is due:
 *                              look: these and those ---> DescribeSnapshots, DescribeImages
 *      reply with these   <--- looked                <---
 *      reply with those   <---
 *
 * Nothing depends on it: whoever gets no reply looks for himself, when he would have done so anyway.
 */

#include "flow/look.h"

#include "base/clock.h"
#include "base/text.h"
#include "flow/identify.h"

/* The daemon replaces a worker that says nothing for longer (WorkerSilenceSec=). */
#define SLICE_USEC (15 * USEC_PER_SEC)

/* Longer than a call is tried while EC2 has too many of them, or its network is away. */
#define LATE_USEC (180 * USEC_PER_SEC)

/* --- Asked for -------------------------------------------------------------------------------- */

static json_t *list_ids(const StringList *ids)
{
        json_t *array = json_array();

        for (size_t i = 0; array && i < ids->count; i++)
                if (json_array_append_new(array, json_string(ids->items[i])) < 0)
                        return json_decref(array), NULL;
        return array;
}

static void send_wish(Bake *bake, LookAt what, uint64_t usec)
{
        static const StringList none = STRING_LIST_INIT;
        const Record *record = &bake->record;
        json_t *wish = json_pack("{s:I,s:I,s:s,s:o,s:[]}", "serial",
                (json_int_t)++bake->look_serial, "within-usec", (json_int_t)usec, "region",
                aws_client_region(bake->aws), "snapshots",
                list_ids(what & LOOK_AT_SNAPSHOTS ? &record->snapshots : &none), "images");

        if ((what & LOOK_AT_IMAGE) && record->image_id)
                (void)json_array_append_new(
                        json_object_get(wish, "images"), json_string(record->image_id));
        observer_send(bake->observer, "wish", wish);
}

/* The reply to the last wish, as far as it is there; an earlier one comes too late. */
static json_t *take_reply(Bake *bake)
{
        json_t *reply = bake->observer->heard(bake->observer->userdata);

        if (reply && json_get_u64(reply, "serial", 0) == bake->look_serial)
                return reply;
        json_decref(reply);
        return NULL;
}

static void wait_until(Bake *bake, uint64_t end_usec)
{
        uint64_t now_usec = clock_usec();
        uint64_t left_usec = end_usec > now_usec ? end_usec - now_usec : 0;

        bake->observer->wait(bake->observer->userdata,
                left_usec < SLICE_USEC ? left_usec : SLICE_USEC, /* fd= */ -1);
}

void look_await(Bake *bake, LookAt what, uint64_t usec, json_t **ret)
{
        uint64_t due_usec = clock_usec() + usec, end_usec = due_usec;

        send_wish(bake, what, usec);
        while (!bake_cancelled(bake) && clock_usec() < end_usec) {
                _cleanup_(json_decrefp) json_t *reply = take_reply(bake);
                json_t *sight = json_object_get(reply, "sight");

                if (sight) {
                        *ret = json_incref(sight);
                        return;
                }
                if (json_get_bool(reply, "later", false))
                        end_usec = due_usec + LATE_USEC;
                else if (reply)
                        end_usec = due_usec;
                else
                        wait_until(bake, end_usec);
        }
}

/* --- Taken ------------------------------------------------------------------------------------ */

static int read_ids(const json_t *order, const char *key, StringList *ret)
{
        const json_t *id;
        size_t i;

        json_array_foreach(json_object_get(order, key), i, id)
                if (json_is_string(id) && string_list_add(ret, json_string_value(id)) < 0)
                        return -ENOMEM;
        return 0;
}

static StringList part_of(const StringList *ids, size_t from)
{
        StringList part = { ids->items + from, ids->count - from };

        if (part.count > EC2_FILTER_VALUES_MAX)
                part.count = EC2_FILTER_VALUES_MAX;
        return part;
}

/* Ids cost EC2 least, but one that it does not know, or not yet, makes it refuse them all. */
static int describe(
        AwsClient *client, const StringList *ids, Ec2SnapshotList *ret, ApiError *reterr)
{
        const Ec2SnapshotFilter by_id = { .ids = ids }, by_filter = { .among = ids };
        int r = ec2_describe_snapshots(client, &by_id, /* flags= */ 0, ret, reterr);

        if (r != EC2_E_NOT_FOUND)
                return r;
        api_error_done(reterr);
        return ec2_describe_snapshots(client, &by_filter, /* flags= */ 0, ret, reterr);
}

static int look_at_snapshots(
        AwsClient *client, const StringList *ids, json_t *sight, ApiError *reterr)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < ids->count; i += EC2_FILTER_VALUES_MAX) {
                _cleanup_(ec2_snapshot_list_done) Ec2SnapshotList snapshots = { 0 };
                const StringList part = part_of(ids, i);

                r = describe(client, &part, &snapshots, reterr);
                if (r == 0)
                        r = sight_add_snapshots(sight, &snapshots);
        }
        return r;
}

static int look_at_images(AwsClient *client, const StringList *ids, json_t *sight, ApiError *reterr)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < ids->count; i += EC2_FILTER_VALUES_MAX) {
                _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
                const StringList part = part_of(ids, i);
                const Ec2ImageFilter filter = { .ids = &part };

                r = ec2_describe_images(client, &filter, /* flags= */ 0, &images, reterr);
                if (r == 0)
                        r = sight_add_images(sight, &images);
        }
        return r;
}

/* What does not pass by waiting is found, and told, by each job for itself. */
static int note_outcome(json_t *sight, int outcome, const ApiError *error)
{
        bool throttled = outcome == EC2_E_REFUSED &&
                api_error_classify(error) == API_ERROR_THROTTLED;

        if (outcome <= 0)
                return outcome;
        (void)json_object_clear(sight);
        if (!bake_outcome_passes(outcome, error))
                return 0;
        return json_object_update_new(sight,
                       json_pack("{s:b,s:b}", "blind", true, "throttled", throttled)) < 0 ?
                -ENOMEM :
                0;
}

static int look(AwsClient *client, const json_t *order, json_t *sight)
{
        _cleanup_(string_list_done) StringList snapshots = STRING_LIST_INIT;
        _cleanup_(string_list_done) StringList images = STRING_LIST_INIT;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (read_ids(order, "snapshots", &snapshots) < 0 ||
                read_ids(order, "images", &images) < 0)
                return -ENOMEM;
        r = look_at_snapshots(client, &snapshots, sight, &error);
        if (r == 0)
                r = look_at_images(client, &images, sight, &error);
        return note_outcome(sight, r, &error);
}

/* Kept from look to look, as long as all are in one region. */
static int open_region(Bake *bake, const char *region)
{
        if (bake->aws && streq(aws_client_region(bake->aws), region))
                return 0;
        bake->aws = aws_client_free(bake->aws);
        return bake_open_client(bake, "ec2", region, &bake->aws);
}

static int obey(Bake *bake, const json_t *order)
{
        _cleanup_(json_decrefp) json_t *sight = json_object();
        int r = open_region(bake, json_get_string(order, "region", ""));

        if (r < 0)
                return r;
        r = sight ? look(bake->aws, order, sight) : -ENOMEM;
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "The look failed: %s",
                        strerror(-r));
        observer_send(bake->observer, "looked",
                json_pack("{s:O*,s:O}", "round", json_object_get(order, "round"), "sight", sight));
        return 0;
}

int run_look(Bake *bake, const BakeRequest *request)
{
        const Observer *observer = bake->observer;
        int r = bake_identify(bake);

        while (r >= 0 && !observer->cancelled(observer->userdata)) {
                _cleanup_(json_decrefp) json_t *order = observer->heard(observer->userdata);

                if (order)
                        r = obey(bake, order);
                else
                        observer->wait(observer->userdata, SLICE_USEC, /* fd= */ -1);
        }
        return r;
}
