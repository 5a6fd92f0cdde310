#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes sigv4-suite/: requests of our own, in the layout of AWS's test suite, signed by botocore.

Run it again after a case is added; the result is committed, so that `make check` needs no botocore.
"""

import datetime
import json
import pathlib
from unittest import mock
from urllib.parse import quote

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

FOLDER = pathlib.Path(__file__).parent / 'sigv4-suite'
ACCESS_KEY = 'AKIDEXAMPLE'
SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
TOKEN = 'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf=='
HOST = 'example.amazonaws.com'
NOW = datetime.datetime(2015, 8, 30, 12, 36, 0)
FORM = 'application/x-www-form-urlencoded'

# name: method, path as the caller has it, query, headers, body, context
CASES = {
    'get-vanilla': ('GET', '/', '', [], '', {}),
    'get-vanilla-with-session-token': ('GET', '/', '', [], '', {'token': TOKEN}),
    'get-vanilla-query-order-encoded':
        ('GET', '/', 'Param-3=Value3&Param=Value2&%E1%88%B4=Value1', [], '', {}),
    'get-query-repeated-keys': ('GET', '/', 'b=2&a=z&a=y&a=&b=1', [], '', {}),
    'get-query-awkward-values': ('GET', '/', 'x=%20%2B~%25%26%3D&y=a%2Fb%3Ac', [], '', {}),
    'get-empty-query-value': ('GET', '/', 'Param1=', [], '', {}),
    'get-utf8': ('GET', '/\u1234', '', [], '', {}),
    'get-unreserved':
        ('GET', '/-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', '', [], '', {}),
    'get-percent-in-path': ('GET', '/100%25/a%20b', '', [], '', {}),
    'get-space-normalized': ('GET', '/example space/', '', [], '', {}),
    'get-space-unnormalized': ('GET', '/example space/', '', [], '', {'normalize': False}),
    'get-relative-normalized': ('GET', '/example/..', '', [], '', {}),
    'get-relative-relative-unnormalized':
        ('GET', '/example1/example2/../..', '', [], '', {'normalize': False}),
    'get-slash-dot-slash-unnormalized': ('GET', '/./', '', [], '', {'normalize': False}),
    'get-slashes-normalized': ('GET', '//example//', '', [], '', {}),
    'get-slashes-unnormalized': ('GET', '//example//', '', [], '', {'normalize': False}),
    'get-header-key-duplicate': ('GET', '/', '',
        [('My-Header1', 'value2'), ('My-Header1', 'value2'), ('My-Header1', 'value1')], '', {}),
    'get-header-value-trim': ('GET', '/', '',
        [('My-Header1', ' value1  '), ('My-Header2', ' "a   b   c"\t ')], '', {}),
    'get-header-value-multiline': ('GET', '/', '',
        [('My-Header1', 'value1'), (None, '  value2'), (None, '     value3')], '', {}),
    'post-header-key-sort': ('POST', '/', '', [('My-Header1', 'value1'), ('A-Header', 'VALUE')], '', {}),
    'post-sts-header-after': ('POST', '/', '', [], '', {'token': TOKEN, 'omit_session_token': True}),
    'post-sts-header-before': ('POST', '/', '', [], '', {'token': TOKEN}),
    'post-vanilla-query': ('POST', '/', 'Param1=value1', [], '', {}),
    'post-x-www-form-urlencoded': ('POST', '/', '',
        [('Content-Type', FORM), ('Content-Length', '13')], 'Param1=value1', {'sign_body': True}),
    'post-x-www-form-urlencoded-parameters': ('POST', '/', '',
        [('Content-Type', FORM + '; charset=utf8')], 'Param1=value1', {}),
}


class Header(SigV4Auth):
    """Takes the path as the suite writes it, and leaves normalisation to the case."""

    normalize = True

    def _normalize_url_path(self, path):
        if self.normalize:
            return super()._normalize_url_path(path)
        return quote(path, safe='/~')


class Query(Header, SigV4QueryAuth):
    """The same in the query."""


def make_request(method, path, query, headers, body):
    """The suite's path stands in the URL as if it were encoded: the signer then encodes it once."""
    url = f'https://{HOST}{path}' + (f'?{query}' if query else '')
    request = AWSRequest(method=method, url=url, data=body)
    name = None
    for key, value in headers:
        name = key or name
        request.headers.add_header(name, value)
    return request


def sign(auth_class, request, context, **arguments):
    """What botocore makes of it: canonical request, string to sign, signature, request."""
    token = None if context.get('omit_session_token') else context.get('token')
    auth = auth_class(Credentials(ACCESS_KEY, SECRET_KEY, token), 'service', 'us-east-1', **arguments)
    auth.normalize = context.get('normalize', True)
    made = {}
    inner_canonical, inner_sts = auth.canonical_request, auth.string_to_sign
    inner_signature = auth.signature
    auth.canonical_request = lambda r: made.setdefault('canonical', inner_canonical(r))
    auth.string_to_sign = lambda r, c: made.setdefault('string', inner_sts(r, c))
    auth.signature = lambda s, r: made.setdefault('signature', inner_signature(s, r))
    with mock.patch('botocore.auth.datetime') as clock:
        clock.datetime.utcnow.return_value = NOW
        auth.add_auth(request)
    return made


def request_text(case, extra=()):
    """As the suite writes a request."""
    method, path, query, headers, body, _ = case
    lines = [f'{method} {path}' + (f'?{query}' if query else '') + ' HTTP/1.1', f'Host:{HOST}']
    lines += [value if key is None else f'{key}:{value}' for key, value in headers]
    lines += [f'{key}:{value}' for key, value in extra]
    return '\n'.join(lines) + '\n\n' + body


def write_case(name, case):
    """The folder of one case."""
    context = case[-1]
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)

    def write(file, text):
        (folder / file).write_bytes(text.encode())

    credentials = {'access_key_id': ACCESS_KEY, 'secret_access_key': SECRET_KEY}
    if 'token' in context:
        credentials['token'] = context['token']
    settings = {'normalize': True, 'sign_body': False, **context}
    settings.pop('token', None)
    write('context.json', json.dumps({
        'credentials': credentials, 'expiration_in_seconds': 3600, 'region': 'us-east-1',
        'service': 'service', 'timestamp': '2015-08-30T12:36:00Z', **settings}, indent=4) + '\n')
    write('request.txt', request_text(case))

    request = make_request(*case[:-1])
    if context.get('sign_body'):
        request.headers['X-Amz-Content-SHA256'] = SigV4Auth.payload(Header(None, '', ''), request)
    made = sign(Header, request, context)
    added = [(key, request.headers[key]) for key in
             ('X-Amz-Date', 'X-Amz-Content-SHA256', 'X-Amz-Security-Token', 'Authorization')
             if key in request.headers]
    if context.get('omit_session_token'):
        added.append(('X-Amz-Security-Token', context['token']))
    write('header-canonical-request.txt', made['canonical'])
    write('header-string-to-sign.txt', made['string'])
    write('header-signature.txt', made['signature'])
    write('header-signed-request.txt', request_text(case, added))

    keys = [pair.split('=')[0] for pair in case[2].split('&')]
    if case[4] or len(set(keys)) < len(keys):
        return  # botocore would move a body into the query, and keeps one value of each key
    made = sign(Query, make_request(*case[:-1]), context, expires=3600)
    write('query-canonical-request.txt', made['canonical'])
    write('query-string-to-sign.txt', made['string'])
    write('query-signature.txt', made['signature'])


if __name__ == '__main__':
    for case_name, case_content in CASES.items():
        write_case(case_name, case_content)
