# SPDX-License-Identifier: Apache-2.0
"""What a file system or a client may do so that a secret stays, or that it gets what is not its."""

import errno

from lab.capture import DISCARD, ERROR, TAKE, name_packet


def test_only_its_own_images_are_handed_over_or_removed(capture_server, stage):
    """Root's folder for root's eyes: so is /root, and a file there may have such a name."""
    theirs = stage / "theirs.image"
    theirs.write_text("not yours")
    theirs.chmod(0o600)
    client = capture_server.client()
    refusal = client.ask(name_packet(TAKE, "theirs", stage))
    assert (refusal.type, refusal.error) == (ERROR, errno.EPERM) and "theirs.image" in refusal.text
    client.close()
    client = capture_server.client()
    refusal = client.ask(name_packet(DISCARD, "theirs", stage))
    assert (refusal.type, refusal.error) == (ERROR, errno.EPERM)
    client.close()
    assert theirs.read_text() == "not yours"
