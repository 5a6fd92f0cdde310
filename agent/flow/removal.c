/* SPDX-License-Identifier: Apache-2.0 */
/* What earlier jobs made goes away. */

#include "flow/removal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/reconsider.h"
#include "flow/removal-bundle.h"
#include "flow/removal-doubt.h"
#include "flow/removal-image.h"
#include "flow/removal-instance.h"
#include "flow/removal-snapshot.h"

/* In the message; all of them are in the details. */
#define NAMED_MAX 5

static const char *const kinds[] = { "images", "snapshots", "bundles", "instances" };

/* --- Instances that were launched from the images --------------------------------------------- */

static json_t *find_entry(json_t *entries, const char *id)
{
        json_t *entry;
        size_t i;

        json_array_foreach(entries, i, entry)
                if (streq(entry_id(entry), id))
                        return entry;
        return NULL;
}

static int note_instances(json_t *images, const Ec2InstanceList *instances)
{
        for (size_t i = 0; i < instances->count; i++) {
                const Ec2Instance *instance = &instances->items[i];
                json_t *image = find_entry(images, instance->image_id ? instance->image_id : "");

                if (image && ec2_instance_is_alive(instance) &&
                        entry_add(image, "instances", json_string(instance->id)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* They run on, whatever becomes of the image: it is only told. */
static int learn_instances(Removal *removal)
{
        json_t *images = removal_entries(removal, "images"), *image;
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(ec2_instance_list_done) Ec2InstanceList instances = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2InstanceFilter filter = { .image_ids = &ids };
        size_t i;
        int r;

        json_array_foreach(images, i, image) {
                if (entry_is_settled(image) || json_object_get(image, "instances"))
                        continue;
                if (json_object_set_new(image, "instances", json_array()) < 0 ||
                        string_list_add(&ids, entry_id(image)) < 0)
                        return -ENOMEM;
        }
        if (ids.count == 0)
                return 0;
        r = ec2_describe_instances(removal->bake->aws, &filter, &instances, &error);
        if (r < 0)
                return r;
        if (r != 0)
                log_warning("Which instances were launched from the images is not known: %s",
                        error.message ? error.message : ec2_outcome_to_string((Ec2Outcome)r));
        return note_instances(images, &instances);
}

/* --- What came of it -------------------------------------------------------------------------- */

static int add_left(json_t *left, const char *id, const char *reason)
{
        return json_array_append_new(left,
                       json_pack("{s:s,s:o}", "id", id, "reason", json_text(reason))) < 0 ?
                -ENOMEM :
                0;
}

/* Of an entry that has done what could be done: what is gone with it. */
static json_t *tell_removed(const json_t *entry, const char *kind)
{
        bool is_image = streq(kind, "images");
        const json_t *name = json_object_get(entry, "name");
        json_t *told = json_pack("{s:s}", "id", entry_id(entry));

        if (is_image && told)
                (void)json_object_update_new(told,
                        json_pack("{s:s,s:O?,s:O*,s:O*}", "image", entry_id(entry), "name", name,
                                "snapshots", json_object_get(entry, "gone"), "skipped",
                                json_object_get(entry, "skipped")));
        if (is_image && told && json_get_bool(entry, "bundle-gone", false))
                (void)json_object_set(told, "bundle", json_object_get(entry, "bundle"));
        return told;
}

static int tell_entry(json_t *details, const json_t *entry, const char *kind)
{
        const char *left = json_get_string(entry, "left", NULL);
        const json_t *instance;
        size_t i;

        if (!json_get_bool(entry, "done", false) && left &&
                add_left(json_object_get(details, "left"), entry_id(entry), left) < 0)
                return -ENOMEM;
        if ((json_get_bool(entry, "done", false) || json_get_bool(entry, "deregistered", false)) &&
                json_array_append_new(
                        json_object_get(details, "removed"), tell_removed(entry, kind)) < 0)
                return -ENOMEM;
        json_array_foreach(json_object_get(entry, "instances"), i, instance)
                if (json_array_append_new(json_object_get(details, "instances"),
                            json_pack("{s:O,s:s}", "id", instance, "image", entry_id(entry))) < 0)
                        return -ENOMEM;
        return 0;
}

/* Those that stay after all; of a set once, by the job that made it. */
static int tell_stays(json_t *stays, const json_t *entry, const char **last_set)
{
        const char *reason = json_get_string(entry, "stays", NULL);
        const char *set = json_get_string(entry, "set", NULL);

        if (!reason || (set && streq_ptr(set, *last_set)))
                return 0;
        *last_set = set;
        return add_left(stays, set ? set : entry_id(entry), reason);
}

/* What was chosen and stays has not been counted among what is kept. */
static int tell_kept(const Removal *removal, json_t *details)
{
        json_t *stays = json_object_get(details, "stays");
        uint64_t kept = json_get_u64(removal->record, "kept", UINT64_MAX);

        if (kept == UINT64_MAX)
                return 0;
        return json_object_set_new(details, "kept",
                       json_integer((json_int_t)(kept + json_array_size(stays)))) < 0 ?
                -ENOMEM :
                0;
}

/* Into the record's details, which may say more already. */
static int tell(const Removal *removal)
{
        Record *record = &removal->bake->record;
        _cleanup_(json_decrefp) json_t *details = json_pack(
                "{s:[],s:[],s:[]}", "removed", "left", "instances");

        if (!details || (removal->is_retention &&
                                json_object_set_new(details, "stays", json_array()) < 0))
                return -ENOMEM;
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                const char *last_set = NULL;
                const json_t *entry;
                size_t i;

                json_array_foreach(removal_entries(removal, kinds[k]), i, entry)
                        if (tell_entry(details, entry, kinds[k]) < 0 ||
                                tell_stays(json_object_get(details, "stays"), entry, &last_set) < 0)
                                return -ENOMEM;
        }
        if (tell_kept(removal, details) < 0)
                return -ENOMEM;
        if (!record->details) {
                record->details = TAKE_PTR(details);
                return 0;
        }
        return json_object_update(record->details, details) < 0 ? -ENOMEM : 0;
}

/* --- The end ---------------------------------------------------------------------------------- */

typedef struct Remainder {
        size_t n_left; /* to be tried again */
        size_t n_half; /* of these: images that are deregistered and have snapshots */
        FailureKind refused; /* of the first that stays for good */
        size_t n_named;
        Text names; /* and reasons */
} Remainder;

static void remainder_done(Remainder *remainder)
{
        text_done(&remainder->names);
}

static int count_entry(Remainder *remainder, json_t *entry)
{
        const char *error = json_get_string(entry, "error", NULL);

        if (json_get_bool(entry, "done", false) || json_object_get(entry, "stays"))
                return 0;
        if (entry_leave(entry, "it was not tried") < 0)
                return -ENOMEM;
        if (!error)
                remainder->n_left++;
        else if (remainder->refused == FAILURE_NONE)
                remainder->refused = failure_from_name(error);
        remainder->n_half += entry_is_half(entry);
        if (remainder->n_named++ >= NAMED_MAX)
                return 0;
        return text_addf(&remainder->names, "%s%s: %s", remainder->n_named > 1 ? "; " : "",
                entry_id(entry), json_get_string(entry, "left", ""));
}

static int count_remainder(const Removal *removal, Remainder *ret)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                json_t *entry;
                size_t i;

                json_array_foreach(removal_entries(removal, kinds[k]), i, entry)
                        if (count_entry(ret, entry) < 0)
                                return -ENOMEM;
        }
        if (ret->n_named > NAMED_MAX)
                return text_addf(&ret->names, "; and %zu more", ret->n_named - NAMED_MAX);
        return 0;
}

static int finish(Bake *bake, RecordState state)
{
        bake->record.state = state;
        bake->record.finished_usec = clock_realtime_usec();
        return bake_save(bake);
}

/* The failure goes on record, for whoever asks later. */
static int note_failure(Bake *bake)
{
        bake->record.error = bake->failure.kind;
        if (!bake->failure.message)
                return 0;
        return string_replace(&bake->record.message, bake->failure.message);
}

static void forget_failure(Record *record)
{
        record->error = FAILURE_NONE;
        free(record->message);
        record->message = NULL;
}

/* Also to whoever waits for it: without it he would not know what is gone. */
static int report(Bake *bake)
{
        return observer_details(bake->observer, json_incref(bake->record.details));
}

static int end_left(Bake *bake, const Remainder *remainder)
{
        const char *names = remainder->names.data ? remainder->names.data : "";
        bool is_cancelled = bake->failure.kind == FAILURE_CANCELLED;

        failure_done(&bake->failure);
        if (is_cancelled)
                (void)failure_set(&bake->failure, FAILURE_CANCELLED, -ECANCELED,
                        "The job was cancelled; what it had begun is removed later (%s)", names);
        else
                (void)failure_set(&bake->failure, FAILURE_LEFT_OVER, -EREMOTEIO,
                        "Not all could be removed (%s); quiesced tries again later", names);
        if (note_failure(bake) < 0)
                return -ENOMEM;
        (void)bake_save(bake); /* it is "removing" still */
        return -EREMOTEIO;
}

static int end_refused(Bake *bake, const Remainder *remainder)
{
        (void)failure_set(&bake->failure, remainder->refused, -EPERM, "Not all may be removed (%s)",
                remainder->names.data ? remainder->names.data : "");
        if (note_failure(bake) < 0)
                return -ENOMEM;
        (void)finish(bake, RECORD_FAILED);
        return -EPERM;
}

static int end_cancelled(Bake *bake)
{
        if (note_failure(bake) < 0)
                return -ENOMEM;
        (void)finish(bake, RECORD_CANCELLED);
        return -ECANCELED;
}

/* Of a set with a snapshot that is gone the others are what is left: nobody would take them for that. */
static int mark_half_sets(json_t *snapshots)
{
        json_t *entry;
        size_t i;

        json_array_foreach(snapshots, i, entry)
                if (!entry_is_settled(entry) && entry_set_is_begun(snapshots, i) &&
                        json_object_set_new(entry, "begun", json_true()) < 0)
                        return -ENOMEM;
        return 0;
}

bool removal_keep_half(json_t *record)
{
        bool is_half = false;

        (void)mark_half_sets(json_object_get(record, "snapshots"));
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                json_t *entries = json_object_get(record, kinds[k]);

                for (size_t i = json_array_size(entries); i > 0; i--) {
                        if (entry_is_half(json_array_get(entries, i - 1)))
                                is_half = true;
                        else
                                (void)json_array_remove(entries, i - 1);
                }
        }
        return is_half;
}

