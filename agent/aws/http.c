/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over one connection that stays open: blocking, bounded in size and time, no redirects. */

#include "aws/http.h"

#include <poll.h>
#include <stddef.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"

/* libcurl takes no more than fits an int of milliseconds; nothing here waits nearly as long. */
#define TIMEOUT_MAX_USEC (3600 * USEC_PER_SEC)

#define STALL_BYTES 4096 /* fewer are next to nothing */
#define ASK_USEC (100 * USEC_PER_MSEC) /* between two looks at `interrupted` */

/* What libcurl's callbacks see of the exchange under way. */
typedef struct Exchange {
        const HttpRequest *request;
        HttpReply *reply;
        size_t body_sent;
        size_t headers_read;
        bool is_body_sent; /* in part, at least: libcurl has asked for it */
        bool is_too_large;
        bool is_interrupted;
        bool is_stalled;
        uint64_t asked_usec; /* when `interrupted` was asked last */
        uint64_t moved_bytes, moved_usec; /* when so many were more than next to nothing */
        int error; /* of on_body */
} Exchange;

struct HttpConnection {
        HttpOptions options;
        CURL *easy;
        Exchange exchange;
        char message[CURL_ERROR_SIZE];
};

void http_reply_done(HttpReply *reply)
{
        text_done(&reply->body);
        *reply = (HttpReply){ 0 };
}

HttpConnection *http_connection_free(HttpConnection *connection)
{
        if (!connection)
                return NULL;
        curl_easy_cleanup(connection->easy);
        free(connection);
        return NULL;
}

/* --- Callbacks -------------------------------------------------------------------------------- */

static size_t on_send_body(char *buffer, size_t size, size_t count, void *userdata)
{
        Exchange *exchange = userdata;
        size_t rest = exchange->request->body_size - exchange->body_sent;
        size_t n = size * count < rest ? size * count : rest;

        exchange->is_body_sent = true;
        if (n > 0)
                memcpy(buffer, exchange->request->body + exchange->body_sent, n);
        exchange->body_sent += n;
        return n;
}

static size_t pass_on(Exchange *exchange, const char *bytes, size_t size)
{
        const HttpRequest *request = exchange->request;

        exchange->error = request->on_body(
                request->on_body_userdata, exchange->reply, bytes, size);
        return exchange->error < 0 ? 0 : size;
}

static size_t on_reply_body(char *bytes, size_t size, size_t count, void *userdata)
{
        Exchange *exchange = userdata;
        HttpReply *reply = exchange->reply;
        size_t most = reply->body_max > 0 ? reply->body_max : HTTP_BODY_MAX;

        if (exchange->request->on_body && reply->status >= 200 && reply->status <= 299)
                return pass_on(exchange, bytes, size * count);
        if (size * count > most - reply->body.length) {
                exchange->is_too_large = true;
                return 0;
        }
        return text_add_bytes(&reply->body, bytes, size * count) < 0 ? 0 : size * count;
}

/* "Name: value\r\n" as "value" in `ret`, if it has this name and fits. */
static bool header_value(const char *line, size_t length, const char *name, char ret[static 64])
{
        size_t name_length = strlen(name);

        if (length <= name_length || line[name_length] != ':' ||
                strncasecmp(line, name, name_length) != 0)
                return false;
        line += name_length + 1;
        length -= name_length + 1;
        for (; length > 0 && (*line == ' ' || *line == '\t'); line++)
                length--;
        while (length > 0 && strchr(" \t\r\n", line[length - 1]))
                length--;
        if (length >= 64)
                return false;
        memcpy(ret, line, length);
        ret[length] = '\0';
        return true;
}

#define KEPT(member) offsetof(HttpReply, member), sizeof(((HttpReply *)0)->member)

static const struct {
        const char *name;
        size_t offset, size; /* of the member */
} kept_headers[] = {
        { "x-amzn-RequestId", KEPT(request_id) },
        { "x-amz-request-id", KEPT(request_id) },
        { "x-amz-bucket-region", KEPT(bucket_region) },
        { "ETag", KEPT(etag) },
        { "Content-Length", KEPT(content_length) },
        { "Content-Range", KEPT(content_range) },
        { "x-amz-meta-quiesced-sha256", KEPT(digest) },
};

