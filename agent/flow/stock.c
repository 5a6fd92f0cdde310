/* SPDX-License-Identifier: Apache-2.0 */
/* What quiesced has made and EC2 lists, as retention sees it. */

#include "flow/stock.h"

#include "base/text.h"
#include "flow/labels.h"

const char *const stock_kind_names[STOCK_KIND_MAX] = {
        [STOCK_IMAGE] = "image",
        [STOCK_BUNDLE] = "bundle",
        [STOCK_SNAPSHOTS] = "snapshots",
};

struct StockSnapshot {
        char *id;
        char *job;
        char *name;
        char *instance;
        RetainState state;
        bool has_no_class; /* and is complete */
        uint64_t start_time_usec;
        uint64_t size_gib;
};

static void snapshot_done(StockSnapshot *snapshot)
{
        free(snapshot->id);
        free(snapshot->job);
        free(snapshot->name);
        free(snapshot->instance);
}

static void object_done(StockObject *object)
{
        free(object->id);
        free(object->name);
        free(object->instance);
        free(object->parameter);
        free(object->guard);
        string_list_done(&object->snapshots);
}

void stock_done(Stock *stock)
{
        for (size_t i = 0; i < stock->count; i++)
                object_done(&stock->items[i]);
        for (size_t i = 0; i < stock->n_loose; i++)
                snapshot_done(&stock->loose[i]);
        free(stock->items);
        free(stock->loose);
        *stock = (Stock){ 0 };
}

static int copy(char **target, const char *text)
{
        return text ? string_replace(target, text) : 0;
}

/* The class is the last label that a job gives to what it makes: without it, it may be at work. */
static RetainState judge_labels(const Stock *stock, const TagList *tags, uint64_t created_usec)
{
        if (tag_list_get(tags, LABEL_CONSISTENCY))
                return RETAIN_USABLE;
        return created_usec + LABEL_UNFINISHED_USEC > stock->now_usec ? RETAIN_PENDING
                                                                      : RETAIN_FAILED;
}

/* --- Images ----------------------------------------------------------------------------------- */

static RetainState judge_image(const Stock *stock, const Ec2Image *image)
{
        RetainState state;

        if (image->state == EC2_IMAGE_FAILED)
                return RETAIN_FAILED;
        if (image->state != EC2_IMAGE_AVAILABLE && image->state != EC2_IMAGE_DISABLED)
                return RETAIN_PENDING;
        state = judge_labels(stock, &image->tags, image->created_usec);
        if (state == RETAIN_USABLE &&
                (image->state == EC2_IMAGE_DISABLED ||
                        streq_ptr(tag_list_get(&image->tags, LABEL_VERIFIED), "no")))
                return RETAIN_DOUBTFUL;
        return state;
}

/* Of what EC2 has said itself, in the listing. */
static const char *find_guard(const Ec2Image *image)
{
        if (image->created_usec == 0)
                return "EC2 does not say when it was made";
        if (image->state == EC2_IMAGE_DISABLED)
                return "it is disabled: enable it, or deregister it by its id";
        if (image->state == EC2_IMAGE_AVAILABLE && !tag_list_get(&image->tags, LABEL_CONSISTENCY))
                return "it has lost the tag " LABEL_CONSISTENCY ": deregister it by its id";
        return NULL;
}

static bool is_verified(const Ec2Image *image)
{
        const char *verified = tag_list_get(&image->tags, LABEL_VERIFIED);

        return verified && !streq(verified, "no");
}

/* EC2 says of an image when it was registered, which for a large volume is hours later. */
static uint64_t read_cut(const TagList *tags)
{
        const char *cut = tag_list_get(tags, LABEL_CUT);
        uint64_t usec = 0;

        if (cut)
                (void)timestamp_parse(cut, &usec);
        return usec;
}

