# SPDX-License-Identifier: Apache-2.0
"""SSM's Parameter Store, by the JSON 1.1 protocol."""

import base64
import json
import re
import time

from botocore.validate import ParamValidator

from .actions import action
from .errors import ApiError
from .images import image_find
from .service import Service
from .tags import tag_set, tags_checked
from .web import Reply

PREFIX = "AmazonSSM."
CONTENT_TYPE = "application/x-amz-json-1.1"
IMAGE_TYPE = "aws:ec2:image"
MOST_VALUE_BYTES = 4096          # of a standard parameter
MOST_LEVELS = 15


class Ssm(Service):
    name = "ssm"
    version = "2014-11-06"
    denied = ("AccessDeniedException", 400)
    signature_codes = {"AuthFailure": "UnrecognizedClientException",
                       "SignatureDoesNotMatch": "InvalidSignatureException",
                       "RequestExpired": "ExpiredTokenException"}

    def _admit(self, request, call):
        target = request.header("x-amz-target", "")
        call.action = target.removeprefix(PREFIX)
        self.signer(request, call)
        if not target.startswith(PREFIX) or request.header("content-type") != CONTENT_TYPE:
            raise ApiError("UnknownOperationException", "")
        operation = self.operation(call.action)
        try:
            call.params = json.loads(request.body)
        except ValueError:
            raise ApiError("SerializationException", "") from None
        call.form = {name: value for name, value in call.params.items() if isinstance(value, str)}
        report = ParamValidator().validate(call.params, operation.input_shape)
        if report.has_errors():
            raise _invalid(report.generate_report())
        _check_enums(operation.input_shape, call.params)
        return operation

    def _done(self, call, operation, result):
        stray = set(result) - set(operation.output_shape.members)
        if stray:
            raise KeyError(f"{operation.name} has no member {', '.join(stray)} in its output")
        return _reply(call, 200, result)

    def _refused(self, call, error):
        return _reply(call, error.status, {"__type": error.code, "message": error.message})


def _reply(call, status, content):
    return Reply(status, json.dumps(content).encode(), {
        "Content-Type": CONTENT_TYPE, "Server": "Server", "x-amzn-RequestId": call.request_id})


def _check_enums(shape, params):
    for name, value in params.items():
        allowed = getattr(shape.members[name], "enum", [])
        if allowed and value not in allowed:
            raise _invalid(f"Value '{value}' at '{name}' failed to satisfy constraint: Member must "
                           f"satisfy enum value set: [{', '.join(allowed)}]")


def _invalid(message):
    return ApiError("ValidationException", message)


class Parameter:
    def __init__(self, name, kind, data_type, tags):
        self.name = name
        self.kind = kind
        self.data_type = data_type
        self.tags = tags
        self.newest = 0
        self.versions = {}
        self.awaiting = []           # (version, value, since when)

    def put(self, world, value, data_type):
        self.newest += 1
        self.data_type = data_type or self.data_type
        if self.data_type == IMAGE_TYPE:
            self.awaiting.append((self.newest, value, time.monotonic()))
        else:
            self._take(world, self.newest, value)
        return self.newest

    def advance(self, world):
        """An image that EC2 does not show is dropped without a word, as SSM does."""
        ripe = time.monotonic() - world.knobs["parameter_seconds"]
        for version, value, since in [one for one in self.awaiting if one[2] <= ripe]:
            self.awaiting.remove((version, value, since))
            if _is_available(world, value):
                self._take(world, version, value)

    def view(self, world, version, decrypted):
        settings = world.settings
        value, modified = self.versions[version]
        if self.kind == "SecureString" and not decrypted:
            value = base64.b64encode(value.encode()).decode()
        arn = (f"arn:{settings['partition']}:ssm:{settings['region']}:{settings['account']}:"
               f"parameter/{self.name.lstrip('/')}")
        return {"Name": self.name, "Type": self.kind, "Value": value, "Version": version,
                "LastModifiedDate": modified, "ARN": arn, "DataType": self.data_type}

    def _take(self, world, version, value):
        self.versions[version] = value, world.clock.now()


def _is_available(world, image_id):
    try:
        return image_find(world, image_id).state == "available"
    except ApiError:
        return False