/* "HTTP/1.1 206 Partial Content": the last one counts, behind "100 Continue". */
static void note_status(HttpReply *reply, const char *line, size_t length)
{
        if (length >= sizeof("HTTP/1.1 200") - 1 && strncasecmp(line, "HTTP/1.", 7) == 0)
                reply->status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
}

static size_t on_reply_header(char *line, size_t size, size_t count, void *userdata)
{
        Exchange *exchange = userdata;
        HttpReply *reply = exchange->reply;
        size_t length = size * count;
        char value[64];

        exchange->headers_read += length;
        if (exchange->headers_read > HTTP_HEADERS_MAX) {
                exchange->is_too_large = true;
                return 0;
        }
        note_status(reply, line, length);
        if (header_value(line, length, "Date", value))
                (void)timestamp_parse_http(value, &reply->date_usec);
        for (size_t i = 0; i < ELEMENTSOF(kept_headers); i++)
                if (header_value(line, length, kept_headers[i].name, value))
                        (void)snprintf((char *)reply + kept_headers[i].offset,
                                kept_headers[i].size, "%s", value);
        return length;
}

static void watch_movement(Exchange *exchange, uint64_t moved_bytes, uint64_t now_usec)
{
        if (exchange->moved_usec == 0 || moved_bytes - exchange->moved_bytes >= STALL_BYTES) {
                exchange->moved_bytes = moved_bytes;
                exchange->moved_usec = now_usec;
        } else if (now_usec - exchange->moved_usec >= exchange->request->stall_usec)
                exchange->is_stalled = true;
}

/* libcurl calls it for every piece, and once a second while there is none. */
static int on_progress(void *userdata, curl_off_t to_read, curl_off_t read, curl_off_t to_send,
        curl_off_t sent)
{
        Exchange *exchange = userdata;
        const HttpRequest *request = exchange->request;
        uint64_t now_usec = clock_usec();

        if (now_usec - exchange->asked_usec < ASK_USEC)
                return 0;
        exchange->asked_usec = now_usec;
        if (request->stall_usec > 0)
                watch_movement(exchange, (uint64_t)read + (uint64_t)sent, now_usec);
        if (request->interrupted)
                exchange->is_interrupted = request->interrupted(request->interrupted_userdata);
        return exchange->is_stalled || exchange->is_interrupted;
}

/*
 * A request that was given up must not go out later: by itself, the kernel sends what was written
 * before a close for another minute or two, when the network is back. Without lingering it does not.
 */
static curl_socket_t on_open_socket(void *userdata, curlsocktype purpose,
        struct curl_sockaddr *address)
{
        const struct linger none = { .l_onoff = 1, .l_linger = 0 };
        const Exchange *exchange = userdata;
        int fd;

        if (exchange->request->only_if_open)
                return CURL_SOCKET_BAD;
        fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
        if (fd >= 0)
                (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
        return fd;
}

/* --- Lifetime --------------------------------------------------------------------------------- */

typedef struct NumberOption {
        CURLoption option;
        long value;
} NumberOption;

/*
 * Names are looked up once for as long as the handle lives: a look-up reads files. A handle that
 * fails to connect is replaced, and with it what it remembers.
 */
static const NumberOption number_options[] = {
        { CURLOPT_NOSIGNAL, 1 },
        { CURLOPT_FOLLOWLOCATION, 0 },
        { CURLOPT_PATH_AS_IS, 1 },
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_TCP_KEEPALIVE, 1 },
        { CURLOPT_MAXCONNECTS, 1 },
        { CURLOPT_DNS_CACHE_TIMEOUT, -1 },
};

static CURLcode set_callbacks(HttpConnection *connection, CURL *easy)
{
        Exchange *exchange = &connection->exchange;

        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, connection->message);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send_body);
        curl_easy_setopt(easy, CURLOPT_READDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_reply_body);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply_header);
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
        curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(easy, CURLOPT_XFERINFODATA, exchange);
        curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        return curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
}

