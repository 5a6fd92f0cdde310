/* SPDX-License-Identifier: Apache-2.0 */
/* Which image a parameter shall name, when jobs end in another order than they began. */

#include "flow/publish-order.h"

#include "aws/ec2-image.h"
#include "aws/ssm.h"
#include "base/text.h"
#include "flow/labels.h"

/*
 * "j-20261123T104400Z-1f9a3c": its time is all before the last dash; see daemon/job-id.h. Anybody may
 * write a tag, and one that tells no time is not later.
 */
static bool id_is_later(const char *id, const char *than)
{
        const char *end = strrchr(than, '-');
        size_t length = end ? (size_t)(end - than) : strlen(than);

        return startswith(id, "j-") && startswith(than, "j-") && strncmp(id, than, length) > 0;
}

static bool is_by_hand(const Record *record)
{
        return streq_ptr(record->kind, "publish");
}

/* Who goes back to an older image by hand means the parameter as it was when he asked. */
static uint64_t place_usec(const Record *record)
{
        return is_by_hand(record) ? record->started_usec : record->cut_usec;
}

/* By its record as long as there is one: it may have waited in the queue. */
static bool is_later(const Bake *bake, const char *job)
{
        _cleanup_(record_done) Record record = { 0 };

        if (record_load(bake->settings->job_folder, job, &record) >= 0 && record.cut_usec > 0)
                return record.cut_usec > place_usec(&bake->record);
        return id_is_later(job, bake->record.id);
}

/* By hand any profile can be named for an image, whichever made it. */
static bool is_of_this_host(const Record *record, const TagList *tags)
{
        return streq_ptr(tag_list_get(tags, LABEL_INSTANCE), record->instance_id) &&
                (is_by_hand(record) ||
                        streq_ptr(tag_list_get(tags, LABEL_PROFILE), record->profile));
}

/* An image of another host, or by hand, is overwritten: who publishes last has the parameter. */
static int judge(Bake *bake, const Ec2Image *image, char **ret)
{
        const char *job = tag_list_get(&image->tags, LABEL_JOB);

        if (!job || streq(job, bake->record.id) || !is_of_this_host(&bake->record, &image->tags) ||
                !is_later(bake, job))
                return 0;
        return string_replace(ret, job);
}

/* One that came to nothing, or was cancelled, asks for nothing any more. */
static bool asks_still(const Record *record)
{
        return !record_is_finished(record) ||
                json_is_true(json_object_get(
                        json_object_get(record->publication, "steps"), "parameter"));
}

static bool asks_later(const Record *self, const Record *other, const char *image_id)
{
        return is_by_hand(other) && other->started_usec > self->started_usec &&
                asks_still(other) && streq_ptr(other->image_id, image_id) &&
                streq(json_get_string(other->publication, "parameter", ""),
                        json_get_string(self->publication, "parameter", ""));
}

/* Of two that are asked for by hand the later one counts, whichever takes longer. */
static int judge_by_hand(const Bake *bake, const Ec2Image *image, char **ret)
{
        const char *original = tag_list_get(&image->tags, LABEL_COPY_OF);
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        int r = is_by_hand(&bake->record) ? record_list(bake->settings->job_folder, &ids) : 0;

        if (r == -ENOMEM)
                return r;
        for (size_t i = 0; i < ids.count && !*ret; i++) {
                _cleanup_(record_done) Record record = { 0 };

                r = record_load(bake->settings->job_folder, ids.items[i], &record);
                if (r == -ENOMEM)
                        return r;
                if (r >= 0 && asks_later(&bake->record, &record, original ? original : image->id) &&
                        string_replace(ret, record.id) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int publish_find_later(Bake *bake, const Site *site, AwsClient *ssm, char **ret, ApiError *reterr)
{
        const char *parameter = json_get_string(bake->record.publication, "parameter", "");
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        const Ec2ImageFilter filter = { .ids = &ids };
        _cleanup_(freep) char *value = NULL;
        int r;

        r = ssm_get_parameter(ssm, parameter, &value, reterr);
        if (r == SSM_E_NOT_FOUND)
                return 0;
        if (r != 0 || !ec2_id_is_valid(value, "ami-") || streq(value, site->image_id))
                return r;
        if (string_list_add(&ids, value) < 0)
                return -ENOMEM;
        r = ec2_describe_images(site->client, &filter, /* flags= */ 0, &images, reterr);
        if (r == 0 && images.count > 0)
                r = judge(bake, &images.items[0], ret);
        if (r == 0 && images.count > 0 && !*ret)
                r = judge_by_hand(bake, &images.items[0], ret);
        return r;
}
