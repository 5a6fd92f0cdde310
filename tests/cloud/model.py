# SPDX-License-Identifier: Apache-2.0
"""botocore's service model with an overlay for members that are younger than Debian's botocore."""

import json
import pathlib

from botocore.loaders import Loader
from botocore.model import ServiceModel

OWN_OVERLAY = pathlib.Path(__file__).with_name("overlay.json")


def merged(base, over):
    """Dictionaries member by member, lists by appending what is new, all else replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    if isinstance(base, list) and isinstance(over, list):
        return base + [entry for entry in over if entry not in base]
    return over


def model_load(service, version, *overlays):
    """The ServiceModel; an overlay is a file whose top level names services."""
    raw = Loader().load_service_model(service, "service-2", version)
    for overlay in (OWN_OVERLAY, *overlays):
        raw = merged(raw, json.loads(pathlib.Path(overlay).read_text()).get(service, {}))
    return ServiceModel(raw, service)
