# SPDX-License-Identifier: Apache-2.0
"""What publishing sends to EC2, and that it may be sent again."""

import time

import pytest

from aws.conftest import VOLUMES
from cloud.account import ec2_client
from cloud.control import Cloud

HOME, AWAY = 'eu-central-1', 'us-east-1'
OTHER = '210987654321'
ARN = 'arn:aws:organizations::123456789012:'
ORGANIZATION, UNIT = ARN + 'organization/o-abcdefghij', ARN + 'ou/o-abcdefghij/ou-ab12-34567890'


@pytest.fixture(scope='module')
def running():
    with Cloud(volumes=VOLUMES, regions=[AWAY]) as cloud:
        yield cloud


@pytest.fixture
def image(cloud):
    cloud.empty()
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    made = ec2_client(cloud).create_image(InstanceId='i-0123456789abcdef0', Name='golden',
                                          NoReboot=True)['ImageId']
    (found,) = cloud.images()
    assert found['id'] == made and found['state'] == 'available'
    cloud.clear_calls()
    return found


@pytest.fixture
def away(cloud, start):
    return start({**cloud.env('static'), 'AWS_REGION': AWAY})


def test_an_image_is_copied_once(cloud, away, image):
    arguments = {'source_region': HOME, 'source': image['id'], 'name': 'golden', 'token': 'j-1',
                 'image_tags': {'quiesced:job': 'j-1'}, 'snapshot_tags': {'quiesced:job': 'j-1', 'a': ''}}
    cloud.fault('CopyImage', answer='lost')
    answer = away('copy-image', **arguments)
    assert answer['outcome'] == 'done', answer
    assert away('copy-image', **arguments)['id'] == answer['id']
    assert {call['region'] for call in cloud.calls('CopyImage')} == {AWAY}
    (copy,) = cloud.images(region=AWAY)
    assert (copy['id'], copy['tags']) == (answer['id'], {'quiesced:job': 'j-1'})
    assert {len(one['tags']) for one in cloud.snapshots(region=AWAY)} == {2}
    assert 'Encrypted' not in cloud.calls('CopyImage')[0]['params']


def test_a_copy_is_encrypted_with_the_key_that_is_asked_for(cloud, away, image):
    assert away('copy-image', source_region=HOME, source=image['id'], name='golden',
                key='alias/golden')['outcome'] == 'done'
    params = cloud.calls('CopyImage')[0]['params']
    assert (params['Encrypted'], params['KmsKeyId']) == (True, 'alias/golden')


def test_a_source_that_is_known_in_its_own_region_alone_is_waited_for(cloud, away, image):
    cloud.fault('CopyImage', error='InvalidAMIID.NotFound', times=2)
    assert away('copy-image', source_region=HOME, source=image['id'],
                name='golden')['outcome'] == 'done'
    assert len(cloud.calls('CopyImage')) == 3


def test_an_image_is_shared_with_all_at_once(cloud, probe, image):
    for _ in range(2):
        assert probe('share-image', id=image['id'], **{'with': [OTHER, ORGANIZATION, UNIT]})[
            'outcome'] == 'done'
    assert cloud.awscli('describe-image-attribute', '--image-id', image['id'], '--attribute',
                        'launchPermission')['LaunchPermissions'] == [
        {'UserId': OTHER}, {'OrganizationArn': ORGANIZATION}, {'OrganizationalUnitArn': UNIT}]
    cloud.configure(unknown_accounts=['999999999999'])
    answer = probe('share-image', id=image['id'], **{'with': ['999999999999']})
    assert (answer['outcome'], answer['code']) == ('refused', 'InvalidAMIAttributeItemValue')


def test_a_snapshot_is_shared_with_accounts(cloud, probe, image):
    snapshot = image['snapshots'][0]
    for _ in range(2):
        assert probe('share-snapshot', id=snapshot, **{'with': [OTHER]})['outcome'] == 'done'
    assert cloud.awscli('describe-snapshot-attribute', '--snapshot-id', snapshot, '--attribute',
                        'createVolumePermission')['CreateVolumePermissions'] == [{'UserId': OTHER}]


def test_an_image_is_deprecated_and_protected(cloud, probe, image):
    at = int(time.time()) // 60 * 60 + 40 + 90 * 86400      # is rounded up, whenever this runs
    for _ in range(2):
        assert probe('deprecate-image', id=image['id'], at_usec=at * 10**6)['outcome'] == 'done'
        assert probe('protect-image', id=image['id'], cooldown=True)['outcome'] == 'done'
    (shown,) = cloud.images()
    minute = time.strftime('%Y-%m-%dT%H:%M:00.000Z', time.gmtime(at + 20))
    assert shown['view']['DeprecationTime'] == minute
    assert shown['view']['DeregistrationProtection'] == 'enabled-with-cooldown'
    assert probe('protect-image', id=image['id'])['outcome'] == 'done'
    assert cloud.images()[0]['view']['DeregistrationProtection'] == 'enabled-without-cooldown'


def test_fast_restore_that_one_zone_refuses_is_refused(cloud, probe, image):
    answer = probe('fast-restore', ids=image['snapshots'], zones=[HOME + 'a', HOME + 'b'])
    assert answer['outcome'] == 'done'
    answer = probe('fast-restore', ids=image['snapshots'], zones=[HOME + 'a', AWAY + 'a'])
    assert (answer['outcome'], answer['code']) == ('refused', 'InvalidParameterValue')
    assert image['snapshots'][0] in answer['message'] and AWAY + 'a' in answer['message']
    assert len(cloud.awscli('describe-fast-snapshot-restores')['FastSnapshotRestores']) == 4


def test_a_snapshot_is_locked(cloud, probe, image):
    for mode in ('governance', 'compliance', 'compliance'):
        assert probe('lock-snapshot', id=image['snapshots'][0], mode=mode, days=7)[
            'outcome'] == 'done'
    params = cloud.calls('LockSnapshot')[0]['params']
    assert (params['LockMode'], params['LockDuration']) == ('governance', 7)
    answer = probe('lock-snapshot', id=image['snapshots'][0], mode='compliance', days=1)
    assert answer['outcome'] == 'refused'


def test_a_snapshot_is_archived_and_again(cloud, probe, image):
    snapshot = image['snapshots'][0]
    assert probe('archive-snapshot', id=snapshot)['outcome'] == 'refused'
    ec2_client(cloud).deregister_image(ImageId=image['id'])
    for _ in range(2):
        assert probe('archive-snapshot', id=snapshot)['outcome'] == 'done'
    assert cloud.awscli('describe-snapshots', '--snapshot-ids', snapshot)[
        'Snapshots'][0]['StorageTier'] == 'archive'


@pytest.mark.parametrize('verb', ['share-image', 'deprecate-image', 'protect-image'])
def test_an_image_that_was_deregistered_is_not_found_at_once(cloud, probe, image, verb):
    ec2_client(cloud).deregister_image(ImageId=image['id'])
    answer = probe(verb, id=image['id'], at_usec=int(time.time() + 86400) * 10**6,
                   **{'with': [OTHER]})
    assert answer['outcome'] == 'not-found'
    assert answer['seconds'] < 10
