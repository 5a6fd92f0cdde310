# SPDX-License-Identifier: Apache-2.0
"""The EC2 calls against the simulated cloud: what they read and write, and how they persist."""

import pytest

from aws.conftest import DATA, ROOT

INSTANCE = 'i-0123456789abcdef0'
TAGS = {'quiesced:job': 'j-1', 'Name': 'before & after', 'empty': ''}


def make_snapshots(probe, **arguments):
    """A whole prepared call; the snapshots."""
    assert probe('prepare-snapshots', instance=INSTANCE, **arguments)['outcome'] == 'done'
    assert probe('warm')['outcome'] == 'done'
    sent = probe('send')
    assert sent['outcome'] == 'done', sent
    return sent['snapshots']


def test_an_instance_and_its_volumes_are_read(cloud, probe):
    instance = probe('describe-instance', id=INSTANCE)
    assert instance['outcome'] == 'done'
    assert instance['architecture'] == 'x86_64'
    assert instance['root-device-type'] == 'ebs'
    assert instance['attachments'] == {'/dev/xvda': ROOT, '/dev/sdf': DATA}
    volumes = probe('describe-volumes', ids=[ROOT, DATA])['volumes']
    assert {one['id']: one['size-gib'] for one in volumes} == {ROOT: 8, DATA: 1}
    assert {one['instance'] for one in volumes} == {INSTANCE}
    assert {one['type'] for one in volumes} == {'gp3'}


def test_what_does_not_exist_is_not_found_at_once(cloud, probe):
    for verb, arguments in [('describe-instance', {'id': 'i-0ffffffffffffffff'}),
                            ('describe-volumes', {'ids': ['vol-0ffffffffffffffff']}),
                            ('describe-snapshots', {'ids': ['snap-0ffffffffffffffff']}),
                            ('describe-images', {'id': 'ami-0ffffffffffffffff'})]:
        answer = probe(verb, **arguments)
        assert answer['outcome'] == 'not-found', (verb, answer)
        assert answer['code'].endswith('.NotFound')
        assert answer['request-id']
        assert answer['seconds'] < 10
    assert len(cloud.calls()) == 4


def test_no_id_asks_for_no_volume(cloud, probe):
    assert probe('describe-volumes', ids=[])['volumes'] == []
    assert probe('describe-snapshots', ids=[])['outcome'] == 'Invalid argument'
    assert cloud.calls() == []


def test_snapshots_are_made_found_and_deleted(cloud, probe):
    cloud.configure(snapshot_seconds=None)
    made = make_snapshots(probe, tags=TAGS, description='of the test')
    assert {one['volume']: one['state'] for one in made} == {ROOT: 'pending', DATA: 'pending'}
    assert made[0]['tags'] == TAGS
    assert made[0]['start-time-usec'] > 0
    found = probe('describe-snapshots', tag_key='quiesced:job', tag_value='j-1')['snapshots']
    assert {one['id'] for one in found} == {one['id'] for one in made}
    cloud.configure(snapshot_seconds=0)
    found = probe('describe-snapshots', ids=[one['id'] for one in made])['snapshots']
    assert {(one['state'], one['progress']) for one in found} == {('completed', 100)}
    for _ in range(2):
        assert probe('delete-snapshot', id=made[0]['id'])['outcome'] == 'done'
    left = probe('describe-snapshots', tag_key='quiesced:job', tag_value='j-1')['snapshots']
    assert [one['id'] for one in left] == [made[1]['id']]
    assert probe('delete-snapshot', id=made[1]['id'])['outcome'] == 'done'


def test_volumes_can_be_left_out(cloud, probe):
    made = make_snapshots(probe, exclude_boot=True)
    assert [one['volume'] for one in made] == [DATA]
    made = make_snapshots(probe, exclude=[DATA])
    assert [one['volume'] for one in made] == [ROOT]


def test_pages_are_followed(cloud, probe):
    cloud.configure(page_cap=3, snapshot_seconds=0, pending_per_volume=100)
    for _ in range(4):
        make_snapshots(probe, tags={'quiesced:job': 'pages'})
    cloud.clear_calls()
    found = probe('describe-snapshots', tag_key='quiesced:job', tag_value='pages')['snapshots']
    assert len({one['id'] for one in found}) == 8
    assert len(cloud.calls('DescribeSnapshots')) == 3