static int read_image(const Stock *stock, const Ec2Image *image, StockObject *object)
{
        int r = 0;

        object->kind =
                streq_ptr(image->root_device_type, "instance-store") ? STOCK_BUNDLE : STOCK_IMAGE;
        object->is_public = image->is_public;
        object->is_protected = image->deregistration_protection &&
                startswith(image->deregistration_protection, "enabled");
        object->retain.created_usec = image->created_usec;
        object->retain.cut_usec = read_cut(&image->tags);
        object->retain.state = judge_image(stock, image);
        object->retain.is_verified = is_verified(image);
        for (size_t i = 0; r >= 0 && i < image->n_devices; i++) {
                object->size_gib += image->devices[i].size_gib;
                if (image->devices[i].snapshot_id)
                        r = string_list_add(&object->snapshots, image->devices[i].snapshot_id);
        }
        if (r >= 0)
                r = copy(&object->id, image->id);
        if (r >= 0)
                r = copy(&object->name, image->name);
        if (r >= 0)
                r = copy(&object->instance, tag_list_get(&image->tags, LABEL_INSTANCE));
        if (r >= 0)
                r = copy(&object->parameter, tag_list_get(&image->tags, LABEL_PARAMETER));
        return r < 0 ? r : copy(&object->guard, find_guard(image));
}

/* CopyImage by hand may take our tags along (CopyImageTags); what publishing copies says so. */
static bool is_ours(const Ec2Image *image)
{
        const TagList *tags = &image->tags;

        if (!tag_list_get(tags, LABEL_JOB))
                return false;
        return !image->source_image_id || image->source_instance_id ||
                streq_ptr(tag_list_get(tags, LABEL_COPY_OF), image->source_image_id);
}

