/* SPDX-License-Identifier: Apache-2.0 */
/* Step 8: what is complete is found by those who launch from it. */

#include "flow/publish.h"

#include "base/text.h"
#include "flow/publication.h"
#include "flow/publish-copy.h"
#include "flow/publish-site.h"

/* The region's own, and those of the copies that came to be: 0 or -ENOMEM. */
static int list_regions(const Bake *bake, StringList *ret)
{
        const char *region;
        json_t *copy;

        if (string_list_add(ret, bake->record.region) < 0)
                return -ENOMEM;
        json_object_foreach(json_object_get(bake->record.publication, "copies"), region, copy) {
                _cleanup_(freep) char *step = NULL;

                if (publish_copy_step(region, &step) < 0)
                        return -ENOMEM;
                if (publication_is_done(bake, step) && string_list_add(ret, region) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* `all`: every region has what launches there need, so far. */
static int publish_region(Bake *bake, const char *region, bool *all)
{
        _cleanup_(site_done) Site site = { .is_home = true };
        int r = site_open(bake, region, &site);

        if (r >= 0)
                r = site_publish(bake, &site);
        if (r >= 0)
                *all = *all && site_can_be_launched(bake, &site);
        return r;
}

static int announce_region(Bake *bake, const char *region)
{
        _cleanup_(site_done) Site site = { .is_home = true };
        int r = site_open(bake, region, &site);

        return r < 0 ? r : site_announce(bake, &site);
}

static int withhold_parameter(Bake *bake)
{
        if (publication_is_over(bake, "parameter"))
                return 0;
        return publication_note(bake, "parameter",
                failure_set(&bake->failure, FAILURE_PUBLISH_FAILED, -EREMOTEIO,
                        "%s was left as it is, since the image cannot be launched wherever it "
                        "should",
                        json_get_string(bake->record.publication, "parameter", "")));
}

static int publish_regions(Bake *bake, const StringList *regions)
{
        size_t n_copies = json_object_size(json_object_get(bake->record.publication, "copies"));
        bool all = regions->count == n_copies + 1;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < regions->count; i++)
                r = publish_region(bake, regions->items[i], &all);
        if (r < 0 || !json_object_get(bake->record.publication, "parameter"))
                return r;
        if (!all)
                return withhold_parameter(bake);
        for (size_t i = 0; r >= 0 && i < regions->count; i++)
                r = announce_region(bake, regions->items[i]);
        return r;
}

/* What became of it, beside the results of the job. */
static int tell_details(Bake *bake)
{
        json_t *publication = bake->record.publication, *mine;

        mine = json_pack("{s:{s:O,s:O}}", "publication", "copies",
                json_object_get(publication, "copies"), "steps",
                json_object_get(publication, "steps"));
        if (!bake->record.details)
                bake->record.details = json_object();
        if (json_object_update_new(bake->record.details, mine) < 0 ||
                observer_details(bake->observer, json_incref(bake->record.details)) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return 0;
}

int step_publish(Bake *bake)
{
        _cleanup_(string_list_done) StringList regions = STRING_LIST_INIT;
        int r;

        if (!bake->record.publication)
                return 0;
        observer_step(bake->observer, STEP_PUBLISH);
        r = publish_copies(bake);
        if (r < 0)
                return r;
        if (list_regions(bake, &regions) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        r = publish_regions(bake, &regions);
        if (r >= 0)
                r = tell_details(bake);
        return r < 0 ? r : publication_conclude(bake);
}
