# SPDX-License-Identifier: Apache-2.0
"""The table of actions; each noun's module enters its own.

A new action is a function with @action in the module of its noun, which its service imports. Its
parameters arrive checked and under the model's names, its result is a dictionary of such names, and
an ApiError refuses. What Debian's botocore does not know goes into overlay.json. A new service is
a class like ec2.Ec2 or ssm.Ssm and an entry in server.py; service.py brings it the log and faults.
"""

ACTIONS = {}


def action(service, name):
    """Registers `function(world, params) -> result` in the shape of the model's output."""
    def register(function):
        ACTIONS[service, name] = function
        return function
    return register


def find(service, name):
    return ACTIONS.get((service, name))
