"""An HTTP server's two halves, for stand-ins of whom atelier talks to: what they answer is theirs to say."""

from __future__ import annotations

import http.server
import socket
import socketserver
import ssl
import sys
import threading
import typing


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps its connection, says the length of each answer, and prints nothing."""

    protocol_version = "HTTP/1.1"
    cut_after: int | None = None  # no more of a body is sent

    def setup(self) -> None:
        self.disable_nagle_algorithm = self.request.family != socket.AF_UNIX
        super().setup()

    def body(self) -> bytes:
        """The request's."""
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline() or self._gone(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def _gone(self) -> typing.NoReturn:
        raise ConnectionAbortedError("the client went away within its body")

    def reply(self, status: int, body: bytes = b"", headers: typing.Mapping[str, str] = {}) -> None:
        self.send_response(status)
        length = {} if status == 204 else {"Content-Length": str(len(body))}
        for name, value in {**length, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:self.cut_after])

    def log_message(self, *_) -> None:
        pass


class _Serving:
    """A server that works in threads; a client that goes away in the midst of a request is no news."""

    daemon_threads = True
    request_queue_size = 64

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Server(_Serving, http.server.ThreadingHTTPServer):
    """On an address and a free port."""

    def __init__(self, address: str, handler: type[Handler]):
        super().__init__((address, 0), handler)


class SocketServer(_Serving, socketserver.ThreadingUnixStreamServer):
    """On a Unix socket's path."""
