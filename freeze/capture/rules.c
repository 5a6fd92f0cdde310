/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/rules.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

typedef struct Default {
        const char *pattern;
        Verdict verdict;
        uint32_t flag;      /* only if this one is set; 0: unless CAPTURE_SCRUB_NO_DEFAULTS is */
        bool is_everywhere; /* also where packages keep what is public */
} Default;

/* A pattern with a slash is of the path, and '*' matches a slash; one without is of the name. */
static const Default defaults[] = {
        /* Private keys. */
        { "*.pem", VERDICT_GOES_IF_KEY },
        { "*.key", VERDICT_GOES_IF_KEY },
        { "*.crt", VERDICT_GOES_IF_KEY },
        { "*.cer", VERDICT_GOES_IF_KEY },
        { "*.p8", VERDICT_GOES_IF_KEY },
        { "*.der", VERDICT_GOES_IF_KEY },
        { "*.asc", VERDICT_GOES_IF_KEY },
        { "*/.ssh/*", VERDICT_GOES_IF_KEY },
        { "/etc/ssh/*", VERDICT_GOES_IF_KEY },
        { "/etc/quiesced/*", VERDICT_GOES_IF_KEY },
        { "*.ppk", VERDICT_GOES },
        { "*.priv", VERDICT_GOES },
        { "*id_rsa*", VERDICT_GOES },
        { "*id_dsa*", VERDICT_GOES },
        { "*id_ecdsa*", VERDICT_GOES },
        { "*id_ed25519*", VERDICT_GOES },
        { "*.p12", VERDICT_GOES },
        { "*.pfx", VERDICT_GOES },
        { "*.jks", VERDICT_GOES },
        { "*.gpg", VERDICT_GOES },
        { "*/.gnupg/private-keys-v1.d/*", VERDICT_GOES },
        { "/etc/ssl/private/*", VERDICT_GOES_IF_KEY, 0, true },
        { "/etc/pki/tls/private/*", VERDICT_GOES_IF_KEY, 0, true },
        { "/etc/letsencrypt/archive/*", VERDICT_GOES_IF_KEY, 0, true },
        /* Who may come in, and as whom this host was known. */
        { "/etc/ssh/ssh_host_*key", VERDICT_GOES, 0, true },
        { "/etc/ssh/ssh_host_*key.pub", VERDICT_GOES, 0, true },
        { "/etc/dropbear/dropbear_*_host_key", VERDICT_GOES, 0, true },
        { "*.keytab", VERDICT_GOES },
        { "*/.ssh/authorized_keys*", VERDICT_GOES },
        /* Passwords and tokens of people, who keep them in such files by themselves. */
        { ".netrc", VERDICT_GOES },
        { ".git-credentials", VERDICT_GOES },
        { ".pgpass", VERDICT_GOES },
        { ".my.cnf", VERDICT_GOES },
        { ".mylogin.cnf", VERDICT_GOES },
        { ".pypirc", VERDICT_GOES },
        { ".vault-token", VERDICT_GOES },
        { "*/.aws/credentials", VERDICT_GOES },
        { "*/.aws/cli/cache/*", VERDICT_GOES },
        { "*/.aws/sso/cache/*", VERDICT_GOES },
        { "*/.cargo/credentials*", VERDICT_GOES },
        { "*/.config/gcloud/*credentials*", VERDICT_GOES },
        { "*/.config/gh/hosts.yml", VERDICT_GOES },
        { "*/.config/git/credentials", VERDICT_GOES },
        { "*/.docker/config.json", VERDICT_GOES },
        { "*/.kube/config", VERDICT_GOES },
        /* What the instance was told when it was launched, as passwords; the next is told anew. */
        { "/var/lib/cloud/instances/*", VERDICT_GOES, 0, true },
        /* An image within the image. */
        { "/var/lib/quiesced-capture/*.image", VERDICT_GOES, 0, true },
        { "*.image", VERDICT_GOES_IF_IMAGE, 0, true },
        /* What was typed. */
        { ".*_history", VERDICT_GOES },
        { ".*_history-[0-9]*", VERDICT_GOES },
        { ".history", VERDICT_GOES },
        { ".histfile", VERDICT_GOES },
        { ".zhistory", VERDICT_GOES },
        { ".Rhistory", VERDICT_GOES },
        { "mongosh_repl_history", VERDICT_GOES },
        { "fish_history", VERDICT_GOES },
        { ".lesshst", VERDICT_GOES },
        { ".viminfo", VERDICT_GOES },
        /* What editors leave. */
        { "#*#", VERDICT_GOES },
        { ".#*", VERDICT_GOES },
        { ".*.sw[a-p]", VERDICT_GOES },
        { "*~", VERDICT_GOES },
        /* What tells two instances apart; /etc/machine-id itself is emptied, not removed. */
        { "/var/lib/dbus/machine-id", VERDICT_GOES, CAPTURE_SCRUB_MACHINE_ID, true },
        { "/var/lib/systemd/random-seed", VERDICT_GOES, CAPTURE_SCRUB_MACHINE_ID, true },
        { "/var/lib/systemd/credential.secret", VERDICT_GOES, CAPTURE_SCRUB_MACHINE_ID, true },
        { "/var/lib/dhcp/*.lease*", VERDICT_GOES, CAPTURE_SCRUB_LEASES, true },
        { "/var/lib/dhclient/*.lease*", VERDICT_GOES, CAPTURE_SCRUB_LEASES, true },
        { "/var/lib/dhcpcd/*.lease*", VERDICT_GOES, CAPTURE_SCRUB_LEASES, true },
        { "/var/lib/dhcpcd5/*.lease*", VERDICT_GOES, CAPTURE_SCRUB_LEASES, true },
        { "/var/lib/NetworkManager/*.lease", VERDICT_GOES, CAPTURE_SCRUB_LEASES, true },
        { "/var/lib/wicked/lease*", VERDICT_GOES, CAPTURE_SCRUB_LEASES, true },
};

