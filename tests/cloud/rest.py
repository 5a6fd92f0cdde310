# SPDX-License-Identifier: Apache-2.0
"""The REST protocol with XML: where the service model puts each member of a request and a reply."""

import email.utils
import re
import urllib.parse
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .clock import iso_format
from .errors import ApiError
from .query import decode
from .web import Reply

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
CONTROL = re.compile("[\x01-\x08\x0b-\x1f\x7f]")
# Of the signature and of the client, not of any operation.
COMMON_QUERY = {"x-id", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires",
                "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Security-Token"}
COMMON_HEADERS = {"x-amz-date", "x-amz-content-sha256", "x-amz-security-token", "x-amz-user-agent"}


class Route:
    """An operation, and what of a request says that it is meant."""

    def __init__(self, operation):
        self.name = operation.name
        self.method = operation.http["method"]
        path, _, query = operation.http["requestUri"].partition("?")
        self.depth = path.count("{")
        # "?delete", "?list-type=2"; of two that are told apart by a member, it is a required one
        self.marks = {mark.partition("=")[0] for mark in query.split("&") if mark}
        shape = operation.input_shape
        self.marks |= {shape.members[name].serialization["name"]
                       for name in (shape.required_members if shape else ())
                       if shape.members[name].serialization.get("location") == "querystring"}

    def fits(self, method, depth, query):
        return self.method == method and self.depth == depth and self.marks <= set(query)


def route_find(routes, method, depth, query):
    """The most specific one, or None."""
    fitting = [one for one in routes if one.fits(method, depth, query)]
    return max(fitting, key=lambda one: len(one.marks), default=None)


def request_decode(operation, route, request, uri):
    """The members of a request, `uri` giving those of its path; ApiError."""
    shape = operation.input_shape
    query = dict(request.query_pairs())
    _check_strangers(operation, route, request, query)
    params = {}
    for name, member in shape.members.items() if shape else ():
        value = _located(member, name, request, query, uri)
        if value is not None:
            params[name] = value
    payload = shape and shape.serialization.get("payload")
    if payload:
        params |= _payload_decode(payload, shape.members[payload], request)
    for name in shape.required_members if shape else ():
        if name not in params:
            raise ApiError("InvalidRequest", f"{name} is missing")
    return params


def _located(member, name, request, query, uri):
    place, wire = member.serialization.get("location"), member.serialization.get("name", name)
    if place == "uri":
        return uri.get(name)
    if place == "headers":
        start = wire.lower()
        return {key[len(start):]: value for key, value in request.headers
                if key.startswith(start)} or None
    value = {"querystring": query.get(wire), "header": request.header(wire.lower())}.get(place)
    if value is None or member.type_name == "timestamp":
        return value
    return decode(member, value, wire)


def _check_strangers(operation, route, request, query):
    """S3 ignores much that it does not know; here a typing error is told."""
    members = operation.input_shape.members.values() if operation.input_shape else ()
    wires = {one.serialization["name"].lower() for one in members if "location" in one.serialization}
    prefixes = tuple(one.serialization["name"] for one in members
                     if one.serialization.get("location") == "headers")
    for name in query:
        if name not in COMMON_QUERY | route.marks and name.lower() not in wires:
            raise ApiError("InvalidArgument", f"{operation.name} has no parameter {name}")
    for name, _ in request.headers:
        if (name.startswith("x-amz-") and name not in COMMON_HEADERS | wires
                and not (prefixes and name.startswith(prefixes))):
            raise ApiError("InvalidArgument", f"{operation.name} has no header {name}")


def _payload_decode(name, shape, request):
    if shape.type_name != "structure":
        return {name: request.body}
    if not request.body:
        return {}
    try:
        if b"<!DOCTYPE" in request.body:
            raise ApiError("MalformedXML", "no DOCTYPE")
        root = ElementTree.fromstring(request.body)
    except ElementTree.ParseError:
        raise _malformed() from None
    if root.tag.rpartition("}")[2] != shape.serialization.get("name", name):
        raise _malformed()
    return {name: _element_decode(shape, root)}


