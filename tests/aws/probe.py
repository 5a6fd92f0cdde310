# SPDX-License-Identifier: Apache-2.0
"""The test's end of aws-probe: one command, one answer."""

import json
import os
import socket
import subprocess

OUTCOMES = {0: 'done', 1: 'refused', 2: 'timeout', 3: 'lost', 4: 'unreachable', 5: 'no-credentials',
            6: 'cancelled', 7: 'not-found', 8: 'in-use', 9: 'name-taken'}
IMDS_OUTCOMES = {0: 'done', 1: 'unreachable', 2: 'disabled', 3: 'absent', 4: 'failed'}
CREDENTIALS_OUTCOMES = {0: 'done', 1: 'none', 2: 'failed', 3: 'invalid'}
SSM_OUTCOMES = {**OUTCOMES, 8: 'not-taken'}
S3_OUTCOMES = {**OUTCOMES, 8: 'no-bucket', 9: 'denied', 10: 'not-ours', 11: 'acls-off',
               12: 'elsewhere', 13: 'too-large'}
NAMES = {'imds': IMDS_OUTCOMES, 'credentials': CREDENTIALS_OUTCOMES,
         'get-parameter': SSM_OUTCOMES, 'put-parameter': SSM_OUTCOMES,
         **dict.fromkeys(('put-object', 'get-object', 'head-object', 'delete-objects',
                          'list-objects', 'upload', 'stream-object', 'head-objects',
                          'list-versions', 'delete-versions', 'check-bucket', 'put-file'), S3_OUTCOMES)}


class Probe:
    """A running aws-probe; call it with a verb and its arguments."""

    def __init__(self, build, env):
        ours, theirs = socket.socketpair()
        kept = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
        self.process = subprocess.Popen([build / 'aws-probe'], stdin=theirs, env={**kept, **env},
                                        stderr=subprocess.PIPE)
        theirs.close()
        ours.settimeout(120)
        self.socket = ours
        self.lines = ours.makefile('rw', encoding='utf-8', newline='\n')

    def __call__(self, verb, **arguments):
        command = {name.replace('_', '-'): value for name, value in arguments.items()}
        self.lines.write(json.dumps({'verb': verb, **command}) + '\n')
        self.lines.flush()
        answer = json.loads(self.lines.readline())
        result = answer['result']
        answer['outcome'] = NAMES.get(verb, OUTCOMES).get(result, os.strerror(-result))
        answer['seconds'] = answer['elapsed-usec'] / 1e6
        return answer

    def stop(self):
        """Its exit status and what it said to standard error."""
        self.lines.close()
        self.socket.close()
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors.decode()
