# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on plain sockets, since a test wants to break it in ways that no HTTP library allows."""

import contextlib
import dataclasses
import itertools
import select
import socket
import struct
import threading
import urllib.parse

MAX_HEAD_BYTES = 64 << 10
MAX_BODY_BYTES = 16 << 20
HANDSHAKE_SECONDS = 10
STALL_SECONDS = 60
REASONS = {200: "OK", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
           307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden",
           404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
           412: "Precondition Failed", 416: "Range Not Satisfiable", 500: "Internal Server Error",
           502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout"}


class BadRequest(Exception):
    """Not HTTP, or more of it than is reasonable."""


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: str
    headers: list          # (lower-case name, value) in order
    body: bytes

    def header(self, name, default=None):
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else default

    def query_pairs(self):
        """Decoded, but a plus stays a plus, as in a signature."""
        pieces = (piece.partition("=") for piece in self.query.split("&") if piece)
        unquote = urllib.parse.unquote
        return [(unquote(name), unquote(value)) for name, _, value in pieces]

    def form_pairs(self):
        """The parameters of the query and of a form body together."""
        text = self.query
        if self.method == "POST" and self.body:
            text = f"{text}&{self.body.decode('utf-8')}" if text else self.body.decode("utf-8")
        return urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=5000)


@dataclasses.dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)

    def head(self, **other):
        """Status line and headers; `other` replaces or, with None, removes some."""
        length = {} if self.status == 204 else {"Content-Length": str(len(self.body))}
        headers = {**length, **self.headers}
        headers.update({name.replace("_", "-"): value for name, value in other.items()})
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if value is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Connection:
    def __init__(self, sock, number, breaks=None):
        self._sock = sock
        self._buffer = bytearray()       # bytes would be copied whole with each piece
        self._breaks = breaks
        self.number = number

    def read_request(self, idle_seconds):
        """The next request; None when the peer is done or idle for too long."""
        self._sock.settimeout(idle_seconds)
        head = self._read_head()
        if head is None:
            return None
        method, target, headers = _head_parse(head)
        path, _, query = target.partition("?")
        request = Request(method, path, query, headers, b"")
        request.body = self._read_body(request)
        return request

    def send(self, data):
        self._sock.settimeout(60)
        self._sock.sendall(data)

    def shut(self):
        """Ends it, from any thread; SSLSocket's own would unwrap under its reader's feet."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._sock, socket.SHUT_RDWR)

    def close(self):
        self.shut()
        self._sock.close()

    def reset(self):
        """Ends with RST instead of FIN: SO_LINGER with a time of 0 (socket(7))."""
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    def wait_gone(self, stopping):
        """Until the peer closes, or the server stops."""
        poller = select.poll()
        poller.register(self._sock.fileno(), select.POLLRDHUP)
        while not stopping.is_set() and not poller.poll(200):
            pass

    def _read_head(self):
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise BadRequest("the header is too long")
            if not self._fill():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head

    def _read_body(self, request):
        if request.header("transfer-encoding"):
            raise BadRequest("a body needs a Content-Length")
        length = request.header("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            raise BadRequest(f"Content-Length {length} is not accepted")
        if request.header("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        how = self._breaks(int(length)) if self._breaks else None
        while len(self._buffer) < int(length):
            if how and len(self._buffer) >= int(length) // 2:
                self._break(how)
            if not self._fill():
                raise BadRequest("the body ends early")
        body = bytes(self._buffer[:int(length)])
        del self._buffer[:int(length)]
        return body

    def _break(self, how):
        """In the midst of a body: the client has sent more than it sees taken."""
        if how == "stall":
            poller = select.poll()
            poller.register(self._sock.fileno(), select.POLLRDHUP)
            poller.poll(STALL_SECONDS * 1000)
        self.reset()
        raise OSError(f"{how} of a body, as a test wants it")

    def _fill(self):
        try:
            data = self._sock.recv(65536)
        except OSError:
            return False
        self._buffer += data
        return bool(data)


def _head_parse(head):
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("not an HTTP/1.1 request")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequest("a header is malformed")
        headers.append((name.lower(), value.strip()))
    return words[0], words[1], headers


class Listener:
    """One address, a thread per connection; handler(request, connection) is True to go on."""

    _numbers = itertools.count(1)

    def __init__(self, address, handler, idle_seconds, tls=None, breaks=None):
        self._handler = handler
        self._breaks = breaks
        self._idle_seconds = idle_seconds
        self._tls = tls
        self._lock = threading.Lock()
        self._open = set()
        self._socket = socket.create_server(address, backlog=128)
        self.address = self._socket.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.drop_connections()

    def drop_connections(self):
        with self._lock:
            victims = list(self._open)
        for connection in victims:
            connection.shut()
        return len(victims)

    def _accept(self):
        while True:
            try:
                sock, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            connection = Connection(self._secured(sock), next(self._numbers), self._breaks)
        except OSError:
            sock.close()
            return
        with self._lock:
            self._open.add(connection)
        try:
            with contextlib.suppress(OSError, ValueError):      # the peer, or drop_connections()
                self._converse(connection)
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _secured(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            return sock
        sock.settimeout(HANDSHAKE_SECONDS)
        return self._tls.wrap_socket(sock, server_side=True)

    def _converse(self, connection):
        try:
            while True:
                request = connection.read_request(self._idle_seconds())
                if request is None or not self._handler(request, connection):
                    return
                if request.header("connection", "").lower() == "close":
                    return
        except BadRequest as error:
            reply = Reply(400, str(error).encode())
            connection.send(reply.head(Connection="close") + reply.body)
