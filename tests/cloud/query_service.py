# SPDX-License-Identifier: Apache-2.0
"""A service of the Query protocol: a form comes, XML goes."""

from .errors import ApiError, unknown
from .query import decode, tree_build
from .service import Service
from .web import Reply

# Of the signature in a query, not of any action.
COMMON = {"Action", "Version", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
          "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"}


class QueryService(Service):
    title = None                 # as the service calls itself

    def _admit(self, request, call):
        try:
            pairs = request.form_pairs()
        except ValueError:
            raise ApiError("MalformedQueryString",
                           "The query string contains a syntax error") from None
        call.form = {name: value for name, value in pairs if name not in COMMON}
        call.action = dict(pairs).get("Action", "")
        self.signer(request, call)
        operation = self._operation(call.action, dict(pairs).get("Version"))
        tree = self.listed(tree_build([pair for pair in pairs if pair[0] not in COMMON]))
        if operation.input_shape is not None:
            call.params = decode(operation.input_shape, tree)
        elif tree:
            raise unknown(next(iter(tree)))
        call.dry_run = call.params.get("DryRun", False)
        return operation

    def listed(self, tree):
        """The tree as EC2's dialect has it: an element of a list is the list's own child."""
        return tree

    def _operation(self, name, version):
        if not name:
            raise ApiError("MissingAction", "The request must contain the parameter Action")
        if version != self.version:
            raise ApiError("NoSuchVersion", f"The requested version ({version}) of service "
                           f"{self.title} does not exist")
        return self.operation(name)

    def reply(self, call, body, status=200):
        return Reply(status, body, {"Content-Type": "text/xml;charset=UTF-8", "Server": self.title,
                                    "x-amzn-RequestId": call.request_id,
                                    "Cache-Control": "no-cache, no-store"})
