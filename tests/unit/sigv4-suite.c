/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs our signer over a folder in the layout of AWS's published Signature Version 4 test suite
 * (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4): one folder per case, with context.json,
 * request.txt, and what is to come of it in header-*.txt and query-*.txt. Speaks TAP.
 *
 * The suite's request lines hold the path as the caller has it, not encoded yet ("/a b"), so that
 * it is encoded once here.
 */

#include <dirent.h>
#include <string.h>
#include <strings.h>

#include "aws/sigv4.h"
#include "aws/uri.h"
#include "base/clock.h"
#include "base/files.h"
#include "base/json.h"
#include "base/text.h"

#define FILE_MAX (1024 * 1024)
#define FIELDS_MAX 64
#define EXPIRES_DEFAULT_SEC 3600

typedef struct Case {
        char *folder;
        json_t *context;
        char *text; /* request.txt, cut into pieces that the request refers to */
        KeyValue query[FIELDS_MAX];
        KeyValue headers[FIELDS_MAX];
        SigV4Request request;
        SigV4Key key;
} Case;

static void case_done(Case *c)
{
        for (size_t i = 0; i < c->request.n_query; i++) {
                free((char *)c->query[i].key);
                free((char *)c->query[i].value);
        }
        free(c->folder);
        free(c->text);
        json_decref(c->context);
}

static int case_read(const Case *c, const char *name, char **ret)
{
        _cleanup_(freep) char *path = NULL;

        if (string_printf(&path, "%s/%s", c->folder, name) < 0)
                return -ENOMEM;
        return file_read(path, FILE_MAX, ret, NULL);
}

static int parse_query(Case *c, char *query)
{
        char *saved = NULL;

        for (char *item = strtok_r(query, "&", &saved); item; item = strtok_r(NULL, "&", &saved)) {
                KeyValue *pair = &c->query[c->request.n_query];
                size_t length = strcspn(item, "=");
                const char *value = item + length + (item[length] == '=');

                if (c->request.n_query >= FIELDS_MAX ||
                        uri_decode(item, length, (char **)&pair->key) < 0)
                        return -EINVAL;
                c->request.n_query++;
                if (uri_decode(value, strlen(value), (char **)&pair->value) < 0)
                        return -EINVAL;
        }
        return 0;
}

/* "GET /path?query HTTP/1.1"; the path may hold blanks. */
static int parse_request_line(Case *c, char *line)
{
        char *target = strchr(line, ' '), *version = strrchr(line, ' '), *query;

        if (!target || version == target)
                return -EINVAL;
        *target++ = '\0';
        *version = '\0';
        query = strchr(target, '?');
        if (query)
                *query++ = '\0';
        c->request.method = line;
        c->request.path = target;
        return query ? parse_query(c, query) : 0;
}

/* Those that signing itself adds are in some of the suite's requests already. */
static bool header_is_added(const Case *c, const char *name)
{
        return strcasecmp(name, "x-amz-date") == 0 ||
                (strcasecmp(name, "x-amz-security-token") == 0 &&
                        json_object_get(json_object_get(c->context, "credentials"), "token"));
}

static int parse_header(Case *c, char *line, const char **last)
{
        bool is_folded = *line == ' ' || *line == '\t';
        char *colon = is_folded ? NULL : strchr(line, ':');
        KeyValue *header = &c->headers[c->request.n_headers];

        if (c->request.n_headers >= FIELDS_MAX || (is_folded ? !*last : !colon))
                return -EINVAL;
        if (colon) {
                *colon = '\0';
                *last = line;
        }
        /* The suite takes a continuation line for one more value of the same header. */
        *header = (KeyValue){ *last, is_folded ? line : colon + 1 };
        if (strcasecmp(header->key, "host") == 0)
                c->request.host = header->value + strspn(header->value, " ");
        else if (!header_is_added(c, header->key))
                c->request.n_headers++;
        return 0;
}

static int parse_request(Case *c)
{
        char *line = c->text, *next;
        const char *last = NULL;
        int r;

        for (bool first = true; line && *line; line = next, first = false) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                if (*line == '\0') {
                        c->request.body = next;
                        c->request.body_size = next ? strlen(next) : 0;
                        break;
                }
                r = first ? parse_request_line(c, line) : parse_header(c, line, &last);
                if (r < 0)
                        return r;
        }
        return c->request.path && c->request.host ? 0 : -EINVAL;
}

static int parse_context(Case *c)
{
        const json_t *context = c->context, *keys = json_object_get(context, "credentials");

        c->key = (SigV4Key){
                .access_key_id = json_get_string(keys, "access_key_id", NULL),
                .secret_access_key = json_get_string(keys, "secret_access_key", NULL),
                .session_token = json_get_string(keys, "token", NULL),
                .region = json_get_string(context, "region", NULL),
                .service = json_get_string(context, "service", NULL),
        };
        if (json_get_bool(context, "normalize", true))
                c->key.flags |= SIGV4_NORMALIZE_PATH;
        if (json_get_bool(context, "sign_body", false))
                c->key.flags |= SIGV4_HASH_HEADER;
        if (json_get_bool(context, "omit_session_token", false))
                c->key.flags |= SIGV4_TOKEN_UNSIGNED;
        if (!c->key.access_key_id || !c->key.secret_access_key || !c->key.region || !c->key.service)
                return -EINVAL;
        return timestamp_parse(json_get_string(context, "timestamp", ""), &c->key.realtime_usec);
}

