# SPDX-License-Identifier: Apache-2.0
"""EC2's dialect of the Query protocol."""

# Imported for the actions that they register.
from . import image_copying, image_keeping, image_making, images, instances  # noqa: F401
from . import launch_templates, launching, lifecycle, sharing  # noqa: F401
from . import snapshot_keeping, snapshots, tags, volumes  # noqa: F401
from .query_service import QueryService
from .reply import error_xml, reply_xml


class Ec2(QueryService):
    name = "ec2"
    version = "2016-11-15"
    title = "AmazonEC2"
    denied = ("UnauthorizedOperation", 403)

    def _needed(self, call):
        """Tags at creation need ec2:CreateTags as well, and an instance's role iam:PassRole."""
        return (super()._needed(call)
                + (["ec2:CreateTags"] if call.params.get("TagSpecifications") else [])
                + (["iam:PassRole"] if call.params.get("IamInstanceProfile") else []))

    def _done(self, call, operation, result):
        return self.reply(call, reply_xml(operation, result, call.request_id))

    def _refused(self, call, error):
        return self.reply(call, error_xml(error, call.request_id), error.status)
