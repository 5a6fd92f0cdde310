# SPDX-License-Identifier: Apache-2.0
"""Checks AWS Signature Version 4, in the Authorization header or in the query.

Written from "Create a signed AWS API request" in the IAM User Guide, and from nothing else, so that
it can disagree with a client's signer.
"""

import hashlib
import hmac
import posixpath
import re
import urllib.parse

from .clock import basic_parse
from .errors import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS = 300
MAX_EXPIRES = 604800
INVALID = "AWS was not able to validate the provided access credentials"
MISMATCH = ("The request signature we calculated does not match the signature you provided. Check "
            "your AWS Secret Access Key and signing method. Consult the service documentation for "
            "details.")


class Claim:
    """What a request says about its signature, wherever it says it."""

    def __init__(self, credential, date, signed_headers, signature, token, in_query):
        parts = credential.split("/")
        if len(parts) != 5 or parts[4] != "aws4_request":
            raise _incomplete("Credential is malformed")
        self.access_key, self.day, self.region, self.service = parts[:4]
        self.date = date
        self.signed_headers = signed_headers.split(";")
        self.signature = signature
        self.token = token
        self.in_query = in_query

    @property
    def scope(self):
        return f"{self.day}/{self.region}/{self.service}/aws4_request"


def signature_region(request):
    """The region of the scope that a request claims, which nothing proves yet; or None."""
    claimed = dict(request.query_pairs()).get("X-Amz-Credential")
    claimed = claimed or request.header("authorization", "")
    found = re.search(r"/[0-9]{8}/([^/]+)/[^/]+/aws4_request", claimed)
    return found and found[1]


def signature_check(request, keys, service, region, now):
    """The Key that signed the request; ApiError."""
    claim = _claim_of_query(request, now) if _is_presigned(request) else _claim_of_header(request)
    key = keys.find(claim.access_key)
    if key is None or (key.token or None) != (claim.token or None):
        raise ApiError("AuthFailure", INVALID, 401)
    if (claim.region, claim.service) != (region, service):
        raise ApiError("SignatureDoesNotMatch",
                       f"Credential should be scoped to {service} in {region}, "
                       f"not to {claim.service} in {claim.region}.", 403)
    _check_time(claim, now)
    _check_coverage(request, claim)
    if not hmac.compare_digest(_expected(request, claim, key.secret), claim.signature):
        raise ApiError("SignatureDoesNotMatch", MISMATCH, 403)
    if key.expires is not None and key.expires <= now:
        raise ApiError("RequestExpired", "Request has expired.")
    return key


def _incomplete(why):
    return ApiError("AuthFailure", f"{INVALID}: {why}", 401)


def _is_presigned(request):
    return any(name == "X-Amz-Signature" for name, _ in request.query_pairs())


def _claim_of_header(request):
    match = re.fullmatch(ALGORITHM + r" +Credential=([^,]+), *SignedHeaders=([^,]+), *"
                         r"Signature=([0-9a-f]{64})", request.header("authorization", ""))
    if not match:
        raise _incomplete("the Authorization header is absent or malformed")
    return Claim(match[1], request.header("x-amz-date", ""), match[2], match[3],
                 request.header("x-amz-security-token"), in_query=False)


def _claim_of_query(request, now):
    given = dict(request.query_pairs())
    try:
        claim = Claim(given["X-Amz-Credential"], given["X-Amz-Date"], given["X-Amz-SignedHeaders"],
                      given["X-Amz-Signature"], given.get("X-Amz-Security-Token"), in_query=True)
        expires = int(given["X-Amz-Expires"])
        signed_at = basic_parse(claim.date)
    except (KeyError, ValueError):
        raise _incomplete("the signed query is incomplete") from None
    if given.get("X-Amz-Algorithm") != ALGORITHM or not 1 <= expires <= MAX_EXPIRES:
        raise _incomplete("X-Amz-Algorithm or X-Amz-Expires is wrong")
    if now > signed_at + expires:
        raise ApiError("RequestExpired", "Request has expired.")
    return claim


def _check_time(claim, now):
    try:
        signed_at = basic_parse(claim.date)
    except ValueError:
        raise _incomplete("the date is absent or malformed") from None
    if claim.day != claim.date[:8]:
        raise ApiError("SignatureDoesNotMatch", f"Date in Credential scope does not match "
                       f"YYYYMMDD from ISO-8601 version of date from HTTP: '{claim.day}' != "
                       f"'{claim.date[:8]}'", 403)
    early = signed_at - now > SKEW_SECONDS
    late = now - signed_at > SKEW_SECONDS and not claim.in_query
    if early or late:
        raise ApiError("RequestExpired", f"Request has expired. Signed at {claim.date}.")


def _check_coverage(request, claim):
    """`host` and every x-amz-* header must be under the signature."""
    present = {name for name, _ in request.headers if name.startswith("x-amz-")} | {"host"}
    bare = sorted(present - set(claim.signed_headers))
    if bare:
        raise ApiError("SignatureDoesNotMatch",
                       f"There were headers present in the request which were not signed: "
                       f"{', '.join(bare)}", 403)
    if claim.signed_headers != sorted(claim.signed_headers):
        raise ApiError("SignatureDoesNotMatch", MISMATCH, 403)


def _expected(request, claim, secret):
    canonical = hashlib.sha256(_canonical_request(request, claim).encode()).hexdigest()
    text = "\n".join((ALGORITHM, claim.date, claim.scope, canonical))
    key = ("AWS4" + secret).encode()
    for part in (claim.day, claim.region, claim.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _canonical_request(request, claim):
    headers = "".join(f"{name}:{_header_value(request, name)}\n" for name in claim.signed_headers)
    return "\n".join((request.method, _canonical_path(request.path, claim.service),
                      _canonical_query(request), headers, ";".join(claim.signed_headers),
                      _payload_hash(request, claim)))


def _header_value(request, name):
    values = [re.sub(" +", " ", value.strip()) for key, value in request.headers if key == name]
    return ",".join(values)


def _canonical_path(path, service):
    if service == "s3":
        return _encode(urllib.parse.unquote(path), safe="/")
    slash = "/" if path.endswith("/") and path != "/" else ""
    normal = posixpath.normpath("/" + path.lstrip("/"))
    return _encode(normal if normal == "/" else normal + slash, safe="/")


def _canonical_query(request):
    pairs = [(_encode(name), _encode(value)) for name, value in request.query_pairs()
             if name != "X-Amz-Signature"]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _payload_hash(request, claim):
    actual = hashlib.sha256(request.body).hexdigest()
    if claim.service != "s3":
        return actual
    declared = request.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    if declared not in ("UNSIGNED-PAYLOAD", actual):
        raise ApiError("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header "
                       "does not match what was computed.")
    return declared


def _encode(text, safe=""):
    return urllib.parse.quote(text, safe=safe + "-_.~")
