/* SPDX-License-Identifier: Apache-2.0 */
/* Things of the account that belong to nothing any more. */

#include "flow/orphans.h"

#include "base/clock.h"
#include "base/text.h"
#include "flow/labels.h"
#include "flow/origin.h"
#include "flow/verify-keys.h"

#define MIB (UINT64_C(1024) * 1024)
#define MIB_PER_GIB 1024
#define GIB (MIB * MIB_PER_GIB)
#define MICRO 1e6

/*
 * A verification takes minutes, see Status checks in the EC2 User Guide, and one of our own that takes
 * longer lays claim to its instance. Of another host's nobody here knows how long it may take.
 */
#define OWN_VERIFY_USEC (3600 * USEC_PER_SEC)
#define THEIR_VERIFY_USEC (OWN_VERIFY_USEC + VERIFY_TIMEOUT_MAX_USEC)

static void orphan_done(Orphan *orphan)
{
        free(orphan->id);
        free(orphan->of);
        *orphan = (Orphan){ 0 };
}

void orphan_list_done(OrphanList *orphans)
{
        for (size_t i = 0; i < orphans->count; i++)
                orphan_done(&orphans->items[i]);
        free(orphans->items);
        *orphans = (OrphanList){ 0 };
}

const Orphan *orphan_list_find(const OrphanList *orphans, const char *id)
{
        for (size_t i = 0; i < orphans->count; i++)
                if (streq(orphans->items[i].id, id))
                        return &orphans->items[i];
        return NULL;
}

int orphan_list_add(OrphanList *orphans, const Orphan *orphan)
{
        Orphan *added = ARRAY_ADD(orphans->items, orphans->count);

        if (!added)
                return -ENOMEM;
        *added = *orphan;
        added->id = strdup(orphan->id);
        added->of = strdup(orphan->of);
        return added->id && added->of ? 0 : -ENOMEM;
}

void orphan_list_drop(OrphanList *orphans, size_t index)
{
        orphan_done(&orphans->items[index]);
        orphans->count--;
        memmove(&orphans->items[index], &orphans->items[index + 1],
                (orphans->count - index) * sizeof(Orphan));
}

void orphan_scene_done(OrphanScene *scene)
{
        string_list_done(&scene->claims);
        string_list_done(&scene->locked);
        string_list_done(&scene->images);
        string_list_done(&scene->used);
        string_list_done(&scene->jobs);
        string_list_done(&scene->pending);
        string_list_done(&scene->places);
        orphan_list_done(&scene->in_s3);
}

/* --- What there is ---------------------------------------------------------------------------- */

static bool is_older(const OrphanScene *scene, uint64_t created_usec, uint64_t age_usec)
{
        return created_usec > 0 && created_usec <= scene->now_usec &&
                scene->now_usec - created_usec >= age_usec;
}

static bool is_own(const OrphanScene *scene, const TagList *tags)
{
        return tag_list_get(tags, LABEL_JOB) &&
                streq_ptr(tag_list_get(tags, LABEL_INSTANCE), scene->instance_id);
}

static bool is_claimed(const OrphanScene *scene, const char *id, const TagList *tags)
{
        const char *job = tag_list_get(tags, LABEL_JOB);

        return string_list_has_sorted(&scene->claims, id) ||
                (job && string_list_has_sorted(&scene->claims, job));
}

/* One that lies in S3, and is an orphan if its manifest does not. */
static int add_in_s3(OrphanScene *scene, const Ec2Image *image)
{
        const Orphan orphan = {
                .kind = ORPHAN_IMAGE,
                .id = image->id,
                .of = image->location,
                .own = is_own(scene, &image->tags),
                .created_usec = image->created_usec,
        };

        if (string_list_add(&scene->places, image->location) < 0)
                return -ENOMEM;
        if ((image->state != EC2_IMAGE_AVAILABLE && image->state != EC2_IMAGE_DISABLED) ||
                (!scene->all && !orphan.own) ||
                is_claimed(scene, image->id, &image->tags))
                return 0;
        return orphan_list_add(&scene->in_s3, &orphan);
}

int orphan_scene_add_image(OrphanScene *scene, const Ec2Image *image)
{
        const char *job = tag_list_get(&image->tags, LABEL_JOB);

        if (string_list_add(&scene->images, image->id) < 0 ||
                (job && string_list_add(&scene->jobs, job) < 0))
                return -ENOMEM;
        for (size_t i = 0; i < image->n_devices; i++)
                if (image->devices[i].snapshot_id &&
                        string_list_add(&scene->used, image->devices[i].snapshot_id) < 0)
                        return -ENOMEM;
        if (image->location && streq_ptr(image->root_device_type, "instance-store"))
                return add_in_s3(scene, image);
        return 0;
}

int orphan_scene_add_pending(OrphanScene *scene, const Ec2Snapshot *snapshot)
{
        const char *job = tag_list_get(&snapshot->tags, LABEL_JOB);

        if (!job || snapshot->state == EC2_SNAPSHOT_COMPLETED || snapshot->state == EC2_SNAPSHOT_ERROR)
                return 0;
        return string_list_add(&scene->pending, job);
}

