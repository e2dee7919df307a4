"""A real S3 server that checks signatures: OpenStack Swift with its s3api, all of it in one process and one folder.

    with S3Server() as s3:
        ...s3://s3.bucket/key?endpoint=s3.url&region=s3.REGION with s3.KEY_ID and s3.SECRET...

Debian has it: python3-swift (no daemon comes with it). As a program it serves the folder that is its argument.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

REGION = "eu-test-1"
USER, SECRET = "test:tester", "testing/+=secret"
BUCKET = "cache-bucket"

PIPELINE = f"""
[pipeline:main]
pipeline = catch_errors s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = {SECRET} .admin
[filter:s3api]
use = egg:swift#s3api
location = {REGION}
dns_compliant_bucket_names = yes
[filter:catch_errors]
use = egg:swift#catch_errors
"""


class S3Server:
    REGION, KEY_ID, SECRET, bucket = REGION, USER, SECRET, BUCKET

    def __init__(self) -> None:
        python = next((path for path in (sys.executable, "/usr/bin/python3") if self._has_swift(path)), None)
        if not python:
            raise unittest.SkipTest("no S3 server: apt-get install --no-install-recommends python3-swift")
        self._folder = tempfile.TemporaryDirectory(prefix="atelier-s3-")
        self._log = (pathlib.Path(self._folder.name) / "log").open("w+")
        self._process = subprocess.Popen([python, "-W", "ignore", __file__, self._folder.name], text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
                                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        self.port = self._process.stdout.readline().strip()
        if not self.port:
            self._log.seek(0)
            raise RuntimeError(f"the S3 server did not start:\n{self._log.read()}")

    @staticmethod
    def _has_swift(python: str) -> bool:
        look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('swift') is None)"
        return os.path.exists(python) and subprocess.run([python, "-c", look], check=False).returncode == 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> S3Server:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self._process.communicate("")  # it ends with its stdin
        self._log.close()
        self._folder.cleanup()


# --- the server itself ---


class Memory:
    """What tempauth wants of memcached."""

    def __init__(self) -> None:
        self.kept = {}

    def get(self, key, *_, **__):
        return self.kept.get(key)

    def set(self, key, value, *_, **__):
        self.kept[key] = value

    def delete(self, key, *_, **__):
        self.kept.pop(key, None)


def serve(folder: pathlib.Path) -> None:
    import eventlet
    eventlet.monkey_patch()
    import eventlet.wsgi
    from swift.account.server import AccountController
    from swift.common import utils
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.ring import RingBuilder
    from swift.common.swob import Request
    from swift.common.wsgi import loadapp
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController

    utils.HASH_PATH_SUFFIX = utils.HASH_PATH_PREFIX = b"atelier"
    (folder / "devices/disk").mkdir(parents=True)
    settings = {"devices": str(folder / "devices"), "swift_dir": str(folder), "mount_check": "false"}
    quiet = eventlet.wsgi.LoggerNull()

    def listen(app_of) -> int:
        """Serve what app_of() makes on a free port."""
        socket = eventlet.listen(("127.0.0.1", 0))
        eventlet.spawn_n(lambda: eventlet.wsgi.server(socket, app_of(), quiet, protocol=SwiftHttpProtocol))
        return socket.getsockname()[1]

    for name, controller in (("account", AccountController), ("container", ContainerController),
                             ("object", ObjectController)):
        port = listen(lambda controller=controller: controller(settings))
        builder = RingBuilder(1, 1, 0)
        builder.add_dev({"id": 0, "region": 1, "zone": 1, "weight": 1, "ip": "127.0.0.1", "port": port, "device": "disk"})
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{name}.ring.gz"))

    config = folder / "proxy-server.conf"
    config.write_text(f"[DEFAULT]\nswift_dir = {folder}\n{PIPELINE}")
    app = loadapp(str(config))
    bucket = Request.blank(f"/v1/AUTH_test/{BUCKET}", method="PUT", environ={"swift.authorize_override": True})
    answer = bucket.get_response(app._pipeline_final_app)
    if answer.status_int // 100 != 2:
        raise RuntimeError(f"the bucket was not made: {answer.status} {answer.body!r}")
    memory = Memory()
    print(listen(lambda: lambda env, start: app({**env, "swift.cache": memory}, start)), flush=True)
    eventlet.tpool.execute(sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    serve(pathlib.Path(sys.argv[1]))
