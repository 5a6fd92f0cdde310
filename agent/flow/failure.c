/* SPDX-License-Identifier: Apache-2.0 */
/* Why a job failed, in the words that its caller reads: a name of the bus, and a sentence. */

#include "flow/failure.h"

#include <stdarg.h>

#include "aws/ec2.h"
#include "base/text.h"

static const char *const names[FAILURE_MAX] = {
        [FAILURE_NONE] = "None",
        [FAILURE_INVALID_ARGUMENT] = "InvalidArgument",
        [FAILURE_NO_SUCH_PROFILE] = "NoSuchProfile",
        [FAILURE_CONFIG_INVALID] = "ConfigInvalid",
        [FAILURE_NO_SUCH_JOB] = "NoSuchJob",
        [FAILURE_BUSY] = "Busy",
        [FAILURE_NOT_ON_EC2] = "NotOnEC2",
        [FAILURE_NO_CREDENTIALS] = "NoCredentials",
        [FAILURE_ACCESS_DENIED] = "AccessDenied",
        [FAILURE_API_ERROR] = "ApiError",
        [FAILURE_API_TIMEOUT] = "ApiTimeout",
        [FAILURE_API_UNREACHABLE] = "ApiUnreachable",
        [FAILURE_TOPOLOGY_MISMATCH] = "TopologyMismatch",
        [FAILURE_NOT_COVERED] = "NotCovered",
        [FAILURE_PLAN_REFUSED] = "PlanRefused",
        [FAILURE_FREEZER_UNAVAILABLE] = "FreezerUnavailable",
        [FAILURE_FREEZE_FAILED] = "FreezeFailed",
        [FAILURE_FREEZE_TIMEOUT] = "FreezeTimeout",
        [FAILURE_FOREIGN_FREEZE] = "ForeignFreeze",
        [FAILURE_MOUNT_VANISHED] = "MountVanished",
        [FAILURE_CONSISTENCY_NOT_REACHED] = "ConsistencyNotReached",
        [FAILURE_NAME_TAKEN] = "NameTaken",
        [FAILURE_SNAPSHOT_FAILED] = "SnapshotFailed",
        [FAILURE_IMAGE_FAILED] = "ImageFailed",
        [FAILURE_CAPTURE_FAILED] = "CaptureFailed",
        [FAILURE_NO_SUCH_IMAGE] = "NoSuchImage",
        [FAILURE_IN_USE] = "InUse",
        [FAILURE_PROTECTED] = "Protected",
        [FAILURE_LEFT_OVER] = "LeftOver",
        [FAILURE_VERIFY_FAILED] = "VerifyFailed",
        [FAILURE_PUBLISH_FAILED] = "PublishFailed",
        [FAILURE_NOT_SUPPORTED] = "NotSupported",
        [FAILURE_CANCELLED] = "Cancelled",
        [FAILURE_WORKER_DIED] = "WorkerDied",
        [FAILURE_INTERNAL] = "Internal",
};

void failure_done(Failure *failure)
{
        free(failure->message);
        *failure = (Failure){ 0 };
}

const char *failure_name(FailureKind kind)
{
        return names[kind];
}

FailureKind failure_from_name(const char *name)
{
        for (FailureKind kind = FAILURE_NONE; kind < FAILURE_MAX; kind++)
                if (streq(names[kind], name))
                        return kind;
        return FAILURE_INTERNAL;
}

int failure_set(Failure *failure, FailureKind kind, int error, const char *format, ...)
{
        va_list arguments;

        if (failure->kind != FAILURE_NONE)
                return error;
        failure->kind = kind;
        va_start(arguments, format);
        if (vasprintf(&failure->message, format, arguments) < 0)
                failure->message = NULL;
        va_end(arguments);
        return error;
}

static bool is_denial(const ApiError *api)
{
        static const char *const codes[] = { "UnauthorizedOperation", "AccessDenied",
                "AccessDeniedException", "AuthFailure", "OptInRequired",
                "UnrecognizedClientException", "InvalidClientTokenId" };

        for (size_t i = 0; api->code && i < ELEMENTSOF(codes); i++)
                if (streq(api->code, codes[i]))
                        return true;
        return false;
}

/* What is said before and behind the call's name, and behind the reason. */
static const struct {
        FailureKind kind;
        const char *before, *behind, *advice;
} outcomes[] = {
        [EC2_E_REFUSED] = { FAILURE_API_ERROR, "EC2 refused ", "", "" },
        [EC2_E_TIMEOUT] = { FAILURE_API_TIMEOUT, "EC2 did not answer ", " in time", "" },
        [EC2_E_LOST] = { FAILURE_API_UNREACHABLE, "EC2's answer to ", " was lost", "" },
        [EC2_E_UNREACHABLE] = { FAILURE_API_UNREACHABLE, "EC2 cannot be reached for ", "",
                "; check the network, the endpoint and the CA bundle" },
        [EC2_E_NO_CREDENTIALS] = { FAILURE_NO_CREDENTIALS, "There are no credentials for ", "",
                "; README.md shows the policy of its role under \"IAM policy\"" },
        [EC2_E_CANCELLED] = { FAILURE_CANCELLED, "", " was cancelled", "" },
        [EC2_E_NOT_FOUND] = { FAILURE_API_ERROR, "EC2 does not find what ", " needs", "" },
        [EC2_E_IN_USE] = { FAILURE_API_ERROR, "EC2 says to ", " that it is in use", "" },
        [EC2_E_NAME_TAKEN] = { FAILURE_NAME_TAKEN, "EC2 says to ", " that the name is taken",
                "; choose another" },
};

int failure_set_api(Failure *failure, const char *what, int error, const ApiError *api)
{
        _cleanup_(freep) char *text = NULL;

        if (error < 0)
                return failure_set(failure, FAILURE_INTERNAL, error, "%s: %s", what, strerror(-error));
        if (api_error_format(api, &text) < 0)
                return failure_set(failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        if (error == EC2_E_LOST && api->code) /* it answered, but not what became of the call */
                return failure_set(failure, FAILURE_API_ERROR, -EREMOTEIO, "EC2 failed on %s: %s", what,
                        text);
        if (error == EC2_E_REFUSED && streq_ptr(api->code, "SignatureDoesNotMatch"))
                return failure_set(failure, FAILURE_API_ERROR, -EREMOTEIO,
                        "EC2 refused %s: %s; check the secret key, AWS_REGION and the endpoint", what,
                        text);
        if (error == EC2_E_REFUSED && is_denial(api))
                return failure_set(failure, FAILURE_ACCESS_DENIED, -EACCES,
                        "EC2 does not allow %s: %s; see \"IAM policy\" in the README", what, text);
        return failure_set(failure, outcomes[error].kind,
                error == EC2_E_CANCELLED ? -ECANCELED : -EREMOTEIO, "%s%s%s%s%s%s",
                outcomes[error].before, what, outcomes[error].behind, *text ? ": " : "", text,
                outcomes[error].advice);
}
