/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* HTTP over one connection that stays open: blocking, bounded in size and time, no redirects. */

#include <stdbool.h>
#include <stdint.h>

#include "aws/ca-bundle.h"
#include "base/list.h"
#include "base/text.h"

#define HTTP_BODY_MAX (32u * 1024 * 1024)
#define HTTP_HEADERS_MAX (256u * 1024)

typedef struct HttpConnection HttpConnection;

typedef struct HttpOptions {
        const CaBundle *authorities; /* outlives the connection; NULL for plain HTTP only */
        bool no_proxy; /* the metadata service is never asked through a proxy */
        uint64_t connect_timeout_usec;
} HttpOptions;

int http_connection_new(const HttpOptions *options, HttpConnection **ret);
HttpConnection *http_connection_free(HttpConnection *connection);
DEFINE_CLEANUP(HttpConnection *, http_connection_free)

typedef struct HttpReply HttpReply;

/* A piece of a reply's body, after its headers. 0; a negative errno ends the exchange. */
typedef int (*HttpOnBody)(
        void *userdata, const HttpReply *reply, const void *bytes, size_t size);

typedef struct HttpRequest {
        const char *method;
        const char *url; /* sent as it is: no dot segment is removed */
        const StringList *headers; /* "Name: value"; or NULL */
        const char *body; /* or NULL */
        size_t body_size;
        uint64_t deadline_usec; /* as clock_usec() */
        bool only_if_open; /* send on the open connection or not at all */
        uint64_t stall_usec; /* gives up after so long with next to nothing on the way; 0: never */
        bool (*interrupted)(void *userdata); /* asked every now and then meanwhile; or NULL */
        void *interrupted_userdata;
        HttpOnBody on_body; /* takes the body of a reply 2xx, which `body_max` is not for; or NULL */
        void *on_body_userdata;
} HttpRequest;

struct HttpReply {
        int status;
        size_t body_max; /* 0: HTTP_BODY_MAX */
        Text body; /* what it held is overwritten, its memory is used again */
        uint64_t date_usec; /* of the Date header, 1 s steps; 0 without one */
        char request_id[64]; /* this and what follows: "" if there was none */
        char bucket_region[64]; /* S3: where a bucket lies that is not here */
        char etag[64]; /* S3: with its quotes */
        char content_length[24]; /* as it is written, also where no body follows */
        char content_range[64];
        char digest[48]; /* S3: of the metadata `quiesced-sha256` */
};

void http_reply_done(HttpReply *reply);

enum {
        HTTP_E_UNREACHABLE = 1, /* no connection: nothing was sent */
        HTTP_E_UNTRUSTED, /* no connection, for the peer's certificate is not to be trusted */
        HTTP_E_TIMEOUT, /* no whole reply by the deadline; the request may have arrived */
        HTTP_E_LOST, /* the connection broke, or spoke no HTTP; likewise */
        HTTP_E_TOO_LARGE, /* the reply exceeds its limit */
        HTTP_E_INTERRUPTED, /* by `interrupted`; the request may have arrived */
};

/*
 * Sends once: a request with a body is never repeated behind the caller's back, as libcurl would
 * on a connection that turns out to be dead. 0 for any whole reply, whatever its status; an HTTP_E_
 * outcome; -ENOMEM, or -EINVAL for a request that cannot be made.
 */
int http_connection_send(HttpConnection *connection, const HttpRequest *request, HttpReply *reply);

/* Whether the connection of the last reply is open still. */
bool http_connection_is_open(const HttpConnection *connection);

/* What went wrong in the last send, for people; "" if nothing did. */
const char *http_connection_message(const HttpConnection *connection);
