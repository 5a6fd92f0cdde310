/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One service in one region: address, keys, clock, a warm connection, retries around a call. */

#include "aws/call.h"
#include "aws/credentials.h"
#include "aws/retry.h"

typedef struct AwsClient AwsClient;

typedef struct AwsClientConfig {
        const char *service; /* "ec2": part of the host's name and of the signature */
        const char *region;
        const char *label; /* a bucket of S3, before the host's name; or NULL */
        const char *domain; /* of services, from the metadata service; NULL: by the region */
        unsigned pace; /* how many times the pace of EC2's API (aws/bucket.h); 0: once */
        CredentialsProvider *credentials; /* outlives the client */
        bool (*cancelled)(void *userdata); /* asked between attempts; or NULL */
        void *userdata;
} AwsClientConfig;

/* AWS_REGION, then AWS_DEFAULT_REGION; NULL if neither is set. */
const char *aws_region_from_environment(void);

/*
 * AWS_ENDPOINT_URL_<SERVICE> and AWS_ENDPOINT_URL replace the address; AWS_CA_BUNDLE replaces the
 * system's certificate authorities. 0, -ENOMEM, or -EINVAL with the message for a value that is
 * no region or no URL, or for a bundle that cannot be read.
 */
int aws_client_new(const AwsClientConfig *config, AwsClient **ret, char **reterr_message);
AwsClient *aws_client_free(AwsClient *client);
DEFINE_CLEANUP(AwsClient *, aws_client_free)

const char *aws_client_region(const AwsClient *client);

/* Server time minus ours, from the last Date: header (1 s steps); 0 while they agree to 2 s. */
int64_t aws_client_clock_offset_usec(const AwsClient *client);

/* The time by the server's clock, as far as a reply has told it; else by ours. */
uint64_t aws_client_realtime_usec(const AwsClient *client);

/* Whether there was such a header, without which that is 0 as well. */
bool aws_client_knows_clock(const AwsClient *client);

/*
 * No attempt and no wait of aws_client_call() goes past this moment (as clock_usec()), until it is
 * USEC_INFINITY again: for what is asked while file systems are frozen.
 */
void aws_client_set_deadline(AwsClient *client, uint64_t deadline_usec);

/*
 * While it is set, how long and how often is tried what was throttled is up to this one (see
 * retry_be_patient()), for all calls together, and not to each call. NULL again before it goes.
 */
void aws_client_set_patience(AwsClient *client, Retry *patience);

/*
 * Waits for its turn (aws/bucket.h; not with a deadline), signs, sends and judges until it works or
 * is no use. 0 or an AwsOutcome, or -ENOMEM, ...
 */
int aws_client_call(AwsClient *client, const AwsCall *call, ApiError *reterr);

/* For whoever tries again in a way of its own. False when it was cancelled meanwhile. */
bool aws_client_wait(const AwsClient *client, uint64_t usec);

/* One attempt in its two halves, for a call that is sent at a chosen moment. */
typedef struct AwsMessage {
        SigV4Signed made;
        char *url;
        HttpRequest http; /* the caller sets the deadline, and only_if_open */
        HttpReply reply;
} AwsMessage;

void aws_message_done(AwsMessage *message);

/* Signs, also anew; keeps the reply's memory. 0, AWS_E_NO_CREDENTIALS, -ENOMEM, ... */
int aws_client_sign(AwsClient *client, const AwsCall *call, AwsMessage *message, ApiError *reterr);

/* 0 or an AwsOutcome but NO_CREDENTIALS and CANCELLED, or -ENOMEM. */
int aws_client_send(AwsClient *client, const AwsCall *call, AwsMessage *message, ApiError *reterr);

/* Whether the connection of the last reply is open still. */
bool aws_client_is_warm(const AwsClient *client);
