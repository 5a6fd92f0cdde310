# SPDX-License-Identifier: Apache-2.0
"""S3 as our client sees it: every key, every region, every way in which it can go wrong."""

import hashlib

import pytest

from cloud.control import Cloud
from cloud.test_s3 import AWAY, AWKWARD, BUCKETS, HOME, OTHER

OURS = '123456789012'


@pytest.fixture(scope='module')
def running():
    with Cloud(regions=[AWAY], buckets=BUCKETS, knobs={'signed_payloads': True}) as cloud:
        yield cloud


@pytest.fixture
def cloud(running):
    with running.lent() as cloud:
        yield cloud


@pytest.fixture(params=['s3', 's3-by-name'])
def either(cloud, start, request):
    """A probe that names buckets in the path, and one that names them in the host."""
    return start({**cloud.env('static'), 'AWS_ENDPOINT_URL_S3': cloud.addresses[request.param]})


def test_objects_with_every_awkward_key(cloud, either):
    for key in AWKWARD:
        body = f'content of {key}'
        done = either('put-object', bucket='bundles', key=key, body=body, owner=OURS)
        assert done['outcome'] == 'done', (key, done)
        assert either('get-object', bucket='bundles', key=key)['body'] == body
        head = either('head-object', bucket='bundles', key=key)
        digest = hashlib.md5(body.encode()).hexdigest()
        assert (head['size'], head['etag']) == (len(body.encode()), f'"{digest}"')
    listed = either('list-objects', bucket='bundles')
    assert [one['key'] for one in listed['objects']] == sorted(AWKWARD, key=str.encode)
    assert all(one['modified-usec'] > 0 and one['size'] > 0 for one in listed['objects'])
    assert {one['key'] for one in cloud.objects()} == set(AWKWARD)
    assert either('delete-objects', bucket='bundles', keys=AWKWARD)['outcome'] == 'done'
    assert cloud.objects() == []
    assert {call['code'] for call in cloud.calls(service='s3')} == {None}


def test_a_bucket_with_dots_is_named_in_the_path(cloud, either):
    assert either('put-object', bucket='dotted.name', key='k', body='')['outcome'] == 'done'
    assert cloud.objects('dotted.name')[0]['size'] == 0


def test_an_object_keeps_its_type_and_its_list(cloud, probe):
    probe('put-object', bucket='bundles', key='k', body='x', acl='aws-exec-read',
          content_type='application/octet-stream')
    (one,) = cloud.objects()
    assert one['acl'] == 'aws-exec-read'
    assert one['attributes']['ContentType'] == 'application/octet-stream'
    assert 'ContentMD5' in cloud.calls('PutObject')[0]['params']
    refused = probe('put-object', bucket='modern', key='k', body='x', acl='aws-exec-read')
    assert refused['outcome'] == 'acls-off' and 'Object Ownership' in refused['words']


def test_many_objects_in_pages(cloud, probe):
    keys = [f'many/{n:04d}' for n in range(1203)]
    for key in keys:
        cloud.put_object('modern', key, b'')
    cloud.put_object('modern', 'other', b'')
    cloud.configure(page_cap=500)
    listed = probe('list-objects', bucket='modern', prefix='many/')
    assert [one['key'] for one in listed['objects']] == keys
    assert len(cloud.calls('ListObjectsV2')) == 3
    assert probe('delete-objects', bucket='modern', keys=[*keys, 'absent'])['outcome'] == 'done'
    assert [one['key'] for one in cloud.objects()] == ['other']
    assert len(cloud.calls('DeleteObjects')) == 2


def test_what_is_refused_of_many_is_named(cloud, probe):
    keys = [f'{n:04d}' for n in range(5)]
    for key in keys:
        cloud.put_object('modern', key, b'')
    cloud.configure(locked_objects=keys[1:3])
    done = probe('delete-objects', bucket='modern', keys=keys)
    assert (done['outcome'], done['refused']) == ('denied', keys[1:3])
    assert [one['key'] for one in cloud.objects()] == keys[1:3]
    assert probe('delete-objects', bucket='modern', keys=keys[:1])['outcome'] == 'done'


@pytest.mark.parametrize('code', ['PermanentRedirect', 'TemporaryRedirect',
                                  'AuthorizationHeaderMalformed'])
def test_a_bucket_is_followed_to_its_region_once(cloud, probe, code):
    cloud.configure(wrong_region=code)
    done = probe('put-object', bucket='far-away', key='k', body='abc')
    assert (done['outcome'], done['region']) == ('done', AWAY)
    assert [call['region'] for call in cloud.calls('PutObject')] == [HOME, AWAY]
    if code != 'AuthorizationHeaderMalformed':
        assert probe('head-object', bucket='far-away', key='k')['size'] == 3
    keys = [f'{n}' for n in range(1500)]
    cloud.clear_calls()
    assert probe('delete-objects', bucket='far-away', keys=keys)['outcome'] == 'done'
    assert [call['region'] for call in cloud.calls('DeleteObjects')] == [HOME, AWAY, AWAY]


