# SPDX-License-Identifier: Apache-2.0
"""What a file system or a client may do so that a secret stays, or that it gets what is not its."""

import errno

from freezer import THAW
from lab.capture import DISCARD, ERROR, TAKE, final_packet, name_packet
from lab.loopdisk import device_number
from lab.loopfs import run


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


def test_what_is_mounted_later_and_was_not_frozen_is_noticed(capturer, client, make_disk, stage):
    """As an EFI system partition is, when somebody looks at it."""
    disk = make_disk("ext4", "ext4")
    first, second = disk.mounted
    run("umount", second.mount_point)
    assert capturer.begin(device_number(disk.device), [first], stage).type != ERROR
    capturer.make_pass()
    run("mount", second.device, second.mount_point)
    client.frozen([first], budget_usec=30_000_000)
    refusal = capturer.ask(final_packet(20_000_000))
    client.ask(THAW)
    assert (refusal.type, refusal.error) == (ERROR, errno.EINVAL)
    assert second.mount_point in refusal.text
