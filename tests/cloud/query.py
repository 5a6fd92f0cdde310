# SPDX-License-Identifier: Apache-2.0
"""EC2's flattened form, checked member by member against the service model."""

import re

from .clock import iso_valid
from .errors import ApiError, invalid_value, missing, unknown

MAX_DEPTH = 12


def wire_name(member, shape):
    """How a request spells a member: by queryName, else LocationName, else as it is."""
    spelled = shape.serialization.get("queryName")
    if spelled:
        return spelled
    located = shape.serialization.get("name")
    return located[0].upper() + located[1:] if located else member


def tree_build(pairs):
    """{"A": {"1": {"B": "x"}}} of A.1.B=x; a name that is both a leaf and a branch is refused."""
    tree = {}
    for name, value in pairs:
        steps = name.split(".")
        if len(steps) > MAX_DEPTH:
            raise unknown(name)
        _tree_insert(tree, name, steps, value)
    return tree


def _tree_insert(tree, name, steps, value):
    for step in steps[:-1]:
        tree = tree.setdefault(step, {})
        if not isinstance(tree, dict):
            raise unknown(name)
    if steps[-1] in tree:
        raise ApiError("MalformedQueryString", f"The parameter {name} is given more than once")
    tree[steps[-1]] = value


def decode(shape, tree, path=""):
    return _DECODERS.get(shape.type_name, _decode_string)(shape, tree, path)


def _join(path, name):
    return f"{path}.{name}" if path else name


def _decode_structure(shape, tree, path):
    if not isinstance(tree, dict):
        raise unknown(path)
    by_wire = {wire_name(name, member): (name, member) for name, member in shape.members.items()}
    params = {}
    for key, branch in tree.items():
        if key not in by_wire:
            raise unknown(_join(path, key))
        name, member = by_wire[key]
        params[name] = decode(member, branch, _join(path, key))
    for name in shape.required_members:
        if name not in params:
            raise missing(_join(path, wire_name(name, shape.members[name])))
    return params


def _decode_list(shape, tree, path):
    if not isinstance(tree, dict):
        raise unknown(path)
    for key in tree:
        if not re.fullmatch(r"[1-9][0-9]{0,4}", key):
            raise unknown(_join(path, key))
    return [decode(shape.member, tree[key], f"{path}.{key}") for key in sorted(tree, key=int)]


def _scalar(tree, path):
    if isinstance(tree, dict):
        raise unknown(_join(path, next(iter(tree))))
    return tree


def _decode_string(shape, tree, path):
    value = _scalar(tree, path)
    allowed = getattr(shape, "enum", [])
    if allowed and value not in allowed:
        raise invalid_value(value, path, f"Expected one of: {', '.join(allowed[:20])}")
    return value


def _decode_integer(shape, tree, path):
    value = _scalar(tree, path)
    if not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise invalid_value(value, path, "Expected an integer")
    number = int(value)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and number < least:
        raise invalid_value(f" {value} ", path, f"Expecting a value greater than {least - 1}.")
    if most is not None and number > most:
        raise invalid_value(f" {value} ", path, f"Expecting a value less than {most + 1}.")
    return number


def _decode_float(_shape, tree, path):
    value = _scalar(tree, path)
    try:
        return float(value)
    except ValueError:
        raise invalid_value(value, path, "Expected a number") from None


def _decode_boolean(_shape, tree, path):
    value = _scalar(tree, path)
    if value.lower() not in ("true", "false"):
        raise invalid_value(value, path, "Expected true or false")
    return value.lower() == "true"


def _decode_timestamp(_shape, tree, path):
    value = _scalar(tree, path)
    if not iso_valid(value):
        raise invalid_value(value, path, "Expected an ISO 8601 time")
    return value


_DECODERS = {
    "structure": _decode_structure,
    "list": _decode_list,
    "integer": _decode_integer,
    "long": _decode_integer,
    "float": _decode_float,
    "double": _decode_float,
    "boolean": _decode_boolean,
    "timestamp": _decode_timestamp,
}
