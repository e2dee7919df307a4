"""Requests to the stand-in of GitLab, and its replies."""

from __future__ import annotations

import base64
import binascii
import json
import re
import socket
import typing
import urllib.parse

import http_peer


class Request(typing.NamedTuple):
    method: str
    path: str
    query: str
    headers: typing.Mapping[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body or b"{}")


class Reply(typing.NamedTuple):
    status: int  # 0: none, the connection is closed
    headers: dict[str, str] = {}
    body: bytes = b""


class Early(typing.NamedTuple):
    """A reply that is given before the request's body was read."""

    reply: Reply


def json_reply(status: int, document: dict, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(document).encode())


def message(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    return json_reply(status, {"message": f"{status} {text}"}, headers)


def basic_credentials(authorization: str) -> tuple[str, str]:
    """User and password of an Authorization header, empty if it is not Basic."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


class Upload(typing.NamedTuple):
    """What a runner's artifacts-uploader sent (UploadRawArtifacts, network/gitlab.go)."""

    query: dict[str, str]
    filename: str
    body: bytes
    headers: typing.Mapping[str, str]


def read_upload(request: Request) -> Upload:
    """The one part of a multipart message; anything else is an error."""
    kind, _, mark = request.headers["Content-Type"].partition("; boundary=")
    head, _, rest = request.body.partition(b"\r\n\r\n")
    end = f"\r\n--{mark}--\r\n".encode()
    first = re.fullmatch(rf'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="([^"]*)"\r\n'
                         r"Content-Type: application/octet-stream", head.decode())
    if kind != "multipart/form-data" or not first or not rest.endswith(end) or f"--{mark}".encode() in rest[:-len(end)]:
        raise ValueError(f"no message of one file: {request.headers['Content-Type']} {head!r}")
    return Upload(dict(urllib.parse.parse_qsl(request.query)), first[1], rest[:-len(end)], request.headers)


class Handler(http_peer.Handler):
    """Carries requests to its server's `gitlab` and the replies back."""

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        request = Request(self.command, urllib.parse.unquote(path), query, self.headers, b"")
        early = self.server.gitlab.refuse_early(request)
        if early:
            return self._refuse(early)
        reply = self.server.gitlab.answer(request._replace(body=self.body()))
        if reply.status:
            self._send(reply)
        else:
            self.close_connection = True

    def _refuse(self, reply: Reply) -> None:
        """The body is not wanted; what is under way of it is dropped, as nginx does it (lingering_close)."""
        self._send(reply)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65536):
            pass

    do_GET = do_POST = do_PUT = do_PATCH = _serve

    def _send(self, reply: Reply) -> None:
        self.reply(reply.status, reply.body, reply.headers)
