/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at EC2 that are taken for several jobs at once. */

#include "daemon/looks.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"

#define ACCURACY_USEC (100 * USEC_PER_MSEC)

struct Wish {
        Job *job;
        uint64_t serial;
        char *region;
        json_t *snapshots;
        json_t *images;
        uint64_t due_usec;
        bool asked; /* it is part of the look that is being taken */
};

/* --- Wishes ----------------------------------------------------------------------------------- */

static void wish_done(Wish *wish)
{
        free(wish->region);
        json_decref(wish->snapshots);
        json_decref(wish->images);
}

static void drop(Looks *looks, size_t index)
{
        wish_done(&looks->wishes[index]);
        looks->wishes[index] = looks->wishes[--looks->n_wishes];
}

static void forget(Looks *looks, const Job *job)
{
        for (size_t i = 0; i < looks->n_wishes; i++)
                if (looks->wishes[i].job == job) {
                        drop(looks, i);
                        return;
                }
}

static Wish *earliest(const Looks *looks)
{
        Wish *found = NULL;

        for (size_t i = 0; i < looks->n_wishes; i++) {
                Wish *wish = &looks->wishes[i];

                if (!wish->asked && (!found || wish->due_usec < found->due_usec))
                        found = wish;
        }
        return found;
}

/* --- Replies ---------------------------------------------------------------------------------- */

/* The members of `seen` that are named in `ids`. */
static json_t *pick(const json_t *seen, const json_t *ids)
{
        json_t *picked = json_object();
        const json_t *id;
        size_t i;

        json_array_foreach(ids, i, id) {
                const char *key = json_string_value(id);
                json_t *one = key ? json_object_get(seen, key) : NULL;

                if (one)
                        (void)json_object_set(picked, key, one);
        }
        return picked;
}

static json_t *sight_of(const Wish *wish, const json_t *sight)
{
        if (json_get_bool(sight, "blind", false))
                return json_incref((json_t *)sight);
        return json_pack("{s:o,s:o}", "snapshots",
                pick(json_object_get(sight, "snapshots"), wish->snapshots), "images",
                pick(json_object_get(sight, "images"), wish->images));
}

/* To all that are part of the look; a NULL `sight` leaves them to look for themselves. */
static void reply(Looks *looks, const json_t *sight)
{
        looks->looking = false;
        for (size_t i = 0; i < looks->n_wishes;) {
                Wish *wish = &looks->wishes[i];

                if (!wish->asked) {
                        i++;
                        continue;
                }
                job_seen(wish->job, wish->serial, sight ? sight_of(wish, sight) : NULL);
                drop(looks, i);
        }
}

/* --- The worker that looks -------------------------------------------------------------------- */

static void look_when_due(Looks *looks);

static void end_idle_worker(Looks *looks)
{
        if (!looks->link || !looks->resting || looks->n_wishes > 0 || looks->looking ||
                looks->ending)
                return;
        looks->ending = true;
        (void)worker_link_request(looks->link, "cancel");
        worker_link_expect_end(looks->link);
}

static void look_reported(void *userdata, const json_t *report)
{
        Looks *looks = userdata;

        if (!looks->looking || !streq(json_get_string(report, "report", ""), "looked") ||
                json_get_u64(report, "round", 0) != looks->round)
                return;
        worker_link_watch(looks->link, /* silence_usec= */ 0);
        reply(looks, json_object_get(report, "sight"));
        look_when_due(looks);
        end_idle_worker(looks);
}

static void look_ended(void *userdata, const char *how)
{
        Looks *looks = userdata;

        if (!looks->ending)
                log_warning("The worker that looks at EC2 for several jobs has ended (%s): each "
                            "looks for itself until the next one", how);
        looks->link = worker_link_free(looks->link);
        looks->ending = false;
        reply(looks, NULL);
        look_when_due(looks);
}

static const WorkerEvents look_events = { look_reported, look_ended };

static int begin_worker(Looks *looks)
{
        _cleanup_(json_decrefp) json_t *request = NULL;

        if (looks->link)
                return 0;
        request = json_pack("{s:s, s:{}}", "verb", "look", "options");
        if (!request)
                return -ENOMEM;
        return worker_link_new(looks->event, request, &look_events, looks, &looks->link);
}