static int connection_open_handle(HttpConnection *connection)
{
        const HttpOptions *options = &connection->options;
        CURL *easy = curl_easy_init();
        CURLcode code = easy ? CURLE_OK : CURLE_OUT_OF_MEMORY;

        for (size_t i = 0; i < ELEMENTSOF(number_options) && code == CURLE_OK; i++)
                code = curl_easy_setopt(easy, number_options[i].option, number_options[i].value);
        if (code == CURLE_OK)
                code = set_callbacks(connection, easy);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                        (long)(options->connect_timeout_usec / USEC_PER_MSEC));
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
        if (code == CURLE_OK && options->no_proxy)
                code = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        if (code == CURLE_OK)
                code = ca_bundle_apply(options->authorities, easy);
        if (code != CURLE_OK) {
                curl_easy_cleanup(easy);
                return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : -ENOTSUP;
        }
        curl_easy_cleanup(connection->easy);
        connection->easy = easy;
        return 0;
}

int http_connection_new(const HttpOptions *options, HttpConnection **ret)
{
        _cleanup_(http_connection_freep) HttpConnection *connection = NULL;
        int r;

        connection = calloc(1, sizeof(HttpConnection));
        if (!connection)
                return -ENOMEM;
        connection->options = *options;
        r = connection_open_handle(connection);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(connection);
        return 0;
}

/* --- Sending ---------------------------------------------------------------------------------- */

static CURLcode set_method(CURL *easy, const HttpRequest *request)
{
        CURLcode code;

        if (streq(request->method, "GET"))
                code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        else if (streq(request->method, "HEAD"))
                code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        else
                code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
        /* The body comes from on_send_body(), which libcurl cannot wind back: so it cannot send it
         * a second time. */
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                        (curl_off_t)request->body_size);
        return code;
}

/* Frees the list it is given when it cannot add to it. */
static struct curl_slist *slist_add(struct curl_slist *list, const char *line)
{
        struct curl_slist *longer = curl_slist_append(list, line);

        if (!longer)
                curl_slist_free_all(list);
        return longer;
}

/* Without the headers that libcurl would add by itself. */
static struct curl_slist *make_headers(const HttpRequest *request)
{
        static const char *const suppressed[] = { "Accept:", "Expect:", "Content-Type:" };
        struct curl_slist *list = slist_add(NULL, suppressed[0]);

        for (size_t i = 1; i < ELEMENTSOF(suppressed) && list; i++)
                list = slist_add(list, suppressed[i]);
        for (size_t i = 0; request->headers && i < request->headers->count && list; i++)
                list = slist_add(list, request->headers->items[i]);
        return list;
}

static const struct {
        CURLcode code;
        int outcome;
} before_sending[] = {
        { CURLE_COULDNT_RESOLVE_HOST, HTTP_E_UNREACHABLE },
        { CURLE_COULDNT_RESOLVE_PROXY, HTTP_E_UNREACHABLE },
        { CURLE_COULDNT_CONNECT, HTTP_E_UNREACHABLE },
        { CURLE_SSL_CONNECT_ERROR, HTTP_E_UNREACHABLE },
        { CURLE_PEER_FAILED_VERIFICATION, HTTP_E_UNTRUSTED },
        { CURLE_SSL_CACERT_BADFILE, HTTP_E_UNTRUSTED },
        { CURLE_SSL_INVALIDCERTSTATUS, HTTP_E_UNTRUSTED },
};

/*
 * The body goes out after the headers, and no service acts on half a request: as long as libcurl
 * has not asked for the body, nothing was sent that counts.
 */
