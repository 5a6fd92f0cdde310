/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One run of quiesced-bundle: papers, the way to S3, progress, and what came of it. */

#include "aws/s3-upload.h"
#include "bundle/order.h"
#include "bundle/place.h"
#include "cli/progress.h"
#include "flow/profile.h"
#include "image/fetch.h"
#include "image/folder.h"
#include "image/part.h"

typedef struct Session {
        const Order *order;
        Order given; /* with what comes from a profile, see bundle/defaults.h */
        Profile profile;
        bool (*is_cancelled)(void *userdata);
        BundleCertificates papers;
        Imds *imds;
        CredentialsProvider *credentials;
        S3Bucket *bucket;
        Progress progress;
        const char *doing; /* "sending" */
        uint64_t n_done, done_bytes;
        PartWatch watch; /* draws progress, and ends what was cancelled */
        char *message;   /* what went wrong: the `reterr_message` of all */
        bool is_usage;   /* and it is the caller who is wrong */
        /* What came of it. */
        const char *done; /* "Uploaded" */
        char *where;      /* path, or s3://BUCKET/KEY */
        Manifest manifest;
        S3UploadSum sum;
        bool has_sum;
        size_t n_leftovers; /* parts of an earlier run that had to go first */
} Session;

void session_init(Session *session, const Order *order, bool (*is_cancelled)(void *userdata));
void session_done(Session *session);

/* Begins to count parts anew. */
void session_say(Session *session, const char *doing);

/* By the certificate, if there is one, else by the key; the key where there is one. */
int session_read_papers(Session *session);

/* The key that signatures are checked with. */
RsaKey *session_signer(const Session *session);

/* A bundle that is read, with the papers; of a bucket after session_open_bucket(). */
FolderBundle session_in_folder(Session *session, const Place *place);
FetchOrder session_in_bucket(Session *session, const Place *place);

/* Where S3 is asked first; on an instance its own. 0, -ENOMEM, or another with a message. */
int session_find_region(Session *session, char **ret);

/* Nothing is asked of it yet. 0, -ENOMEM, or -EINVAL with a message. */
int session_open_bucket(Session *session, const char *name);

/* That of the order, and fit for a bundle. Likewise, or an S3Outcome. */
int session_open_target(Session *session);

/* What goes before each key there: "", or it ends in a slash. 0 or -ENOMEM. */
int session_make_folder(const Session *session, char **ret);

/* The bucket's words for an outcome. 0 or -ENOMEM. */
int session_explain(Session *session, int outcome, const ApiError *error);
