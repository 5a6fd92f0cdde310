# SPDX-License-Identifier: Apache-2.0
"""What is scrubbed is in the image no more, by name or by a search of its bytes; the rest is."""

import contextlib
import errno
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from freezer import THAW
from lab import checkers
from lab.capture import (ERROR, EXCLUDE, INCLUDE, LEASES, MACHINE_ID, NO_DEFAULTS, SCRUBBED,
                         scrub_packet)
from lab.loopdisk import device_number
from lab.loopfs import run
from test_capture import (SECRET, contains, copy_of, digests_of, fill, found_in, mounted_copies,
                          windowed)

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nVERY-{}-SECRET\n-----END OPENSSH PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nPUBLIC-{}\n-----END CERTIFICATE-----\n"

# path: whether it goes by default
TREE = {
    "/etc/ssh/ssh_host_ed25519_key": True,
    "/etc/ssh/ssh_host_ed25519_key.pub": True,
    "/etc/ssh/sshd_config": False,
    "/root/.ssh/authorized_keys": True,
    "/root/.ssh/known_hosts": False,
    "/root/.bash_history": True,
    "/root/.viminfo": True,
    "/root/notes~": True,
    "/root/.gnupg/private-keys-v1.d/ABCD": True,
    "/home/admin/.ssh/id_rsa": True,
    "/home/admin/.ssh/id_rsa.pub": False,
    "/home/admin/.ssh/github": True,
    "/home/admin/.ssh/config": False,
    "/root/.netrc": True,
    "/var/lib/cloud/instances/i-1/user-data.txt": True,
    "/home/admin/.zsh_history": True,
    "/home/admin/deep/er/and/deeper/store.p12": True,
    "/srv/app/server.pem": True,
    "/srv/app/server.key": True,
    "/srv/app/chain.pem": False,
    "/etc/ssl/private/site": True,
    "/etc/ssl/certs/ca-certificates.crt": False,
    "/etc/ssl/certs/bundle.pem": False,
    "/etc/ssl/certs/site.pem": True,
    "/etc/pki/tls/certs/localhost.key": True,
    "/etc/ssh/own_host": True,
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": False,
    "/usr/share/ca-certificates/one.pem": False,
    "/usr/share/keyrings/debian-archive-keyring.gpg": False,
    "/etc/apt/trusted.gpg.d/vendor.gpg": False,
    "/usr/local/etc/own.gpg": True,
    "/var/lib/app/data": False,
}
PUBLIC = {path for path, goes in TREE.items()
          if path.endswith((".crt", "chain.pem", "bundle.pem", "one.pem", "config", "known_hosts"))}


def secret_of(path):
    return f"VERY-{path}-SECRET".encode()


