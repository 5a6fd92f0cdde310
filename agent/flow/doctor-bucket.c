/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the bucket that a profile names is fit for bundles. */

#include "flow/doctor-bucket.h"

#include "aws/s3-check.h"
#include "base/text.h"
#include "flow/identify.h"

static int find_refusal(
        const S3Bucket *bucket, int outcome, const ApiError *error, DoctorFinding *ret)
{
        _cleanup_(freep) char *words = NULL;
        bool is_denied = outcome == S3_E_DENIED;

        if (s3_explain(bucket, outcome, error, &words) < 0)
                return -ENOMEM;
        return doctor_find(ret, is_denied ? DOCTOR_DENIED : DOCTOR_FAILED, "%s%s", words,
                is_denied ? "; it takes s3:ListBucket" : "");
}

static int find_state(
        const Bake *bake, const S3Bucket *bucket, const S3BucketState *state, DoctorFinding *ret)
{
        _cleanup_(freep) char *obstacle = NULL, *remark = NULL;

        if (s3_bucket_find_obstacle(bucket, state, aws_client_region(bake->aws), &obstacle) < 0 ||
                s3_bucket_find_remark(state, &remark) < 0)
                return -ENOMEM;
        if (obstacle)
                return doctor_find(ret, DOCTOR_FAILED, "%s", obstacle);
        if (state->takes_acls == S3_UNKNOWN)
                return doctor_find(ret, DOCTOR_UNKNOWN,
                        "whether it takes access control lists, as bundles need, is not told: "
                        "allow s3:GetBucketOwnershipControls");
        return remark ? doctor_find(ret, DOCTOR_OK, "%s", remark)
                      : doctor_find(ret, DOCTOR_OK, NULL);
}

int doctor_try_bucket(Bake *bake, const char *name, DoctorFinding *ret)
{
        _cleanup_(s3_bucket_freep) S3Bucket *bucket = NULL;
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        S3BucketState state;
        int r = bake_open_bucket(bake, name, &bucket);

        if (r < 0) {
                r = doctor_find(ret, DOCTOR_FAILED, "%s",
                        bake->failure.message ? bake->failure.message : strerror(-r));
                failure_done(&bake->failure);
                return r;
        }
        r = s3_bucket_check(bucket, &state, &error);
        if (r < 0)
                return r;
        return r > 0 ? find_refusal(bucket, r, &error, ret) : find_state(bake, bucket, &state, ret);
}