/*
 * Where packages keep what is public: CA bundles, keyrings that verify packages, examples, tests.
 * The tools that this takes the place of removed them, and broke TLS.
 */
typedef struct PublicFolder {
        const char *path;
        bool has_keys; /* of hosts and services, which administrators lay beside it */
} PublicFolder;

static const PublicFolder public_folders[] = {
        { "/usr/", false },
        { "/boot/", false },
        { "/etc/apt/", true },
        { "/etc/ca-certificates/", false },
        { "/etc/pki/ca-trust/", false },
        { "/etc/pki/rpm-gpg/", false },
        { "/etc/pki/tls/certs/ca-bundle", false },
        { "/etc/pki/tls/certs/", true },
        { "/etc/ssl/certs/ca-certificates.crt", false },
        { "/etc/ssl/certs/", true },
        { "/var/lib/apt/", false },
        { "/var/lib/ca-certificates/", false },
};
static const char private_exception[] = "/usr/local/";

void rules_done(Rules *rules)
{
        for (size_t i = 0; i < rules->count; i++)
                free(rules->items[i].pattern);
        free(rules->items);
        *rules = (Rules){ 0 };
}

int rules_add(Rules *rules, const CaptureRule *rule)
{
        Rule *items;

        if (rules->count == CAPTURE_RULES_MAX)
                return -E2BIG;
        items = reallocarray(rules->items, rules->count + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;
        rules->items = items;
        items[rules->count] = (Rule){ strdup(rule->pattern), (CaptureRuleKind)rule->kind };
        return items[rules->count].pattern ? (rules->count++, 0) : -ENOMEM;
}

static bool pattern_matches(const char *pattern, const char *path, int flags)
{
        return fnmatch(pattern, strchr(pattern, '/') ? path : strrchr(path, '/') + 1, flags) == 0;
}

/* Names of files come from anywhere, as SERVER.KEY does; the folders of a system are as it has
 * them. */
static bool default_matches(const Default *rule, const char *path)
{
        return pattern_matches(rule->pattern, path, strchr(rule->pattern, '/') ? 0 : FNM_CASEFOLD);
}

static bool any_matches(const Rules *rules, CaptureRuleKind kind, const char *path)
{
        for (size_t i = 0; i < rules->count; i++)
                if (rules->items[i].kind == kind &&
                        pattern_matches(rules->items[i].pattern, path, 0))
                        return true;
        return false;
}

/* NULL: there is one path only. The copy itself has none. */
static const char *path_within(const char *path, size_t base)
{
        return base > 0 && path[base] == '/' ? path + base : NULL;
}

static bool either_matches(
        const Rules *rules, CaptureRuleKind kind, const char *path, size_t base)
{
        const char *within = path_within(path, base);

        return any_matches(rules, kind, path) || (within && any_matches(rules, kind, within));
}

bool rules_exclude(const Rules *rules, const char *path, size_t base)
{
        return either_matches(rules, CAPTURE_RULE_EXCLUDE, path, base);
}

bool rules_include(const Rules *rules, const char *path, size_t base)
{
        return either_matches(rules, CAPTURE_RULE_INCLUDE, path, base);
}

static const PublicFolder *public_folder_find(const char *path)
{
        if (strncmp(path, private_exception, strlen(private_exception)) == 0)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(public_folders); i++)
                if (strncmp(path, public_folders[i].path, strlen(public_folders[i].path)) == 0)
                        return &public_folders[i];
        return NULL;
}

static bool is_public_key(const char *path)
{
        size_t length = strlen(path);

        return length > 4 && strcmp(path + length - 4, ".pub") == 0;
}

static bool is_asked(const Default *rule, uint32_t flags)
{
        return rule->flag ? (flags & rule->flag) != 0 : !(flags & CAPTURE_SCRUB_NO_DEFAULTS);
}

typedef struct Spared {
        bool files;
        bool keys;
} Spared;

static Spared spared(const char *path)
{
        const PublicFolder *folder = public_folder_find(path);
        bool is_public = is_public_key(path);

        return (Spared){ folder || is_public, (folder && !folder->has_keys) || is_public };
}

static Verdict defaults_judge(uint32_t flags, const char *path, Spared sparing)
{
        Verdict verdict = VERDICT_STAYS;

        for (size_t i = 0; i < ELEMENTSOF(defaults); i++) {
                const Default *rule = &defaults[i];
                bool is_spared =
                        rule->verdict == VERDICT_GOES_IF_KEY ? sparing.keys : sparing.files;

                if (!is_asked(rule, flags) || (is_spared && !rule->is_everywhere) ||
                        !default_matches(rule, path))
                        continue;
                if (rule->verdict == VERDICT_GOES)
                        return VERDICT_GOES;
                verdict = rule->verdict;
        }
        return verdict;
}

Verdict rules_judge(const Rules *rules, const char *path, size_t base)
{
        const char *within = path_within(path, base);
        Spared sparing = spared(path), inner = within ? spared(within) : (Spared){ 0 };
        Verdict verdict, other;

        if (rules_include(rules, path, base))
                return VERDICT_STAYS;
        if (rules_exclude(rules, path, base))
                return VERDICT_GOES;
        sparing = (Spared){ sparing.files || inner.files, sparing.keys || inner.keys };
        verdict = defaults_judge(rules->flags, path, sparing);
        if (!within || verdict == VERDICT_GOES)
                return verdict;
        other = defaults_judge(rules->flags, within, sparing);
        return other == VERDICT_GOES || verdict == VERDICT_STAYS ? other : verdict;
}