int stock_add_images(Stock *stock, const Ec2ImageList *page)
{
        for (size_t i = 0; i < page->count; i++) {
                StockObject *object;

                if (!is_ours(&page->items[i]))
                        continue;
                object = ARRAY_ADD(stock->items, stock->count);
                if (!object || read_image(stock, &page->items[i], object) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* --- Snapshot sets ---------------------------------------------------------------------------- */

static RetainState judge_snapshot(const Stock *stock, const Ec2Snapshot *snapshot)
{
        switch (snapshot->state) {
        case EC2_SNAPSHOT_COMPLETED:
                return judge_labels(stock, &snapshot->tags, snapshot->start_time_usec);
        case EC2_SNAPSHOT_ERROR:
                return RETAIN_FAILED;
        default:
                return RETAIN_PENDING;
        }
}

int stock_add_snapshots(Stock *stock, const Ec2SnapshotList *page)
{
        for (size_t i = 0; i < page->count; i++) {
                const Ec2Snapshot *snapshot = &page->items[i];
                const char *job = tag_list_get(&snapshot->tags, LABEL_JOB);
                StockSnapshot *loose;

                if (!job || !streq_ptr(tag_list_get(&snapshot->tags, LABEL_KIND), "snapshots"))
                        continue;
                loose = ARRAY_ADD(stock->loose, stock->n_loose);
                if (!loose)
                        return -ENOMEM;
                loose->state = judge_snapshot(stock, snapshot);
                loose->has_no_class = snapshot->state == EC2_SNAPSHOT_COMPLETED &&
                        !tag_list_get(&snapshot->tags, LABEL_CONSISTENCY);
                loose->start_time_usec = snapshot->start_time_usec;
                loose->size_gib = snapshot->size_gib;
                if (copy(&loose->id, snapshot->id) < 0 || copy(&loose->job, job) < 0 ||
                        copy(&loose->name, tag_list_get(&snapshot->tags, "Name")) < 0 ||
                        copy(&loose->instance, tag_list_get(&snapshot->tags, LABEL_INSTANCE)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int compare_text(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "");
}

static int compare_sets(const StockSnapshot *x, const StockSnapshot *y)
{
        int r = compare_text(x->job, y->job);

        return r != 0 ? r : compare_text(x->instance, y->instance);
}

static int compare_snapshots(const void *a, const void *b)
{
        const StockSnapshot *x = a, *y = b;
        int r = compare_sets(x, y);

        return r != 0 ? r : strcmp(x->id, y->id);
}

/*
 * What nobody knows the date of is not given up for its age, nor what lost a tag for its failure.
 */
static int guard_set(StockObject *set, const StockSnapshot *snapshot)
{
        if (set->guard)
                return 0;
        if (snapshot->start_time_usec == 0)
                return copy(&set->guard, "EC2 does not say when it was made");
        if (snapshot->has_no_class)
                return string_printf(&set->guard,
                        "its snapshot %s has lost the tag " LABEL_CONSISTENCY
                        ": give it back, or delete the set by hand",
                        snapshot->id);
        return 0;
}

/* Whole only if all are. Its age is that of its point in time: EC2 tells when each was begun. */
static int add_to_set(StockObject *set, const StockSnapshot *snapshot)
{
        RetainObject *retain = &set->retain;

        if (guard_set(set, snapshot) < 0)
                return -ENOMEM;
        if (set->snapshots.count == 0 || snapshot->start_time_usec < retain->created_usec)
                retain->created_usec = snapshot->start_time_usec;
        if (retain->state == RETAIN_USABLE || snapshot->state == RETAIN_PENDING)
                retain->state = snapshot->state;
        set->size_gib += snapshot->size_gib;
        return string_list_add(&set->snapshots, snapshot->id);
}

static int begin_set(Stock *stock, const StockSnapshot *first, StockObject **ret)
{
        StockObject *set = ARRAY_ADD(stock->items, stock->count);

        if (!set)
                return -ENOMEM;
        set->kind = STOCK_SNAPSHOTS;
        *ret = set;
        return copy(&set->id, first->job) < 0 || copy(&set->name, first->name) < 0
                ? -ENOMEM
                : copy(&set->instance, first->instance);
}

static int make_sets(Stock *stock)
{
        StockObject *set = NULL;
        int r = 0;

        if (stock->n_loose > 0)
                qsort(stock->loose, stock->n_loose, sizeof(stock->loose[0]), compare_snapshots);
        for (size_t i = 0; r >= 0 && i < stock->n_loose; i++) {
                const StockSnapshot *snapshot = &stock->loose[i];

                if (i > 0 && compare_snapshots(snapshot - 1, snapshot) == 0)
                        continue;
                if (i == 0 || compare_sets(snapshot - 1, snapshot) != 0)
                        r = begin_set(stock, snapshot, &set);
                if (r >= 0)
                        r = add_to_set(set, snapshot);
        }
        return r;
}

/* --- Both ------------------------------------------------------------------------------------- */

static int compare_objects(const void *a, const void *b)
{
        const StockObject *x = a, *y = b;
        int r = strcmp(x->id, y->id);

        return r != 0 ? r : compare_text(x->instance, y->instance);
}

/* Of two looks at one image the less finished counts. */
static void drop_doubles(Stock *stock)
{
        size_t kept = 0;

        for (size_t i = 0; i < stock->count; i++) {
                StockObject *object = &stock->items[i];
                StockObject *last = kept > 0 ? &stock->items[kept - 1] : NULL;

                if (!last || compare_objects(last, object) != 0) {
                        stock->items[kept++] = *object;
                        continue;
                }
                if (object->retain.state == RETAIN_PENDING)
                        last->retain.state = RETAIN_PENDING;
                object_done(object);
        }
        stock->count = kept;
}

int stock_finish(Stock *stock)
{
        int r = make_sets(stock);

        if (r < 0)
                return r;
        if (stock->count > 0)
                qsort(stock->items, stock->count, sizeof(stock->items[0]), compare_objects);
        drop_doubles(stock);
        for (size_t i = 0; i < stock->count; i++) {
                stock->items[i].retain.id = stock->items[i].id;
                stock->items[i].retain.guard = stock->items[i].guard;
        }
        return 0;
}

const StockObject *stock_find(const Stock *stock, const char *id)
{
        for (size_t i = 0; i < stock->count; i++)
                if (streq(stock->items[i].id, id))
                        return &stock->items[i];
        return NULL;
}

/* --- From EC2 --------------------------------------------------------------------------------- */

/* One tag is asked for, and where that is not all, another is looked at here. */
typedef struct Reading {
        Stock stock;
        const AwsClient *aws;
        char *tag_key;
        const char *tag_value;
        const char *profile; /* NULL: any */
} Reading;

static void reading_done(Reading *reading)
{
        stock_done(&reading->stock);
        free(reading->tag_key);
}

static int reading_init(Reading *reading, const Bake *bake)
{
        const char *select = bake->profile.retention.select;

        *reading = (Reading){ .aws = bake->aws };
        if (!select) {
                reading->profile = bake->profile.name;
                reading->tag_value = bake->identity.instance_id;
                return string_replace(&reading->tag_key, LABEL_INSTANCE);
        }
        reading->tag_value = strchr(select, '=') + 1;
        reading->tag_key = strndup(select, (size_t)(reading->tag_value - 1 - select));
        return reading->tag_key ? 0 : -ENOMEM;
}

static bool is_selected(const TagList *tags, const char *key, size_t length, const char *value)
{
        for (size_t i = 0; i < tags->count; i++)
                if (strncmp(tags->items[i].key, key, length) == 0 &&
                        tags->items[i].key[length] == '\0')
                        return streq(tags->items[i].value, value);
        return false;
}

bool stock_is_selected(const Bake *bake, const TagList *tags)
{
        const char *select = bake->profile.retention.select;
        size_t length = select ? strcspn(select, "=") : 0;

        if (select)
                return is_selected(tags, select, length, select + length + 1);
        return streq_ptr(tag_list_get(tags, LABEL_PROFILE), bake->profile.name) &&
                streq_ptr(tag_list_get(tags, LABEL_INSTANCE), bake->identity.instance_id);
}

static bool is_of_profile(const Reading *reading, const TagList *tags)
{
        return !reading->profile || streq_ptr(tag_list_get(tags, LABEL_PROFILE), reading->profile);
}

/* By EC2's clock, which a page tells: by one that is a year ahead here all of it would be old. */
static void learn_time(Reading *reading)
{
        reading->stock.now_usec = aws_client_realtime_usec(reading->aws);
}

static int on_images(void *userdata, Ec2ImageList *page)
{
        Reading *reading = userdata;
        int r = 0;

        learn_time(reading);
        for (size_t i = 0; r >= 0 && i < page->count; i++)
                if (is_of_profile(reading, &page->items[i].tags))
                        r = stock_add_images(
                                &reading->stock, &(Ec2ImageList){ &page->items[i], 1 });
        return r;
}

static int on_snapshots(void *userdata, Ec2SnapshotList *page)
{
        Reading *reading = userdata;
        int r = 0;

        learn_time(reading);
        for (size_t i = 0; r >= 0 && i < page->count; i++)
                if (is_of_profile(reading, &page->items[i].tags))
                        r = stock_add_snapshots(
                                &reading->stock, &(Ec2SnapshotList){ &page->items[i], 1 });
        return r;
}

static int read_images(Bake *bake, Reading *reading)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .tag_key = reading->tag_key, .tag_value = reading->tag_value };
        int r = ec2_list_images(bake->aws, &filter, on_images, reading, &error);

        return r == 0 ? 0 : bake_fail_api(bake, "DescribeImages", r, &error);
}

static int read_snapshots(Bake *bake, Reading *reading)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2SnapshotFilter filter = { .tag_key = reading->tag_key,
                .tag_value = reading->tag_value,
                .and_tag_key = LABEL_KIND,
                .and_tag_value = "snapshots" };
        int r = ec2_list_snapshots(bake->aws, &filter, on_snapshots, reading, &error);

        return r == 0 ? 0 : bake_fail_api(bake, "DescribeSnapshots", r, &error);
}

int stock_read(Bake *bake, Stock *ret)
{
        _cleanup_(reading_done) Reading reading = { 0 };
        int r = reading_init(&reading, bake);

        if (r >= 0)
                r = read_images(bake, &reading);
        if (r >= 0)
                r = read_snapshots(bake, &reading);
        if (r >= 0)
                r = stock_finish(&reading.stock);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "%s", strerror(-r));
        *ret = reading.stock;
        reading.stock = (Stock){ 0 };
        return 0;
}