def test_a_service_that_ignores_filters_shows_nothing_of_others(cloud, probe):
    cloud.configure(ignore_filters=True, snapshot_seconds=0)
    ours, _ = make_snapshots(probe, tags=TAGS), make_snapshots(probe, tags={'quiesced:job': 'j-2'})
    found = probe('describe-snapshots', tag_key='quiesced:job', tag_value='j-1')['snapshots']
    assert {one['id'] for one in found} == {one['id'] for one in ours}
    root, = [one['id'] for one in ours if one['volume'] == ROOT]
    for name in ('first', 'second'):
        probe('register-image', name=name, tags={'quiesced:job': name},
              devices=[{'device': '/dev/xvda', 'snapshot': root, 'type': 'gp3'}])
    for wanted in ({'name': 'second'}, {'tag_key': 'quiesced:job', 'tag_value': 'second'}):
        assert [one['name'] for one in probe('describe-images', **wanted)['images']] == ['second']


def test_what_was_just_made_is_waited_for(cloud, probe):
    cloud.configure(visibility_seconds=1.5)
    made = make_snapshots(probe)
    ids = [one['id'] for one in made]
    assert probe('describe-snapshots', ids=ids)['outcome'] == 'not-found'
    found = probe('describe-snapshots', ids=ids, fresh=True)
    assert found['outcome'] == 'done'
    assert {one['id'] for one in found['snapshots']} == set(ids)


def test_an_image_is_registered_with_all_that_it_carries(cloud, probe):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    made = {one['volume']: one['id'] for one in make_snapshots(probe)}
    devices = [{'device': '/dev/xvda', 'snapshot': made[ROOT], 'type': 'gp3', 'iops': 4000,
                'throughput': 250, 'delete': True},
               {'device': '/dev/sdf', 'snapshot': made[DATA], 'type': 'gp2', 'iops': 100}]
    registered = probe('register-image', name='golden (1)', devices=devices, tags=TAGS)
    assert registered['outcome'] == 'done', registered
    form = cloud.calls('RegisterImage')[0]['form']
    assert 'BlockDeviceMapping.2.Ebs.Iops' not in form
    assert form['BlockDeviceMapping.1.Ebs.DeleteOnTermination'] == 'true'
    for found in (probe('describe-images', id=registered['id']),
                  probe('describe-images', name='golden (1)'),
                  probe('describe-images', tag_key='quiesced:job', tag_value='j-1')):
        image, = found['images']
        assert image['id'] == registered['id']
        assert image['is-available'] and image['ena']
        assert (image['boot-mode'], image['tpm-support']) == ('uefi-preferred', 'v2.0')
        assert (image['imds-support'], image['sriov-net-support']) == ('v2.0', 'simple')
        assert image['tags'] == TAGS
        assert image['devices'][0] == devices[0]
        assert image['devices'][1]['delete'] is False
    again = probe('register-image', name='golden (1)', devices=devices)
    assert (again['outcome'], again['code']) == ('name-taken', 'InvalidAMIName.Duplicate')
    assert probe('delete-snapshot', id=made[ROOT])['outcome'] == 'in-use'
    gone = probe('deregister-image', id=registered['id'])
    assert gone['outcome'] == 'done'
    assert set(gone['deleted']) == set(made.values())
    assert probe('deregister-image', id=registered['id'])['outcome'] == 'done'
    assert probe('describe-images', name='golden (1)')['images'] == []


def test_a_cloud_without_snapshot_deletion_still_deregisters(cloud, probe):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    made = {one['volume']: one['id'] for one in make_snapshots(probe)}
    image = probe('register-image', name='older', devices=[
        {'device': '/dev/xvda', 'snapshot': made[ROOT], 'type': 'gp3'}])['id']
    cloud.fault('DeregisterImage', error='UnknownParameter',
                where={'DeleteAssociatedSnapshots': 'true'})
    gone = probe('deregister-image', id=image)
    assert (gone['outcome'], gone['deleted']) == ('done', [])
    assert probe('delete-snapshot', id=made[ROOT])['outcome'] == 'done'


def test_create_image_goes_through_the_same_door(cloud, probe):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    assert probe('prepare-image', instance=INSTANCE, name='nightly', tags=TAGS,
                 exclude=['/dev/sdf'])['outcome'] == 'done'
    assert probe('warm')['outcome'] == 'done'
    sent = probe('send')
    assert sent['outcome'] == 'done'
    image, = probe('describe-images', id=sent['image'], fresh=True)['images']
    assert [one['device'] for one in image['devices']] == ['/dev/xvda']
    assert cloud.calls('CreateImage')[-1]['form']['NoReboot'] == 'true'
    assert not any(cloud.reboots().values())
    snapshots = probe('describe-snapshots', tag_key='quiesced:job', tag_value='j-1')['snapshots']
    assert image['devices'][0]['snapshot'] in {one['id'] for one in snapshots}
    probe('prepare-image', instance=INSTANCE, name='nightly')
    assert probe('warm')['outcome'] == 'name-taken' or probe('send')['outcome'] == 'name-taken'


