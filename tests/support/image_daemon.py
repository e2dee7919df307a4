"""A stand-in of a Docker daemon for how images are pulled: side by side, again, or not at all.

A subclass says what becomes of a pull, and may wait in there (`changed`) until others were asked for. What one can say
beforehand is scripted_daemon.py's.
"""
import json
import re
import threading
import urllib.parse

from http_peer import Handler, SocketServer

ID = "sha256:" + "0" * 64


class _Handler(Handler):
    def answer(self, status, document):
        self.reply(status, json.dumps(document).encode(), {"Api-Version": "1.41"})

    def do_GET(self):
        path = urllib.parse.unquote(self.path)
        image = re.search(r"/images/(.+)/json", path)
        if not image:
            self.answer(200, [] if "/containers/json" in path else {})
        elif (configuration := self.server.inspect(image[1])) is None:
            self.answer(404, {"message": "No such image"})
        else:
            self.answer(200, {"Id": ID, "Config": configuration})

    do_HEAD = do_GET

    def do_POST(self):
        self.body()
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if "/images/create" in self.path:
            self.answer(*self.server.pull(f"{query['fromImage'][0]}:{query['tag'][0]}"))
        else:
            self.answer(500, {"message": "enough"})  # the images were got


class ImageDaemon(SocketServer):
    """Serves on a socket's path, as a context."""

    def __init__(self, path):
        super().__init__(path, _Handler)
        self.changed = threading.Condition()

    def inspect(self, image):
        """An image's Config; None: it is not there."""
        raise NotImplementedError

    def pull(self, image):
        """Status and document of the answer."""
        raise NotImplementedError

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