void orphan_scene_sort(OrphanScene *scene)
{
        string_list_sort(&scene->claims);
        string_list_sort(&scene->locked);
        string_list_sort(&scene->images);
        string_list_sort(&scene->used);
        string_list_sort(&scene->jobs);
        string_list_sort(&scene->pending);
        string_list_sort(&scene->places);
}

/* --- What is an orphan ------------------------------------------------------------------------ */

static bool may_be_orphan(const OrphanScene *scene, const Ec2Snapshot *snapshot)
{
        return (snapshot->state == EC2_SNAPSHOT_COMPLETED || snapshot->state == EC2_SNAPSHOT_ERROR) &&
                (scene->all || is_own(scene, &snapshot->tags)) &&
                is_older(scene, snapshot->start_time_usec, scene->min_age_usec) &&
                !string_list_has_sorted(&scene->used, snapshot->id) &&
                !string_list_has_sorted(&scene->locked, snapshot->id) &&
                !is_claimed(scene, snapshot->id, &snapshot->tags);
}

/* What it belonged to and is gone; NULL if it belongs to something, or to nothing that we know. */
static const char *find_lost(const OrphanScene *scene, const Ec2Snapshot *snapshot,
        char image_id[static ORIGIN_BYTES], bool *ret_is_image)
{
        const char *kind = tag_list_get(&snapshot->tags, LABEL_KIND);
        const char *job = tag_list_get(&snapshot->tags, LABEL_JOB);

        *ret_is_image = origin_image(snapshot->description, snapshot->volume_id, image_id);
        if (*ret_is_image)
                return string_list_has_sorted(&scene->images, image_id) ? NULL : image_id;
        if (!job || !streq_ptr(kind, "image") || string_list_has_sorted(&scene->jobs, job))
                return NULL;
        /* Its host may be off, and register the image when it is back: here nobody knows the job. */
        if (!is_own(scene, &snapshot->tags) &&
                !is_older(scene, snapshot->start_time_usec, LABEL_UNFINISHED_USEC))
                return NULL;
        return job;
}

/* Of its blocks, where EC2 says so; else of the volume, of which it may hold less. */
static uint64_t size_of(const Ec2Snapshot *snapshot)
{
        if (snapshot->full_size_bytes > 0)
                return snapshot->full_size_bytes;
        return snapshot->size_gib < UINT64_MAX / GIB ? snapshot->size_gib * GIB : 0;
}

int orphans_judge_snapshot(
        const OrphanScene *scene, const Ec2Snapshot *snapshot, OrphanList *orphans)
{
        char image_id[ORIGIN_BYTES];
        Orphan orphan = {
                .kind = ORPHAN_SNAPSHOT,
                .id = snapshot->id,
                .own = is_own(scene, &snapshot->tags),
                .size_bytes = size_of(snapshot),
                .created_usec = snapshot->start_time_usec,
        };

        if (!may_be_orphan(scene, snapshot))
                return 0;
        orphan.of = (char *)(uintptr_t)find_lost(scene, snapshot, image_id, &orphan.of_is_image);
        return orphan.of ? orphan_list_add(orphans, &orphan) : 0;
}

int orphans_judge_instance(
        const OrphanScene *scene, const Ec2Instance *instance, OrphanList *orphans)
{
        const char *image_id = tag_list_get(&instance->tags, LABEL_VERIFY);
        uint64_t launched_usec = 0;
        Orphan orphan = { .kind = ORPHAN_INSTANCE, .id = instance->id, .of_is_image = true };

        if (instance->launch_time)
                (void)timestamp_parse(instance->launch_time, &launched_usec);
        orphan.of = (char *)(uintptr_t)image_id;
        orphan.created_usec = launched_usec;
        orphan.own = is_own(scene, &instance->tags);
        if (!image_id || !ec2_instance_is_alive(instance) || (!scene->all && !orphan.own) ||
                streq_ptr(instance->id, scene->instance_id) ||
                !is_older(scene, launched_usec, orphan.own ? OWN_VERIFY_USEC : THEIR_VERIFY_USEC) ||
                is_claimed(scene, instance->id, &instance->tags))
                return 0;
        return orphan_list_add(orphans, &orphan);
}

bool orphans_are_old_enough(const OrphanScene *scene, uint64_t created_usec)
{
        return is_older(scene, created_usec, scene->min_age_usec);
}

bool orphans_may_be_bundle(const OrphanScene *scene, const char *place, uint64_t created_usec)
{
        return is_older(scene, created_usec, scene->min_age_usec) &&
                !string_list_has_sorted(&scene->places, place) &&
                !string_list_has_sorted(&scene->claims, place);
}

