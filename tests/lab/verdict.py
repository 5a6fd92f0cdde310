# SPDX-License-Identifier: Apache-2.0
"""The proof of one bake: what the copies of all volumes are worth, seen with lab/checkers.py."""

import contextlib
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from lab import checkers


@dataclass
class Verdict:
    """`problems` is empty for a good set of copies; `returned` says how much that proves."""

    problems: list = field(default_factory=list)
    returned: int = 0


@contextlib.contextmanager
def all_opened(copies, folder):
    """{volume name: the root of its copy's files}."""
    roots = {}
    with contextlib.ExitStack() as stack:
        for name, (path, fstype) in copies.items():
            root = Path(folder, name)
            root.mkdir()
            try:
                roots[name] = stack.enter_context(checkers.opened(path, fstype, root))
            except OSError as error:
                raise OSError(f"{name}: {error}") from error
        yield roots


def roots_of(written, volumes, roots):
    """Where the writer's folders are in the copies."""
    found = []
    for folder in written.folders:
        for name, mount_point in volumes.items():
            with contextlib.suppress(ValueError):
                found.append(roots[name] / folder.relative_to(mount_point))
    return found


def judge(copies, volumes, writers, cut_usec):
    """
    `copies`: {name: (path of the bytes, type)}, `volumes`: {name: mount point}; `cut_usec`: when
    the cloud was asked, which, with a freeze, is after the last write that returned.
    """
    verdict = Verdict()
    for name, (path, fstype) in copies.items():
        verdict.problems += [f"{name}: {p}" for p in checkers.structure_problems(path, fstype)]

    with tempfile.TemporaryDirectory(prefix="quiesced-copies-") as folder:
        try:
            with all_opened(copies, folder) as roots:
                for name, root in roots.items():
                    verdict.problems += [f"{name}: {p}" for p in checkers.read_all(root)]
                for written in writers.written:
                    returned = written.returned_before(cut_usec)
                    verdict.returned += returned
                    verdict.problems += checkers.content_problems(
                        written, roots_of(written, volumes, roots), returned
                    )
        except OSError as error:
            verdict.problems.append(str(error))
    return verdict