def test_tags_are_added(cloud, probe):
    made = make_snapshots(probe)
    ids = [one['id'] for one in made]
    assert probe('create-tags', ids=ids, tags={'late': 'tag'})['outcome'] == 'done'
    found = probe('describe-snapshots', tag_key='late', tag_value='tag')['snapshots']
    assert {one['id'] for one in found} == set(ids)


# --- Persistence


@pytest.mark.parametrize('fault', [
    {'error': 'RequestLimitExceeded', 'status': 503}, {'error': 'InternalError', 'status': 500},
    {'error': 'Unavailable', 'status': 503}, {'answer': 'lost'}, {'answer': 'reset'},
    {'answer': 'cut'}, {'answer': 'truncated'}, {'answer': 'rubbish'}, {'answer': 'html'},
    {'answer': 'malformed'}, {'answer': 'doctype'}, {'answer': 'empty'}, {'answer': 'not-http'},
    {'answer': 'redirect'}, {'answer': 'short-length'}],
    ids=lambda fault: fault.get('error') or fault['answer'])
def test_what_passes_by_itself_is_tried_again(cloud, probe, fault):
    cloud.fault('DescribeInstances', times=2, **fault)
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'done', answer
    assert len(cloud.calls('DescribeInstances')) == 3


def test_chunked_answers_are_read(cloud, probe):
    cloud.fault('DescribeInstances', answer='chunked')
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    assert len(cloud.calls('DescribeInstances')) == 1


def test_throttling_does_not_go_on_for_ever(cloud, probe):
    cloud.fault('DescribeInstances', times=-1, error='InternalError', status=500)
    answer = probe('describe-instance', id=INSTANCE)
    assert (answer['outcome'], answer['code']) == ('refused', 'InternalError')
    assert answer['http-status'] == 500
    assert len(cloud.calls('DescribeInstances')) == 8


def test_who_was_throttled_asks_more_slowly_but_not_while_frozen(cloud, probe):
    cloud.fault('DescribeInstances', times=3, error='RequestLimitExceeded', status=503)
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    # The waits of the retries are of any length, and some tokens have come meanwhile.
    seconds = sum(probe('describe-instance', id=INSTANCE)['seconds'] for _ in range(12))
    assert .5 < seconds < 60
    probe('deadline', after_usec=30_000_000)
    # One of them may be held up by what else this machine does.
    assert sorted(probe('describe-instance', id=INSTANCE)['seconds'] for _ in range(5))[2] < .2
    probe('deadline')


def test_the_patient_outlast_what_others_do_not(cloud, probe):
    cloud.fault('DescribeInstances', times=3, error='RequestLimitExceeded', status=503)
    probe('patience', for_usec=60_000_000)
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    probe('patience', for_usec=1)
    cloud.fault('DescribeInstances', times=-1, error='RequestLimitExceeded', status=503)
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'refused'
    assert len(cloud.calls('DescribeInstances')) == 5


def test_a_client_alone_does_not_use_up_what_the_account_may_ask(cloud, probe):
    seconds = sum(probe('describe-instance', id=INSTANCE)['seconds'] for _ in range(70))
    assert seconds > 1.5          # 50 at once, and then 10 a second
    assert {call['code'] for call in cloud.calls('DescribeInstances')} == {None}


def test_a_final_error_is_not_repeated(cloud, probe):
    cloud.fault('DescribeInstances', times=-1, error='UnauthorizedOperation', status=403)
    answer = probe('describe-instance', id=INSTANCE)
    assert (answer['outcome'], answer['code']) == ('refused', 'UnauthorizedOperation')
    assert len(cloud.calls('DescribeInstances')) == 1


@pytest.mark.parametrize('answer', ['lost', 'reset', 'truncated'])
def test_a_registration_whose_answer_is_lost_is_not_sent_again(cloud, probe, answer):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    made = {one['volume']: one['id'] for one in make_snapshots(probe)}
    cloud.clear_calls()
    cloud.fault('RegisterImage', answer=answer)
    registered = probe('register-image', name=f'lost by {answer}', devices=[
        {'device': '/dev/xvda', 'snapshot': made[ROOT], 'type': 'gp3'}])
    assert registered['outcome'] == 'lost'
    assert len(cloud.calls('RegisterImage')) == 1
    assert len(probe('describe-images', name=f'lost by {answer}')['images']) == 1