int orphans_judge_bundle(const OrphanScene *scene, const Orphan *bundle, const TagList *tags,
        OrphanList *orphans)
{
        const char *job = tag_list_get(tags, LABEL_JOB);
        Orphan orphan = *bundle;

        orphan.kind = ORPHAN_BUNDLE;
        orphan.own = is_own(scene, tags);
        orphan.of = job ? (char *)(uintptr_t)job : bundle->of;
        if (!orphans_may_be_bundle(scene, bundle->id, bundle->created_usec) ||
                (!scene->all && !orphan.own) || is_claimed(scene, bundle->id, tags))
                return 0;
        /* As with snapshots: its host may register the image when it is back. */
        if (job && !orphan.own &&
                !is_older(scene, bundle->created_usec, LABEL_UNFINISHED_USEC))
                return 0;
        return orphan_list_add(orphans, &orphan);
}

static bool is_settled(const OrphanScene *scene, const StringList *existing, const Orphan *orphan)
{
        if (orphan->kind != ORPHAN_SNAPSHOT)
                return true;
        if (orphan->of_is_image)
                return !string_list_contains(existing, orphan->of);
        return !string_list_has_sorted(&scene->pending, orphan->of);
}

/* EC2's pages overlap when something comes or goes while they are read. */
static bool is_double(const OrphanList *orphans, size_t kept, const char *id)
{
        return kept > 0 && streq(orphans->items[kept - 1].id, id);
}

static int compare_ids(const void *a, const void *b)
{
        const Orphan *left = a, *right = b;

        return strcmp(left->id, right->id);
}

void orphans_settle(const OrphanScene *scene, const StringList *existing, OrphanList *orphans)
{
        size_t kept = 0;

        if (orphans->count > 1)
                qsort(orphans->items, orphans->count, sizeof(Orphan), compare_ids);
        for (size_t i = 0; i < orphans->count; i++) {
                Orphan *orphan = &orphans->items[i];

                if (is_settled(scene, existing, orphan) && !is_double(orphans, kept, orphan->id))
                        orphans->items[kept++] = *orphan;
                else
                        orphan_done(orphan);
        }
        orphans->count = kept;
}

/* --- What it costs ---------------------------------------------------------------------------- */

/* In whole MiB, so that nothing overflows: 64 TiB at the highest price are 2^57. */
static uint64_t cost_micro(uint64_t bytes, uint64_t price_micro)
{
        return bytes / MIB * price_micro / MIB_PER_GIB;
}

static json_t *tell_reason(const Orphan *orphan)
{
        if (orphan->kind == ORPHAN_INSTANCE)
                return json_sprintf("it was to prove image %s, and runs on", orphan->of);
        if (orphan->kind == ORPHAN_BUNDLE)
                return json_string("no image is registered from it");
        if (orphan->kind == ORPHAN_IMAGE)
                return json_string("its bundle is gone, and nothing can be launched from it");
        if (orphan->of_is_image)
                return json_sprintf("it was made for image %s, which is gone", orphan->of);
        return json_sprintf("no image is there of job %s, which made it for one", orphan->of);
}

static json_t *tell_orphan(const Orphan *orphan, uint64_t cost)
{
        static const char *const kinds[ORPHAN_KIND_MAX] = {
                [ORPHAN_SNAPSHOT] = "snapshot",
                [ORPHAN_INSTANCE] = "instance",
                [ORPHAN_BUNDLE] = "bundle",
                [ORPHAN_IMAGE] = "image",
        };

        return json_pack("{s:s,s:s,s:o,s:o,s:I,s:I,s:f,s:b}", "kind", kinds[orphan->kind], "id",
                orphan->id, "of", json_text(orphan->of), "reason", tell_reason(orphan), "size-bytes",
                (json_int_t)orphan->size_bytes, "created-usec", (json_int_t)orphan->created_usec,
                "monthly-cost", (double)cost / MICRO, "own", orphan->own);
}

int orphans_to_json(const OrphanList *orphans, const OrphanPrices *prices, json_t **ret)
{
        json_t *list = json_array();
        uint64_t bytes = 0, cost = 0;

        for (size_t i = 0; i < orphans->count; i++) {
                const Orphan *orphan = &orphans->items[i];
                uint64_t price = orphan->kind == ORPHAN_BUNDLE ? prices->s3_micro :
                                                                 prices->ebs_micro;
                uint64_t own_cost = cost_micro(orphan->size_bytes, price);

                bytes += orphan->size_bytes;
                cost += own_cost;
                if (json_array_append_new(list, tell_orphan(orphan, own_cost)) < 0) {
                        json_decref(list);
                        return -ENOMEM;
                }
        }
        *ret = json_pack("{s:f,s:f,s:o,s:I,s:f}", "price-per-gib-month",
                (double)prices->ebs_micro / MICRO, "bundle-price-per-gib-month",
                (double)prices->s3_micro / MICRO, "orphans", list, "total-bytes", (json_int_t)bytes, "total-monthly-cost",
                (double)cost / MICRO);
        return *ret ? 0 : -ENOMEM;
}
