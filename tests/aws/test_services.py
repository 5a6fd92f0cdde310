# SPDX-License-Identifier: Apache-2.0
"""Parameter Store, Auto Scaling and launch templates, as our client reads and writes them."""

import pytest

from aws.conftest import INSTANCE
from cloud.account import ec2_client, service_client

NAME = '/golden/web'
IMAGE_TYPE = 'aws:ec2:image'
TAGS = {'team': 'web', 'note': 'before & after'}


@pytest.fixture
def ec2(cloud):
    return ec2_client(cloud)


@pytest.fixture
def images(cloud, ec2):
    """Two images."""
    cloud.configure(snapshot_seconds=0, image_seconds=0)
    made = [ec2.create_image(InstanceId=INSTANCE, Name=f'image {n}', NoReboot=True)['ImageId']
            for n in range(2)]
    yield made
    for image in made:
        ec2.deregister_image(ImageId=image)
    ssm = service_client(cloud, 'ssm')
    for one in cloud.parameters():
        ssm.delete_parameter(Name=one['name'])


def put(probe, value, **more):
    return probe('put-parameter', name=NAME, value=value, data_type=IMAGE_TYPE, tags=TAGS, **more)


def put_forms(cloud):
    return [call['params'] for call in cloud.calls('PutParameter', service='ssm')]


# --- Parameter Store


def test_a_parameter_is_created_with_tags_and_replaced_without(cloud, probe, images):
    absent = probe('get-parameter', name=NAME)
    assert (absent['outcome'], absent['code']) == ('not-found', 'ParameterNotFound')
    assert absent['request-id'] and absent['seconds'] < 10
    assert put(probe, images[0], description='The web servers')['outcome'] == 'done'
    assert probe('get-parameter', name=NAME)['value'] == images[0]
    assert put(probe, images[1])['outcome'] == 'done'
    assert probe('get-parameter', name=f'{NAME}:1')['value'] == images[0]
    parameter, = cloud.parameters()
    assert parameter == {'name': NAME, 'data_type': IMAGE_TYPE, 'tags': TAGS,
                         'versions': {'1': images[0], '2': images[1]}}
    assert [(one['Overwrite'], 'Tags' in one) for one in put_forms(cloud)] == [
        (False, True), (True, False)]


def test_what_is_so_already_is_not_written(cloud, probe, images):
    for _ in range(2):
        assert put(probe, images[0])['outcome'] == 'done'
    assert len(put_forms(cloud)) == 1


def test_put_waits_until_the_image_was_looked_at(cloud, probe, images):
    cloud.configure(parameter_seconds=2)
    done = put(probe, images[0])
    assert done['outcome'] == 'done'
    assert done['seconds'] >= 2
    assert probe('get-parameter', name=NAME)['value'] == images[0]


def test_a_value_that_ssm_drops_is_not_taken_for_published(cloud, probe, images):
    assert put(probe, images[0])['outcome'] == 'done'
    probe('deadline', after_usec=3_000_000)
    dropped = put(probe, 'ami-0ffffffffffffffff')
    assert dropped['outcome'] == 'not-taken', dropped
    assert 'does not show the new value' in dropped['message']
    probe('deadline')
    assert probe('get-parameter', name=NAME)['value'] == images[0]


@pytest.mark.parametrize('answer', ['lost', 'reset', 'rubbish'])
def test_a_lost_answer_to_put_is_made_good(cloud, probe, images, answer):
    cloud.fault('PutParameter', answer=answer)
    done = put(probe, images[0])
    assert done['outcome'] == 'done', done
    assert probe('get-parameter', name=NAME)['value'] == images[0]


@pytest.mark.parametrize('fault', [
    {'error': 'ThrottlingException'}, {'error': 'InternalServerError', 'status': 500},
    {'error': 'TooManyUpdates'}, {'error': 'ExpiredTokenException'}, {'answer': 'lost'},
    {'answer': 'truncated'}, {'answer': 'html'}, {'answer': 'empty'}, {'answer': 'not-http'}],
    ids=lambda fault: fault.get('error') or fault['answer'])
def test_what_passes_by_itself_is_tried_again(cloud, probe, images, fault):
    put(probe, images[0])
    cloud.fault('GetParameter', **fault)
    assert probe('get-parameter', name=NAME)['value'] == images[0]


def test_a_refusal_is_told_once(cloud, probe):
    cloud.configure(deny=['GetParameter'])
    answer = probe('get-parameter', name=NAME)
    assert (answer['outcome'], answer['code']) == ('refused', 'AccessDeniedException')
    assert 'ssm:GetParameter' in answer['message']
    assert len(cloud.calls('GetParameter')) == 1


