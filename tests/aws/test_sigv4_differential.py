# SPDX-License-Identifier: Apache-2.0
"""Our signer and botocore's, over some thousands of generated requests: not one bit may differ."""

import datetime
import json
import random
import subprocess
from unittest import mock
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SEED = 20161115
COUNT = 1500  # of each flavour
NOW = datetime.datetime(2026, 11, 23, 10, 44, 0, tzinfo=datetime.timezone.utc)
KEYS = Credentials('AKIDEXAMPLE', 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY')
TOKEN = 'IQoJb3JpZ2luX2VjEJ//////////wEaCXVzLWVhc3QtMSJHMEUCIQ+/=='

PIECES = ['a', 'Z', '0', '-', '_', '.', '~', ' ', '  ', '+', '%', '%20', '%zz', '&', '=', '?', '#', ':',
          ';', ',', '@', '!', '$', "'", '(', ')', '*', '"', '<', '>', '[', ']', '{', '}', '|', '\\', '^',
          '`', '\u00e9', '\u1234', '\U0001f600', '\t', '\x7f', 'key', 'Value', 'vol-0123']
PATH_PIECES = PIECES + ['/', '/', '//', '/./', '/../', '/.', '/..', '...']
HEADER_VALUES = ['plain', ' leading', 'trailing  ', 'two  blanks', ' "a   b   c" ', 'tab\tinside', 'a,b', '']


def text(rng, pieces, most):
    """A string of some pieces."""
    return ''.join(rng.choice(pieces) for _ in range(rng.randrange(most)))


def pairs(rng, repeat):
    """Query pairs; with repeated keys where the signer compared with can take them."""
    made = [(text(rng, PIECES, 4) or 'k', text(rng, PIECES, 6)) for _ in range(rng.randrange(6))]
    if repeat and made and rng.random() < .4:
        made.append((rng.choice(made)[0], text(rng, PIECES, 4)))
    return made if repeat else list(dict(made).items())


def headers(rng):
    """Headers with odd blanks, odd cases and repeated names."""
    names = ['Content-Type', 'X-Amz-Target', 'x-amz-meta-\u0061', 'My-Header', 'MY-HEADER', 'range',
             'User-Agent', 'Expect', 'X-Amzn-Trace-Id']
    made = [(rng.choice(names), rng.choice(HEADER_VALUES)) for _ in range(rng.randrange(4))]
    seen = set()
    return [(name, value) for name, value in made
            if name == 'My-Header' or not (name.lower() in seen or seen.add(name.lower()))]


def make_ec2_form(rng):
    """What the EC2 client sends: a form in the body, nothing in the path or the query."""
    fields = {'Action': 'CreateSnapshots', 'Version': '2016-11-15'}
    for n in range(1, rng.randrange(1, 12)):
        fields[f'TagSpecification.1.Tag.{n}.Key'] = text(rng, PIECES, 6)
        fields[f'TagSpecification.1.Tag.{n}.Value'] = text(rng, PIECES, 12)
    return {'service': 'ec2', 'method': 'POST', 'path': '/', 'query': [], 'body': urlencode(fields),
            'headers': [('Content-Type', 'application/x-www-form-urlencoded; charset=utf-8')]}


def make_rest(rng):
    """Another service: any path, any query."""
    return {'service': 'execute-api', 'method': rng.choice(['GET', 'POST', 'PUT', 'DELETE']),
            'path': '/' + text(rng, PATH_PIECES, 10), 'query': pairs(rng, repeat=True),
            'body': text(rng, PIECES, 20), 'headers': headers(rng)}


def make_s3(rng):
    """S3: nothing normalised, single encoding, the body's hash in a header."""
    return {**make_rest(rng), 'service': 's3', 's3': True}


def make_presigned(rng):
    """CopySnapshot's PresignedUrl and the like."""
    return {**make_rest(rng), 'query': pairs(rng, repeat=False), 'body': '', 'presign': True,
            'expires': rng.randrange(1, 604801), 'method': 'GET', 'headers': []}


def make_s3_presigned(rng):
    """A link to an object."""
    return {**make_presigned(rng), 'service': 's3', 's3': True, 'payload-hash': 'UNSIGNED-PAYLOAD'}


AUTHS = {make_ec2_form: SigV4Auth, make_rest: SigV4Auth, make_s3: S3SigV4Auth,
         make_presigned: SigV4QueryAuth, make_s3_presigned: S3SigV4QueryAuth}


def complete(rng, line):
    """The rest of a request line for sigv4-replay."""
    line.update({'host': rng.choice(['example.amazonaws.com', 'localhost:8443', 'ec2.eu-west-1.api.aws']),
                 'region': rng.choice(['us-east-1', 'cn-north-1']), 'time': int(NOW.timestamp()),
                 'access-key-id': KEYS.access_key, 'secret-access-key': KEYS.secret_key})
    if rng.random() < .5:
        line['session-token'] = TOKEN
    return line


def sign_by_botocore(auth_class, line):
    """(canonical request, string to sign, signature, URL) as botocore makes them."""
    keys = Credentials(KEYS.access_key, KEYS.secret_key, line.get('session-token'))
    arguments = {'expires': line['expires']} if line.get('presign') else {}
    auth = auth_class(keys, line['service'], line['region'], **arguments)
    url = f"https://{line['host']}{quote(line['path'], safe='/~')}"
    if line['query']:
        url += '?' + '&'.join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in line['query'])
    request = AWSRequest(method=line['method'], url=url, data=line['body'].encode())
    for name, value in line['headers']:
        request.headers.add_header(name, value)
    made = []

    def tap(inner):
        def call(*arguments):
            made.append(inner(*arguments))
            return made[-1]
        return call

    auth.canonical_request = tap(auth.canonical_request)
    auth.string_to_sign = tap(auth.string_to_sign)
    auth.signature = tap(auth.signature)
    with mock.patch('botocore.auth.datetime') as clock:
        clock.datetime.utcnow.return_value = NOW.replace(tzinfo=None)
        auth.add_auth(request)
    return made, request


