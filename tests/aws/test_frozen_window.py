# SPDX-License-Identifier: Apache-2.0
"""The prepared call: warmed, sent once, answered in time or told apart from what is not known."""

import contextlib
import http.server
import os
import shutil
import subprocess
import threading
import time

import pytest

from aws.conftest import DATA, ROOT
from lab.processes import wait_until

INSTANCE = 'i-0123456789abcdef0'
JOB = {'quiesced:job': 'window'}


@pytest.fixture
def warm(cloud, probe):
    """A probe whose call is ready to be sent; the calls so far are forgotten."""
    cloud.configure(pending_per_volume=1000)
    assert probe('prepare-snapshots', instance=INSTANCE, tags=JOB)['outcome'] == 'done'
    assert probe('warm')['outcome'] == 'done'
    cloud.clear_calls()
    return probe


@contextlib.contextmanager
def answering(status, body, headers=None):
    """A service that has one answer to everything."""
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_POST(self):
            self.rfile.read(int(self.headers['Content-Length']))
            self.send_response(status)
            for name, value in {'Content-Length': str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f'http://127.0.0.1:{server.server_port}'
        finally:
            server.shutdown()
            thread.join()


def sent(cloud):
    return cloud.calls('CreateSnapshots')


def count(cloud):
    return len(cloud.snapshots())


def test_the_call_goes_out_once_over_the_connection_of_the_rehearsal(cloud, probe):
    assert probe('prepare-snapshots', instance=INSTANCE, tags=JOB)['outcome'] == 'done'
    assert probe('warm')['outcome'] == 'done'
    answer = probe('send')
    assert answer['outcome'] == 'done'
    assert {one['volume'] for one in answer['snapshots']} == {ROOT, DATA}
    assert abs(answer['date-usec'] / 1e6 - time.time()) < 30
    rehearsal, real = sent(cloud)
    assert rehearsal['dry_run'] and not real['dry_run']
    assert rehearsal['connection'] == real['connection']
    assert [call['action'] for call in cloud.calls()] == ['CreateSnapshots'] * 2


def test_what_is_not_warm_is_not_sent(cloud, probe, warm):
    assert warm('send')['outcome'] == 'done'
    assert warm('send')['outcome'] == 'Invalid argument'
    assert len(sent(cloud)) == 1


@pytest.mark.parametrize('fault, outcome', [
    ({'answer': 'lost'}, 'lost'), ({'answer': 'reset'}, 'lost'), ({'answer': 'cut'}, 'lost'),
    ({'answer': 'truncated'}, 'lost'), ({'answer': 'malformed'}, 'lost'),
    ({'answer': 'doctype'}, 'lost'), ({'answer': 'rubbish'}, 'lost'), ({'answer': 'html'}, 'lost'),
    ({'answer': 'empty'}, 'lost'), ({'answer': 'not-http'}, 'lost'), ({'answer': 'redirect'}, 'lost'),
    ({'answer': 'huge', 'bytes': 40 << 20}, 'lost'), ({'answer': 'short-length'}, 'lost'),
    ({'answer': 'never'}, 'timeout'), ({'answer': 'long-length'}, 'timeout'),
    ({'answer': 'drip'}, 'timeout'), ({'delay_after': 3}, 'timeout'), ({'delay_before': 3}, 'timeout'),
    ({'error': 'InternalError', 'status': 500, 'act': True}, 'lost'),
    ({'error': 'Unavailable', 'status': 503}, 'lost')], ids=str)
def test_what_is_not_known_is_sent_once_and_found_again(cloud, warm, fault, outcome):
    """Whatever happens to the answer: one request, an end in time, and the tag finds the work."""
    before = count(cloud)
    cloud.fault('CreateSnapshots', times=-1, **fault)
    answer = warm('send', budget_usec=1_000_000 if outcome == 'timeout' else 20_000_000)
    assert answer['outcome'] == outcome, answer
    assert answer['message']
    assert answer['seconds'] < 15
    cloud.clear_faults()
    made = 0 if fault.get('error') == 'Unavailable' else 2
    wait_until(lambda: count(cloud) - before == made, 10, 'it is done, late perhaps')
    assert len(sent(cloud)) == 1
    found = warm('describe-snapshots', tag_key='quiesced:job', tag_value='window')
    assert found['outcome'] == 'done'
    assert made == 0 or len(found['snapshots']) >= 2


@pytest.mark.parametrize('error, status', [
    ('UnauthorizedOperation', 403), ('RequestLimitExceeded', 503), ('InvalidParameterValue', 400),
    ('SnapshotCreationPerVolumeRateExceeded', 400), ('ConcurrentSnapshotLimitExceeded', 400)])
def test_a_refusal_is_known_and_not_repeated(cloud, warm, error, status):
    before = count(cloud)
    cloud.fault('CreateSnapshots', error=error, status=status, times=-1)
    answer = warm('send')
    assert (answer['outcome'], answer['code']) == ('refused', error)
    assert answer['http-status'] == status
    assert answer['request-id']
    assert len(sent(cloud)) == 1
    assert count(cloud) == before


def test_a_connection_that_was_closed_meanwhile_sends_nothing(cloud, warm):
    before = count(cloud)
    cloud.drop_connections()
    time.sleep(.2)
    answer = warm('send')
    assert answer['outcome'] == 'unreachable'
    assert answer['seconds'] < 5
    assert sent(cloud) == []
    assert count(cloud) == before
    assert warm('warm')['outcome'] == 'done'
    assert warm('send')['outcome'] == 'done'


def test_a_service_that_keeps_no_connection_open_cannot_be_warmed(cloud, start):
    allowed = (b'<Response><Errors><Error><Code>DryRunOperation</Code><Message>yes</Message></Error>'
               b'</Errors><RequestID>r</RequestID></Response>')
    with answering(412, allowed, {'Connection': 'close'}) as url:
        probe = start({**cloud.env('static'), 'AWS_ENDPOINT_URL_EC2': url})
        probe('prepare-snapshots', instance=INSTANCE)
        answer = probe('warm')
        assert answer['outcome'] == 'unreachable', answer
        assert 'stays open' in answer['message']
        probe.stop()


def test_a_permission_that_lacks_shows_before_the_freeze(cloud, probe):
    cloud.configure(deny=['CreateSnapshots'])
    probe('prepare-snapshots', instance=INSTANCE)
    answer = probe('warm')
    assert (answer['outcome'], answer['code']) == ('refused', 'UnauthorizedOperation')
    assert probe('send')['outcome'] == 'Invalid argument'
    assert len(sent(cloud)) == 1


def test_the_rehearsal_persists_where_the_call_must_not(cloud, probe):
    cloud.fault('CreateSnapshots', dry_run=True, times=2, error='RequestLimitExceeded', status=503)
    cloud.fault('CreateSnapshots', dry_run=True, times=1, answer='lost')
    probe('prepare-snapshots', instance=INSTANCE)
    assert probe('warm')['outcome'] == 'done'
    assert len(sent(cloud)) == 4
    assert probe('send')['outcome'] == 'done'


def test_a_service_that_ignores_dry_run_is_told(cloud, start):
    """It may have done what was only rehearsed; so nothing is sent for earnest."""
    made = (b'<CreateSnapshotsResponse><snapshotSet><item><snapshotId>snap-1</snapshotId></item>'
            b'</snapshotSet></CreateSnapshotsResponse>')
    with answering(200, made) as url:
        probe = start({**cloud.env('static'), 'AWS_ENDPOINT_URL_EC2': url})
        probe('prepare-snapshots', instance=INSTANCE)
        answer = probe('warm')
        assert answer['outcome'] == 'refused'
        assert 'DryRun' in answer['message']
        assert probe('send')['outcome'] == 'Invalid argument'
        probe.stop()


def test_a_deadline_that_has_passed_sends_nothing(cloud, warm):
    answer = warm('send', budget_usec=0)
    assert answer['outcome'] == 'unreachable'
    assert sent(cloud) == []


@pytest.mark.skipif(not shutil.which('strace'), reason='strace is not installed')
def test_nothing_is_opened_looked_up_or_run_while_sending(cloud, warm, tmp_path):
    log = tmp_path / 'trace'
    tracer = subprocess.Popen(['strace', '-f', '-p', str(warm.process.pid), '-o', str(log)],
                              stderr=subprocess.PIPE, text=True)
    try:
        assert 'attached' in tracer.stderr.readline()
        assert warm('send')['outcome'] == 'done'
    finally:
        tracer.terminate()
        tracer.wait(60)
        tracer.stderr.close()
    calls = {line.split('(')[0].split()[-1] for line in log.read_text().splitlines() if '(' in line}
    assert 'sendto' in calls or 'write' in calls or 'sendmsg' in calls
    forbidden = {'open', 'openat', 'openat2', 'socket', 'connect', 'execve', 'clone', 'clone3', 'fork',
                 'vfork', 'stat', 'newfstatat', 'statx', 'access', 'faccessat', 'fsync', 'unlink'}
    assert not calls & forbidden, calls


def test_a_resolver_is_not_asked_again(cloud, start):
    """By name: the address was looked up while warming, and is remembered."""
    env = cloud.env('static')
    env['AWS_ENDPOINT_URL_EC2'] = env['AWS_ENDPOINT_URL_EC2'].replace('127.0.0.1', 'localhost')
    probe = start(env)
    assert probe('prepare-snapshots', instance=INSTANCE)['outcome'] == 'done'
    assert probe('warm')['outcome'] == 'done'
    threads = len(os.listdir(f'/proc/{probe.process.pid}/task'))
    assert probe('send')['outcome'] == 'done'
    assert len(os.listdir(f'/proc/{probe.process.pid}/task')) <= threads
