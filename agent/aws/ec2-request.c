/* SPDX-License-Identifier: Apache-2.0 */
/* A call for the frozen window. */

#include "aws/ec2-request.h"

#include "base/clock.h"

/* A reply names a snapshot per volume with all its tags: some 100 kB for the 128 volumes of the
 * largest instances. What is longer grows in memory while frozen, which is slow but not wrong. */
#define REPLY_BYTES (256u * 1024)

/* What lies idle for less is not closed by a server or by what stands before it. */
#define WARM_USEC (5 * USEC_PER_SEC)

struct Ec2Request {
        AwsClient *client;
        Query query;
        Query rehearsal; /* the same with DryRun */
        char *proof;
        AwsCall call; /* refers to `query` and `reply` */
        AwsMessage message;
        Xml *reply;
        bool is_warm;
        uint64_t warm_usec; /* as clock_usec() */
};

Ec2Request *ec2_request_free(Ec2Request *request)
{
        if (!request)
                return NULL;
        aws_message_done(&request->message);
        query_done(&request->query);
        query_done(&request->rehearsal);
        request->reply = xml_free(request->reply);
        free(request->proof);
        free(request);
        return NULL;
}

int ec2_request_new(AwsClient *client, Query *query, const char *proof, Ec2Request **ret)
{
        _cleanup_(ec2_request_freep) Ec2Request *request = NULL;
        int r = query_finish(query);

        if (r < 0)
                return r;
        request = calloc(1, sizeof(Ec2Request));
        if (!request)
                return -ENOMEM;
        request->client = client;
        request->proof = strdup(proof);
        if (!request->proof)
                return -ENOMEM;
        r = text_add_bytes(&request->rehearsal.form, query->form.data, query->form.length);
        if (r >= 0)
                r = text_reserve(&request->message.reply.body, REPLY_BYTES);
        if (r < 0)
                return r;
        query_add_bool(&request->rehearsal, "DryRun", true);
        r = query_finish(&request->rehearsal);
        if (r < 0)
                return r;
        request->query = *query;
        *query = QUERY_INIT;
        request->call = ec2_make_call(&request->query, EC2_UNREPEATABLE, &request->reply);
        *ret = TAKE_PTR(request);
        return 0;
}

/* For `return fail(...)`. */
static int fail(int outcome, ApiError *reterr, const char *message)
{
        return api_error_set(reterr, NULL, message) < 0 ? -ENOMEM : outcome;
}

/* DryRunOperation is the answer that is wanted. */
static int request_rehearse(Ec2Request *request, ApiError *reterr)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r = ec2_call(request->client, &request->rehearsal, /* flags= */ 0, &reply, &error);

        if (r == EC2_E_REFUSED && api_error_classify(&error) == API_ERROR_ALLOWED)
                return 0;
        if (r == 0)
                return fail(EC2_E_REFUSED, reterr,
                        "The service did not understand DryRun, and may have done it: look for "
                        "what it made");
        api_error_done(reterr);
        *reterr = error;
        error = API_ERROR_INIT;
        return r;
}

int ec2_request_warm(Ec2Request *request, ApiError *reterr)
{
        int r;

        request->is_warm = false;
        r = request_rehearse(request, reterr);
        if (r != 0)
                return r;
        if (!aws_client_is_warm(request->client))
                return fail(EC2_E_UNREACHABLE, reterr,
                        "The service, or a proxy, closes the connection after each answer: one "
                        "that stays open is needed to send while frozen");
        r = aws_client_sign(request->client, &request->call, &request->message, reterr);
        if (r != 0)
                return r;
        request->is_warm = true;
        request->warm_usec = clock_usec();
        return 0;
}

bool ec2_request_is_warm(const Ec2Request *request)
{
        return request->is_warm && aws_client_is_warm(request->client) &&
                clock_usec() < request->warm_usec + WARM_USEC;
}

/*
 * An error that may pass by itself (InternalError, 503) does not tell whether the service had begun
 * to act; and an error page that is none of EC2's does not come from EC2.
 */
static bool is_certain(const ApiError *error)
{
        return error->code && api_error_classify(error) != API_ERROR_TRANSIENT;
}

int ec2_request_send(Ec2Request *request, uint64_t deadline_usec, ApiError *reterr)
{
        int r;

        if (!request->is_warm)
                return -EINVAL;
        request->is_warm = false;
        request->reply = xml_free(request->reply);
        request->message.http.deadline_usec = deadline_usec;
        request->message.http.only_if_open = true;
        r = aws_client_send(request->client, &request->call, &request->message, reterr);
        if (r == AWS_E_REFUSED && !is_certain(reterr))
                return EC2_E_LOST;
        if (r == 0 && !xml_text(ec2_request_reply(request), request->proof)) {
                request->reply = xml_free(request->reply);
                return fail(EC2_E_LOST, reterr, "The answer does not name what was made");
        }
        return ec2_outcome(r, reterr);
}

const XmlNode *ec2_request_reply(const Ec2Request *request)
{
        return xml_root(request->reply);
}

uint64_t ec2_request_date_usec(const Ec2Request *request)
{
        return request->message.reply.date_usec;
}