/* Of that alone, whatever else was chosen. */
static int end_half(Removal *removal)
{
        _cleanup_(remainder_done) Remainder half = { 0 };

        (void)removal_keep_half(removal->record);
        if (count_remainder(removal, &half) < 0)
                return failure_set(
                        &removal->bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return end_left(removal->bake, &half);
}

/* A daemon that died ends the calls under way as well: what is on record is gone on with. */
static bool is_cancelled(const Bake *bake)
{
        return bake->failure.kind == FAILURE_CANCELLED &&
                !bake->observer->gone(bake->observer->userdata);
}

/* `r` is how far the work came: what is half removed is finished later, whoever cancelled it. */
static int removal_end(Removal *removal, int r)
{
        _cleanup_(remainder_done) Remainder remainder = { 0 };
        Bake *bake = removal->bake;

        if (r < 0 && !is_cancelled(bake))
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "The removal failed: %s",
                        strerror(-r));
        if ((r < 0 && bake->resumed && removal_settle_doubt(removal) < 0) ||
                mark_half_sets(removal_entries(removal, "snapshots")) < 0 ||
                count_remainder(removal, &remainder) < 0 || tell(removal) < 0 || report(bake) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        if (r < 0 && remainder.n_half == 0)
                return end_cancelled(bake);
        if (r < 0)
                return end_half(removal);
        if (remainder.n_left > 0)
                return end_left(bake, &remainder);
        if (remainder.refused != FAILURE_NONE)
                return end_refused(bake, &remainder);
        forget_failure(&bake->record);
        return finish(bake, RECORD_DONE);
}

/* What is left of an earlier attempt is tried again. */
static void forget_attempts(const Removal *removal)
{
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++) {
                json_t *entry;
                size_t i;

                json_array_foreach(removal_entries(removal, kinds[k]), i, entry)
                        if (!entry_is_settled(entry))
                                (void)json_object_del(entry, "left");
        }
}

