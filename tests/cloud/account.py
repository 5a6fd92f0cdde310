# SPDX-License-Identifier: Apache-2.0
"""The account of a simulated cloud, as its owner uses it through botocore."""

import botocore.session


def ec2_client(cloud, session=None, region=None, **options):
    return service_client(cloud, "ec2", session, region, **options)


def service_client(cloud, service, session=None, region=None, **options):
    env = cloud.env("static")
    return (session or botocore.session.Session()).create_client(
        service, region_name=region or env["AWS_REGION"], verify=env["AWS_CA_BUNDLE"],
        endpoint_url=cloud.addresses[service],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=env.get("AWS_SESSION_TOKEN"), **options)


def images_of(cloud, region=None):
    """Those that are not deregistered."""
    return [image for image in cloud.images(region) if image["state"] != "deregistered"]


def empty_account(cloud):
    """No image, no snapshot, and no call that was heard."""
    cloud.empty()
    cloud.clear_calls()
