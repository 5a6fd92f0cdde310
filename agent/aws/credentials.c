/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that sign requests: of the environment, systemd credentials, or of the instance's role. */

#include "aws/credentials.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

#define REFRESH_BEFORE_USEC (5 * 60 * USEC_PER_SEC)
#define SECRET_BYTES_MAX 16384u
#define ROLE_NAME_MAX 64 /* IAM */
#define ROLES_PATH "meta-data/iam/security-credentials/"

struct CredentialsProvider {
        Imds *imds;
        Credentials current; /* empty at first */
        bool must_refresh;
        pthread_mutex_t lock;
};

static void secret_free(char *secret)
{
        if (secret)
                OPENSSL_cleanse(secret, strlen(secret));
        free(secret);
}

static void secret_freep(char **secret)
{
        secret_free(*secret);
}

void credentials_done(Credentials *credentials)
{
        secret_free(credentials->access_key_id);
        secret_free(credentials->secret_access_key);
        secret_free(credentials->session_token);
        *credentials = (Credentials){ 0 };
}

/* For `return fail(...)`. */
static int fail(int outcome, char **reterr_message, const char *message)
{
        return string_replace(reterr_message, message) < 0 ? -ENOMEM : outcome;
}

/* --- The environment -------------------------------------------------------------------------- */

static const char *get_variable(const char *name)
{
        const char *value = getenv(name);

        return value && *value ? value : NULL;
}

static int copy_keys(const char *id, const char *secret, const char *token, Credentials *ret)
{
        _cleanup_(credentials_done) Credentials made = {
                .access_key_id = strdup(id),
                .secret_access_key = strdup(secret),
                .session_token = token ? strdup(token) : NULL,
                .expiration_usec = USEC_INFINITY,
        };

        if (!made.access_key_id || !made.secret_access_key || (token && !made.session_token))
                return -ENOMEM;
        *ret = made;
        made = (Credentials){ 0 };
        return 0;
}

static int read_environment(Credentials *ret, char **reterr_message)
{
        const char *id = get_variable("AWS_ACCESS_KEY_ID");
        const char *secret = get_variable("AWS_SECRET_ACCESS_KEY");

        if (!id && !secret)
                return CREDENTIALS_E_NONE;
        if (!id || !secret)
                return fail(CREDENTIALS_E_INVALID, reterr_message,
                        id ? "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not" :
                             "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not");
        return copy_keys(id, secret, get_variable("AWS_SESSION_TOKEN"), ret);
}

/* --- systemd credentials ---------------------------------------------------------------------- */

/* One secret without the line break that editors add; *ret stays NULL if there is no such file. */
static int read_secret(const char *directory, const char *name, char **ret)
{
        _cleanup_(freep) char *path = NULL;
        size_t length;
        int r = string_printf(&path, "%s/%s", directory, name);

        if (r < 0)
                return r;
        r = file_read(path, SECRET_BYTES_MAX, ret, NULL);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        for (length = strlen(*ret); length > 0 && strchr(" \t\r\n", (*ret)[length - 1]); length--)
                (*ret)[length - 1] = '\0';
        return 0;
}

static int read_systemd(Credentials *ret, char **reterr_message)
{
        _cleanup_(secret_freep) char *id = NULL, *secret = NULL, *token = NULL;
        const char *directory = get_variable("CREDENTIALS_DIRECTORY");
        int r;

        if (!directory)
                return CREDENTIALS_E_NONE;
        r = read_secret(directory, "aws-access-key-id", &id);
        if (r >= 0)
                r = read_secret(directory, "aws-secret-access-key", &secret);
        if (r >= 0)
                r = read_secret(directory, "aws-session-token", &token);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return fail(CREDENTIALS_E_INVALID, reterr_message,
                        "The systemd credentials aws-access-key-id, aws-secret-access-key and "
                        "aws-session-token cannot be read");
        if (!id && !secret)
                return CREDENTIALS_E_NONE;
        if (!id || !secret || !*id || !*secret)
                return fail(CREDENTIALS_E_INVALID, reterr_message,
                        "Of the systemd credentials aws-access-key-id and aws-secret-access-key "
                        "one is missing or empty: set both");
        return copy_keys(id, secret, token && *token ? token : NULL, ret);
}

/* --- The instance's role ---------------------------------------------------------------------- */

int credentials_parse_role(const char *text, Credentials *ret, char **reterr_message)
{
        _cleanup_(json_decrefp) json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        const char *code = json_get_string(json, "Code", "Success");
        const char *id = json_get_string(json, "AccessKeyId", "");
        const char *secret = json_get_string(json, "SecretAccessKey", "");
        const char *token = json_get_string(json, "Token", "");
        Credentials made = { 0 };
        uint64_t expiration_usec;
        int r;

        if (!json_is_object(json))
                return fail(-EBADMSG, reterr_message, "what the metadata service sent is no JSON");
        if (!streq(code, "Success"))
                return fail(-EBADMSG, reterr_message, code);
        if (!*id || !*secret || !*token)
                return fail(-EBADMSG, reterr_message, "a key or the token is missing");
        if (timestamp_parse(json_get_string(json, "Expiration", ""), &expiration_usec) < 0)
                return fail(-EBADMSG, reterr_message, "Expiration is no time");
        r = copy_keys(id, secret, token, &made);
        if (r < 0)
                return r;
        made.expiration_usec = expiration_usec;
        *ret = made;
        return 0;
}

