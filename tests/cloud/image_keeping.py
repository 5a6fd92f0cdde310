# SPDX-License-Identifier: Apache-2.0
"""How long an image is offered, and what keeps it from being deregistered."""

import time

from .actions import action
from .clock import iso_format, iso_parse
from .errors import ApiError
from .images import image_find_own

YEAR_SECONDS = 365.25 * 86400


@action("ec2", "EnableImageDeprecation")
def enable_image_deprecation(world, params):
    at = iso_parse(params["DeprecateAt"])
    now = world.clock.now()
    if at <= now or at > now + 10 * YEAR_SECONDS:
        raise ApiError("InvalidParameterValue", f"The deprecation time {params['DeprecateAt']} "
                       "must be in the future, and no more than 10 years ahead.")
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        image.deprecated_at = iso_format(round(at / 60) * 60)
    return {"Return": True}


@action("ec2", "DisableImageDeprecation")
def disable_image_deprecation(world, params):
    with world.lock:
        image_find_own(world, params["ImageId"]).deprecated_at = None
    return {"Return": True}


@action("ec2", "EnableImageDeregistrationProtection")
def enable_image_deregistration_protection(world, params):
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        with_cooldown = params.get("WithCooldown", False)
        image.protection = f"enabled-with{'' if with_cooldown else 'out'}-cooldown"
        image.unprotected_at = None
    return {"Return": image.protection}


@action("ec2", "DisableImageDeregistrationProtection")
def disable_image_deregistration_protection(world, params):
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        if image.protection == "enabled-with-cooldown":
            image.unprotected_at = time.monotonic() + world.knobs["cooldown_seconds"]
        image.protection = "disabled"
    return {"Return": image.protection}


@action("ec2", "DisableImage")
def disable_image(world, params):
    """It is there, and nobody can launch from it; listings show it to those who ask."""
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        if image.state != "available":
            raise ApiError("InvalidAMIID.Unavailable", f"The image {image.id} is {image.state}")
        image.state = "disabled"
        image.permissions.clear()
    return {"Return": True}


@action("ec2", "EnableImage")
def enable_image(world, params):
    with world.lock:
        image = image_find_own(world, params["ImageId"])
        if image.state == "disabled":
            image.state = "available"
    return {"Return": True}
