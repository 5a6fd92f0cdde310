# SPDX-License-Identifier: Apache-2.0
"""A client that shows what really comes over the wire: signed by botocore, sent by http.client."""

import http.client
import json
import ssl
import urllib.parse

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

VERSION = "2016-11-15"


class RawClient:
    """One connection to EC2; each call is (status, body)."""

    def __init__(self, cloud, timeout=60, listener="ec2", credentials=None):
        settings = cloud.settings
        self.url = cloud.addresses[listener] + "/"
        self.region = settings["region"]
        self.credentials = credentials or Credentials(settings["access_key"],
                                                      settings["secret_key"])
        host = urllib.parse.urlsplit(self.url).netloc
        context = ssl.create_default_context(cafile=cloud.addresses["ca"])
        self.connection = http.client.HTTPSConnection(host, timeout=timeout, context=context)

    def signed(self, form, service="ec2", region=None):
        """The headers and the body of a signed POST."""
        body = urllib.parse.urlencode(form)
        request = AWSRequest("POST", self.url, data=body, headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        SigV4Auth(self.credentials, service, region or self.region).add_auth(request)
        return dict(request.headers), body

    def send(self, headers, body):
        self.connection.request("POST", "/", body=body, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def call(self, action, **params):
        return self.send(*self.signed({"Action": action, "Version": VERSION, **params}))

    def close(self):
        self.connection.close()


class ImdsClient:
    """The metadata service, a connection for each request."""

    def __init__(self, cloud, timeout=60, host=None):
        self.host = host or urllib.parse.urlsplit(cloud.addresses["imds"]).netloc
        self.timeout = timeout

    def request(self, method, path, headers=None):
        connection = http.client.HTTPConnection(self.host, timeout=self.timeout)
        try:
            connection.request(method, path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def token(self, ttl=60):
        return self.request("PUT", "/latest/api/token",
                            {"X-aws-ec2-metadata-token-ttl-seconds": str(ttl)})

    def get(self, path, token=None):
        return self.request("GET", f"/latest/{path}",
                            {"X-aws-ec2-metadata-token": token or self.token()[1]})

    def role(self):
        folder = "meta-data/iam/security-credentials/"
        return json.loads(self.get(folder + self.get(folder)[1])[1])
