# SPDX-License-Identifier: Apache-2.0
"""S3 as botocore and the real aws see it."""

import hashlib
import http.client
import socket
import ssl
import urllib.parse

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cloud.account import service_client
from cloud.control import Cloud, CloudError
from lab.bundle import manifest, put_bundle

HOME, AWAY = "eu-central-1", "us-east-1"
OTHER = "210987654321"
BUCKETS = [{"name": "bundles", "acls": True}, {"name": "modern"},
           {"name": "far-away", "region": AWAY}, {"name": "foreign", "owner": OTHER},
           {"name": "lent", "owner": OTHER, "shared": True}, {"name": "dotted.name"}]
AWKWARD = ["plain", "a/b//c", "/leading", "a+b c", "100%", "%2F", "../up", "./here", "ü€😀", "a&b<c>",
           "tab\tand\x01", "end/", "~tilde*", "a?b#c", "'\"", ";=:@!$,()"]
PART = 5 << 20


@pytest.fixture(scope="module")
def running():
    with Cloud(regions=[AWAY], buckets=BUCKETS) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    with running.lent() as cloud:
        yield cloud


def client(cloud, service="s3", region=None, retries=1):
    config = Config(retries={"total_max_attempts": retries}, connect_timeout=60, read_timeout=60)
    return service_client(cloud, service, region=region, config=config)


@pytest.fixture
def s3(cloud):
    return client(cloud)


