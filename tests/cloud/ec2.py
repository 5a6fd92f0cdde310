# SPDX-License-Identifier: Apache-2.0
"""EC2's Query API: admits a request, does its action, writes the reply."""

# Imported for the actions that they register.
from . import image_copying, image_keeping, image_making, images, instances  # noqa: F401
from . import launching, sharing, snapshot_keeping, snapshots, tags, volumes  # noqa: F401
from . import actions
from .calls import Call
from .errors import ApiError, unknown
from .model import model_load
from .query import decode, tree_build
from .reply import error_xml, reply_xml
from .serving import refuse_at_once, serve
from .signature import signature_check, signature_region
from .web import Reply

VERSION = "2016-11-15"
# Of the signature in a query, not of any action.
COMMON = {"Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
          "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"}


class Ec2:
    def __init__(self, world):
        overlay = world.settings["overlay"]
        self._world = world
        self._model = model_load("ec2", VERSION, *([overlay] if overlay else []))
        self._operations = set(self._model.operation_names)

    def handle(self, request, connection):
        call = Call("ec2", "", connection.number)
        self._world.calls.begin(call)

        def refuse(error):
            return _reply(call, error_xml(error, call.request_id), error.status)

        try:
            operation = self._admit(request, call)
        except ApiError as error:
            return refuse_at_once(self._world, connection, call, refuse(error), error)
        return serve(self._world, connection, call, lambda: self._act(operation, call), refuse)

    def _admit(self, request, call):
        try:
            pairs = request.form_pairs()
        except ValueError:
            raise ApiError("MalformedQueryString",
                           "The query string contains a syntax error") from None
        call.form = {name: value for name, value in pairs if name not in COMMON}
        call.action = dict(pairs).get("Action", "")
        call.region = signature_region(request)
        if call.region not in self._world.regions:
            call.region = self._world.settings["region"]
        key = signature_check(request, self._world.keys, "ec2", call.region,
                              self._world.clock.now())
        call.access_key = key.access_key
        operation = self._operation(call.action, dict(pairs).get("Version"))
        tree = tree_build([pair for pair in pairs if pair[0] not in COMMON])
        if operation.input_shape is not None:
            call.params = decode(operation.input_shape, tree)
        elif tree:
            raise unknown(next(iter(tree)))
        call.dry_run = call.params.get("DryRun", False)
        return operation

    def _operation(self, name, version):
        if not name:
            raise ApiError("MissingAction", "The request must contain the parameter Action")
        if version != VERSION:
            raise ApiError("NoSuchVersion",
                           f"The requested version ({version}) of service AmazonEC2 does not exist")
        if name not in self._operations:
            raise ApiError("InvalidAction", f"The action {name} is not valid for this web service.")
        if actions.find("ec2", name) is None:
            raise ApiError("UnsupportedOperation",
                           f"The simulated cloud has no {name}: add it to tests/cloud", 501)
        return self._model.operation_model(name)

    def _act(self, operation, call):
        self._authorize(call)
        if call.dry_run:
            raise ApiError("DryRunOperation",
                           "Request would have succeeded, but DryRun flag is set.", 412)
        if self._world.knobs["ignore_filters"]:
            call.params.pop("Filters", None)
        result = actions.find("ec2", call.action)(self._world.regions[call.region], call.params)
        return _reply(call, reply_xml(operation, result, call.request_id))

    def _authorize(self, call):
        """Tags at creation need ec2:CreateTags as well."""
        needed = [call.action] + (["CreateTags"] if call.params.get("TagSpecifications") else [])
        for action in needed:
            if action in self._world.knobs["deny"]:
                raise ApiError("UnauthorizedOperation", "You are not authorized to perform this "
                               f"operation. User: {self._arn(call)} is not authorized to perform: "
                               f"ec2:{action} because no identity-based policy allows the "
                               f"ec2:{action} action", 403)

    def _arn(self, call):
        settings = self._world.settings
        start = f"arn:{settings['partition']}"
        if call.access_key == settings["access_key"]:
            return f"{start}:iam::{settings['account']}:user/tester"
        instance = next(iter(self._world.instances))
        return f"{start}:sts::{settings['account']}:assumed-role/{settings['role']}/{instance}"


def _reply(call, body, status=200):
    return Reply(status, body, {"Content-Type": "text/xml;charset=UTF-8", "Server": "AmazonEC2",
                                "x-amzn-RequestId": call.request_id,
                                "Cache-Control": "no-cache, no-store"})