def test_sent_from_region_to_region_it_ends(cloud, probe):
    cloud.fault('GetObject', error='PermanentRedirect', status=301, times=-1)
    done = probe('get-object', bucket='modern', key='k')
    assert done['outcome'] == 'elsewhere' and HOME in done['words']


def test_what_is_absent_or_not_ours(cloud, probe):
    assert probe('get-object', bucket='modern', key='k')['outcome'] == 'not-found'
    assert probe('head-object', bucket='modern', key='k')['outcome'] == 'not-found'
    assert probe('get-object', bucket='nowhere', key='k')['outcome'] == 'no-bucket'
    assert probe('list-objects', bucket='foreign')['outcome'] == 'denied'
    cloud.put_object('lent', 'k', b'theirs')
    assert probe('get-object', bucket='lent', key='k')['body'] == 'theirs'
    for verb in ('get-object', 'head-object'):
        done = probe(verb, bucket='lent', key='k', owner=OURS)
        assert done['outcome'] == 'denied' and OURS in done['words']
    done = probe('delete-objects', bucket='lent', keys=['k', 'l'], owner=OURS)
    assert done['outcome'] == 'denied' and len(cloud.objects('lent')) == 1
    assert probe('head-object', bucket='lent', key='k', owner=OTHER)['outcome'] == 'done'
    cloud.configure(deny=['ListBucket'])
    assert probe('head-object', bucket='modern', key='k')['outcome'] == 'denied'


def test_an_object_that_is_too_large_is_not_read(cloud, probe):
    cloud.put_object('modern', 'k', b'x' * 4097)
    assert len(probe('get-object', bucket='modern', key='k', most=4097)['body']) == 4097
    done = probe('get-object', bucket='modern', key='k', most=4096)
    assert done['outcome'] == 'too-large' and done['seconds'] < 15
    assert len(cloud.calls('GetObject')) == 2
    cloud.fault('GetObject', answer='huge')
    assert probe('get-object', bucket='modern', key='k', most=5000)['outcome'] == 'too-large'


@pytest.mark.parametrize('fault', [
    {'error': 'SlowDown', 'status': 503}, {'error': 'InternalError', 'status': 500},
    {'error': 'RequestTimeout'}, {'error': 'BadDigest'}, {'error': 'InvalidAccessKeyId'},
    {'answer': 'lost'}, {'answer': 'reset'}, {'answer': 'not-http'}, {'answer': 'cut'}],
    ids=lambda fault: fault.get('error') or fault['answer'])
def test_what_passes_by_itself_is_tried_again(cloud, probe, fault):
    cloud.fault('*', **fault)
    done = probe('put-object', bucket='modern', key='k', body='abc')
    assert done['outcome'] == 'done', done
    cloud.fault('*', **fault)
    assert probe('get-object', bucket='modern', key='k')['body'] == 'abc'
    cloud.fault('*', **fault)
    assert len(probe('list-objects', bucket='modern')['objects']) == 1
    cloud.fault('*', **fault)
    assert probe('delete-objects', bucket='modern', keys=['k', 'l'])['outcome'] == 'done'


def test_objects_that_s3_had_no_time_to_delete_are_deleted_again(cloud, probe):
    """The call succeeds then, and says so of each of them."""
    keys = ['a', 'b&c', 'd', 'e']
    for key in keys:
        cloud.put_object('modern', key, b'')
    cloud.configure(delete_errors=['InternalError', 'SlowDown', 'InternalError', 'AccessDenied',
                                   'InternalError'])
    done = probe('delete-objects', bucket='modern', keys=keys)
    assert (done['outcome'], done['refused']) == ('denied', ['e']), done
    assert [one['key'] for one in cloud.objects()] == ['e']
    assert len(cloud.calls('DeleteObjects')) == 3
    assert 'AccessDenied' in done['words']
    cloud.configure(delete_errors=['InternalError'] * 20)
    done = probe('delete-objects', bucket='modern', keys=['e', 'f'])
    assert done['outcome'] == 'refused' and done['refused'] == ['e', 'f'], done
    assert 'internal error' in done['words'] and len(cloud.objects()) == 1


@pytest.mark.parametrize('answer', ['truncated', 'malformed', 'doctype', 'rubbish', 'html', 'empty'])
def test_documents_that_are_none(cloud, probe, answer):
    cloud.put_object('modern', 'k', b'')
    for action in ('ListObjectsV2', 'DeleteObjects'):
        cloud.fault(action, answer=answer)
    assert [one['key'] for one in probe('list-objects', bucket='modern')['objects']] == ['k']
    assert probe('delete-objects', bucket='modern', keys=['k', 'l'])['outcome'] == 'done'


