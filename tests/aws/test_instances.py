# SPDX-License-Identifier: Apache-2.0
"""Instances launched by our client: what it asks for, and what it makes of the answers."""

import pytest

INSTANCE = 'i-0123456789abcdef0'
TAGS = {'quiesced:job': 'j-1', 'quiesced:verify': 'ami'}


@pytest.fixture
def image(cloud, probe):
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    assert probe('prepare-image', instance=INSTANCE, name='launched')['outcome'] == 'done'
    assert probe('warm')['outcome'] == 'done'
    image = probe('send')['image']
    cloud.clear_calls()
    yield image
    for one in cloud.instances():
        if one['id'] != INSTANCE:
            assert probe('terminate-instance', id=one['id'])['outcome'] == 'done'
    assert probe('deregister-image', id=image)['outcome'] == 'done'


def launched(cloud):
    return [one for one in cloud.instances() if one['id'] != INSTANCE]


def test_one_instance_is_launched_whatever_becomes_of_the_answer(cloud, probe, image):
    cloud.fault('RunInstances', answer='lost')
    arguments = {'image': image, 'token': f'lost-{image}', 'type': 'c6i.large', 'tags': TAGS,
                 'subnet': 'subnet-0fedcba9876543210', 'groups': ['sg-0fedcba9876543210'],
                 'profile': 'web', 'devices': ['/dev/xvda', '/dev/sdf']}
    first = probe('run-instance', **arguments)
    again = probe('run-instance', **arguments)
    assert (first['outcome'], again['id']) == ('done', first['id'])
    (one,) = launched(cloud)
    assert (one['id'], one['type'], one['tags']) == (first['id'], 'c6i.large', TAGS)
    assert len(cloud.calls('RunInstances')) == 3
    form = cloud.calls('RunInstances')[0]['form']
    assert form['InstanceInitiatedShutdownBehavior'] == 'terminate'
    assert form['MetadataOptions.HttpTokens'] == 'required'
    assert form['MetadataOptions.InstanceMetadataTags'] == 'enabled'
    assert form['IamInstanceProfile.Name'] == 'web'
    assert probe('terminate-instance', id=first['id'])['outcome'] == 'done'
    volumes = {one['id'] for one in cloud.volumes()}
    assert volumes.isdisjoint(one['volumes']), 'no volume outlives it'


def test_a_profile_may_be_named_by_its_arn(cloud, probe, image):
    arn = 'arn:aws:iam::123456789012:instance-profile/web'
    assert probe('run-instance', image=image, token='arn', profile=arn)['outcome'] == 'done'
    assert cloud.calls('RunInstances')[0]['form']['IamInstanceProfile.Arn'] == arn


def test_want_of_capacity_is_told_at_once(cloud, probe, image):
    cloud.fault('RunInstances', error='InsufficientInstanceCapacity', status=500)
    answer = probe('run-instance', image=image, token='none')
    assert (answer['outcome'], answer['lacks-capacity']) == ('refused', True)
    assert len(cloud.calls('RunInstances')) == 1


def test_instances_are_found_by_their_tags_page_by_page(cloud, probe, image):
    tags = {'quiesced:job': f'j-{image}'}
    made = {probe('run-instance', image=image, token=f'{n}-{image}', tags={**tags, 'n': str(n)})['id']
            for n in range(7)}
    cloud.configure(page_cap=3)
    found = probe('describe-instances', tag_key='quiesced:job', tag_value=f'j-{image}')['instances']
    assert {one['id'] for one in found} == made
    assert len(cloud.calls('DescribeInstances')) == 3
    cloud.configure(ignore_filters=True)
    found = probe('describe-instances', tag_key='n', tag_value='4')['instances']
    assert len(found) == 1, 'what does not fit is left out'
    assert len(probe('describe-instances', tag_key='n')['instances']) == len(made)
    found = probe('describe-instances', images=[image])['instances']
    assert {one['id'] for one in found} == made


def test_the_end_of_an_instance_and_its_reason_are_read(cloud, probe, image):
    cloud.configure(launches_fail='Client.InternalError: Client error on launch')
    made = probe('run-instance', image=image, token=f'bad-{image}', tags=TAGS)['id']
    found = [one for one in probe('describe-instances', images=[image])['instances']
             if one['id'] == made]
    assert [(one['is-alive'], one['state-message']) for one in found] == [
        (False, 'Client.InternalError: Client error on launch')]


def test_health_is_read_in_every_state(cloud, probe, image):
    cloud.configure(launch_seconds=60, check_seconds=None)
    made = probe('run-instance', image=image, token=f'health-{image}')['id']

    def health():
        answer = probe('describe-health', id=made)
        return answer.get('state'), answer['system'], answer['instance']

    assert health() == ('pending', 'pending', 'pending')
    cloud.configure(launch_seconds=0)
    assert health() == ('running', 'pending', 'pending')
    cloud.configure(check_seconds=0, impaired=['system'])
    assert health() == ('running', 'impaired', 'ok')
    assert probe('terminate-instance', id=made)['outcome'] == 'done'
    assert health()[0] in ('shutting-down', 'terminated')
    assert probe('describe-health', id='i-0ffffffffffffffff')['outcome'] == 'not-found'


def test_the_console_is_read_whatever_it_holds(cloud, probe, image):
    made = probe('run-instance', image=image, token=f'console-{image}', type='t3.micro')['id']
    assert probe('get-console', id=made, latest=True)['text'] == ''
    cloud.set_console(made, 'a\0b\r\n\x1b[32m OK \x1b[0m\n')
    assert probe('get-console', id=made, latest=True)['text'] == 'a b\r\n\x1b[32m OK \x1b[0m\n'
    cloud.set_console(made, 'z' * 100000)
    assert len(probe('get-console', id=made)['text']) == 65536


def test_an_old_type_has_no_latest_console(cloud, probe, image):
    made = probe('run-instance', image=image, token=f'old-{image}', type='t2.micro')['id']
    answer = probe('get-console', id=made, latest=True)
    assert (answer['outcome'], answer['lacks-latest']) == ('refused', True)
    assert probe('get-console', id=made)['outcome'] == 'done'