static void add_ids(json_t *all, const json_t *ids)
{
        (void)json_array_extend(all, (json_t *)ids);
}

/* All of one region, also those that could wait longer. */
static json_t *make_order(Looks *looks, const char *region)
{
        json_t *snapshots = json_array(), *images = json_array();

        for (size_t i = 0; i < looks->n_wishes; i++) {
                Wish *wish = &looks->wishes[i];

                if (!streq(wish->region, region))
                        continue;
                wish->asked = true;
                add_ids(snapshots, wish->snapshots);
                add_ids(images, wish->images);
        }
        return json_pack("{s:s,s:I,s:s,s:o,s:o}", "request", "look", "round",
                (json_int_t)looks->round, "region", region, "snapshots", snapshots, "images",
                images);
}

static void begin_look(Looks *looks, const Wish *first)
{
        _cleanup_(json_decrefp) json_t *order = NULL;
        int r = begin_worker(looks);

        looks->round++;
        looks->looking = true;
        order = make_order(looks, first->region);
        if (r >= 0)
                r = order ? worker_link_send(looks->link, order) : -ENOMEM;
        if (r >= 0) {
                worker_link_watch(looks->link, looks->silence_max_usec);
                return;
        }
        (void)log_warning_errno(r, "No look at EC2 for several jobs: %m");
        if (looks->link)
                worker_link_kill(looks->link); /* the replies come with its end */
        else
                reply(looks, NULL);
}

static int look_due(sd_event_source *source, uint64_t usec, void *userdata)
{
        Looks *looks = userdata;
        const Wish *first = earliest(looks);

        if (first && !looks->looking && !looks->ending)
                begin_look(looks, first);
        look_when_due(looks);
        return 0;
}

/* One look at a time: what comes meanwhile waits for its end. */
static void look_when_due(Looks *looks)
{
        const Wish *first = earliest(looks);

        looks->due_source = sd_event_source_disable_unref(looks->due_source);
        if (!first || looks->looking || looks->ending)
                return;
        if (sd_event_add_time(looks->event, &looks->due_source, CLOCK_BOOTTIME, first->due_usec,
                    ACCURACY_USEC, look_due, looks) < 0)
                log_warning("Nothing wakes us for a look at EC2: each job looks for itself");
}

/* --- Life ------------------------------------------------------------------------------------- */

void looks_init(Looks *looks, sd_event *event, uint64_t silence_max_usec)
{
        *looks = (Looks){ .event = event, .silence_max_usec = silence_max_usec };
}

void looks_done(Looks *looks)
{
        (void)sd_event_source_disable_unref(looks->due_source);
        (void)worker_link_free(looks->link);
        for (size_t i = 0; i < looks->n_wishes; i++)
                wish_done(&looks->wishes[i]);
        free(looks->wishes);
        *looks = (Looks){ 0 };
}

void looks_wish(Looks *looks, Job *job, const json_t *report)
{
        uint64_t serial = json_get_u64(report, "serial", 0);
        const char *region = json_get_string(report, "region", NULL);
        json_t *snapshots = json_object_get(report, "snapshots");
        json_t *images = json_object_get(report, "images");
        Wish *wish;

        looks->resting = false;
        forget(looks, job);
        wish = region && json_is_array(snapshots) && json_is_array(images) ?
                ARRAY_ADD(looks->wishes, looks->n_wishes) :
                NULL;
        if (!wish) {
                job_seen(job, serial, NULL);
                return;
        }
        *wish = (Wish){
                .job = job,
                .serial = serial,
                .region = strdup(region),
                .snapshots = json_incref(snapshots),
                .images = json_incref(images),
                .due_usec = clock_usec() + json_get_u64(report, "within-usec", 0),
        };
        if (!wish->region) {
                job_seen(job, serial, NULL);
                forget(looks, job);
                return;
        }
        job_sees_later(job, serial);
        look_when_due(looks);
}

void looks_forget(Looks *looks, const Job *job)
{
        forget(looks, job);
        end_idle_worker(looks);
}

void looks_rest(Looks *looks)
{
        looks->resting = true;
        end_idle_worker(looks);
}
