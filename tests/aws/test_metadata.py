# SPDX-License-Identifier: Apache-2.0
"""The metadata service and the keys of the role, well and ill."""

import contextlib
import http.server
import json
import socket
import threading
import time

import pytest

from aws.conftest import VOLUMES
from cloud.control import Cloud
from lab.processes import wait_until

INSTANCE = 'i-0123456789abcdef0'
ROLE_PATH = '/latest/meta-data/iam/security-credentials/quiesced'


@pytest.fixture
def probe(cloud, start):
    """With the role's keys."""
    return start(cloud.env('role'))


def test_metadata_is_read_with_one_token(cloud, probe):
    assert probe('imds', path='meta-data/instance-id')['text'] == INSTANCE
    document = json.loads(probe('imds', path='dynamic/instance-identity/document')['text'])
    assert document['instanceId'] == INSTANCE
    calls = cloud.calls(service='imds')
    assert [call['action'] for call in calls] == [
        '/latest/api/token', '/latest/meta-data/instance-id',
        '/latest/dynamic/instance-identity/document']
    assert len({call['connection'] for call in calls}) == 1


def test_what_is_absent_is_absent(cloud, probe):
    answer = probe('imds', path='meta-data/nothing')
    assert answer['outcome'] == 'absent'
    assert 'meta-data/nothing' in answer['message']


def test_a_token_that_ends_early_is_replaced_once(cloud, probe):
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'done'
    cloud.forget_tokens()
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'done'
    assert len(cloud.calls('/latest/api/token')) == 2
    cloud.fault('/latest/meta-data/*', times=-1, error='Unauthorized', status=401)
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'failed'
    assert len(cloud.calls('/latest/api/token')) == 3


def test_a_service_that_is_switched_off_is_told_from_none(cloud, probe):
    cloud.configure(imds_enabled=False)
    answer = probe('imds', path='meta-data/instance-id')
    assert answer['outcome'] == 'disabled'
    assert 'modify-instance-metadata-options' in answer['message']


@pytest.mark.parametrize('fault', [{'error': 'Busy', 'status': 503}, {'answer': 'lost'},
                                   {'answer': 'reset'}], ids=str)
def test_a_bad_moment_passes(cloud, probe, fault):
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'done'
    cloud.fault('/latest/meta-data/*', times=2, **fault)
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'done'


def test_a_huge_answer_is_refused(cloud, probe):
    cloud.fault('/latest/meta-data/*', times=-1, answer='huge')
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'Message too long'


def test_the_environment_can_forbid_asking(cloud, start):
    probe = start({**cloud.env('role'), 'AWS_EC2_METADATA_DISABLED': 'true'})
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'disabled'
    assert probe('credentials')['outcome'] == 'none'
    assert cloud.calls(service='imds') == []


def test_a_proxy_is_never_asked(cloud, start):
    probe = start({**cloud.env('role'), 'http_proxy': 'http://127.0.0.1:1',
                   'all_proxy': 'http://127.0.0.1:1'})
    assert probe('imds', path='meta-data/instance-id')['outcome'] == 'done'


# --- Not on EC2: said within 3 seconds, whatever there is instead


@contextlib.contextmanager
def nobody():
    yield 'http://127.0.0.1:1'


@contextlib.contextmanager
def silence():
    """Takes the connection and never answers, as a hop limit that is too low looks."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        yield f'http://127.0.0.1:{server.getsockname()[1]}'


@contextlib.contextmanager
def full_backlog():
    """Not even the connection comes about, as with packets that are dropped."""
    with socket.create_server(('127.0.0.1', 0), backlog=0) as server:
        with contextlib.ExitStack() as stack:
            for _ in range(3):
                filler = stack.enter_context(socket.socket())
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            time.sleep(.1)
            yield f'http://127.0.0.1:{server.getsockname()[1]}'


def answering(status, body=b''):
    """Somebody else's service."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            self.send_response(status)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    @contextlib.contextmanager
    def serve():
        with http.server.HTTPServer(('127.0.0.1', 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f'http://127.0.0.1:{server.server_port}'
            finally:
                server.shutdown()
                thread.join()
    return serve


@pytest.mark.parametrize('world, outcome', [
    (nobody, 'unreachable'), (silence, 'unreachable'), (full_backlog, 'unreachable'),
    (answering(404), 'unreachable'), (answering(405), 'unreachable'), (answering(400), 'unreachable'),
    (answering(500), 'unreachable'), (answering(302), 'unreachable'), (answering(200), 'unreachable'),
    (answering(200, b'a\r\nb'), 'unreachable'), (answering(200, b'x' * 5000), 'unreachable')])
def test_not_on_ec2_is_said_within_three_seconds(cloud, start, world, outcome):
    def said_sec():
        """How long it takes this time: a machine that is busy can only make it longer."""
        probe = start({**cloud.env('role'), 'AWS_EC2_METADATA_SERVICE_ENDPOINT': url})
        answer = probe('imds', path='meta-data/instance-id')
        assert answer['outcome'] == outcome
        assert answer['message']
        probe.stop()
        return answer['seconds']

    with world() as url:
        wait_until(lambda: said_sec() < 3, 60, 'it is said within three seconds')


# --- Keys of the role


def test_the_roles_keys_sign_and_are_read_once(cloud, probe):
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    assert len(cloud.calls(ROLE_PATH)) == 1


def test_keys_that_end_soon_are_read_anew(start):
    with Cloud(volumes=VOLUMES, role_lifetime_seconds=200, role_rotate_seconds=100) as cloud:
        probe = start(cloud.env('role'))
        assert probe('credentials')['outcome'] == 'done'
        assert probe('credentials')['outcome'] == 'done'
        assert len(cloud.calls(ROLE_PATH)) == 2
        cloud.fault('/latest/meta-data/iam/*', times=-1, error='Busy', status=503)
        assert probe('credentials')['outcome'] == 'done'


def test_keys_that_ended_are_refreshed_and_the_call_repeated(cloud, probe):
    first = probe('credentials')['access-key-id']
    assert probe('describe-instance', id=INSTANCE)['outcome'] == 'done'
    cloud.expire_credentials()
    cloud.clear_calls()
    answer = probe('describe-instance', id=INSTANCE)
    assert answer['outcome'] == 'done', answer
    assert len(cloud.calls('DescribeInstances')) == 2
    assert len(cloud.calls(ROLE_PATH)) == 1
    assert probe('credentials')['access-key-id'] != first


def test_a_role_that_cannot_be_assumed_is_named_with_its_code(cloud, start):
    cloud.configure(role_code='AssumeRoleUnauthorizedAccess')
    answer = start(cloud.env('role'))('credentials')
    assert answer['outcome'] == 'failed'
    assert 'quiesced: AssumeRoleUnauthorizedAccess' in answer['message']


def test_no_role_is_said_before_anything_is_asked(start):
    with Cloud(volumes=VOLUMES, role=None) as cloud:
        probe = start(cloud.env('role'))
        answer = probe('credentials')
        assert answer['outcome'] == 'none'
        assert 'attach an instance profile' in answer['message']
        call = probe('describe-instance', id=INSTANCE)
        assert call['outcome'] == 'no-credentials'
        assert 'attach an instance profile' in call['message']
        assert cloud.calls('DescribeInstances') == []
