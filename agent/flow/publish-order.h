/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which image a parameter shall name, when jobs end in another order than they began. */

#include "flow/publish-site.h"

/*
 * The job of this host that comes behind `bake` and whose image the parameter names already, as `ssm`
 * says: *ret is its id, NULL for none. Of a bake its point in time counts, of an image that is published
 * by hand the moment at which that was asked for. What the parameter names is told by the tags of the
 * image, which outlive the record of the job. 0, an SsmOutcome or an Ec2Outcome, or a negative errno.
 */
int publish_find_later(
        Bake *bake, const Site *site, AwsClient *ssm, char **ret, ApiError *reterr);
