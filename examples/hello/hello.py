"""A web application as small as they get: it says hello, and from which environment."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def greeting(environment):
    return f"Hello from {environment or 'nowhere'}!\n"


class Hello(BaseHTTPRequestHandler):
    def do_GET(self):
        body = greeting(os.environ.get("ENV")).encode()
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    # The first process of a container has no default action for SIGTERM: without this,
    # `docker stop` waits ten seconds and kills.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ThreadingHTTPServer(("0.0.0.0", 9000), Hello).serve_forever()
