# SPDX-License-Identifier: Apache-2.0
"""What the services have in common: a request is admitted, its action done, the reply written."""

from . import actions
from .calls import Call
from .errors import ApiError
from .model import model_load
from .serving import refuse_at_once, serve
from .signature import signature_check, signature_region


class Service:
    """A protocol is a subclass with _read(), _done() and _refused(); a service one of that."""

    name = None                  # of the model, of the signature, and of an IAM action
    version = None               # of the model
    denied = ("AccessDenied", 403)
    signature_codes = {}         # what this service says instead of what EC2 does

    def __init__(self, world):
        overlay = world.settings["overlay"]
        self.world = world
        self.model = model_load(self.name, self.version, *([overlay] if overlay else []))
        self._operations = set(self.model.operation_names)

    def handle(self, request, connection):
        call = Call(self.name, "", connection.number)
        self.world.calls.begin(call)

        def refuse(error):
            return self._refused(call, error)

        try:
            operation = self._admit(request, call)
        except ApiError as error:
            return refuse_at_once(self.world, connection, call, refuse(error), error)
        return serve(self.world, connection, call, lambda: self._act(operation, call), refuse)

    def operation(self, name):
        if name not in self._operations:
            raise ApiError("InvalidAction", f"The action {name} is not valid for this web service.")
        if actions.find(self.name, name) is None:
            raise ApiError("UnsupportedOperation",
                           f"The simulated cloud has no {name}: add it to tests/cloud", 501)
        return self.model.operation_model(name)

    def signer(self, request, call):
        """Notes whose key signed the request for which region; ApiError in this service's words."""
        call.region = signature_region(request)
        if call.region not in self.world.regions:
            call.region = self.world.settings["region"]
        try:
            key = signature_check(request, self.world.keys, self.name, call.region,
                                  self.world.clock.now())
        except ApiError as error:
            code = self.signature_codes.get(error.code, error.code)
            raise ApiError(code, error.message, error.status) from None
        call.access_key = key.access_key

    def _admit(self, request, call):
        """The operation, with call.action and call.params set; ApiError."""
        raise NotImplementedError

    def _done(self, call, operation, result):
        raise NotImplementedError

    def _refused(self, call, error):
        raise NotImplementedError

    def _act(self, operation, call):
        self._authorize(call)
        if call.dry_run and not {"*", call.action} & set(self.world.knobs["ignore_dry_run"]):
            raise ApiError("DryRunOperation",
                           "Request would have succeeded, but DryRun flag is set.", 412)
        if self.world.knobs["ignore_filters"]:
            call.params.pop("Filters", None)
        act = actions.find(self.name, call.action)
        result = act(self.world.regions[call.region], self._params(call))
        return self._done(call, operation, result)

    def _params(self, call):
        """Of the action: more than the log of calls keeps."""
        return call.params

    def _needed(self, call):
        """The permissions that it takes."""
        return [f"{self.name}:{call.action}"]

    def _authorize(self, call):
        code, status = self.denied
        for action in self._needed(call):
            if action.partition(":")[2] in self.world.knobs["deny"]:
                raise ApiError(code, "You are not authorized to perform this operation. User: "
                               f"{self._arn(call)} is not authorized to perform: {action} because "
                               f"no identity-based policy allows the {action} action", status)

    def _arn(self, call):
        settings = self.world.settings
        start = f"arn:{settings['partition']}"
        if call.access_key == settings["access_key"]:
            return f"{start}:iam::{settings['account']}:user/tester"
        instance = next(iter(self.world.instances))
        return f"{start}:sts::{settings['account']}:assumed-role/{settings['role']}/{instance}"