static int fail_imds(const Imds *imds, int r, char **reterr_message)
{
        if (r < 0)
                return r;
        if (r == IMDS_E_ABSENT)
                return fail(CREDENTIALS_E_NONE, reterr_message,
                        "No role is attached to this instance: attach an instance profile, or set "
                        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
        if (r == IMDS_E_UNREACHABLE || r == IMDS_E_DISABLED)
                return fail(CREDENTIALS_E_NONE, reterr_message, imds_message(imds));
        return fail(CREDENTIALS_E_FAILED, reterr_message, imds_message(imds));
}

/* The reply is a list of names; an instance has one role at most. */
static bool cut_role_name(char *name)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_+=,.@-";
        size_t length = strspn(name, allowed);
        bool is_whole = name[length] == '\0' || name[length] == '\n' || name[length] == '\r';

        name[length] = '\0';
        return is_whole && length > 0 && length <= ROLE_NAME_MAX;
}

static int read_role(Imds *imds, Credentials *ret, char **reterr_message)
{
        _cleanup_(freep) char *role = NULL, *path = NULL, *reason = NULL;
        _cleanup_(secret_freep) char *json = NULL;
        int r;

        if (!imds)
                return CREDENTIALS_E_NONE;
        r = imds_get(imds, ROLES_PATH, &role);
        if (r != 0)
                return fail_imds(imds, r, reterr_message);
        if (!cut_role_name(role))
                return fail_imds(imds, IMDS_E_ABSENT, reterr_message);
        if (string_printf(&path, ROLES_PATH "%s", role) < 0)
                return -ENOMEM;
        r = imds_get(imds, path, &json);
        if (r != 0)
                return fail_imds(imds, r, reterr_message);
        r = credentials_parse_role(json, ret, &reason);
        if (r != -EBADMSG)
                return r;
        free(*reterr_message);
        *reterr_message = NULL;
        r = string_printf(reterr_message, "The metadata service gives no keys for the role %s: %s",
                role, reason ? reason : "");
        return r < 0 ? r : CREDENTIALS_E_FAILED;
}

/* --- The provider ----------------------------------------------------------------------------- */

int credentials_provider_new(Imds *imds, CredentialsProvider **ret)
{
        CredentialsProvider *provider = calloc(1, sizeof(CredentialsProvider));

        if (!provider)
                return -ENOMEM;
        provider->imds = imds;
        (void)pthread_mutex_init(&provider->lock, NULL);
        *ret = provider;
        return 0;
}

CredentialsProvider *credentials_provider_free(CredentialsProvider *provider)
{
        if (!provider)
                return NULL;
        credentials_done(&provider->current);
        (void)pthread_mutex_destroy(&provider->lock);
        free(provider);
        return NULL;
}

void credentials_provider_lock(CredentialsProvider *provider)
{
        (void)pthread_mutex_lock(&provider->lock);
}

void credentials_provider_unlock(CredentialsProvider *provider)
{
        (void)pthread_mutex_unlock(&provider->lock);
}

void credentials_provider_refresh(CredentialsProvider *provider)
{
        credentials_provider_lock(provider);
        provider->must_refresh = true;
        credentials_provider_unlock(provider);
}

static int read_any(CredentialsProvider *provider, Credentials *ret, char **reterr_message)
{
        int r = read_environment(ret, reterr_message);

        if (r == CREDENTIALS_E_NONE)
                r = read_systemd(ret, reterr_message);
        if (r == CREDENTIALS_E_NONE)
                r = read_role(provider->imds, ret, reterr_message);
        if (r == CREDENTIALS_E_NONE && !*reterr_message)
                return fail(r, reterr_message,
                        "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the systemd "
                        "credentials aws-access-key-id and aws-secret-access-key");
        return r;
}

static bool is_good_for(const Credentials *credentials, uint64_t span_usec)
{
        return credentials->access_key_id &&
                (credentials->expiration_usec == USEC_INFINITY ||
                        clock_realtime_usec() + span_usec < credentials->expiration_usec);
}

int credentials_provider_get(CredentialsProvider *provider, const Credentials **ret,
        char **reterr_message)
{
        _cleanup_(freep) char *message = NULL;
        Credentials fresh = { 0 };
        int r;

        *ret = &provider->current;
        if (!provider->must_refresh && is_good_for(&provider->current, REFRESH_BEFORE_USEC))
                return 0;
        r = read_any(provider, &fresh, &message);
        if (r == 0) {
                credentials_done(&provider->current);
                provider->current = fresh;
                provider->must_refresh = false;
                return 0;
        }
        /* The old ones still serve while the source has a bad moment. */
        if (r > 0 && !provider->must_refresh && is_good_for(&provider->current, 0))
                return 0;
        *reterr_message = TAKE_PTR(message);
        return r;
}
