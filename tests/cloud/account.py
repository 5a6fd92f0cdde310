# SPDX-License-Identifier: Apache-2.0
"""The account of a simulated cloud, as its owner uses it through botocore."""

import json

import botocore.session
from botocore.loaders import Loader

from cloud.model import OWN_OVERLAY, merged
from cloud.raw import VERSION


def ec2_client(cloud, session=None, region=None, **options):
    return service_client(cloud, "ec2", session, region, **options)


def service_client(cloud, service, session=None, region=None, **options):
    env = cloud.env("static")
    return (session or botocore.session.Session()).create_client(
        service.removesuffix("-by-name"), region_name=region or env["AWS_REGION"],
        verify=env["AWS_CA_BUNDLE"],
        endpoint_url=cloud.addresses[service],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=env.get("AWS_SESSION_TOKEN"), **options)


def newer_session(folder):
    """A session whose EC2 has the overlay in its model, as that of a newer botocore would have."""
    models = folder / "models" / "ec2" / VERSION
    models.mkdir(parents=True)
    model = merged(Loader().load_service_model("ec2", "service-2", VERSION),
                   json.loads(OWN_OVERLAY.read_text())["ec2"])
    (models / "service-2.json").write_text(json.dumps(model))
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths.insert(0, str(folder / "models"))
    return session


def images_of(cloud, region=None):
    """Those that are not deregistered."""
    return [image for image in cloud.images(region) if image["state"] != "deregistered"]


def empty_account(cloud):
    """No image, no snapshot, and no call that was heard."""
    cloud.empty()
    cloud.clear_calls()