def sign_by_us(build, lines):
    """The answers of sigv4-replay."""
    done = subprocess.run([build / 'sigv4-replay'], check=True, capture_output=True, timeout=120,
                          input=b''.join(json.dumps(line).encode() + b'\n' for line in lines))
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize('make', AUTHS, ids=lambda make: make.__name__)
def test_signatures_are_those_of_botocore(build, make):
    """Canonical request, string to sign, signature, and what is sent, are all the same."""
    rng = random.Random(f'{SEED} {make.__name__}')
    lines = [complete(rng, make(rng)) for _ in range(COUNT)]
    answers = sign_by_us(build, lines)
    assert len(answers) == COUNT
    for line, ours in zip(lines, answers):
        (canonical, string, signature), request = sign_by_botocore(AUTHS[make], line)
        assert ours['canonical-request'] == canonical, line
        assert ours['string-to-sign'] == string, line
        assert ours['signature'] == signature, line
        compare_sent(line, ours, request)


def compare_sent(line, ours, request):
    """Our target names the same resource and query; our headers carry the same authorization."""
    path, _, query = request.url.partition(line['host'])[2].partition('?')
    our_path, _, our_query = ours['target'].partition('?')
    assert our_path == path, line
    assert sorted(our_query.split('&')) == sorted(query.split('&')), line
    sent = [header.split(': ', 1) for header in ours['headers']]
    authorization = [value for name, value in sent if name == 'Authorization']
    assert authorization == request.headers.get_all('Authorization', []), line


def test_the_check_can_fail(build):
    """One letter less in the secret, and nothing agrees."""
    line = complete(random.Random(SEED), make_ec2_form(random.Random(SEED)))
    (_, _, signature), _ = sign_by_botocore(SigV4Auth, line)
    line['secret-access-key'] = line['secret-access-key'][:-1]
    assert sign_by_us(build, [line])[0]['signature'] != signature
