/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A call for the frozen window, made by ec2_prepare_create_snapshots() or ..._create_image().
 *
 *      prepare   the form is built and all memory is allocated
 *      warm      DryRun: opens the connection and proves the permission; then signs
 *      send      once, on that connection: no file, no look-up, no log, no second attempt
 */

#include "aws/ec2.h"

typedef struct Ec2Request Ec2Request;

/* Takes the form. A whole reply has text at `proof` ("imageId"). 0 or -ENOMEM. */
int ec2_request_new(AwsClient *client, Query *query, const char *proof, Ec2Request **ret);
Ec2Request *ec2_request_free(Ec2Request *request);
DEFINE_CLEANUP(Ec2Request *, ec2_request_free)

/*
 * With retries; may be called again, since a connection that idles is closed by the other end and
 * a signature lasts 5 minutes. 0 and the common outcomes, of which none has created anything; and
 * NAME_TAKEN.
 */
int ec2_request_warm(Ec2Request *request, ApiError *reterr);

/* Whether it could be sent right now: it was warmed seconds ago, and its connection is open. */
bool ec2_request_is_warm(const Ec2Request *request);

/*
 * `deadline_usec` as clock_usec(). 0, or REFUSED and NAME_TAKEN (not done), UNREACHABLE (the warm
 * connection was gone: nothing was sent), TIMEOUT and LOST (not known: look it up); or -EINVAL when
 * it was not warmed, or was sent since.
 */
int ec2_request_send(Ec2Request *request, uint64_t deadline_usec, ApiError *reterr);

/* The reply's root after a send that returned 0, else NULL. */
const XmlNode *ec2_request_reply(const Ec2Request *request);

/* Server time of the reply (1 s steps; 0 if it did not say). */
uint64_t ec2_request_date_usec(const Ec2Request *request);
