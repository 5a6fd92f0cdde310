/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Keys that sign requests: of the environment, systemd credentials, or of the instance's role. */

#include <stdint.h>

#include "aws/imds.h"

typedef struct Credentials {
        char *access_key_id;
        char *secret_access_key;
        char *session_token; /* NULL for long-term keys */
        uint64_t expiration_usec; /* realtime; USEC_INFINITY for long-term keys */
} Credentials;

/* Wipes the secrets. */
void credentials_done(Credentials *credentials);

typedef struct CredentialsProvider CredentialsProvider;

enum {
        CREDENTIALS_E_NONE = 1, /* no source has any: no role is attached, and nothing was set */
        CREDENTIALS_E_FAILED, /* the role has them, but the metadata service would not give them */
        CREDENTIALS_E_INVALID, /* a source is there and is half empty or malformed */
};

/* `imds` outlives the provider; NULL leaves the instance's role out. */
int credentials_provider_new(Imds *imds, CredentialsProvider **ret);
CredentialsProvider *credentials_provider_free(CredentialsProvider *provider);
DEFINE_CLEANUP(CredentialsProvider *, credentials_provider_free)

/*
 * Keys that are good for at least 5 more minutes where the role allows it: AWS makes new ones
 * available 5 minutes before the old expire. Owned by the provider, until the next call.
 * On a positive outcome *reterr_message says what to do, in memory that the caller frees.
 */
int credentials_provider_get(CredentialsProvider *provider, const Credentials **ret,
        char **reterr_message);

/* For threads that share it: held from a get until its keys were used. */
void credentials_provider_lock(CredentialsProvider *provider);
void credentials_provider_unlock(CredentialsProvider *provider);

/* The service refused these keys: the next get reads them anew. May be called by any thread. */
void credentials_provider_refresh(CredentialsProvider *provider);

/* Parses what the metadata service says about a role: 0, -EBADMSG or -ENOMEM. */
int credentials_parse_role(const char *json, Credentials *ret, char **reterr_message);
