# SPDX-License-Identifier: Apache-2.0
"""S3: the REST protocol, in which the host or the path names the bucket."""

import urllib.parse

# Imported for the actions that they register.
from . import buckets, objects, uploads, versions  # noqa: F401
from .actions import ACTIONS
from .buckets import bucket_find
from .errors import ApiError
from .rest import HEAD, Route, reply_make, request_decode, route_find, text_xml
from .service import Service
from .web import Reply

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectTagging": "Tagging",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListObjectsV2": "ListBucketResult",
    "ListParts": "ListPartsResult",
}
# Where the permission is not called as the operation is: IAM's service authorization reference.
PERMISSIONS = {
    "CompleteMultipartUpload": "PutObject", "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject", "HeadBucket": "ListBucket", "HeadObject": "GetObject",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "ListObjectVersions": "ListBucketVersions",
    "ListBuckets": "ListAllMyBuckets", "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectsV2": "ListBucket", "ListParts": "ListMultipartUploadParts",
    "UploadPart": "PutObject",
}
WRONG_REGION = {
    "PermanentRedirect": (301, "The bucket you are attempting to access must be addressed using the "
                               "specified endpoint. Please send all future requests to this "
                               "endpoint."),
    "TemporaryRedirect": (307, "Please re-send this request to the specified temporary endpoint. "
                               "Continue to use the original request endpoint for future "
                               "requests."),
    "AuthorizationHeaderMalformed": (400, "The authorization header is malformed; the region '{}' "
                                          "is wrong; expecting '{}'"),
}


class Elsewhere(ApiError):
    """The bucket lies in another region than the one that is asked."""

    def __init__(self, code, asked, bucket, domain):
        status, message = WRONG_REGION[code]
        super().__init__(code, message.format(asked, bucket.region), status)
        host = f"{bucket.name}.s3.{bucket.region}.{domain}"
        self.headers = {"x-amz-bucket-region": bucket.region}
        if code == "AuthorizationHeaderMalformed":
            self.elements = {"Region": bucket.region}
        else:
            self.elements = {"Endpoint": host, "Bucket": bucket.name}
        if code == "TemporaryRedirect":
            self.headers["Location"] = f"https://{host}/"


class S3(Service):
    name = "s3"
    version = "2006-03-01"
    denied = ("AccessDenied", 403)
    signature_codes = {"AuthFailure": "InvalidAccessKeyId", "RequestExpired": "ExpiredToken"}

    def __init__(self, world):
        super().__init__(world)
        self._routes = [Route(self.model.operation_model(name)) for service, name in ACTIONS
                        if service == self.name]
        self._bodies = {}
        self._suffix = f".s3.{world.settings['region']}.{world.settings['domain']}", ".s3.localhost"

    def handle(self, request, connection):
        self._bodies[connection.number] = request.body       # the log would keep it for ever
        try:
            return super().handle(request, connection)
        finally:
            del self._bodies[connection.number]

    def _params(self, call):
        body = self._bodies[call.connection]
        return {**call.params, "Body": body} if "Body" in call.params else call.params

    def _admit(self, request, call):
        uri = self._uri(request)
        query = dict(request.query_pairs())
        route = route_find(self._routes, request.method, len(uri), query)
        if route is None:
            raise ApiError("MethodNotAllowed", "The specified method is not allowed against this "
                           "resource, or the simulated cloud lacks it: add it to tests/cloud", 405)
        call.action = route.name
        call.form = {**uri, **query}
        self.signer(request, call)
        self._check_payload(request)
        operation = self.operation(route.name)
        call.params = request_decode(operation, route, request, uri)
        if "Body" in call.params:
            call.params["Body"] = len(request.body)
        self._check_digest(operation, request)
        return operation

    def _uri(self, request):
        """{} , {"Bucket"} or {"Bucket", "Key"}, from the path or from the host."""
        host = request.header("host", "").partition(":")[0]
        path = urllib.parse.unquote(request.path.removeprefix("/"))
        bucket = next((host.removesuffix(one) for one in self._suffix if host.endswith(one)), None)
        if bucket is None:
            bucket, _, path = path.partition("/")
        return {name: value for name, value in (("Bucket", bucket), ("Key", path)) if value}

    def _check_payload(self, request):
        """signature.py has compared the hash, where there is one."""
        declared = request.header("x-amz-content-sha256")
        presigned = "X-Amz-Signature" in dict(request.query_pairs())
        if declared is None and not presigned:
            raise ApiError("InvalidRequest", "Missing required header for this request: "
                           "x-amz-content-sha256")
        if declared == "UNSIGNED-PAYLOAD" and self.world.knobs["signed_payloads"]:
            raise ApiError("AccessDenied", "This bucket takes only requests whose payload is "
                           "signed (s3:x-amz-content-sha256)", 403)

    @staticmethod
    def _check_digest(operation, request):
        if not operation.http_checksum.get("requestChecksumRequired"):
            return
        if not any(name == "content-md5" or name.startswith("x-amz-checksum-")
                   for name, _ in request.headers):
            raise ApiError("InvalidRequest", "Missing required header for this request: "
                           "Content-MD5")
        objects.body_check({"ContentMD5": request.header("content-md5")}, request.body)

    def _act(self, operation, call):
        if call.action not in ("ListBuckets", "CreateBucket"):
            self._check_bucket(bucket_find(self.world, call.params["Bucket"]), call)
        return super()._act(operation, call)

    def _check_bucket(self, bucket, call):
        settings = self.world.settings
        if bucket.region != call.region and call.action != "GetBucketLocation":
            raise Elsewhere(self.world.knobs["wrong_region"], call.region, bucket,
                            settings["domain"])
        expected = call.params.get("ExpectedBucketOwner", bucket.owner)
        if expected != bucket.owner or not (bucket.shared or bucket.owner == settings["account"]):
            raise ApiError("AccessDenied", "Access Denied", 403)

    def _needed(self, call):
        name = PERMISSIONS.get(call.action, call.action)
        if "VersionId" in call.params:
            name = name.replace("Object", "ObjectVersion")
        return ([f"s3:{name}"]
                + (["s3:PutObjectAcl"] if "ACL" in call.params else [])
                + (["s3:PutObjectTagging"] if "Tagging" in call.params else []))

    def _done(self, call, operation, result):
        reply = reply_make(operation, result, ROOTS.get(operation.name), NAMESPACE)
        if operation.name == "GetBucketLocation":       # its text stands in the root itself
            location = result["LocationConstraint"]
            reply.body = f'{HEAD}<LocationConstraint xmlns="{NAMESPACE}">{location}' \
                         "</LocationConstraint>".encode()
        if operation.name == "HeadBucket":
            reply.headers["x-amz-bucket-region"] = bucket_find(self.world,
                                                               call.params["Bucket"]).region
        if "Content-Range" in reply.headers:
            reply.status = 206
        return _addressed(reply, call)

    def _refused(self, call, error):
        parts = {"Code": error.code, "Message": error.message, **getattr(error, "elements", {}),
                 "RequestId": call.request_id, "HostId": "c2ltdWxhdGVk"}
        inside = "".join(f"<{name}>{text_xml(value)}</{name}>" for name, value in parts.items())
        reply = Reply(error.status, f"{HEAD}<Error>{inside}</Error>".encode(),
                      {"Content-Type": "application/xml", **getattr(error, "headers", {})})
        if call.action.startswith("Head"):
            reply.body = b""
        return _addressed(reply, call)


def _addressed(reply, call):
    reply.headers |= {"x-amz-request-id": call.request_id, "x-amz-id-2": "c2ltdWxhdGVk",
                      "Server": "AmazonS3"}
    return reply
