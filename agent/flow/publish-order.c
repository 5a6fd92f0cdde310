/* SPDX-License-Identifier: Apache-2.0 */
/* Which image a parameter shall name, when jobs end in another order than they began. */

#include "flow/publish-order.h"

#include "aws/ec2-image.h"
#include "aws/ssm.h"
#include "base/text.h"
#include "flow/labels.h"

/* "j-20261123T104400Z-1f9a3c": its time is all before the last dash; see daemon/job-id.h. */
static bool id_is_later(const char *id, const char *than)
{
        const char *end = strrchr(than, '-');
        size_t length = end ? (size_t)(end - than) : strlen(than);

        return strncmp(id, than, length) > 0;
}

/* By its record as long as there is one: it may have waited in the queue. */
static bool is_later(const Bake *bake, const char *job)
{
        _cleanup_(record_done) Record record = { 0 };

        if (record_load(bake->settings->job_folder, job, &record) >= 0 && record.cut_usec > 0)
                return record.cut_usec > bake->record.cut_usec;
        return id_is_later(job, bake->record.id);
}

static bool is_of_this_host(const Record *record, const TagList *tags)
{
        return streq_ptr(tag_list_get(tags, LABEL_INSTANCE), record->instance_id) &&
                streq_ptr(tag_list_get(tags, LABEL_PROFILE), record->profile);
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

int publish_find_later(Bake *bake, const Site *site, AwsClient *ssm, char **ret, ApiError *reterr)
{
        const char *parameter = json_get_string(bake->record.publication, "parameter", "");
        _cleanup_(string_list_done) StringList ids = STRING_LIST_INIT;
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        const Ec2ImageFilter filter = { .ids = &ids };
        _cleanup_(freep) char *value = NULL;
        int r;

        if (streq(bake->record.kind, "publish"))
                return 0; /* who asks for an older one by hand goes back to it */
        r = ssm_get_parameter(ssm, parameter, &value, reterr);
        if (r == SSM_E_NOT_FOUND)
                return 0;
        if (r != 0 || !ec2_id_is_valid(value, "ami-") || streq(value, site->image_id))
                return r;
        if (string_list_add(&ids, value) < 0)
                return -ENOMEM;
        r = ec2_describe_images(site->client, &filter, /* flags= */ 0, &images, reterr);
        return r != 0 || images.count == 0 ? r : judge(bake, &images.items[0], ret);
}