def test_a_clock_that_is_wrong_is_made_good(cloud, probe):
    cloud.configure(clock_offset=3600)
    assert probe('put-object', bucket='modern', key='k', body='abc')['outcome'] == 'done'
    assert len(cloud.calls('PutObject')) == 2


# Versions

def versions(done):
    return {(one["key"], one["version"]) for one in done["objects"]}


@pytest.fixture
def kept(cloud):
    """A bucket that keeps its versions: three of "a", of which the last is a marker, and one of "b"."""
    cloud.add_bucket(name="kept", versioning="Enabled")
    for key, body in (("a", b"1"), ("a", b"22"), ("b c", b"3")):
        cloud.put_object("kept", key, body)
    cloud.awscli("delete-object", "--bucket", "kept", "--key", "a", service="s3api")
    return "kept"


def test_versions_are_listed_in_pages_and_deleted_for_good(cloud, probe, kept):
    cloud.configure(page_cap=1)
    listed = probe("list-versions", bucket=kept)
    assert len(cloud.calls("ListObjectVersions")) == 4
    assert sorted(one["size"] for one in listed["objects"]) == [0, 1, 1, 2]
    assert [one["key"] for one in listed["objects"] if one.get("marker")] == ["a"]
    assert versions(listed) == {(one["key"], one["version"]) for one in cloud.object_versions(kept)}
    chosen = [one for one in listed["objects"] if one["key"] == "a"]
    done = probe("delete-versions", bucket=kept, keys=[one["key"] for one in chosen],
                 versions=[one["version"] for one in chosen])
    assert done["outcome"] == "done"
    assert [one["key"] for one in cloud.object_versions(kept)] == ["b c"]


def test_in_a_bucket_without_versions_there_is_one(cloud, probe):
    cloud.put_object("modern", "k", b"")
    assert versions(probe("list-versions", bucket="modern")) == {("k", "null")}
    done = probe("delete-versions", bucket="modern", keys=["k"], versions=["null"])
    assert done["outcome"] == "done" and cloud.objects() == []


def test_a_version_that_may_not_go_is_told(cloud, probe, kept):
    cloud.configure(deny=["DeleteObjectVersion"])
    one = cloud.object_versions(kept)[0]
    done = probe("delete-versions", bucket=kept, keys=[one["key"]], versions=[one["version"]])
    assert done["outcome"] == "denied" and len(cloud.object_versions(kept)) == 4


# Whether it is fit for bundles

@pytest.mark.parametrize("fields, found", [
    ({"acls": True}, {"acls": "yes", "versions": "no", "locked": "no"}),
    ({"acls": "as-ever"}, {"acls": "yes"}), ({}, {"acls": "no"}),
    ({"versioning": "Suspended"}, {"versions": "yes"}), ({"lock_days": 3}, {"locked": "yes"})],
    ids=str)
def test_a_bucket_is_asked_how_it_is_set_up(cloud, probe, fields, found):
    cloud.add_bucket(name="asked", **fields)
    done = probe("check-bucket", bucket="asked", owner=OURS)
    assert done["outcome"] == "done" and found.items() <= done.items()
    assert ("Object Ownership" in done.get("obstacle", "")) == (done["acls"] == "no")
    assert ("versions" in done.get("remark", "")) == ("versioning" in fields)
    assert ("Object Lock" in done.get("remark", "")) == ("lock_days" in fields)
    assert {call["action"] for call in cloud.calls(service="s3")} == {
        "HeadBucket", "GetBucketOwnershipControls", "GetBucketVersioning",
        "GetObjectLockConfiguration"}


def test_a_bucket_that_is_no_place_for_bundles(cloud, probe):
    cloud.set_bucket("far-away", acls=True)
    done = probe("check-bucket", bucket="far-away", owner=OURS)
    assert done["outcome"] == "done" and AWAY in done["obstacle"] and HOME in done["obstacle"]
    done = probe("check-bucket", bucket="nowhere", owner=OURS)
    assert done["outcome"] == "no-bucket" and "there is no bucket nowhere" in done["words"]
    done = probe("check-bucket", bucket="lent", owner=OURS)
    assert done["outcome"] == "not-ours" and "another account" in done["words"]
    assert probe("check-bucket", bucket="foreign", owner=OURS)["outcome"] == "denied"
    cloud.configure(deny=["ListBucket"])
    assert probe("check-bucket", bucket="modern", owner=OURS)["outcome"] == "denied"


def test_what_may_not_be_read_is_not_known(cloud, probe):
    cloud.configure(deny=["GetBucketOwnershipControls", "GetBucketVersioning",
                          "GetBucketObjectLockConfiguration"])
    done = probe("check-bucket", bucket="modern", owner=OURS)
    assert (done["outcome"], done["acls"], done["versions"], done["locked"]) == (
        "done", "unknown", "unknown", "unknown")
    cloud.configure(deny=[])
    cloud.fault("Get*", answer="html", times=3)
    assert probe("check-bucket", bucket="modern", owner=OURS)["acls"] == "unknown"
