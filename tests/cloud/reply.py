# SPDX-License-Identifier: Apache-2.0
"""Replies in EC2's XML, written from the output shapes of the service model."""

from xml.sax.saxutils import escape

from .clock import iso_format

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def reply_xml(operation, result, request_id):
    shape = operation.output_shape
    if shape is None:
        inner = "<return>true</return>"
    else:
        inner = structure_xml(shape, result)
    root = f"{operation.name}Response"
    return (f'{HEAD}<{root} xmlns="{NAMESPACE}">\n<requestId>{request_id}</requestId>'
            f"{inner}</{root}>").encode()


def error_xml(error, request_id):
    return (f"{HEAD}<Response><Errors><Error><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>").encode()


def structure_xml(shape, value):
    stray = sorted(set(value) - set(shape.members))
    if stray:
        raise KeyError(f"{shape.name} has no member {', '.join(stray)}")
    parts = []
    for name, member in shape.members.items():
        if value.get(name) is not None:
            parts.append(_element(member, member.serialization.get("name", name), value[name]))
    return "".join(parts)


def _element(shape, tag, value):
    return f"<{tag}>{_content(shape, value)}</{tag}>"


def _content(shape, value):
    if shape.type_name == "structure":
        return structure_xml(shape, value)
    if shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        return "".join(_element(shape.member, item, entry) for entry in value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp" and not isinstance(value, str):
        return iso_format(value)
    if shape.type_name in ("integer", "long"):
        return str(int(value))
    return escape(str(value))
