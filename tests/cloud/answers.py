# SPDX-License-Identifier: Apache-2.0
"""Ways to answer, from the normal one to none; True when the connection may be used again."""

import os

from .web import Reply

PIECE = b" " * (1 << 20)
BILLION_LAUGHS = (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
                  b'<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>')


def _normal(connection, reply, _fault, _stopping):
    connection.send(reply.head() + reply.body)
    return True


def _chunked(connection, reply, _fault, _stopping):
    """As EC2 sends longer replies."""
    data = [reply.head(Content_Length=None, Transfer_Encoding="chunked")]
    for start in range(0, len(reply.body), 1000):
        piece = reply.body[start:start + 1000]
        data.append(b"%x\r\n%s\r\n" % (len(piece), piece))
    connection.send(b"".join(data) + b"0\r\n\r\n")
    return True


def _lost(_connection, _reply, _fault, _stopping):
    return False


def _reset(connection, _reply, _fault, _stopping):
    connection.reset()
    return False


def _never(connection, _reply, _fault, stopping):
    connection.wait_gone(stopping)
    return False


def _truncated(connection, reply, _fault, _stopping):
    """Sound HTTP, but the document in it breaks off."""
    return _replaced(connection, reply, reply.body[:len(reply.body) * 2 // 3])


def _cut(connection, reply, _fault, _stopping):
    """The connection ends in the middle of the body."""
    connection.send(reply.head() + reply.body[:len(reply.body) // 2])
    return False


def _short_length(connection, reply, _fault, _stopping):
    """A Content-Length that is less than what follows."""
    connection.send(reply.head(Content_Length=str(len(reply.body) // 2)) + reply.body)
    return True


def _long_length(connection, reply, _fault, stopping):
    """A Content-Length that is more than what follows, on a connection that stays open."""
    connection.send(reply.head(Content_Length=str(len(reply.body) + 1000)) + reply.body)
    connection.wait_gone(stopping)
    return False


def _malformed(connection, reply, _fault, _stopping):
    return _replaced(connection, reply, reply.body.replace(b"</", b"<", 2) + b"<stray>")


def _doctype(connection, reply, _fault, _stopping):
    return _replaced(connection, reply, BILLION_LAUGHS)


def _rubbish(connection, reply, _fault, _stopping):
    return _replaced(connection, reply, os.urandom(4096))


def _html(connection, reply, _fault, _stopping):
    reply.headers["Content-Type"] = "text/html"
    return _replaced(connection, reply, b"<html><body><h1>Gateway</h1><br>Sorry</body></html>")


def _empty(connection, reply, _fault, _stopping):
    return _replaced(connection, reply, b"")


def _not_http(connection, _reply, _fault, _stopping):
    connection.send(b"220 mail.example.com ESMTP ready\r\n" * 8)
    return False


def _redirect(connection, reply, _fault, _stopping):
    redirect = Reply(302, b"", {**reply.headers, "Location": "http://127.0.0.1:9/elsewhere"})
    connection.send(redirect.head())
    return True


def _huge(connection, reply, fault, stopping):
    """The document, then white space without end."""
    connection.send(reply.head(Content_Length=str(len(reply.body) + fault.bytes)) + reply.body)
    left = fault.bytes
    while left > 0 and not stopping.is_set():
        connection.send(PIECE[:left])
        left -= min(left, len(PIECE))
    return left == 0


def _drip(connection, reply, fault, stopping):
    """Byte by byte, which a limit on the silence alone does not end."""
    data = reply.head() + reply.body
    for start in range(len(data)):
        connection.send(data[start:start + 1])
        if stopping.wait(fault.seconds / len(data)):
            return False
    return True


def _replaced(connection, reply, body):
    reply.body = body
    connection.send(reply.head() + body)
    return True


ANSWERS = {
    "normal": _normal,
    "chunked": _chunked,
    "lost": _lost,
    "reset": _reset,
    "never": _never,
    "truncated": _truncated,
    "cut": _cut,
    "short-length": _short_length,
    "long-length": _long_length,
    "malformed": _malformed,
    "doctype": _doctype,
    "rubbish": _rubbish,
    "html": _html,
    "empty": _empty,
    "not-http": _not_http,
    "redirect": _redirect,
    "huge": _huge,
    "drip": _drip,
}