static int outcome_of(const Exchange *exchange, CURLcode code)
{
        if (code == CURLE_OK)
                return 0;
        if (code == CURLE_OUT_OF_MEMORY)
                return -ENOMEM;
        if (code == CURLE_URL_MALFORMAT)
                return -EINVAL;
        if (exchange->error < 0)
                return exchange->error;
        if (exchange->is_too_large)
                return HTTP_E_TOO_LARGE;
        if (exchange->is_interrupted)
                return HTTP_E_INTERRUPTED;
        if (exchange->is_stalled)
                return HTTP_E_TIMEOUT;
        for (size_t i = 0; i < ELEMENTSOF(before_sending) && !exchange->is_body_sent; i++)
                if (before_sending[i].code == code)
                        return before_sending[i].outcome;
        if (exchange->request->body_size > 0 && !exchange->is_body_sent)
                return HTTP_E_UNREACHABLE;
        return code == CURLE_OPERATION_TIMEDOUT ? HTTP_E_TIMEOUT : HTTP_E_LOST;
}

static CURLcode set_limits(CURL *easy, const HttpRequest *request, uint64_t timeout_usec)
{
        long timeout_msec = timeout_usec < TIMEOUT_MAX_USEC ?
                (long)(timeout_usec / USEC_PER_MSEC) + 1 :
                (long)(TIMEOUT_MAX_USEC / USEC_PER_MSEC);
        CURLcode code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_msec);

        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_NOPROGRESS,
                        request->interrupted || request->stall_usec > 0 ? 0L : 1L);
        return code;
}

static int connection_perform(HttpConnection *connection, uint64_t timeout_usec)
{
        const HttpRequest *request = connection->exchange.request;
        struct curl_slist *headers = make_headers(request);
        CURL *easy = connection->easy;
        CURLcode code;
        long status = 0;

        if (!headers)
                return -ENOMEM;
        code = curl_easy_setopt(easy, CURLOPT_URL, request->url);
        if (code == CURLE_OK)
                code = set_method(easy, request);
        if (code == CURLE_OK)
                code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        if (code == CURLE_OK)
                code = set_limits(easy, request, timeout_usec);
        if (code == CURLE_OK)
                code = curl_easy_perform(easy);
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
        curl_slist_free_all(headers);
        connection->exchange.reply->status = (int)status;
        if (code != CURLE_OK && connection->message[0] == '\0')
                (void)snprintf(connection->message, sizeof(connection->message), "%s",
                        curl_easy_strerror(code));
        return outcome_of(&connection->exchange, code);
}

static void reply_clear(HttpReply *reply)
{
        reply->status = 0;
        reply->body.length = 0;
        reply->date_usec = 0;
        for (size_t i = 0; i < ELEMENTSOF(kept_headers); i++)
                *((char *)reply + kept_headers[i].offset) = '\0';
}

static int refuse(HttpConnection *connection, const char *message)
{
        (void)snprintf(connection->message, sizeof(connection->message), "%s", message);
        return HTTP_E_UNREACHABLE;
}

int http_connection_send(HttpConnection *connection, const HttpRequest *request, HttpReply *reply)
{
        uint64_t now_usec = clock_usec();
        int r;

        reply_clear(reply);
        connection->message[0] = '\0';
        if (now_usec >= request->deadline_usec)
                return refuse(connection, "The deadline passed before anything was sent");
        if (request->only_if_open && !http_connection_is_open(connection))
                return refuse(connection, "The open connection was closed by the other end");
        connection->exchange = (Exchange){
                .request = request,
                .reply = reply,
        };
        r = connection_perform(connection, request->deadline_usec - now_usec);
        if (connection->exchange.is_too_large)
                (void)refuse(connection, "The reply is larger than it may be");
        if (connection->exchange.is_stalled)
                (void)refuse(connection, "The connection stood still");
        /* The service may have moved: the next attempt looks its name up again. */
        if (r == HTTP_E_UNREACHABLE && !request->only_if_open &&
                connection_open_handle(connection) < 0)
                return -ENOMEM;
        connection->exchange = (Exchange){ 0 };
        return r;
}

bool http_connection_is_open(const HttpConnection *connection)
{
        curl_socket_t fd = CURL_SOCKET_BAD;
        struct pollfd poller;

        if (curl_easy_getinfo(connection->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
                fd == CURL_SOCKET_BAD)
                return false;
        poller = (struct pollfd){ .fd = fd, .events = POLLRDHUP };
        return poll(&poller, 1, /* timeout= */ 0) == 0;
}

const char *http_connection_message(const HttpConnection *connection)
{
        return connection->message;
}
