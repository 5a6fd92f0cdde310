# SPDX-License-Identifier: Apache-2.0
"""The metadata service: version 2, and nothing without its token."""

import json
import time

import pytest

from cloud.control import Cloud
from cloud.raw import ImdsClient


def test_a_token_opens_the_metadata(imds):
    assert imds.get("meta-data/instance-id") == (200, "i-0123456789abcdef0")
    assert imds.get("meta-data/placement/region") == (200, "eu-central-1")
    assert imds.get("meta-data/services/domain") == (200, "amazonaws.com")
    assert imds.get("meta-data/services/partition") == (200, "aws")
    assert imds.get("meta-data/tags/instance/Name") == (200, "simulated")
    assert "placement/" in imds.get("meta-data/")[1].split("\n")
    assert imds.get("meta-data/block-device-mapping")[1] == "ami\nebs1\nroot"


def test_an_instance_store_root_comes_with_another_store(cloud, imds):
    cloud.set_instance({"RootDeviceType": "instance-store"})
    try:
        told = imds.get("meta-data/block-device-mapping")[1]
        assert told == "ami\nebs1\nephemeral0\nroot"
        assert imds.get("meta-data/block-device-mapping/ephemeral0") == (200, "sdb")
    finally:
        cloud.set_instance({"RootDeviceType": "ebs"})


def test_the_identity_document_tells_what_the_instance_is(imds):
    document = json.loads(imds.get("dynamic/instance-identity/document")[1])
    assert document["instanceId"] == "i-0123456789abcdef0"
    assert document["accountId"] == "123456789012"
    assert (document["architecture"], document["billingProducts"]) == ("x86_64", None)


@pytest.mark.parametrize("token", ["", "made-up"])
def test_without_a_good_token_there_is_nothing(imds, token):
    headers = {"X-aws-ec2-metadata-token": token} if token else {}
    assert imds.request("GET", "/latest/meta-data/instance-id", headers)[0] == 401


@pytest.mark.parametrize("ttl", ["0", "21601", "-1", "soon", ""])
def test_a_token_lives_from_a_second_to_six_hours(imds, ttl):
    assert imds.token(ttl)[0] == 400
    assert imds.request("PUT", "/latest/api/token")[0] == 400


def test_a_token_ends(cloud, imds):
    token = imds.token(2)[1]
    assert imds.get("meta-data/ami-id", token)[0] == 200
    time.sleep(2.05)
    assert imds.get("meta-data/ami-id", token)[0] == 401
    token = imds.token()[1]
    cloud.forget_tokens()
    assert imds.get("meta-data/ami-id", token)[0] == 401


def test_a_token_is_not_given_through_a_proxy(imds):
    assert imds.request("PUT", "/latest/api/token", {
        "X-aws-ec2-metadata-token-ttl-seconds": "60", "X-Forwarded-For": "10.0.0.1"})[0] == 403


def test_what_is_absent_is_404_and_what_is_disabled_403(cloud, imds):
    assert imds.get("meta-data/nothing")[0] == 404
    cloud.configure(imds_tags=False)
    assert imds.get("meta-data/tags/instance/Name")[0] == 404
    cloud.configure(imds_enabled=False)
    assert imds.token()[0] == 403


def test_the_role_s_credentials_may_be_refused_inside_a_200(cloud, imds):
    assert imds.role()["Code"] == "Success"
    cloud.configure(role_code="Failed")
    assert imds.role()["Code"] == "Failed" and "AccessKeyId" not in imds.role()


def test_faults_reach_the_metadata_too(cloud, imds):
    cloud.fault("/latest/meta-data/*", error="Unavailable", status=503)
    assert imds.get("meta-data/ami-id")[0] == 503
    assert imds.get("meta-data/ami-id")[0] == 200
    cloud.fault("/latest/api/token", answer="never")
    imds.timeout = 0.3
    with pytest.raises(TimeoutError):
        imds.token()


def test_every_request_is_logged(cloud, imds):
    imds.request("GET", "/latest/meta-data/ami-id")
    imds.get("meta-data/ami-id")
    log = [(call["params"]["method"], call["action"], call["status"])
           for call in cloud.calls(service="imds")]
    assert log == [("GET", "/latest/meta-data/ami-id", 401), ("PUT", "/latest/api/token", 200),
                   ("GET", "/latest/meta-data/ami-id", 200)]


def test_an_instance_may_have_billing_codes_and_no_role():
    with Cloud(role=None, instances=[{"billing_products": ["bp-6ba54002"],
                                      "marketplace_codes": ["abc123"]}]) as cloud:
        imds = ImdsClient(cloud)
        assert imds.get("meta-data/iam/security-credentials/")[0] == 404
        document = json.loads(imds.get("dynamic/instance-identity/document")[1])
        assert document["billingProducts"] == ["bp-6ba54002"]
        assert imds.get("meta-data/product-codes") == (200, "abc123")
