/* SPDX-License-Identifier: Apache-2.0 */
/* What EC2 makes takes its time: looked at again and again, as long as it takes. */

#include "flow/follow.h"

#include "aws/retry.h"
#include "base/clock.h"
#include "base/text.h"

/* Polls begin quickly, for small volumes, and slow down: a first snapshot may take hours. */
#define POLL_USEC_MIN (250 * USEC_PER_MSEC)
#define POLL_USEC_MAX (15 * USEC_PER_SEC)
/* A call has been tried for a minute when it comes back as throttled: its account needs rest. */
#define BUSY_USEC_MAX (240 * USEC_PER_SEC)
/* The daemon replaces a worker that is silent for longer (WorkerSilenceSec=). */
#define SLICE_USEC POLL_USEC_MAX
/* What no cancel stops is not woken by one either, and has to see that its daemon is gone. */
#define DEAF_USEC_MAX USEC_PER_SEC

int follow_judge(Bake *bake, const char *what, int outcome, const ApiError *error)
{
        if (outcome == EC2_E_REFUSED && api_error_classify(error) == API_ERROR_THROTTLED)
                bake->throttled = true;
        if (outcome == 0 || bake_outcome_passes(outcome, error))
                return outcome;
        return bake_fail_api(bake, what, outcome, error);
}

uint64_t follow_pause(unsigned n_looks, unsigned n_busy, uint32_t random)
{
        uint64_t pause_usec = POLL_USEC_MIN;

        for (unsigned i = 0; i < n_looks && pause_usec < POLL_USEC_MAX; i++)
                pause_usec += pause_usec / 2;
        if (pause_usec > POLL_USEC_MAX || n_busy > 0)
                pause_usec = POLL_USEC_MAX;
        for (unsigned i = 1; i < n_busy && pause_usec < BUSY_USEC_MAX; i++)
                pause_usec *= 2;
        return pause_usec - (pause_usec / 4 * random >> 32);
}

static void rest(Bake *bake, uint64_t usec)
{
        if (bake->deaf) {
                clock_sleep_usec(usec < DEAF_USEC_MAX ? usec : DEAF_USEC_MAX);
                return;
        }
        while (usec > 0 && !bake_cancelled(bake)) {
                uint64_t slice_usec = usec < SLICE_USEC ? usec : SLICE_USEC;

                bake->observer->wait(bake->observer->userdata, slice_usec, /* fd= */ -1);
                usec -= slice_usec;
        }
}

static int check_end(Bake *bake)
{
        bool gone = bake->observer->gone(bake->observer->userdata);

        return bake->deaf && !gone ? 0 : bake_check_cancelled(bake);
}

/* Copies of the image, if there shall be some, take about as long as all that is before them. */
static unsigned percent_of_job(const Bake *bake, unsigned percent)
{
        if (json_object_size(json_object_get(bake->record.publication, "copies")) == 0)
                return percent;
        return bake->record.state == RECORD_MADE ? 50 + percent / 2 : percent / 2;
}

typedef struct Follow {
        int (*try)(Bake *bake, Attempt *ret);
        void *userdata;
        LookAt what; /* others may wait for it, too; or 0 */
} Follow;

/* 0 when it is complete, 1 when it is not yet. */
static int take_look(Bake *bake, const Follow *follow, Attempt *attempt, unsigned *shown)
{
        int r;

        bake->throttled = sight_is_throttled(attempt->sight);
        if (sight_is_blind(attempt->sight))
                return 1;
        r = follow->try(bake, attempt);
        if (r != 0)
                return r < 0 ? r : 1;
        if (attempt->percent > *shown) {
                *shown = attempt->percent;
                observer_progress(bake->observer, percent_of_job(bake, *shown));
        }
        return attempt->complete ? 0 : 1;
}

static int follow_to_end(Bake *bake, const Follow *follow)
{
        uint64_t since_usec = clock_usec(), pause_usec;
        unsigned shown = 0, n_busy = 0;
        json_t *sight = NULL;

        for (unsigned n_looks = 0;; n_looks++) {
                _cleanup_(json_decrefp) json_t *seen = TAKE_PTR(sight);
                Attempt attempt = { .since_usec = since_usec, .percent = shown,
                        .userdata = follow->userdata, .sight = seen };
                int r = take_look(bake, follow, &attempt, &shown);

                if (r <= 0)
                        return r;
                n_busy = bake->throttled ? n_busy + 1 : 0;
                r = check_end(bake);
                if (r < 0)
                        return r;
                pause_usec = follow_pause(n_looks, n_busy, retry_random());
                if (follow->what && !bake->deaf)
                        look_await(bake, follow->what, pause_usec, &sight);
                else
                        rest(bake, pause_usec);
        }
}

int follow_with(Bake *bake, int (*try)(Bake *bake, Attempt *ret), void *userdata)
{
        return follow_to_end(bake, &(Follow){ .try = try, .userdata = userdata });
}

int follow(Bake *bake, int (*try)(Bake *bake, Attempt *ret))
{
        return follow_with(bake, try, /* userdata= */ NULL);
}

int follow_beside_others(Bake *bake, LookAt what, int (*try)(Bake *bake, Attempt *ret))
{
        return follow_to_end(bake, &(Follow){ .try = try, .what = what });
}

int follow_describe_snapshots(Bake *bake, Ec2SnapshotList *ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2SnapshotFilter filter = { .ids = &bake->record.snapshots };
        int r = ec2_describe_snapshots(bake->aws, &filter, EC2_FRESH, ret, &error);

        return follow_judge(bake, "DescribeSnapshots", r, &error);
}

int follow_see_snapshots(Bake *bake, const Attempt *attempt, Ec2SnapshotList *ret)
{
        int r = sight_get_snapshots(attempt->sight, &bake->record.snapshots, ret);

        return r == -ENOENT ? follow_describe_snapshots(bake, ret) : r;
}

static int see_image(Bake *bake, const Attempt *attempt, Ec2ImageList *ret, ApiError *reterr)
{
        const Ec2ImageFilter filter = { .id = bake->record.image_id };
        int r = sight_get_image(attempt->sight, bake->record.image_id, ret);

        return r == -ENOENT ? ec2_describe_images(bake->aws, &filter, EC2_FRESH, ret, reterr) : r;
}

int follow_image(Bake *bake, Attempt *ret)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        const Ec2Image *image;
        int r = see_image(bake, ret, &images, &error);

        if (r != 0)
                return follow_judge(bake, "DescribeImages", r, &error);
        image = &images.items[0];
        if (image->state == EC2_IMAGE_FAILED)
                return failure_set(&bake->failure, FAILURE_IMAGE_FAILED, -EIO, "Image %s failed: %s",
                        image->id, image->state_message ? image->state_message : "EC2 gives no reason");
        ret->complete = image->state == EC2_IMAGE_AVAILABLE;
        if (ret->complete)
                ret->percent = 100;
        for (size_t i = 0; i < image->n_devices; i++) {
                const char *id = image->devices[i].snapshot_id;

                if (id && !string_list_contains(&bake->record.snapshots, id) &&
                        string_list_add(&bake->record.snapshots, id) < 0)
                        return -ENOMEM;
        }
        return 0;
}