def _find(world, name):
    """(the parameter, its version) of NAME or NAME:VERSION; under the lock; ApiError."""
    world.advance()
    bare, _, selector = name.partition(":")
    parameter = world.parameters.get(bare)
    if parameter:
        parameter.advance(world)
    if parameter is None or not parameter.versions:
        raise ApiError("ParameterNotFound", f"Parameter {bare} not found.")
    if not selector:
        return parameter, max(parameter.versions)
    if not selector.isdigit() or int(selector) not in parameter.versions:
        raise ApiError("ParameterVersionNotFound", "Systems Manager could not find version "
                       f"{selector} of {bare}. Verify the version and try again.")
    return parameter, int(selector)


@action("ssm", "GetParameter")
def get_parameter(world, params):
    decrypted = params.get("WithDecryption", False)
    with world.lock:
        parameter, version = _find(world, params["Name"])
        if parameter.kind == "SecureString" and decrypted and "Decrypt" in world.knobs["deny"]:
            raise ApiError("AccessDeniedException", "User is not authorized to perform: "
                           "kms:Decrypt on the resource associated with this ciphertext")
        return {"Parameter": parameter.view(world, version, decrypted)}


@action("ssm", "PutParameter")
def put_parameter(world, params):
    name, value = params["Name"], params["Value"]
    _check_name(name)
    _check_value(params)
    tags = tags_checked(params.get("Tags", []))
    overwrite = params.get("Overwrite", False)
    if tags and overwrite:
        raise _invalid("Invalid request: tags and overwrite can't be used together. To create a "
                       "parameter with tags, please remove overwrite flag. To update tags for an "
                       "existing parameter, please use AddTagsToResource or "
                       "RemoveTagsFromResource.")
    with world.lock:
        parameter = world.parameters.get(name)
        if parameter and not overwrite:
            raise ApiError("ParameterAlreadyExists", "The parameter already exists. To overwrite "
                           "this value, set the overwrite option in the request to true.")
        if parameter is None:
            if "Type" not in params:
                raise _invalid("A parameter type is required when you create a parameter.")
            parameter = Parameter(name, params["Type"], "text", tags)
            world.parameters[name] = parameter
        version = parameter.put(world, value, params.get("DataType"))
        return {"Version": version, "Tier": "Standard"}


def _check_name(name):
    if not re.fullmatch(r"[a-zA-Z0-9_.\-/]+", name) or ("/" in name and not name.startswith("/")):
        raise _invalid("Parameter name must be a fully qualified name.")
    if re.match(r"/?(aws|ssm)", name, re.IGNORECASE):
        raise _invalid(f"Parameter name: can't be prefixed with \"aws\" or \"ssm\" "
                       f"(case-insensitive): {name}")
    if name.count("/") > MOST_LEVELS:
        raise ApiError("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of "
                       f"{MOST_LEVELS} levels.")


def _check_value(params):
    value = params["Value"]
    if not value or len(value.encode()) > MOST_VALUE_BYTES:
        raise _invalid("Standard tier parameters support a maximum parameter value of "
                       f"{MOST_VALUE_BYTES} characters, and one at least.")
    if params.get("DataType") not in (None, "text", IMAGE_TYPE):
        raise _invalid(f"The following data type is not supported: {params['DataType']}")
    if params.get("DataType") == IMAGE_TYPE and not re.fullmatch(r"ami-[0-9a-f]{8,17}", value):
        raise _invalid(f"Parameter value is not a valid image ID: {value}")


@action("ssm", "DeleteParameter")
def delete_parameter(world, params):
    with world.lock:
        parameter, _ = _find(world, params["Name"])
        del world.parameters[parameter.name]
    return {}


@action("ssm", "ListTagsForResource")
def list_tags_for_resource(world, params):
    if params["ResourceType"] != "Parameter":
        raise ApiError("InvalidResourceType", f"{params['ResourceType']} is not simulated")
    with world.lock:
        parameter = world.parameters.get(params["ResourceId"])
        if parameter is None:
            raise ApiError("InvalidResourceId", f"There is no {params['ResourceId']}")
        return {"TagList": tag_set(parameter.tags)}


def parameter_report(world, parameter):
    """What a test is told of it: every version, and the tags."""
    with world.lock:
        parameter.advance(world)
        return {"name": parameter.name, "data_type": parameter.data_type, "tags": parameter.tags,
                "versions": {str(n): value for n, (value, _) in parameter.versions.items()}}
