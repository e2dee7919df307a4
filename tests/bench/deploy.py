"""What a deploy takes, beside `docker-compose up -d` on the same project and daemon, in the same run.

    cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release --target benchmarks

Needs Debian's docker-compose. Both find all images there. Our deploy returns when each service is healthy or has stayed
up for a while; docker-compose returns when containers have started, so its column `healthy` is how long it is until the
service with a HEALTHCHECK is so.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import pathlib
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import images  # noqa: E402
from deploys import ATELIER, Deployment, docker, image_id, wait_until  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "5"))
STEPS = ("fresh", "changed", "unchanged")
SERVER = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
PROJECT = """
version: "3"
services:
  app:
    image: ${X_IMAGE}
    environment: {KEY: "${API_KEY}", VERSION: "${X_VERSION}"}
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    depends_on: [db, cache]
  web: {image: "${X_IMAGE}", environment: {VERSION: "${X_VERSION}"}, depends_on: [app]}
  worker: {image: "${X_IMAGE}", depends_on: [db, cache]}
  cache: {image: "${X_IMAGE}"}
  db: {image: "${X_IMAGE}"}
"""


def seconds(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


class Ours:
    def __init__(self, test, number, image):
        self.deployment = Deployment(test, f"bench{number}", drain="0s")
        self.deployment.variables["X_IMAGE"] = image
        self.deployment.secrets["API_KEY"] = "key"

    def up(self, version):
        self.deployment.variables["X_VERSION"] = version
        return {"atelier": seconds(lambda: self.deployment.up(PROJECT))}


class Compose:
    """Beside it, in the deployment's folder."""

    def __init__(self, test, deployment, image):
        self.folder = deployment.folder / "compose"
        self.folder.mkdir()
        (self.folder / "docker-compose.yml").write_text(PROJECT)
        self.name = deployment.unit + "-compose"
        self.env = {**os.environ, "X_IMAGE": image, "API_KEY": "key", "X_VERSION": ""}
        test.addCleanup(self.call, "down", "-t", "1")

    def call(self, *args):
        subprocess.run(["docker-compose", "-p", self.name, *args], cwd=self.folder, env=self.env, check=True, capture_output=True)

    def is_healthy(self):
        only = ["--filter", f"label=com.docker.compose.project={self.name}", "--filter", "label=com.docker.compose.service=app"]
        ids = docker("ps", "-q", *only).split()
        return bool(ids) and json.loads(docker("inspect", *ids))[0]["State"]["Health"]["Status"] == "healthy"

    def up(self, version):
        self.env["X_VERSION"] = version
        started = seconds(lambda: self.call("up", "-d", "-t", "1"))
        return {"compose": started, "healthy": started + seconds(lambda: wait_until(self.is_healthy, "a healthy app"))}


def one_round(number, image, rows):
    test = unittest.TestCase()  # its clean-ups
    try:
        ours = Ours(test, number, image)
        both = [ours, Compose(test, ours.deployment, image)]
        for step, version in zip(STEPS, ("1", "2", "2")):
            for one in both if number % 2 else reversed(both):
                for name, took in one.up(version).items():
                    rows[step].setdefault(name, []).append(took)
    finally:
        test.doCleanups()


def main():
    if not shutil.which("docker-compose") or not images.BUSYBOX:
        print("deploy: needs docker-compose and busybox-static: apt-get install docker-compose busybox-static")
        return
    rows = {step: {} for step in STEPS}
    image = images.busybox("atelier-bench-deploy", ("sh", "sleep", "true"), None, ("USER 1001", f"CMD {json.dumps(SERVER)}"))
    try:
        for number in range(ROUNDS):
            one_round(number, image_id(image), rows)
    finally:
        images.remove(image)
    print(f"{ATELIER}, {ROUNDS} deploys of each kind, 5 services, two of which change; medians in seconds")
    print(f"{'deploy':10} {'atelier':>8} {'compose':>8} {'ratio':>6} {'healthy':>8} {'ratio':>6}")
    for step, figures in rows.items():
        ours, started, healthy = (statistics.median(figures[name]) for name in ("atelier", "compose", "healthy"))
        print(f"{step:10} {ours:8.2f} {started:8.2f} {ours / started:6.2f} {healthy:8.2f} {ours / healthy:6.2f}")


main()
