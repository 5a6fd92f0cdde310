# SPDX-License-Identifier: Apache-2.0
"""The account of a simulated cloud, as its owner uses it through botocore."""

import botocore.session


def ec2_client(cloud, session=None, **options):
    return service_client(cloud, "ec2", session, **options)


def service_client(cloud, service, session=None, **options):
    env = cloud.env("static")
    return (session or botocore.session.Session()).create_client(
        service, region_name=env["AWS_REGION"], verify=env["AWS_CA_BUNDLE"],
        endpoint_url=cloud.addresses[service],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=env.get("AWS_SESSION_TOKEN"), **options)


def images_of(cloud):
    """Those that are not deregistered."""
    return [image for image in cloud.images() if image["state"] != "deregistered"]


def empty_account(cloud, ec2):
    """No image, no snapshot, and no call that was heard."""
    for image in images_of(cloud):
        ec2.deregister_image(ImageId=image["id"])
    for snapshot in cloud.snapshots():
        ec2.delete_snapshot(SnapshotId=snapshot["id"])
    cloud.clear_calls()
