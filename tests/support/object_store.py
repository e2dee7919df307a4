"""A server of objects, as presigned addresses lead to one, with faults on request.

    with ObjectStore() as store:
        store.put("/bucket/key", b"bytes")
        store.next("GET", cut(after=100), status(500))  # what becomes of the next two
        ...GET store.url("/bucket/key?signature")...
        store.requests  # what was asked, in order

A path holds one object; what stands behind the `?` is kept in the requests alone.
"""

from __future__ import annotations

import dataclasses
import email.utils
import hashlib
import re
import socket
import ssl
import threading
import typing

from http_peer import Handler, Server


@dataclasses.dataclass
class Object:
    body: bytes
    modified: int
    headers: dict[str, str]
    etag: str


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]  # as they came
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The only one of that name; two would be a fault of the client's."""
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) < 2, f"{name} was sent {len(found)} times"
        return found[0] if found else None


# --- faults: each is called with the handler and the request in place of the ordinary answer ---

Fault = typing.Callable[["_Handler", Request], None]


def status(code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Fault:
    def act(handler: _Handler, _request: Request) -> None:
        handler.reply(code, body, headers or {})
    return act


def xml_error(code: int, name: str, message: str) -> Fault:
    return status(code, f'<?xml version="1.0"?><Error><Code>{name}</Code><Message>{message}</Message></Error>'.encode(),
                  {"Content-Type": "application/xml"})


def redirect(location: str, code: int = 307) -> Fault:
    return status(code, headers={"Location": location})


def cut(after: int) -> Fault:
    """The connection ends when so many bytes of the body were sent."""
    def act(handler: _Handler, request: Request) -> None:
        handler.cut_after = after
        handler.serve(request)
        handler.close_connection = True
    return act


def hang(after: int | None = None) -> Fault:
    """No answer, or no more than so many bytes of its body, until the server ends."""
    def act(handler: _Handler, request: Request) -> None:
        if after is not None:
            handler.cut_after = after
            handler.serve(request)
        handler.server.ended.wait(60)
        handler.close_connection = True
    return act


def replaced(body: bytes) -> Fault:
    """Another object is there from now on."""
    def act(handler: _Handler, request: Request) -> None:
        handler.server.store.put(request.path, body)
        handler.serve(request)
    return act


def without_ranges(handler: _Handler, request: Request) -> None:
    handler.serve(dataclasses.replace(request, headers=[pair for pair in request.headers if pair[0].lower() != "range"]))


def lost(handler: _Handler, _request: Request) -> None:
    """Not a word: the connection is reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.close_connection = True


# --- the server ---


class _Handler(Handler):
    def _take(self) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("http://"):  # we are somebody's proxy
            path = "/" + path.split("/", 3)[3]
        request = Request(self.command, path, query, self.headers.items())
        store = self.server.store
        with store.lock:
            store.requests.append(request)
            faults = store.faults.get(self.command, [])
            fault = faults.pop(0) if faults else None
        request.body = self.body()
        if fault:
            fault(self, request)
        else:
            self.serve(request)

    do_GET = do_PUT = do_HEAD = do_POST = _take

    def serve(self, request: Request) -> None:
        store = self.server.store
        if request.method == "PUT":
            kept = {key: value for key, value in request.headers if re.match("x-.*-meta-", key.lower())}
            store.put(request.path, request.body, headers=kept)
            return self.reply(200)
        known = store.objects.get(request.path)
        if known is None:
            return xml_error(404, "NoSuchKey", "The specified key does not exist.")(self, request)
        headers = {"ETag": known.etag, **known.headers}
        if known.modified:
            headers["Last-Modified"] = email.utils.formatdate(known.modified, usegmt=True)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.header("Range") or "")
        if not wanted or request.header("If-Range") not in (None, known.etag):
            return self.reply(200, known.body, headers)
        first, last = int(wanted[1]), int(wanted[2] or len(known.body) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(known.body)}"
        return self.reply(206, known.body[first:last + 1], headers)


class ObjectStore:
    def __init__(self, address: str = "127.0.0.1", tls: tuple[str, str] | None = None):
        """tls: files of a certificate and its key."""
        self.objects: dict[str, Object] = {}
        self.requests: list[Request] = []
        self.faults: dict[str, list[Fault]] = {}
        self.lock = threading.Lock()
        self._server = Server(address, _Handler)
        self._server.store = self
        self._server.ended = threading.Event()
        self.port = self._server.server_address[1]
        self._scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._server.start()

    def __enter__(self) -> ObjectStore:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._server.ended.set()
        self._server.stop()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def put(self, path: str, body: bytes, modified: int = 1_700_000_000, headers: dict[str, str] | None = None,
            etag: str | None = None) -> None:
        self.objects[path] = Object(body, modified, headers or {}, etag or f'"{hashlib.md5(body).hexdigest()}"')

    def next(self, method: str, *faults: Fault) -> None:
        with self.lock:
            self.faults.setdefault(method, []).extend(faults)

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]