def refused(function, **arguments):
    with pytest.raises(ClientError) as caught:
        function(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def localhost(monkeypatch):
    """Whatever ends in .localhost is this machine, as RFC 6761 has it and glibc has not."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **others: look_up(
        "127.0.0.1" if str(host).endswith(".localhost") else host, *more, **others))


@pytest.mark.parametrize("service", ["s3", "s3-by-name"])
@pytest.mark.usefixtures("localhost")
def test_what_is_put_is_read_again_whatever_its_key(cloud, service):
    s3 = client(cloud, service)
    for key in AWKWARD:
        body = key.encode() * 3
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        assert s3.put_object(Bucket="bundles", Key=key, Body=body)["ETag"] == etag
        got = s3.get_object(Bucket="bundles", Key=key)
        assert (got["Body"].read(), got["ETag"]) == (body, etag), key
        head = s3.head_object(Bucket="bundles", Key=key)
        assert (head["ContentLength"], head["ETag"]) == (len(body), etag)
    listed = s3.list_objects_v2(Bucket="bundles")["Contents"]
    assert [one["Key"] for one in listed] == sorted(AWKWARD, key=str.encode)
    gone = s3.delete_objects(Bucket="bundles", Delete={"Objects": [
        {"Key": key} for key in AWKWARD if "\x01" not in key]})
    assert len(gone["Deleted"]) == len(AWKWARD) - 1
    s3.delete_object(Bucket="bundles", Key="tab\tand\x01")
    s3.delete_object(Bucket="bundles", Key="tab\tand\x01")
    assert cloud.objects() == []


def test_bytes_lie_on_disk_with_what_was_said_of_them(cloud, s3):
    s3.put_object(Bucket="bundles", Key="k", Body=b"abc", ContentType="text/plain",
                  ACL="aws-exec-read", Metadata={"job": "7"})
    (one,) = cloud.objects("bundles")
    assert open(one["path"], "rb").read() == b"abc" and one["acl"] == "aws-exec-read"
    head = s3.head_object(Bucket="bundles", Key="k")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"job": "7"})
    assert len(s3.get_object_acl(Bucket="bundles", Key="k")["Grants"]) == 2
    assert s3.get_object(Bucket="bundles", Key="k", Range="bytes=1-")["Body"].read() == b"bc"
    assert refused(s3.get_object, Bucket="bundles", Key="k", IfMatch='"x"')[1] == 412


def test_listings_come_in_pages_and_groups(cloud, s3):
    keys = [f"a/{i:02d}" for i in range(25)] + ["a.txt", "b/1", "b/2", "c"]
    for key in keys:
        cloud.put_object("modern", key, b"")
    cloud.configure(page_cap=7)
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="modern", Prefix="a/"))
    assert [len(page["Contents"]) for page in pages] == [7, 7, 7, 4]
    assert [one["Key"] for page in pages for one in page["Contents"]] == keys[:25]
    page = s3.list_objects_v2(Bucket="modern", MaxKeys=2, StartAfter="a/22")
    assert [one["Key"] for one in page["Contents"]] == ["a/23", "a/24"] and page["IsTruncated"]
    found = s3.list_objects_v2(Bucket="modern", Delimiter="/")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["a/", "b/"]
    assert [one["Key"] for one in found["Contents"]] == ["a.txt", "c"]
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket="modern", Delimiter="/", PaginationConfig={"PageSize": 1})
    names = [one.get("Key") or one["Prefix"] for page in pages
             for one in page.get("Contents", []) + page.get("CommonPrefixes", [])]
    assert names == ["a.txt", "a/", "b/", "c"]


def test_an_upload_in_parts(cloud, s3):
    upload = s3.create_multipart_upload(Bucket="bundles", Key="big", ACL="aws-exec-read")["UploadId"]
    there = {"Bucket": "bundles", "Key": "big", "UploadId": upload}
    bodies = {2: b"end", 1: b"x" * PART}
    etags = {number: s3.upload_part(**there, PartNumber=number, Body=body)["ETag"]
             for number, body in bodies.items()}
    listed = s3.list_parts(**there)["Parts"]
    assert [(one["PartNumber"], one["Size"]) for one in listed] == [(1, PART), (2, 3)]
    assert s3.list_multipart_uploads(Bucket="bundles")["Uploads"][0]["UploadId"] == upload
    parts = [{"PartNumber": number, "ETag": etags[number]} for number in (1, 2)]

    def complete(parts):
        return {**there, "MultipartUpload": {"Parts": parts}}

    assert refused(s3.complete_multipart_upload, **complete(parts[::-1]))[0] == "InvalidPartOrder"
    wrong = [{"PartNumber": 1, "ETag": "0"}]
    assert refused(s3.complete_multipart_upload, **complete(wrong))[0] == "InvalidPart"
    assert s3.complete_multipart_upload(**complete(parts))["ETag"].endswith('-2"')
    (one,) = cloud.objects()
    assert (one["size"], one["acl"]) == (PART + 3, "aws-exec-read")
    assert refused(s3.upload_part, **there, PartNumber=1, Body=b"")[0] == "NoSuchUpload"


def test_small_parts_and_an_upload_that_is_given_up(cloud, s3):
    upload = s3.create_multipart_upload(Bucket="modern", Key="big")["UploadId"]
    there = {"Bucket": "modern", "Key": "big", "UploadId": upload}
    parts = [{"PartNumber": number, "ETag": s3.upload_part(**there, PartNumber=number,
                                                           Body=b"x")["ETag"]}
             for number in (1, 2)]
    assert refused(s3.complete_multipart_upload, **there,
                   MultipartUpload={"Parts": parts})[0] == "EntityTooSmall"
    s3.abort_multipart_upload(**there)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="modern") and cloud.objects() == []


def test_digests_are_compared(s3):
    there = {"Bucket": "modern", "Key": "k", "Body": b"abc"}
    assert refused(s3.put_object, **there, ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")[0] == "BadDigest"
    assert refused(s3.put_object, **there, ContentMD5="rubbish")[0] == "InvalidDigest"


def test_a_bucket_takes_access_control_lists_or_none(s3):
    there = {"Key": "k", "Body": b"", "ACL": "aws-exec-read"}
    s3.put_object(Bucket="bundles", **there)
    assert refused(s3.put_object, Bucket="modern", **there) == ("AccessControlListNotSupported", 400)
    assert refused(s3.create_multipart_upload, Bucket="modern", Key="k",
                   ACL="aws-exec-read")[0] == "AccessControlListNotSupported"


def test_what_is_absent(cloud, s3):
    assert refused(s3.get_object, Bucket="modern", Key="k") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket="modern", Key="k") == ("404", 404)
    assert refused(s3.get_object, Bucket="nowhere", Key="k") == ("NoSuchBucket", 404)
    assert refused(s3.head_bucket, Bucket="nowhere") == ("404", 404)
    cloud.configure(deny=["ListBucket"])
    assert refused(s3.get_object, Bucket="modern", Key="k") == ("AccessDenied", 403)


def test_what_is_not_allowed(cloud, s3):
    denied = ("AccessDenied", 403)
    assert refused(s3.list_objects_v2, Bucket="foreign") == denied
    s3.put_object(Bucket="lent", Key="k", Body=b"")
    assert refused(s3.delete_object, Bucket="lent", Key="k", ExpectedBucketOwner="123456789012") == denied
    cloud.put_object("bundles", "kept", b"")
    cloud.put_object("bundles", "gone", b"")
    cloud.configure(locked_objects=["kept"])
    done = s3.delete_objects(Bucket="bundles", Delete={"Objects": [{"Key": "kept"}, {"Key": "gone"}]})
    assert [one["Key"] for one in done["Errors"]] == ["kept"]
    cloud.configure(deny=["DeleteObject", "PutObjectAcl"])
    assert refused(s3.delete_objects, Bucket="bundles", Delete={"Objects": [{"Key": "k"}]}) == denied
    assert refused(s3.put_object, Bucket="bundles", Key="k", ACL="aws-exec-read") == denied


@pytest.mark.parametrize("code", ["PermanentRedirect", "TemporaryRedirect",
                                  "AuthorizationHeaderMalformed"])
def test_botocore_finds_a_bucket_in_another_region(cloud, s3, code):
    cloud.configure(wrong_region=code)
    s3.put_object(Bucket="far-away", Key="k", Body=b"abc")
    assert s3.head_object(Bucket="far-away", Key="k")["ContentLength"] == 3
    calls = cloud.calls(service="s3")
    assert calls[0]["code"] == code and calls[0]["region"] == HOME
    assert [call["region"] for call in calls[1:]][0] == AWAY
    assert s3.get_bucket_location(Bucket="far-away").get("LocationConstraint") is None


def test_faults_reach_it(cloud, s3):
    cloud.fault("PutObject", error="SlowDown", status=503)
    cloud.fault("GetObject", answer="reset")
    assert refused(s3.put_object, Bucket="modern", Key="k", Body=b"") == ("SlowDown", 503)
    retrying = client(cloud, retries=3)
    retrying.put_object(Bucket="modern", Key="k", Body=b"abc")
    assert retrying.get_object(Bucket="modern", Key="k")["Body"].read() == b"abc"
    cloud.fault("PutObject", error="InternalError", status=500, where={"Key": "k2"})
    s3.put_object(Bucket="modern", Key="k", Body=b"")
    assert refused(s3.put_object, Bucket="modern", Key="k2", Body=b"")[1] == 500


def raw(cloud, method, path, body=b"", headers=(), sent=None):
    """Signed by botocore for S3, then changed on the way; (status, body)."""
    url = cloud.addresses["s3"]
    request = AWSRequest(method, url + path, data=body, headers=dict(headers))
    key = Credentials(cloud.settings["access_key"], cloud.settings["secret_key"])
    request.context["payload_signing_enabled"] = True
    S3SigV4Auth(key, "s3", HOME).add_auth(request)
    connection = http.client.HTTPSConnection(
        urllib.parse.urlsplit(url).netloc, timeout=60,
        context=ssl.create_default_context(cafile=cloud.addresses["ca"]))
    connection.request(method, path, body=sent or body, headers=dict(request.headers))
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize("method, path, arguments, words", [
    ("PUT", "/modern/k", {"body": b"abc", "sent": b"abd"}, "XAmzContentSHA256Mismatch"),
    ("POST", "/modern?delete", {"body": b"<Delete><Object><Key>k</Key></Object></Delete>"},
     "Content-MD5"),
    ("PUT", "/modern/k", {"headers": {"x-amz-typo": "1"}}, "x-amz-typo"),
    ("GET", "/modern?list-type=2&perfix=a", {}, "perfix"),
    ("GET", "/modern?list-type=2&continuation-token=%25", {}, "continuation token"),
    ("PATCH", "/modern/k", {}, "MethodNotAllowed"),
    ("PUT", "/modern/k", {"headers": {"x-amz-acl": "everybody"}}, "everybody")])
def test_requests_that_are_wrong(cloud, method, path, arguments, words):
    status, body = raw(cloud, method, path, **arguments)
    assert 400 <= status < 500 and words in body and cloud.objects() == []


def test_bodies_that_are_not_signed_can_be_refused(cloud, s3):
    s3.put_object(Bucket="modern", Key="k", Body=b"abc")
    cloud.configure(signed_payloads=True)
    assert refused(s3.put_object, Bucket="modern", Key="k", Body=b"abc") == ("AccessDenied", 403)
    assert raw(cloud, "PUT", "/modern/k", b"abc")[0] == 200


def test_the_real_aws(cloud, tmp_path):
    (tmp_path / "in").write_bytes(b"x" * 100)
    cloud.awscli("put-object", "--bucket", "bundles", "--key", "b/1.part.0", "--acl",
                 "aws-exec-read", "--body", str(tmp_path / "in"), service="s3api")
    listed = cloud.awscli("list-objects-v2", "--bucket", "bundles", "--prefix", "b/",
                          service="s3api")
    assert [(one["Key"], one["Size"]) for one in listed["Contents"]] == [("b/1.part.0", 100)]
    cloud.awscli("get-object", "--bucket", "bundles", "--key", "b/1.part.0", str(tmp_path / "out"),
                 service="s3api")
    assert (tmp_path / "out").read_bytes() == b"x" * 100
    cloud.awscli("delete-objects", "--bucket", "bundles", "--delete",
                 "Objects=[{Key=b/1.part.0}]", service="s3api")
    cloud.awscli("create-bucket", "--bucket", "made", "--create-bucket-configuration",
                 f"LocationConstraint={HOME}", service="s3api")
    names = [one["Name"] for one in cloud.awscli("list-buckets", service="s3api")["Buckets"]]
    assert "made" in names and "foreign" not in names
    cloud.awscli("delete-bucket", "--bucket", "made", service="s3api")
    with pytest.raises(CloudError, match="NoSuchBucket"):
        cloud.awscli("list-objects-v2", "--bucket", "made", service="s3api")


# Versions

def test_old_versions_are_kept_until_they_are_deleted_themselves(cloud, s3):
    cloud.add_bucket(name="kept", versioning="Enabled")
    first = s3.put_object(Bucket="kept", Key="k", Body=b"1", Tagging="a=b%3Ac")["VersionId"]
    second = s3.put_object(Bucket="kept", Key="k", Body=b"22")["VersionId"]
    gone = s3.delete_object(Bucket="kept", Key="k")
    assert gone["DeleteMarker"] and gone["VersionId"] not in (first, second)
    assert refused(s3.get_object, Bucket="kept", Key="k")[0] == "NoSuchKey"
    assert s3.get_object(Bucket="kept", Key="k", VersionId=first)["Body"].read() == b"1"
    assert s3.get_object_tagging(Bucket="kept", Key="k", VersionId=first)["TagSet"] == [
        {"Key": "a", "Value": "b:c"}]
    cloud.configure(page_cap=2)
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket="kept"))
    assert [len(page.get("Versions", []) + page.get("DeleteMarkers", [])) for page in pages] == [2, 1]
    assert pages[0]["DeleteMarkers"][0]["IsLatest"] and not pages[1]["Versions"][0]["IsLatest"]
    assert refused(s3.get_object, Bucket="kept", Key="k", VersionId=gone["VersionId"]) == (
        "MethodNotAllowed", 405)
    s3.delete_object(Bucket="kept", Key="k", VersionId=gone["VersionId"])
    assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == b"22"
    done = s3.delete_objects(Bucket="kept", Delete={"Objects": [
        {"Key": "k", "VersionId": second}, {"Key": "k", "VersionId": first}]})
    assert len(done["Deleted"]) == 2 and cloud.object_versions("kept") == []
    assert refused(s3.get_object_tagging, Bucket="kept", Key="k", VersionId=first)[0] == "NoSuchVersion"


def test_suspended_versions_have_no_id_of_their_own(cloud, s3):
    cloud.add_bucket(name="kept", versioning="Enabled")
    s3.put_object(Bucket="kept", Key="k", Body=b"1")
    cloud.set_bucket("kept", versioning="Suspended")
    for body in (b"22", b"333"):
        assert s3.put_object(Bucket="kept", Key="k", Body=body)["VersionId"] == "null"
    assert len(cloud.object_versions("kept")) == 2
    s3.delete_object(Bucket="kept", Key="k")
    assert [(one["version"] == "null", one["marker"]) for one in cloud.object_versions("kept")] == [
        (False, False), (True, True)]


def test_a_bucket_tells_how_it_is_set_up(cloud, s3):
    assert "Status" not in s3.get_bucket_versioning(Bucket="modern")
    cloud.add_bucket(name="kept", versioning="Enabled", lock_days=3, acls="as-ever")
    assert s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    lock = s3.get_object_lock_configuration(Bucket="kept")["ObjectLockConfiguration"]
    assert lock["ObjectLockEnabled"] == "Enabled"
    assert refused(s3.get_object_lock_configuration, Bucket="modern") == (
        "ObjectLockConfigurationNotFoundError", 404)
    assert refused(s3.get_bucket_ownership_controls, Bucket="kept") == (
        "OwnershipControlsNotFoundError", 404)
    rules = {name: s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
             for name in ("modern", "bundles")}
    assert rules == {"modern": [{"ObjectOwnership": "BucketOwnerEnforced"}],
                     "bundles": [{"ObjectOwnership": "BucketOwnerPreferred"}]}


def test_tags_come_with_an_object(cloud, s3):
    s3.put_object(Bucket="modern", Key="k", Body=b"", Tagging="quiesced%3Ajob=a%20b&c=")
    assert cloud.objects()[0]["tags"] == {"quiesced:job": "a b", "c": ""}
    many = "&".join(f"k{n}=v" for n in range(11))
    assert refused(s3.put_object, Bucket="modern", Key="k", Body=b"", Tagging=many)[0] == "BadRequest"
    cloud.configure(deny=["PutObjectTagging"])
    assert refused(s3.put_object, Bucket="modern", Key="k", Body=b"", Tagging="a=b")[1] == 403


def test_a_body_can_break_on_its_way(cloud):
    cloud.configure(break_bodies=["reset"])
    retrying = client(cloud, retries=2)
    retrying.put_object(Bucket="modern", Key="k", Body=b"x" * (4 << 20))
    assert cloud.objects()[0]["size"] == 4 << 20 and len(cloud.calls("PutObject")) == 1


def test_a_key_of_kms_hides_the_digest(cloud, s3):
    cloud.add_bucket(name="sealed", kms=True)
    etag = s3.put_object(Bucket="sealed", Key="k", Body=b"abc")["ETag"]
    assert etag != f'"{hashlib.md5(b"abc").hexdigest()}"'


# Images whose root lies in S3

def test_an_image_is_registered_from_its_manifest(cloud):
    ec2 = client(cloud, "ec2")
    cloud.configure(image_seconds=0)
    location = put_bundle(cloud, "bundles", "nightly/", "web")
    image = ec2.register_image(Name="web", ImageLocation=location, VirtualizationType="hvm")["ImageId"]
    (shown,) = ec2.describe_images(Owners=["self"], Filters=[
        {"Name": "root-device-type", "Values": ["instance-store"]}])["Images"]
    assert (shown["ImageId"], shown["ImageLocation"], shown["State"]) == (image, location, "available")
    assert shown["Architecture"] == "x86_64" and shown["BlockDeviceMappings"] == []
    ec2.deregister_image(ImageId=image)
    assert len(cloud.objects("bundles")) == 4, "nothing of the bundle goes with it"


@pytest.mark.parametrize("changes, words", [
    ({"<?xml version='1.0'?>": ""}, "declaration"), ({"123456789012": "1234-5678"}, "user"),
    ({"</user><type>machine</type>": "</user>"}, "type"), ({"</manifest>": ""}, "cut off"),
    ({"<signature>": "<x>", "</signature>": "</x>"}, "signature"),
    ({"</image>": "</imago>"}, "mismatched tag")], ids=lambda one: str(one)[:30])
def test_a_manifest_that_ec2_refuses(cloud, changes, words):
    ec2 = client(cloud, "ec2")
    location = put_bundle(cloud, "bundles", "", "web", text=manifest("web", **changes))
    with pytest.raises(ClientError, match=f"InvalidManifest.*{words}"):
        ec2.register_image(Name="web", ImageLocation=location)


def test_a_manifest_that_ec2_cannot_read(cloud):
    ec2 = client(cloud, "ec2")
    cloud.put_object("bundles", "web.manifest.xml", manifest("web"))
    for location, words in (("bundles/web.manifest.xml", "403.*ACL"), ("bundles/no", "404")):
        with pytest.raises(ClientError, match=f"InvalidManifest.*{words}"):
            ec2.register_image(Name="web", ImageLocation=location)
