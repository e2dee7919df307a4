"""A job's images are pulled side by side. The daemon is a stand-in that answers pulls when enough have been asked for."""
import http.server
import json
import pathlib
import re
import socketserver
import tempfile
import threading
import unittest
import urllib.parse

from hooks import Job

SECONDS = 60


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "a socket"

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        name = re.search(r"/images/(.+)/json", urllib.parse.unquote(self.path))
        if not name:
            self.answer(200, {} if "_ping" in self.path or "version" in self.path else [])
        elif name[1].startswith("atelier/helper") or name[1] in self.server.images:
            self.answer(200, {"Id": "sha256:" + "0" * 64, "Config": {}})
        else:
            self.answer(404, {"message": "No such image"})

    do_HEAD = do_GET

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if "/images/create" in self.path:
            self.answer(*self.server.pull(query["fromImage"][0] + ":" + query["tag"][0]))
        else:
            self.answer(500, {"message": "enough"})  # the images were got


class Daemon(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path, together, refused=()):
        super().__init__(path, Handler)
        self.together, self.refused, self.images, self.asked = together, refused, set(), []
        self.changed = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def pull(self, image):
        with self.changed:
            self.asked.append(image)
            self.changed.notify_all()
            if not self.changed.wait_for(lambda: len(set(self.asked)) >= self.together, SECONDS):
                return 500, {"message": f"only {self.asked} were asked for"}
            if image in self.refused:
                return 404, {"message": "manifest unknown"}
            self.images.add(image)
        return 200, {"status": "Pull complete"}


class Together(unittest.TestCase):
    def prepare(self, together, images, policy, **options):
        folder = tempfile.TemporaryDirectory(prefix="atelier-daemon-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "docker.sock"
        daemon = Daemon(str(path), together, **options)
        self.addCleanup(daemon.server_close)
        self.addCleanup(daemon.shutdown)
        job = Job(f"docker_host: unix://{path}\npull_policy: {policy}\n", image=images[0])
        job.response = {**job.payload(images[0], "build"), "services": [
            {"name": image, "alias": f"service-{i}"} for i, image in enumerate(images[1:])]}
        return daemon, job.hook("prepare")

    def test_all_that_are_missing_each_once(self):
        for policy in ("if-not-present", "always"):
            with self.subTest(policy):
                daemon, result = self.prepare(3, ["a:1", "b:1", "c:1", "b:1"], policy)
                self.assertIn("enough", result.err, result)
                self.assertEqual(sorted(daemon.asked), ["a:1", "b:1", "c:1"])

    def test_one_that_is_refused_is_told_as_ever(self):
        daemon, result = self.prepare(2, ["a:1", "b:1"], "always", refused=("b:1",))
        self.assertEqual(result.code, 2, result)
        self.assertIn('failed to pull image "b:1"', result.err)
        self.assertEqual(daemon.asked.count("a:1"), 1)


if __name__ == "__main__":
    unittest.main()