int removal_work(Removal *removal)
{
        Bake *bake = removal->bake;
        int r;

        observer_step(bake->observer, STEP_REMOVE);
        bake->record.state = RECORD_REMOVING;
        forget_attempts(removal);
        r = reconsider_choice(removal);
        bake->deaf = true; /* a cancel is heeded between two images, not within one */
        if (r >= 0)
                r = learn_instances(removal);
        if (r >= 0)
                r = bake_save(bake);
        if (r >= 0) {
                observer_say(bake->observer, "followed"); /* what goes is settled: EC2 does the rest */
                r = removal_remove_images(removal);
        }
        if (r >= 0 && !removal->stop)
                r = removal_delete_skipped(removal);
        if (r >= 0 && !removal->stop)
                r = removal_delete_snapshots(removal);
        if (r >= 0 && !removal->stop)
                r = removal_delete_bundles(removal);
        if (r >= 0 && !removal->stop)
                r = removal_end_instances(removal);
        r = removal_end(removal, r);
        bake->deaf = false;
        return r;
}

int removal_give_up(Bake *bake, bool is_retention, int error)
{
        Removal removal = {
                .bake = bake, .record = bake->record.removal, .is_retention = is_retention
        };

        if (!is_cancelled(bake))
                return error;
        bake->deaf = true; /* what is half gone can still be asked about */
        error = removal_end(&removal, error);
        bake->deaf = false;
        return error;
}

int removal_run(Bake *bake, bool is_retention)
{
        _cleanup_(removal_done) Removal removal = {
                .bake = bake, .record = bake->record.removal, .is_retention = is_retention
        };
        int r;

        bake->record.state = RECORD_REMOVING;
        r = bake_save(bake);
        if (r >= 0)
                r = removal_read_locks(&removal);
        return r < 0 ? removal_give_up(bake, is_retention, r) : removal_work(&removal);
}