def test_a_huge_answer_ends_early(cloud, probe):
    cloud.fault('DescribeInstances', times=-1, answer='huge', bytes=48 << 20)
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'lost'
    assert 'larger' in answer['message']


def test_entities_are_refused(cloud, probe):
    cloud.fault('DescribeInstances', times=-1, answer='doctype')
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'lost'


def test_a_cancelled_client_stops_waiting(cloud, probe):
    cloud.fault('DescribeInstances', times=-1, error='RequestLimitExceeded', status=503)
    probe('cancel', after_usec=700_000)
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'cancelled'
    assert .6 < answer['seconds'] < 15


# The last attempt of those that are reset may have come as far as its request, or only to connect.
@pytest.mark.parametrize('fault, outcomes', [
    ({'answer': 'never'}, ['timeout']),
    ({'error': 'RequestLimitExceeded', 'status': 503}, ['refused']),
    ({'answer': 'reset'}, ['lost', 'unreachable'])], ids=str)
def test_a_deadline_ends_attempts_and_waits(cloud, probe, fault, outcomes):
    cloud.fault('DescribeInstances', times=-1, **fault)
    probe('deadline', after_usec=1_000_000)
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] in outcomes
    assert answer['seconds'] < 10
    cloud.clear_faults()
    probe('deadline')
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'


# --- TLS and the clock


@pytest.mark.parametrize('listener', ['ec2-foreign-ca', 'ec2-wrong-host'])
def test_a_wrong_certificate_is_refused_and_not_asked_again(cloud, start, listener):
    probe = start(cloud.env('static', listener=listener))
    answer = probe('describe-instance', id=INSTANCE)
    assert (answer['outcome'], answer['code']) == ('unreachable', 'UntrustedPeer')
    assert answer['seconds'] < 10
    assert cloud.calls('DescribeInstances') == []


def test_the_system_does_not_know_our_authority(cloud, start):
    env = cloud.env('static')
    del env['AWS_CA_BUNDLE']
    answer = start(env)('describe-instance', id=INSTANCE)
    assert (answer['outcome'], answer['code']) == ('unreachable', 'UntrustedPeer')


def test_an_unreadable_bundle_is_named(cloud, start):
    probe = start({**cloud.env('static'), 'AWS_CA_BUNDLE': '/nowhere/ca.pem'})
    status, errors = probe.stop()
    assert status == 1
    assert 'AWS_CA_BUNDLE=/nowhere/ca.pem cannot be read: No such file' in errors


@pytest.mark.parametrize('name, value, message', [
    ('AWS_REGION', 'Mars!', '"Mars!" is no region'),
    ('AWS_ENDPOINT_URL_EC2', 'ftp://h/', 'AWS_ENDPOINT_URL_EC2 is no http'),
    ('AWS_ENDPOINT_URL_EC2', 'https://u:p@h/', 'AWS_ENDPOINT_URL_EC2 is no http'),
    ('AWS_ENDPOINT_URL_EC2', 'https://h/?q', 'AWS_ENDPOINT_URL_EC2 is no http')])
def test_a_bad_setting_is_named(cloud, start, name, value, message):
    status, errors = start({**cloud.env('static'), name: value}).stop()
    assert status == 1
    assert message in errors


def test_nobody_there_is_said_soon(cloud, start):
    probe = start({**cloud.env('static'), 'AWS_ENDPOINT_URL_EC2': 'https://127.0.0.1:1/'})
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'unreachable'
    assert '127.0.0.1:1: ' in answer['message']
    assert answer['seconds'] < 40


@pytest.mark.parametrize('offset', [3600, -3600])
def test_a_clock_that_is_wrong_is_made_good(cloud, probe, offset):
    cloud.configure(clock_offset=offset)
    assert probe('status')['knows-clock'] is False
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'done', answer
    assert abs(probe('status')['clock-offset-usec'] / 1e6 - offset) < 30
    assert probe('status')['knows-clock'] is True
    assert len(cloud.calls('DescribeInstances')) == 2
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    assert len(cloud.calls('DescribeInstances')) == 3


def test_a_wrong_secret_is_told_by_its_name(cloud, start):
    env = {**cloud.env('static'), 'AWS_SECRET_ACCESS_KEY': 'wrong'}
    answer = start(env)('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'refused'
    assert answer['code'] in ('AuthFailure', 'SignatureDoesNotMatch')
    assert len(cloud.calls('DescribeInstances')) <= 2