def grow(roots, paths=TREE):
    """`roots`: where the image's folders are; each file holds what a search can find."""
    for path in paths:
        place = place_of(roots, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        text = CERTIFICATE if path in PUBLIC else KEY
        place.write_text(text.format(path) * 300)


def place_of(roots, path):
    prefix = max((p for p in roots if path.startswith(p)), key=len)
    return Path(roots[prefix]) / path[len(prefix):].lstrip("/")


def captured(capturer, client, disk, stage):
    capturer.began(disk, stage)
    capturer.make_pass()
    windowed(capturer, client, disk)


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_by_default_secrets_go_and_the_rest_stays(capturer, client, make_disk, stage, kind):
    disk = make_disk(kind)
    (part,) = disk.mounted
    grow({"/": part.mount_point})
    captured(capturer, client, disk, stage)
    removals = capturer.scrub()
    capturer.keep()
    image = stage / "job-1.image"
    gone = {path for path, goes in TREE.items() if goes}
    assert set(removals.paths) == gone and removals.count == len(gone)
    assert removals.bytes == sum(place_of({"/": part.mount_point}, p).stat().st_size for p in gone)
    secrets = {secret_of(path) for path in gone}
    assert found_in(disk.image, secrets) == secrets
    assert found_in(image, secrets) == set()
    with mounted_copies(image, disk) as roots:
        for path, goes in TREE.items():
            place = place_of({"/": roots[part]}, path)
            assert place.exists() != goes, path
            assert goes or path in place.read_text()
    if kind == "xfs":  # its log was replayed, and is clean: nothing is left to do at the first boot
        run("xfs_repair", "-n", str(copy_of(image, part, stage)))


def test_paths_are_the_images_own_on_every_part(capturer, client, make_disk, stage):
    """The second one is mounted below the first, as /home is below /."""
    disk = make_disk("ext4", "ext4")
    first, second = disk.mounted
    home = Path(first.mount_point, "home")
    home.mkdir()
    subprocess.run(["umount", second.mount_point], check=True)
    subprocess.run(["mount", second.device, home], check=True)
    second.mount_point = str(home)
    grow({"/": first.mount_point, "/home/": second.mount_point})
    captured(capturer, client, disk, stage)
    removals = capturer.scrub(rules=[(INCLUDE, "/home/admin/.zsh_history")])
    capturer.keep()
    assert set(removals.paths) == {p for p, goes in TREE.items() if goes} - {
        "/home/admin/.zsh_history"}


def test_what_lies_in_room_that_a_file_has_not_written_goes(capturer, client, make_disk, stage):
    """It reads as zeroes there, but on the disk is what the blocks held before."""
    disk = make_disk("ext4")
    (part,) = disk.mounted
    grown = Path(part.mount_point, "grown")
    grown.write_bytes(SECRET * 3000)
    run("sync", "-f", part.mount_point)
    size = grown.stat().st_size
    run("fallocate", "-z", "-l", str(size), str(grown))
    run("sync", "-f", part.mount_point)
    assert contains(disk.image, SECRET) and SECRET not in grown.read_bytes()
    captured(capturer, client, disk, stage)
    capturer.scrub()
    capturer.keep()
    assert not contains(stage / "job-1.image", SECRET)
    with mounted_copies(stage / "job-1.image", disk) as roots:
        assert Path(roots[part], "grown").read_bytes() == b"\0" * size


def test_rules_outdo_what_is_built_in(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    grow({"/": part.mount_point})
    captured(capturer, client, disk, stage)
    removals = capturer.scrub(rules=[
        (INCLUDE, "/srv/app/server.*"), (INCLUDE, "id_rsa"), (EXCLUDE, "/var/lib/app"),
        (INCLUDE, "/home/admin/deep/er"), (EXCLUDE, "sshd_config"), (EXCLUDE, "/etc/ssl"), (INCLUDE, "/etc/ssl/certs/*.crt")])
    capturer.keep()
    assert not {"/srv/app/server.pem", "/srv/app/server.key", "/home/admin/.ssh/id_rsa",
                "/etc/ssl/certs/ca-certificates.crt",
                "/home/admin/deep/er/and/deeper/store.p12"} & set(removals.paths)
    assert {"/var/lib/app/data", "/etc/ssh/sshd_config", "/etc/ssl/certs/bundle.pem",
            "/etc/ssl/private/site", "/root/.bash_history"} <= set(removals.paths)
    with mounted_copies(stage / "job-1.image", disk) as roots:
        root = Path(roots[part])
        assert list((root / "var/lib/app").iterdir()) == []
        assert [p.name for p in (root / "etc/ssl").iterdir()] == ["certs"]


def test_without_defaults_only_what_is_excluded_goes(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    grow({"/": part.mount_point})
    captured(capturer, client, disk, stage)
    assert capturer.scrub(NO_DEFAULTS, [(EXCLUDE, "known_hosts")]).paths == [
        "/root/.ssh/known_hosts"]


@pytest.fixture
def laid_out(make_disk, scratch):
    """A btrfs as distributions lay it out: (its disk, the root, the top of its tree)."""
    disk = make_disk("btrfs")
    (part,) = disk.mounted
    top = Path(scratch, "top")
    top.mkdir()
    for name in ("@", "@home"):
        run("btrfs", "subvolume", "create", f"{part.mount_point}/{name}")
    run("umount", part.mount_point)
    with contextlib.ExitStack() as stack:
        run("mount", "-o", "subvol=@", part.device, part.mount_point)
        for folder, name in ((Path(part.mount_point, "home"), "@home"), (top, "/")):
            folder.mkdir(exist_ok=True)
            run("mount", "-o", f"subvol={name}", part.device, str(folder))
            stack.callback(run, "umount", "-l", str(folder))
        yield disk, Path(part.mount_point), top


def test_subvolumes_of_btrfs_have_the_paths_of_their_mounts(
        capturer, client, laid_out, stage, scratch):
    """And snapshots, which are mounted nowhere, those of what they were taken of as well."""
    disk, root, top = laid_out
    grow({"/": root})
    (root / "etc/machine-id").write_text("f" * 32 + "\n")
    (root / "etc/dropped").write_text(KEY.format("/etc/dropped") * 300)
    run("sync", "-f", str(root))
    for where in ("before", "@/.snapshots"):
        run("btrfs", "subvolume", "snapshot", "-r", str(top / "@"), str(top / where))
    run("umount", str(top))
    try:
        captured(capturer, client, disk, stage)
        removals = capturer.scrub(MACHINE_ID, [(EXCLUDE, "/etc/dropped"), (INCLUDE, "/root/.netrc")])
        capturer.keep()
    finally:
        run("mount", "-o", "subvolid=5", disk.partitions[0].device, str(top))
    gone = {p for p, goes in TREE.items() if goes} | {"/etc/dropped"}
    copied = {p for p in gone if not p.startswith("/home/")}
    assert set(removals.paths) == gone - {"/root/.netrc"} | {"/etc/machine-id"} | {
        f"{snapshot}{p}" for snapshot in ("/before", "/.snapshots") for p in copied - {"/root/.netrc"}}
    found = found_in(stage / "job-1.image", [secret_of(p) for p in [*TREE, "/etc/dropped"]])
    assert found == {secret_of(p) for p in TREE if p not in gone and p not in PUBLIC} | {
        secret_of("/root/.netrc")}
    with mounted_copies(stage / "job-1.image", disk) as roots:
        (copy,) = roots.values()
        assert (copy / "@/etc/machine-id").read_text() == ""
    roots = run("btrfs", "inspect-internal", "dump-tree", "-t", "root",
                str(copy_of(stage / "job-1.image", disk.partitions[0], scratch)))
    assert roots.count("(RDONLY)") == 2, "both snapshots are as they were"


def test_a_subvolume_that_is_deleted_but_not_gone_yet_is_not_in_the_image(
        capturer, client, laid_out, stage):
    """The kernel takes what it held apart when there is time, which a freeze ends."""
    disk, root, top = laid_out
    run("btrfs", "subvolume", "create", str(top / "old"))
    (top / "old/key").write_text(KEY.format("old") * 3000)
    run("sync", "-f", str(root))
    capturer.began(disk, stage)
    capturer.make_pass()
    run("btrfs", "subvolume", "delete", str(top / "old"))
    windowed(capturer, client, disk)
    assert capturer.scrub().count == 0
    capturer.keep()
    assert not contains(stage / "job-1.image", secret_of("old"))


def test_an_image_that_waits_in_a_folder_of_its_profile_is_not_in_the_next_one(
        capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    folder = Path(part.mount_point, "srv/staged")
    folder.mkdir(parents=True)
    for name in ("j-1.image", "disk.image", "j-1.other"):
        (folder / name).write_bytes(KEY.format(name).encode() * 300)
    os.setxattr(folder / "j-1.image", "trusted.quiesced.image", b"j-1")
    captured(capturer, client, disk, stage)
    assert capturer.scrub().paths == ["/srv/staged/j-1.image"]
    capturer.keep()
    image = stage / "job-1.image"
    assert not contains(image, secret_of("j-1.image")) and contains(image, secret_of("disk.image"))


def test_what_makes_an_instance_one_of_its_own_is_reset_when_asked(capturer, client, make_disk,
                                                                   stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    root = Path(part.mount_point)
    for path in ("etc/machine-id", "var/lib/dbus/machine-id", "var/lib/systemd/random-seed",
                 "var/lib/dhcp/dhclient.eth0.leases", "var/lib/NetworkManager/a.lease"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("0123456789abcdef\n")
    captured(capturer, client, disk, stage)
    removals = capturer.scrub(MACHINE_ID | LEASES)
    capturer.keep()
    assert set(removals.paths) == {
        "/etc/machine-id", "/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed",
        "/var/lib/dhcp/dhclient.eth0.leases", "/var/lib/NetworkManager/a.lease"}
    with mounted_copies(stage / "job-1.image", disk) as roots:
        copy = Path(roots[part])
        assert (copy / "etc/machine-id").read_bytes() == b""
        assert stat.S_ISREG((copy / "etc/machine-id").lstat().st_mode)
        assert not (copy / "var/lib/dbus/machine-id").exists()


def test_links_in_the_image_lead_nowhere(capturer, client, make_disk, stage, scratch):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    outside = Path(scratch, "outside")
    (outside / ".ssh").mkdir(parents=True)
    for name in (".ssh/authorized_keys", "machine-id", "id_rsa"):
        (outside / name).write_text(KEY.format(name))
    root = Path(part.mount_point)
    for folder in ("etc", "home/a", "home/b/.ssh"):
        (root / folder).mkdir(parents=True)
    (root / "etc/machine-id").symlink_to(outside / "machine-id")
    (root / "home/all").symlink_to(outside)
    (root / "home/a/.ssh").symlink_to(outside / ".ssh")
    (root / "home/b/.ssh/authorized_keys").symlink_to(outside / ".ssh/authorized_keys")
    (root / "home/b/server.pem").symlink_to(outside / "id_rsa")
    os.mkfifo(root / "home/b/fifo.pem")
    os.mkfifo(root / "home/b/id_rsa")
    captured(capturer, client, disk, stage)
    removals = capturer.scrub(MACHINE_ID)
    capturer.keep()
    assert set(removals.paths) == {"/home/b/.ssh/authorized_keys", "/home/b/id_rsa",
                                   "/etc/machine-id"}
    with mounted_copies(stage / "job-1.image", disk) as roots:
        made = Path(roots[part], "etc/machine-id").lstat()
        assert stat.S_ISREG(made.st_mode) and made.st_size == 0
    for name in (".ssh/authorized_keys", "machine-id", "id_rsa"):
        assert (outside / name).read_text() == KEY.format(name)


def test_a_key_is_found_wherever_it_begins_in_a_file(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    wanted = []
    for at in (65536 - 5, 65536 - 11, 65536, 131072 - 3, 1 << 20):
        name = f"at-{at}.pem"
        Path(part.mount_point, name).write_bytes(b"." * at + b"PRIVATE KEY")
        wanted.append(f"/{name}")
    Path(part.mount_point, "none.pem").write_bytes(b"." * 65530 + b"PRIVATE LEY" + b"." * 100)
    captured(capturer, client, disk, stage)
    assert sorted(capturer.scrub().paths) == sorted(wanted)


def test_keys_in_der_are_found_and_certificates_are_none(
        capturer, client, make_disk, stage, scratch):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    root, made = Path(part.mount_point), Path(scratch)
    for name, command in {"rsa": "genrsa", "p8": "genpkey -algorithm ed25519",
                          "ec": "ecparam -genkey -noout -name prime256v1"}.items():
        run("openssl", *command.split(), "-out", str(made / name))
        run("openssl", "pkey", "-in", str(made / name), "-outform", "DER",
            *(["-traditional"] if name != "p8" else []), "-out", str(root / f"{name}.key"))
    run("openssl", "req", "-x509", "-key", str(made / "rsa"), "-subj", "/CN=x", "-outform", "DER",
        "-out", str(root / "one.crt"))
    (root / "short.key").write_bytes(b"0")
    captured(capturer, client, disk, stage)
    assert set(capturer.scrub().paths) == {"/rsa.key", "/p8.key", "/ec.key"}


def test_what_an_answer_has_no_room_for_is_in_a_file_beside_it(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    for i in range(400):
        Path(part.mount_point, f"{i:03}-{'x' * 150}~").write_text("x")
    captured(capturer, client, disk, stage)
    removals = capturer.scrub()
    assert removals.count == 400 and 200 < len(removals.paths) < 220
    paths = os.pread(capturer.fd, 1 << 20, 0).decode().split("\0")
    assert paths[:len(removals.paths)] == removals.paths and paths.pop() == ""
    assert sorted(paths) == [f"/{i:03}-{'x' * 150}~" for i in range(400)]
    with pytest.raises(OSError):
        os.write(capturer.fd, b"x")


def test_what_cannot_be_looked_into_ends_the_capture(capturer, client, make_disk, stage):
    disk = make_disk("ext4")
    (part,) = disk.mounted
    Path(part.mount_point, "/".join(["deep"] * 600)).mkdir(parents=True)
    captured(capturer, client, disk, stage)
    answer = capturer.ask(scrub_packet())
    assert answer.error == errno.ELOOP and answer.text.startswith("/deep/deep/")
    assert "... in the image is too deep to be scrubbed" in answer.text
    assert capturer.receive() is None and list(stage.iterdir()) == []


def test_a_btrfs_is_scrubbed_where_the_kernel_mounts_it_twice(capturer, client, make_fs, stage):
    """From 6.7 on, it gives the second of one id another one for the time."""
    fs = make_fs("btrfs")
    path = "/home/admin/.ssh/id_rsa"
    grow({"/": fs.mount_point}, [path])
    capturer.begin(device_number(fs.device), [fs], stage)
    capturer.make_pass()
    client.frozen([fs], budget_usec=30_000_000)
    capturer.final()
    client.ask(THAW)
    answer = capturer.ask(scrub_packet())
    assert answer.type in (ERROR, SCRUBBED)
    if answer.type == ERROR:
        assert "cannot be mounted apart" in answer.text and "without a scrub" in answer.text
        assert list(stage.iterdir()) == []
    else:
        capturer.keep()
        assert answer.paths == [path] and contains(fs.image, secret_of(path))
        assert not contains(stage / "job-1.image", secret_of(path))
        assert checkers.structure_problems(stage / "job-1.image", "btrfs") == []


def spare_blocks(device):
    """Where they lie: what the lists of the groups of an XFS name, of which the table tells."""
    def numbers(*commands):
        said = run("xfs_db", "-r", *(word for one in commands for word in ("-c", one)), device)
        return [int(number) for number in re.findall(r"[ :](\d+)(?![\d:])", said)]

    size, per_group, n_groups = numbers("sb 0", "print blocksize agblocks agcount")
    for group in range(n_groups):
        first, count = numbers(f"agf {group}", "print flfirst flcount")
        listed = numbers(f"agfl {group}", f"print bno[{first}-{first + count - 1}]")
        assert len(listed) == count > 0
        yield from (size * (group * per_group + block) for block in listed)


def test_what_xfs_sets_aside_for_its_lists_is_not_what_was_deleted(
        capturer, client, make_disk, stage):
    """It refills them with blocks that were freed, and calls them used."""
    disk = make_disk("xfs")
    (part,) = disk.mounted
    kept = fill(part.mount_point)
    run("umount", part.mount_point)
    with open(part.device, "r+b") as device:
        for offset in spare_blocks(part.device):
            device.seek(offset)
            device.write(SECRET.ljust(4096))
    run("mount", part.device, part.mount_point)
    assert contains(disk.image, SECRET)
    captured(capturer, client, disk, stage)
    capturer.scrub()
    capturer.keep()
    assert not contains(stage / "job-1.image", SECRET)
    with mounted_copies(stage / "job-1.image", disk) as roots:
        assert digests_of(roots[part]) == kept
    run("xfs_repair", "-n", str(copy_of(stage / "job-1.image", part, stage)))
