"""One project in one environment on the host's daemon as a target, for tests of deploys; all of it is removed at the end."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import images
from hooks import PATIENCE, wait_for as wait_until

ATELIER = os.environ.get("ATELIER") or pathlib.Path(__file__).resolve().parents[2] / "build/dev/executor/atelier"
HOST = "unix:///var/run/docker.sock"
APPLETS = ("sh", "httpd", "sleep", "echo", "cat", "test", "touch", "id", "true", "false", "mkdir")
SERVER = "trap 'exit 0' TERM; while :; do sleep 0.1; done"  # ends at once when it is asked to

APP = """
version: "3"
services:
  app:
    image: ${X_IMAGE}
    environment:
      KEY: ${API_KEY}
      VERSION: ${CI_COMMIT_SHA}
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    labels: {traefik.enable: "true", traefik.frontend.rule: "Host:app.example"}
    depends_on: [worker]
  worker:
    image: ${X_IMAGE}
    environment: {WORD: "${X_WORD}"}
"""


def docker(*args, check=True):
    return subprocess.run(["docker", *args], check=check, capture_output=True, text=True, timeout=300).stdout.strip()


def image_id(name):
    return docker("image", "inspect", "-f", "{{.Id}}", name)


def remove_unit(unit):
    """All that the daemon has of one project in one environment."""
    only = ["--filter", f"label=atelier.unit={unit}"]
    for _ in range(3):  # what a killed deploy asked for may come a moment later
        ids = docker("ps", "-aq", *only).split()
        if ids:
            docker("rm", "-f", "-v", *ids, check=False)
    for kind in ("volume", "network"):
        names = docker(kind, "ls", "-q", *only).split()
        if names:
            docker(kind, "rm", *names, check=False)


class Done:
    """What came of one command."""

    def __init__(self, code, output):
        self.code, self.output = code, output

    def __repr__(self):
        return f"exit {self.code}:\n{self.output}"


class Deployment:
    def __init__(self, test, name, **target):
        self.test = test
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-deploy-"))
        self.project, self.environment = f"tests/{name}{os.getpid()}", "staging"
        self.unit = f"tests-{name}{os.getpid()}-staging"
        self.variables, self.secrets = {"CI_COMMIT_SHA": "0123456789abcdef"}, {}
        (self.folder / "data").mkdir()
        self.network = f"atelier-test-{name}-{os.getpid()}"  # the proxy's
        docker("network", "create", "--label", f"atelier.unit={self.unit}", self.network)
        key = self.folder / "key"
        key.write_text("0123456789abcdef0123456789abcdef\n")
        key.chmod(0o600)
        self.target = {"docker_host": HOST, "data": str(self.folder / "data"), "key_file": str(key), "routing": "traefik1",
                       "network": self.network,
                       "projects": ["tests/*"], "environments": ["staging"], "drain": "200ms", "stop_grace": "1s", **target}
        test.addCleanup(self.remove)

    def remove(self):
        remove_unit(self.unit)
        for name in docker("volume", "ls", "-q", "--filter", f"name=atelier-data-{self.unit}").split():
            docker("volume", "rm", name, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- commands ---

    def command(self, action, *args):
        variables = [f"{k}={v}" for k, v in self.variables.items()]
        variables += [f"SV_STAGING_{k}={v}" for k, v in self.secrets.items()]
        (self.folder / "variables").write_text("".join(line + "\n" for line in variables))
        (self.folder / "config.yml").write_text(json.dumps({"targets": {"here": self.target}}))  # JSON is YAML
        options = ["--config", self.folder / "config.yml", "--project", self.project, "--environment", self.environment]
        if action == "deploy":
            options += ["--file", self.folder / "docker-compose.yml"]
        if action != "releases":
            options += ["--variables", self.folder / "variables"]
        return [ATELIER, action, *options, "here", *map(str, args)]

    def start(self, action="deploy", *args, compose=None):
        if compose is not None:
            (self.folder / "docker-compose.yml").write_text(compose)
        return subprocess.Popen(self.command(action, *args), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env={**os.environ, "USER": "tester", "SUDO_USER": ""})

    def run(self, action="deploy", *args, compose=None):
        process = self.start(action, *args, compose=compose)
        output = process.communicate(timeout=300)[0]
        return Done(process.returncode, output)

    def up(self, compose=None):
        """A deploy that has to succeed."""
        done = self.run(compose=compose)
        self.test.assertEqual(done.code, 0, done)
        return done

    def fails(self, compose=None, *, code=1):
        done = self.run(compose=compose)
        self.test.assertEqual(done.code, code, done)
        return done

    # --- what is there ---

    def containers(self):
        ids = docker("ps", "-aq", "--no-trunc", "--filter", f"label=atelier.unit={self.unit}").split()
        found = json.loads(docker("inspect", *ids, check=False)) if ids else []  # one may be gone by now
        return [c for c in found if c["Config"]["Labels"].get("atelier.duty") in ("service", "managed")]

    def container(self, service):
        found = [c for c in self.containers() if c["Config"]["Labels"]["atelier.service"] == service]
        self.test.assertEqual(len(found), 1, f"{service}: {[c['Name'] for c in found]}")
        return found[0]

    def ids(self):
        """service -> id; fails when one has several containers."""
        found = {}
        for c in self.containers():
            service = c["Config"]["Labels"]["atelier.service"]
            self.test.assertNotIn(service, found)
            found[service] = c["Id"]
        return found

    def running(self):
        return sorted(c["Config"]["Labels"]["atelier.service"] for c in self.containers() if c["State"]["Running"])

    def volumes(self, duty):
        names = docker("volume", "ls", "-q", "--filter", f"label=atelier.unit={self.unit}", "--filter",
                       f"label=atelier.duty={duty}").split()
        return json.loads(docker("volume", "inspect", *names)) if names else []

    def records(self):
        """number -> record"""
        all_ = [json.loads(v["Labels"]["atelier.record"]) for v in self.volumes("release")]
        return {r["number"]: r for r in sorted(all_, key=lambda r: r["number"])}

    def locks(self):
        return docker("ps", "-aq", "--filter", f"label=atelier.unit={self.unit}", "--filter", "label=atelier.duty=lock").split()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@unittest.skipUnless(images.BUSYBOX, "needs busybox-static")
class DeployCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = []  # ids: two may have been made under one name
        cls.image = cls.make_image("one")
        cls.other = cls.make_image("two", files={"etc/other": (b"x", 0o644)})

    @classmethod
    def tearDownClass(cls):
        images.remove(*cls.made)

    @classmethod
    def make_image(cls, name, files=None, changes=("USER 1001",)):
        command = f"CMD {json.dumps(['sh', '-c', SERVER])}"
        full = images.busybox(f"atelier-test-deploy-{name}", APPLETS, files, (*changes, command))
        cls.made.append(image_id(full))
        return cls.made[-1]

    def deployment(self, name, **target):
        d = Deployment(self, name, **target)
        d.variables |= {"X_IMAGE": self.image, "X_WORD": "hello"}
        d.secrets["API_KEY"] = "key-of-staging-1"
        return d
