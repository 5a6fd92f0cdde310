# SPDX-License-Identifier: Apache-2.0
"""Completion in bash, asked as readline asks: '=' is a word of its own there."""

import os
import subprocess

from client import QUIESCECTL

from lab.paths import TESTS

LIBRARY = "/usr/share/bash-completion/bash_completion"
SCRIPT = TESTS.parent / "agent/cli/quiescectl.bash-completion"
ASK = """\
shopt -s extglob progcomp
. "$1"; . "$2"; shift 2
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$(printf '%s' "$*" | sed 's/ = \\{0,1\\}/=/') COMP_TYPE=9
COMP_POINT=${#COMP_LINE}
_quiescectl "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    """What bash would offer for the last of these words."""
    environment = {**os.environ, "PATH": f"{QUIESCECTL.parent}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", LIBRARY, SCRIPT, "quiescectl", *words],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )
    assert result.stderr == ""
    return result.stdout.split()
