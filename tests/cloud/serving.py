# SPDX-License-Identifier: Apache-2.0
"""One call from admission to answer, with the fault that a test has laid in its way."""

import traceback

from . import answers
from .errors import ApiError

BROKEN = ApiError("InternalFailure", "The simulated cloud is broken: see its stderr", 500)


def serve(world, connection, call, act, refuse):
    """Do `act()` -> Reply, or answer with `refuse(ApiError)` -> Reply; True to keep the connection.

    `call` has passed the checks of its service: a fault never hides a request that is wrong.
    """
    fault = world.faults.take(call)
    call.fault = fault.number if fault else None
    reply = _answer(world, call, act, refuse, fault)
    return _deliver(world, connection, call, reply, fault)


def refuse_at_once(world, connection, call, reply, error):
    """Answers a request that its service does not admit."""
    _note(call, reply, error)
    return _deliver(world, connection, call, reply, fault=None)


def _answer(world, call, act, refuse, fault):
    if fault is None:
        return _act(call, act, refuse)
    world.stopping.wait(fault.delay_before)
    if fault.act:
        reply = _act(call, act, refuse)
    if fault.error or not fault.act:
        error = ApiError(fault.error or "InternalError", fault.message, fault.status)
        reply = refuse(error)
        _note(call, reply, error)
    world.stopping.wait(fault.delay_after)
    return reply


def _act(call, act, refuse):
    error = None
    try:
        reply = act()
    except ApiError as caught:
        error = caught
        reply = refuse(caught)
    except Exception:                    # a mistake in this cloud, which must not look like silence
        traceback.print_exc()
        error = BROKEN
        reply = refuse(BROKEN)
    call.acted = True
    _note(call, reply, error)
    return reply


def _note(call, reply, error):
    call.status = reply.status
    call.code = error.code if error else None


def _deliver(world, connection, call, reply, fault):
    world.calls.end(call)
    reply.headers.setdefault("Date", world.clock.http_date())
    answer = answers.ANSWERS[fault.answer if fault else "normal"]
    return answer(connection, reply, fault, world.stopping)
