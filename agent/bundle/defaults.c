/* SPDX-License-Identifier: Apache-2.0 */
/* What a command line leaves out is what the section [Bundle] of a profile says. */

#include "bundle/defaults.h"

#include "aws/endpoint.h"
#include "base/text.h"

static int fail(Session *session, const char *message)
{
        session->is_usage = true;
        return string_replace(&session->message, message) < 0 ? -ENOMEM : -EINVAL;
}

static int read_profile(Session *session)
{
        _cleanup_(settings_done) Settings settings = { 0 };
        _cleanup_(failure_done) Failure failure = { 0 };
        int r = settings_load(&settings, &failure);

        if (r >= 0)
                r = profile_load(&settings, session->order->profile, &session->profile, &failure);
        session->message = TAKE_PTR(failure.message);
        return r;
}

/* An empty value is none: it takes back what stands before it. */
static void take(const char **given, const char *said)
{
        if (!*given && said && *said)
                *given = said;
}

/* Where there is one for all partitions alone, nobody need know in which one this is. */
static int take_ec2_certificate(Session *session)
{
        const StringList *entries = &session->profile.bundle.ec2_certificates;
        _cleanup_(freep) char *region = NULL, *message = NULL;
        const char *entry = bundle_find_ec2(entries, NULL), *partition;
        int r;

        if (session->given.ec2_certificate || entries->count == 0)
                return 0;
        if (!entry || entries->count > 1) {
                r = session_find_region(session, &region);
                if (r < 0)
                        return r;
                partition = endpoint_partition(region);
                entry = bundle_find_ec2(entries, partition);
                if (!entry) {
                        if (string_printf(&message,
                                    "Ec2Certificate= of profile %s has no certificate for "
                                    "partition %s (region %s): add one, or give --ec2-certificate=",
                                    session->order->profile, partition, region) < 0)
                                return -ENOMEM;
                        return fail(session, message);
                }
        }
        session->given.ec2_certificate = bundle_ec2_path(entry);
        return 0;
}

/* A credential is handed to the service, and to nobody else. */
static int take_private_key(Session *session)
{
        const char *said = session->profile.bundle.private_key;

        if (session->given.private_key || !said || !*said || *said == '/') {
                take(&session->given.private_key, said);
                return 0;
        }
        return string_printf(&session->message,
                       "PrivateKey=%s of profile %s is a credential, which systemd hands to the "
                       "daemon alone: give --private-key=FILE",
                       said, session->order->profile) < 0
                ? -ENOMEM
                : -EINVAL;
}

static void take_bucket(Session *session)
{
        Order *given = &session->given;

        if (given->into)
                return;
        if (!given->prefix) {
                take(&given->prefix, session->profile.bucket_prefix);
                given->prefix_is_whole = given->prefix;
        }
        take(&given->bucket, session->profile.bucket);
}

static int check_missing(Session *session)
{
        const Order *given = &session->given;
        bool is_made = streq(given->verb, "bundle");
        const struct {
                const char *key, *value;
                bool is_needed;
        } needs[] = {
                { "Bucket=", given->bucket, !given->into },
                { "Certificate=", given->certificate, true },
                { "PrivateKey=", given->private_key, is_made },
                { "Ec2Certificate=", given->ec2_certificate, is_made },
        };
        _cleanup_(text_done) Text missing = TEXT_INIT;
        _cleanup_(freep) char *message = NULL;

        for (size_t i = 0; i < ELEMENTSOF(needs); i++)
                if (needs[i].is_needed && !needs[i].value &&
                        text_addf(&missing, "%s%s", missing.length > 0 ? ", " : "", needs[i].key) <
                                0)
                        return -ENOMEM;
        if (missing.length == 0)
                return 0;
        if (string_printf(&message,
                    "Profile %s does not say %s in [Bundle], and no option does: see "
                    "quiesced.profile(5)",
                    given->profile, missing.data) < 0)
                return -ENOMEM;
        return fail(session, message);
}

int defaults_take(Session *session)
{
        int r;

        if (!session->order->profile)
                return 0;
        session->given = *session->order;
        r = read_profile(session);
        if (r < 0)
                return r;
        take(&session->given.certificate, session->profile.bundle.certificate);
        take_bucket(session);
        if (streq(session->given.verb, "bundle")) {
                r = take_private_key(session);
                if (r >= 0)
                        r = take_ec2_certificate(session);
        }
        if (r < 0)
                return r;
        session->order = &session->given; /* whose lists stay the caller's */
        return check_missing(session);
}
