# SPDX-License-Identifier: Apache-2.0
"""The account of a simulated cloud, as its owner uses it through botocore."""

import botocore.session


def ec2_client(cloud, session=None, region=None, **options):
    env = cloud.env("static")
    return (session or botocore.session.Session()).create_client(
        "ec2", region_name=region or env["AWS_REGION"], verify=env["AWS_CA_BUNDLE"],
        endpoint_url=env["AWS_ENDPOINT_URL_EC2"],
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