static int case_load(Case *c, const char *folder)
{
        _cleanup_(freep) char *text = NULL;
        int r;

        *c = (Case){ .folder = strdup(folder) };
        c->request.query = c->query;
        c->request.headers = c->headers;
        r = c->folder ? case_read(c, "context.json", &text) : -ENOMEM;
        if (r < 0)
                return r;
        c->context = json_loads(text, 0, NULL);
        if (!c->context)
                return -EINVAL;
        r = case_read(c, "request.txt", &c->text);
        if (r < 0)
                return r;
        r = parse_request(c);
        return r < 0 ? r : parse_context(c);
}

static void print_diagnostic(const char *what, const char *text)
{
        printf("# %s:\n# ", what);
        for (; *text; text++)
                if (*text == '\n')
                        fputs("\n# ", stdout);
                else
                        putchar(*text);
        putchar('\n');
}

/* A file that is not there says nothing. */
static bool file_agrees(const Case *c, const char *name, const char *ours)
{
        _cleanup_(freep) char *theirs = NULL;
        int r = case_read(c, name, &theirs);
        size_t length;

        if (r == -ENOENT)
                return true;
        if (r < 0)
                return false;
        for (length = strlen(theirs); length > 0 && strchr("\r\n", theirs[length - 1]); length--)
                theirs[length - 1] = '\0';
        if (streq(theirs, ours))
                return true;
        print_diagnostic(name, theirs);
        print_diagnostic("ours", ours);
        return false;
}

/* The headers that signing adds stand in the signed request; a blank behind the colon is free. */
static bool signed_request_agrees(const Case *c, const SigV4Signed *made)
{
        _cleanup_(freep) char *theirs = NULL;
        bool agrees = true;

        if (case_read(c, "header-signed-request.txt", &theirs) < 0)
                return true;
        for (size_t i = c->request.n_headers + 1; i < made->headers.count; i++) {
                const char *line = made->headers.items[i], *value = strstr(line, ": ") + 2;
                _cleanup_(freep) char *tight = NULL;

                if (string_printf(&tight, "\n%.*s%s", (int)(value - line - 1), line, value) < 0)
                        return false;
                if (strcasestr(theirs, tight) || strcasestr(theirs, line))
                        continue;
                print_diagnostic("not in header-signed-request.txt", line);
                agrees = false;
        }
        return agrees;
}

static bool header_signing_agrees(const Case *c)
{
        _cleanup_(sigv4_signed_done) SigV4Signed made = { 0 };
        bool agrees;

        if (sigv4_sign(&c->request, &c->key, &made) < 0)
                return false;
        agrees = file_agrees(c, "header-canonical-request.txt", made.canonical_request);
        agrees &= file_agrees(c, "header-string-to-sign.txt", made.string_to_sign);
        agrees &= file_agrees(c, "header-signature.txt", made.signature);
        return signed_request_agrees(c, &made) && agrees;
}

static bool query_signing_agrees(const Case *c)
{
        unsigned expires_sec =
                (unsigned)json_get_u64(c->context, "expiration_in_seconds", EXPIRES_DEFAULT_SEC);
        _cleanup_(sigv4_signed_done) SigV4Signed made = { 0 };
        bool agrees;

        if (sigv4_presign(&c->request, &c->key, expires_sec, &made) < 0)
                return false;
        agrees = file_agrees(c, "query-canonical-request.txt", made.canonical_request);
        agrees &= file_agrees(c, "query-string-to-sign.txt", made.string_to_sign);
        return file_agrees(c, "query-signature.txt", made.signature) && agrees;
}

static bool run_case(const char *root, const char *name)
{
        _cleanup_(freep) char *folder = NULL;
        _cleanup_(case_done) Case c = { 0 };
        bool agrees;

        if (string_printf(&folder, "%s/%s", root, name) < 0 || case_load(&c, folder) < 0) {
                print_diagnostic("cannot be read", folder ? folder : name);
                return false;
        }
        agrees = header_signing_agrees(&c);
        return query_signing_agrees(&c) && agrees;
}

static int is_case(const struct dirent *entry)
{
        return entry->d_name[0] != '.';
}

int main(int argc, char *argv[])
{
        _cleanup_(freep) char *root = NULL;
        struct dirent **entries = NULL;
        int n, n_failed = 0;

        if (argc > 2 || (argc < 2 && !getenv("TEST_DATA"))) {
                fprintf(stderr, "Usage: %s FOLDER\n", argv[0]);
                return 2;
        }
        if (argc == 2)
                root = strdup(argv[1]);
        else if (string_printf(&root, "%s/aws/sigv4-suite", getenv("TEST_DATA")) < 0)
                return 1;
        n = root ? scandir(root, &entries, is_case, alphasort) : -1;
        if (n <= 0) {
                printf("Bail out! No case in %s\n", root);
                return 1;
        }
        printf("1..%d\n", n);
        for (int i = 0; i < n; i++) {
                bool agrees = run_case(root, entries[i]->d_name);

                printf("%sok %d - %s\n", agrees ? "" : "not ", i + 1, entries[i]->d_name);
                n_failed += !agrees;
                free(entries[i]);
        }
        free(entries);
        return n_failed > 0;
}
