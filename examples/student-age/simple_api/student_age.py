"""Students and their ages, over HTTP: GET / gives all of them, GET /NAME one."""
import http.server
import json
import os

AGES = {"alice": 12, "bob": 13}


def answer(path):
    """The status and the document for a path."""
    name = path.strip("/")
    if not name:
        return 200, {"student_ages": AGES}
    if name in AGES:
        return 200, {name: AGES[name]}
    return 404, {"error": f"there is no student {name}"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, document = answer(self.path)
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", "5000"))), Handler).serve_forever()