def test_a_clock_that_is_wrong_is_made_good(cloud, probe):
    cloud.configure(clock_offset=3600)
    assert probe('get-parameter', name=NAME)['outcome'] == 'not-found'
    assert len(cloud.calls('GetParameter')) == 2


# --- Launch templates


def test_current_versions_of_all_templates_come_in_pages(cloud, probe, ec2):
    cloud.configure(page_cap=2)
    made = {}
    for n in range(3):
        template = ec2.create_launch_template(
            LaunchTemplateName=f'web{n}', LaunchTemplateData={'ImageId': f'ami-0000000{n}'})
        made[f'web{n}'] = template['LaunchTemplate']['LaunchTemplateId']
    ec2.create_launch_template_version(LaunchTemplateName='web2', LaunchTemplateData={
        'ImageId': 'resolve:ssm:/golden/web'})
    ec2.create_launch_template_version(LaunchTemplateName='web2', LaunchTemplateData={
        'InstanceType': 'm5.large'})
    found = probe('describe-templates')
    assert found['outcome'] == 'done'
    assert {(one['id'], one['version'], one.get('image')) for one in found['versions']} == {
        (made['web0'], 1, 'ami-00000000'), (made['web1'], 1, 'ami-00000001'),
        (made['web2'], 1, 'ami-00000002'), (made['web2'], 3, None)}
    assert {one['name'] for one in found['versions'] if one['is-default']} == set(made)
    assert len(cloud.calls('DescribeLaunchTemplateVersions')) == 2
    found = probe('describe-templates', id=made['web2'], versions=['2', '$Default'])['versions']
    assert sorted(one['image'] for one in found) == ['ami-00000002', 'resolve:ssm:/golden/web']
    assert probe('describe-templates', id=made['web2'], versions=[])['versions'] == []
    for wrong in ({'id': made['web0'], 'versions': ['7']},
                  {'id': 'lt-0ffffffffffffffff', 'versions': ['1']}):
        assert probe('describe-templates', **wrong)['outcome'] == 'not-found'
    for template in made.values():
        ec2.delete_launch_template(LaunchTemplateId=template)


# --- Auto Scaling


@pytest.fixture
def groups(cloud, ec2):
    """One of each kind; the template's id."""
    scaling = service_client(cloud, 'autoscaling')
    template = ec2.create_launch_template(LaunchTemplateName='web', LaunchTemplateData={
        'ImageId': 'ami-00000001'})['LaunchTemplate']['LaunchTemplateId']
    scaling.create_launch_configuration(LaunchConfigurationName='old', ImageId='ami-00000002',
                                        InstanceType='m5.large')
    mixed = {'LaunchTemplate': {
        'LaunchTemplateSpecification': {'LaunchTemplateName': 'web', 'Version': '$Latest'},
        'Overrides': [{'InstanceType': 'm5.large'}, {'LaunchTemplateSpecification': {
            'LaunchTemplateId': template, 'Version': '1'}}]}}
    sources = {'a': {'LaunchConfigurationName': 'old'},
               'b': {'LaunchTemplate': {'LaunchTemplateId': template}},
               'c': {'MixedInstancesPolicy': mixed}}
    for name, source in sources.items():
        scaling.create_auto_scaling_group(AutoScalingGroupName=name, MinSize=0, MaxSize=1,
                                          **source)
    yield template
    for name in sources:
        scaling.delete_auto_scaling_group(AutoScalingGroupName=name)
    scaling.delete_launch_configuration(LaunchConfigurationName='old')
    ec2.delete_launch_template(LaunchTemplateId=template)


@pytest.mark.parametrize('cap', [1, 100])
def test_groups_say_from_what_they_launch(cloud, probe, groups, cap):
    cloud.configure(page_cap=cap)
    found = probe('describe-groups')
    assert found['outcome'] == 'done', found
    by_template = {'template': groups, 'name': 'web'}
    assert found['sources'] == [
        {'group': 'a', 'configuration': 'old'},
        {'group': 'b', **by_template, 'version': '$Default'},
        {'group': 'c', **by_template, 'version': '$Latest'},
        {'group': 'c', **by_template, 'version': '1'}]
    assert probe('describe-configurations')['images'] == {'old': 'ami-00000002'}


def test_auto_scalings_own_words_are_understood(cloud, probe):
    cloud.configure(deny=['DescribeAutoScalingGroups'])
    answer = probe('describe-groups')
    assert (answer['outcome'], answer['code']) == ('refused', 'AccessDenied')
    assert answer['request-id'] and answer['http-status'] == 403
    cloud.fault('DescribeLaunchConfigurations', error='Throttling', times=2)
    assert probe('describe-configurations')['outcome'] == 'done'
    assert len(cloud.calls('DescribeLaunchConfigurations')) == 3
