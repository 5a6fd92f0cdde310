# SPDX-License-Identifier: Apache-2.0
"""Filters, owners and pages of the Describe actions, worked out on the replies themselves."""

import base64
import json
import re

import jmespath

from .clock import iso_format
from .errors import ApiError, invalid_value

MAX_FILTER_VALUES = 200


def filtered(views, filters, table):
    """The views that pass every filter; `table` maps a filter's name to a JMESPath in the view."""
    for one in filters or []:
        name, values = one.get("Name", ""), one.get("Values", [])
        if len(values) > MAX_FILTER_VALUES:
            raise ApiError("FilterLimitExceeded", "The maximum number of filter values is exceeded")
        found = _finder(name, table)
        patterns = [_pattern(value) for value in values]
        views = [view for view in views
                 if any(p.fullmatch(text) for text in found(view) for p in patterns)]
    return views


def tagged(resources, filters):
    """Those that pass the filters by tag: of ten thousands, before each is described."""
    for one in filters or []:
        if not one.get("Name", "").startswith("tag:"):
            continue
        key, patterns = one["Name"][4:], [_pattern(value) for value in one.get("Values", [])]
        resources = [resource for resource in resources if key in resource.tags
                     and any(p.fullmatch(resource.tags[key]) for p in patterns)]
    return resources


def _finder(name, table):
    if name.startswith("tag:"):
        key = name[4:]
        return lambda view: [tag["Value"] for tag in view.get("Tags") or [] if tag["Key"] == key]
    if name == "tag-key":
        return lambda view: [tag["Key"] for tag in view.get("Tags") or []]
    if name not in table:
        raise ApiError("InvalidParameterValue", f"The filter '{name}' is invalid")
    path = jmespath.compile(table[name])
    return lambda view: _texts(path.search(view))


def _texts(value):
    if value is None:
        return []
    if isinstance(value, list):
        return [text for entry in value for text in _texts(entry)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    if isinstance(value, float):
        return [iso_format(value)]
    return [str(value)]


def _pattern(value):
    """EC2's wildcards are * and ?, and a backslash takes their meaning away."""
    pieces = re.findall(r"\\.|.", value, re.DOTALL)
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(p) or re.escape(p[-1]) for p in pieces), re.DOTALL)


def paged(views, params, cap, least=1, most=1000):
    """(the page, the next token or None) by MaxResults and NextToken."""
    wanted = params.get("MaxResults")
    if wanted is not None and not least <= wanted <= most:
        raise invalid_value(f" {wanted} ", "maxResults",
                            f"Expecting a value from {least} to {most}.")
    start = _token_offset(params.get("NextToken"))
    size = min(wanted or most, cap)
    end = start + size
    return views[start:end], _token(end) if end < len(views) else None


def viewed_page(resources, params, table, cap, least=1):
    """The views of a page of what passes the filters, and the next token: of 60,000 only those."""
    if not params.get("Filters"):
        page, token = paged(resources, params, cap, least)
        return [one.view() for one in page], token
    views = [one.view() for one in tagged(resources, params["Filters"])]
    views = filtered(views, params["Filters"], table)
    return paged(views, params, cap, least)


def no_pages_of_ids(params, member):
    """EC2 refuses MaxResults beside a list of ids."""
    if params.get(member) and (params.get("MaxResults") or params.get("NextToken")):
        name = member[0].lower() + member[1:]
        raise ApiError("InvalidParameterCombination", f"The parameter {name} cannot be used with "
                       "the parameter maxResults or nextToken")


def _token(offset):
    return base64.urlsafe_b64encode(json.dumps({"offset": offset}).encode()).decode()


def _token_offset(token):
    if token is None:
        return 0
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["offset"])
    except (ValueError, KeyError, TypeError):
        raise ApiError("InvalidNextToken", "The provided pagination token is invalid") from None


def chosen(resources, wanted_ids, absent):
    """Those named, each of which must exist (`absent(id)` is the error), or all."""
    if not wanted_ids:
        return list(resources.values())
    for one in wanted_ids:
        if one not in resources:
            raise absent(one)
    return [resources[one] for one in dict.fromkeys(wanted_ids)]
