# SPDX-License-Identifier: Apache-2.0
"""CopyImage: an image of its own in another region, or in the same, with snapshots of its own."""

import dataclasses
import threading
import time

from .actions import action
from .copying import file_copy
from .errors import ApiError
from .images import Image, image_enter, image_find, name_check_form
from .snapshots import Snapshot, snapshot_forget
from .tags import tags_of_request

OF_NO_VOLUME = "vol-ffffffff"     # EC2's volume id of a snapshot that was copied
DEFAULT_KEY = "00000000-0000-0000-0000-000000000ebs"      # the key that AWS manages for EBS
LEFT_BEHIND = ("ImageLocation", "SourceInstanceId", "SourceImageId", "SourceImageRegion")


@dataclasses.dataclass
class Original:
    """What a Snapshot is made of, in place of a volume."""
    path: str
    size_gib: int
    fields: dict
    id: str = OF_NO_VOLUME


@action("ec2", "CopyImage")
def copy_image(world, params):
    """`world` is the region that the copy comes to be in."""
    tags = tags_of_request(params, "image", "snapshot")
    _check_params(world, params)
    with world.lock:
        token = params.get("ClientToken")
        if token in world.copies:
            return _repeat(*world.copies[token], params)
        source = _source(world, params)
        _check_room(world)
        image = _image(world, source, params, tags)
        image_enter(world, image)
        if token:
            world.copies[token] = (params, image)
    threading.Thread(target=_copy_bytes, args=(world, image, source), daemon=True).start()
    return {"ImageId": image.id}


def _check_params(world, params):
    name_check_form(params.get("Name"))
    if params["SourceRegion"] not in world.regions:
        raise ApiError("InvalidParameterValue",
                       f"Invalid value '{params['SourceRegion']}' for source region")
    if "KmsKeyId" in params and not params.get("Encrypted"):
        raise ApiError("InvalidParameterDependency", "The parameter KmsKeyId requires the "
                       "parameter Encrypted to be set.")


def _check_room(world):
    pending = [one for one in world.own_images()
               if one.state == "pending" and "SourceImageId" in one.attributes]
    if len(pending) >= world.knobs["copies_at_once"]:
        raise ApiError("ResourceLimitExceeded", f"You have {len(pending)} copies in progress, which "
                       "is as many as you may have in this region")


def _repeat(before, image, params):
    if before != params:
        raise ApiError("IdempotentParameterMismatch", "Arguments on this idempotent request are "
                       "inconsistent with arguments used in previous request(s).")
    return {"ImageId": image.id}


def _source(world, params):
    source = image_find(world.regions[params["SourceRegion"]], params["SourceImageId"])
    if source.state != "available":
        raise ApiError("InvalidAMIID.Unavailable",
                       f"The image ID '{source.id}' is in the state {source.state}")
    return source


def _image(world, source, params, tags):
    attributes = {name: value for name, value in source.attributes.items()
                  if name not in LEFT_BEHIND}
    attributes |= {"Name": params["Name"], "Description": params.get("Description"),
                   "ImageLocation": f"{world.settings['account']}/{params['Name']}",
                   "SourceImageId": source.id, "SourceImageRegion": params["SourceRegion"]}
    own = source.tags if params.get("CopyImageTags") else {}
    image = Image(world.new_id("ami"), world.settings["account"], attributes, [],
                  {**own, **tags["image"]})
    image.uefi_data, image.others = source.uefi_data, source.others
    for device, ebs, original in source.mappings:
        copy = original and _snapshot(world, image, source, original, params)
        if copy:
            copy.tags = dict(tags["snapshot"])
        encrypted = copy.encrypted if copy else ebs.get("Encrypted", False)
        image.mappings.append((device, {**ebs, "Encrypted": encrypted}, copy))
    image.fails = world.knobs["fail_copies"] > 0
    world.knobs["fail_copies"] -= image.fails
    return image


def _snapshot(world, image, source, original, params):
    encrypted = bool(params.get("Encrypted") or original.encrypted)
    key = _key_arn(world, params.get("KmsKeyId", DEFAULT_KEY)) if encrypted else None
    fields = {"encrypted": encrypted, "kms_key_id": key}
    text = (f"Copied for DestinationAmi {image.id} from SourceAmi {source.id} for SourceSnapshot "
            f"{original.id}. Task created on {int(time.time() * 1000):,}.")
    copy = Snapshot(world, Original(original.path, original.size_gib, fields), text, {})
    copy.fails = not _can_be_used(world, params.get("KmsKeyId"))
    world.snapshots[copy.id] = copy
    return copy


def _key_arn(world, key):
    if key.startswith("arn:"):
        return key
    kind = "" if key.startswith("alias/") else "key/"
    settings = world.settings
    return (f"arn:{settings['partition']}:kms:{settings['region']}:{settings['account']}:"
            f"{kind}{key}")


def _can_be_used(world, key):
    """EC2 takes any key, and the copy then fails if there is none."""
    return key is None or world.knobs["kms_keys"] is None or key in world.knobs["kms_keys"]


def has_default_key(snapshot):
    """Then it can be shared with nobody."""
    return snapshot.encrypted and (not snapshot.kms_key_id or DEFAULT_KEY in snapshot.kms_key_id)


def _copy_bytes(world, image, source):
    """After the reply, as EC2 does."""
    originals = [one for _, _, one in source.mappings if one]
    for original, copy in zip(originals, image.snapshots()):
        try:
            file_copy(original.path, copy.path)
        except FileNotFoundError:      # the source went away meanwhile
            copy.fails = True
        with world.lock:
            if world.stopping.is_set() or image.state == "deregistered":
                snapshot_forget(world, copy)
            copy.start_time = world.clock.now()
            copy.cut_at = time.monotonic()
