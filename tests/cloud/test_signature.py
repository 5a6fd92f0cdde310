# SPDX-License-Identifier: Apache-2.0
"""Who may call: botocore's signer is right, and everything that differs from it is refused."""

import ssl
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cloud.raw import VERSION, RawClient

FORM = {"Action": "DescribeSnapshots", "Version": VERSION}


@pytest.fixture
def raw(cloud):
    client = RawClient(cloud)
    yield client
    client.close()


def code(answer):
    status, body = answer
    return status, body.decode().partition("<Code>")[2].partition("<")[0]


def test_every_awkward_character_is_signed_alike(raw):
    for text in ("a b", "a+b", "a%20b", "~-_.", "ä€𝄞", "a&b=c;d", "/?#[]@!$'()*,\"<>\\^`{|}"):
        answer = raw.call("DescribeSnapshots", **{"Filter.1.Name": "description",
                                                  "Filter.1.Value.1": text})
        assert answer[0] == 200, (text, answer)


def test_a_wrong_secret_is_refused(cloud):
    client = RawClient(cloud, credentials=Credentials(cloud.settings["access_key"], "wrong"))
    assert code(client.call("DescribeSnapshots")) == (403, "SignatureDoesNotMatch")
    client.close()


def test_an_unknown_key_and_no_signature_are_refused(cloud, raw):
    client = RawClient(cloud, credentials=Credentials("AKIDUNKNOWN", "wrong"))
    assert code(client.call("DescribeSnapshots")) == (401, "AuthFailure")
    client.close()
    assert code(raw.send({}, "Action=DescribeSnapshots&Version=" + VERSION)) == (401, "AuthFailure")


def test_a_body_changed_after_signing_is_refused(raw):
    headers, body = raw.signed(FORM)
    assert code(raw.send(headers, body + "&MaxResults=7")) == (403, "SignatureDoesNotMatch")


def test_a_header_changed_after_signing_is_refused(raw):
    headers, body = raw.signed(FORM)
    headers["Content-Type"] = "text/plain"
    assert code(raw.send(headers, body)) == (403, "SignatureDoesNotMatch")


def test_an_amz_header_that_is_not_signed_is_refused(raw):
    headers, body = raw.signed(FORM)
    answer = raw.send({**headers, "X-Amz-Target": "elsewhere"}, body)
    assert code(answer) == (403, "SignatureDoesNotMatch")
    assert b"not signed: x-amz-target" in answer[1]


@pytest.mark.parametrize("scope", [{"region": "us-east-1"}, {"service": "s3"}])
def test_a_signature_for_elsewhere_is_refused(raw, scope):
    assert code(raw.send(*raw.signed(FORM, **scope))) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("offset", [-400, 400])
def test_clocks_may_differ_by_five_minutes_and_no_more(cloud, raw, offset):
    cloud.configure(clock_offset=offset * 0.7)
    assert raw.call("DescribeSnapshots")[0] == 200
    cloud.configure(clock_offset=offset)
    assert code(raw.call("DescribeSnapshots")) == (400, "RequestExpired")


def test_the_role_s_token_belongs_to_its_key(cloud, role):
    for token, expected in ((role["Token"], (200, "")), (None, (401, "AuthFailure")),
                            (role["Token"][:-4] + "AAAA", (401, "AuthFailure"))):
        client = RawClient(cloud, credentials=Credentials(role["AccessKeyId"],
                                                          role["SecretAccessKey"], token))
        assert code(client.call("DescribeSnapshots")) == expected
        client.close()


def test_the_role_s_key_expires_and_a_new_one_is_handed_out(cloud, imds):
    old = imds.role()
    cloud.expire_credentials()
    client = RawClient(cloud, credentials=_credentials(old))
    assert code(client.call("DescribeSnapshots")) == (400, "RequestExpired")
    client.close()
    new = imds.role()
    assert new["AccessKeyId"] != old["AccessKeyId"]
    client = RawClient(cloud, credentials=_credentials(new))
    assert client.call("DescribeSnapshots")[0] == 200
    client.close()


def test_a_key_outlives_its_rotation(cloud, imds):
    old = imds.role()
    assert cloud.rotate_credentials() == imds.role()["AccessKeyId"] != old["AccessKeyId"]
    client = RawClient(cloud, credentials=_credentials(old))
    assert client.call("DescribeSnapshots")[0] == 200
    client.close()


def test_a_presigned_url_works_until_it_expires(cloud):
    url = _presigned(cloud, expires=60)
    assert _get(cloud, url)[0] == 200
    assert code(_get(cloud, url + "&MaxResults=7")) == (403, "SignatureDoesNotMatch")
    cloud.configure(clock_offset=61)
    assert code(_get(cloud, url)) == (400, "RequestExpired")


def _credentials(role):
    return Credentials(role["AccessKeyId"], role["SecretAccessKey"], role["Token"])


def _presigned(cloud, expires):
    credentials = Credentials(cloud.settings["access_key"], cloud.settings["secret_key"])
    query = urllib.parse.urlencode({**FORM, "Owner.1": "self"})
    request = AWSRequest("GET", f"{cloud.addresses['ec2']}/?{query}")
    SigV4QueryAuth(credentials, "ec2", cloud.settings["region"], expires=expires).add_auth(request)
    return request.url


def _get(cloud, url):
    context = ssl.create_default_context(cafile=cloud.addresses["ca"])
    try:
        with urllib.request.urlopen(url, timeout=60, context=context) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