def _malformed():
    return ApiError("MalformedXML", "The XML you provided was not well-formed or did not validate "
                    "against our published schema")


def _element_decode(shape, element):
    if shape.type_name == "structure":
        return _structure_decode(shape, element)
    if len(element) or shape.type_name in ("list", "map"):
        raise _malformed()
    return decode(shape, element.text or "", element.tag)


def _structure_decode(shape, element):
    by_tag = {one.serialization.get("name", name): (name, one)
              for name, one in shape.members.items()}
    params = {}
    for child in element:
        tag = child.tag.rpartition("}")[2]
        if tag not in by_tag:
            raise _malformed()
        name, member = by_tag[tag]
        if member.type_name == "list":
            params.setdefault(name, []).append(_element_decode(member.member, child))
        else:
            params[name] = _element_decode(member, child)
    if any(name not in params for name in shape.required_members):
        raise _malformed()
    return params


# --- Replies

def reply_make(operation, result, root, namespace):
    """The Reply of a result; `root` is its element, which no model knows."""
    reply = Reply(operation.http.get("responseCode", 200))
    shape = operation.output_shape
    stray = set(result) - set(shape.members if shape else ())
    if stray:
        raise KeyError(f"{operation.name} has no member {', '.join(stray)} in its output")
    inside = {}
    for name, value in result.items():
        if not _put_outside(reply, shape.members[name], value):
            inside[name] = value
    payload = shape.serialization.get("payload") if shape else None
    if payload and shape.members[payload].type_name == "structure":
        member = shape.members[payload]
        root = member.serialization.get("name", payload)
        reply.body = (f'{HEAD}<{root} xmlns="{namespace}">'
                      f"{structure_xml(member, inside[payload])}</{root}>").encode()
        reply.headers["Content-Type"] = "application/xml"
    elif payload:
        reply.body = inside.get(payload, b"")
    elif root:
        reply.body = (f'{HEAD}<{root} xmlns="{namespace}">{structure_xml(shape, inside)}'
                      f"</{root}>").encode()
        reply.headers["Content-Type"] = "application/xml"
    return reply


def _put_outside(reply, member, value):
    """Whether it is a header."""
    place, wire = member.serialization.get("location"), member.serialization.get("name")
    if place == "headers":
        reply.headers |= {wire + key: text for key, text in value.items()}
    elif place == "header" and value is not None:
        timestamp = member.type_name == "timestamp"
        reply.headers[wire] = (email.utils.formatdate(value, usegmt=True) if timestamp
                               else str(value))
    return place in ("header", "headers")


def structure_xml(shape, value):
    stray = sorted(set(value) - set(shape.members))
    if stray:
        raise KeyError(f"{shape.name} has no member {', '.join(stray)}")
    parts = []
    for name, member in shape.members.items():
        tag = member.serialization.get("name", name)
        if value.get(name) is None:
            continue
        flat = member.type_name == "list" and member.serialization.get("flattened")
        for one in value[name] if flat else [value[name]]:
            parts.append(f"<{tag}>{_content(member.member if flat else member, one)}</{tag}>")
    return "".join(parts)


def _content(shape, value):
    if shape.type_name == "structure":
        return structure_xml(shape, value)
    if shape.type_name == "list":
        tag = shape.member.serialization.get("name", "member")
        return "".join(f"<{tag}>{_content(shape.member, one)}</{tag}>" for one in value)
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        return iso_format(value)
    return text_xml(str(value))


def text_xml(text):
    """Control characters as S3 writes them, which XML 1.0 does not allow: hence encoding-type."""
    return CONTROL.sub(lambda found: f"&#x{ord(found[0]):x};", escape(text, {"\r": "&#13;"}))


def url_encoded(text):
    """As S3 does with encoding-type=url: a slash stays, a blank becomes a plus."""
    return urllib.parse.quote_plus(text, safe="/*-._")
