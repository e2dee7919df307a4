"""docker:dind as a service: examples/student-age, unmodified, on each of its branches; with TLS and without.

Look-alikes of docker:latest and docker:dind come from tests/support/docker; registries on this machine stand in for
Docker Hub and Heroku's.
"""
import contextlib
import functools
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import tempfile
import time
import unittest

import images
from hooks import PATIENCE, ROOT, docker, has_docker, listed_in_the_end
from registries import Authority, Network, Platform, Registry
from pipelines import Checkout

BASE = "atelier/dind:latest"
PYTHON = "atelier/python:3"
HUB = ["registry-1.docker.io", "index.docker.io", "docker.io"]
HEROKU = ["registry.heroku.com"]
LOOK_ALIKES = {"docker:latest": "Dockerfile", "docker:dind": "Dockerfile.dind"}

# What wingrunr21/alpine-heroku-cli does for `container:release PROCESS --app APP`.
HEROKU_CLI = rb"""#!/bin/sh
[ "$1 $3" = "container:release --app" ] && [ -n "$4" ] || { echo "usage: container:release PROCESS --app APP"; exit 2; }
wget -q -O - --header "Authorization: Bearer $HEROKU_API_KEY" --post-data "$2 $4" "$PLATFORM" || exit 1
echo "Releasing images $2 to $4... done"
"""

# Python and what it needs, of a whole Debian: every job pulls it anew.
SLIM_PYTHON = r"""
libraries=$(ldd /usr/bin/python3 /usr/lib/python3*/lib-dynload/*.so | awk '$2 == "=>" { print $3 } $1 ~ /ld-linux/ { print $1 }')
exec tar -chf - --exclude=__pycache__ /bin/sh /usr/bin/python3 /usr/lib/python3* $(echo "$libraries" | sort -u)
"""


@functools.cache
def privileges():
    """(the runtime with which containers can be privileged here, or None; why there is none)"""
    known = json.loads(docker("info", "--format", "{{json .Runtimes}}"))
    said = ""
    for runtime in ("", "bounded"):
        if runtime and runtime not in known:
            continue
        option = ["--runtime", runtime] if runtime else []
        done = subprocess.run(["docker", "run", "--rm", "--privileged", *option, BASE, "true"], capture_output=True,
                              text=True, check=False)
        if done.returncode == 0:
            return runtime, ""
        said = said or done.stderr.strip().splitlines()[-1]
    return None, f"no privileged containers, and dockerd has no --add-runtime bounded=tests/support/bounded_runc: {said}"


def reason_to_skip():
    if not has_docker():
        return "needs a Docker daemon"
    for tool in ("docker-registry", "htpasswd", "openssl"):
        if not shutil.which(tool):
            return f"needs {tool}"
    for image in (BASE, PYTHON):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode != 0:
            return f"needs the image {image}: sh packaging/images/make {image.partition('/')[2].partition(':')[0]}"
    if os.geteuid() != 0:
        return "needs root, for registries on port 443"
    return privileges()[1]


class Tagged:
    """Names of images, lent: whatever had them before gets them back."""

    def __init__(self):
        self.before = {}

    def take(self, name, build):
        self.before[name] = docker("images", "-q", "--no-trunc", name)
        build()

    def give_back(self):
        for name, before in self.before.items():
            docker("rmi", name, check=False)
            if before:
                docker("tag", before, name)


class World:
    """What the jobs of this file find outside: registries, the platform, the images of Docker's own."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-test-dind-"))
        with contextlib.ExitStack() as undo:  # what was set up goes, unless all of it was
            self.undo = undo
            undo.callback(shutil.rmtree, self.folder)
            self.set_up()
            self.undo = undo.pop_all()

    def set_up(self):
        authority = Authority(self.folder)
        self.hub, self.heroku = (self.registry(authority, *of) for of in (
            ("atelier-test-hub", 0, HUB, "supinfo"), ("atelier-test-heroku", 1, HEROKU, "_")))
        self.platform = Platform(self.heroku.address, self.heroku.password)
        self.undo.callback(self.platform.stop)
        self.images = Tagged()
        self.undo.callback(self.images.give_back)
        context = self.folder / "context"
        shutil.copytree(ROOT / "tests/support/docker", context)
        shutil.copy(authority.certificate, context)
        for name, file in LOOK_ALIKES.items():
            self.images.take(name, lambda name=name, file=file: docker("build", "-q", "-t", name, "-f", context / file,
                                                                       context))
        self.fill_hub()

    def registry(self, authority, name, number, names, user):
        network = Network(name, number)
        self.undo.callback(network.remove)
        registry = Registry(authority, names, network.address, user)
        self.undo.callback(registry.stop)
        return registry

    def fill_hub(self):
        python = f"atelier-test/python:{os.getpid()}"
        with subprocess.Popen(["docker", "run", "--rm", PYTHON, "sh", "-c", SLIM_PYTHON], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as tar:
            docker("import", "-c", 'CMD ["python3"]', "-", python, stdin=tar.stdout)
        self.undo.callback(images.remove, python)
        self.hub.put_image(python, "library/python", "3-slim")
        cli = images.busybox("atelier-test/heroku-cli", ("sh", "wget"), {"bin/heroku": (HEROKU_CLI, 0o755)},
                             ('ENTRYPOINT ["/bin/heroku"]', f"ENV PLATFORM={self.platform.url}"))
        self.undo.callback(images.remove, cli)
        self.hub.put_image(cli, "wingrunr21/alpine-heroku-cli")

    def hosts(self):
        return [f"{name}:{registry.address}" for registry in (self.hub, self.heroku) for name in registry.names]

    def configuration(self):
        """What a host's owner writes for docker:dind, and where our registries are."""
        kind = {"privileged_services": ["docker:dind"], "mounts": ["/certs/client"], "extra_hosts": self.hosts()}
        if privileges()[0]:
            kind["runtime"] = privileges()[0]
        kind = json.dumps(kind)
        return f"pull_policy: if-not-present\nservices: {{wait: {PATIENCE}s}}\nstages: {{release: push}}\nkinds: {{test: {kind}, push: {kind}}}\n"

    def secrets(self):
        return {"DOCKER_PASSWORD": self.hub.password, "HEROKU_API_KEY": self.heroku.password}

    def tear_down(self):
        self.undo.close()


class Events:
    """What Docker tells while the block runs: [(kind of thing, its id, its attributes)]. It keeps only the last few."""

    def __init__(self, *names):
        self.command = ["docker", "events", "--since", str(int(time.time())), "--format", "{{.Type}} {{.Actor.ID}} {{json .Actor.Attributes}}",
                        *(word for name in names for word in ("--filter", f"event={name}"))]
        self.seen = []

    def __enter__(self):
        self.file = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.command, stdout=self.file, stdin=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.file.seek(0)
        self.seen = [(kind, id, json.loads(about)) for kind, id, about in (line.split(" ", 2) for line in self.file)]
        self.file.close()


TLS = """
image: docker:latest
services: [docker:dind]
variables:
  DOCKER_HOST: tcp://docker:2376
  DOCKER_TLS_CERTDIR: "/certs"
  DOCKER_TLS_VERIFY: 1
  DOCKER_CERT_PATH: "$DOCKER_TLS_CERTDIR/client"
test:
  script:
    - echo $DOCKER_PASSWORD | docker login -u $DOCKER_USERNAME --password-stdin
    - echo "FROM wingrunr21/alpine-heroku-cli" | docker build -
    - ls -l /certs
    - if env -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH docker version; then echo "plain talk is heard"; fi
    - if env -u DOCKER_TLS_VERIFY -u DOCKER_CERT_PATH docker --tls version; then echo "anybody is heard"; fi
"""


class Dind(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        reason = reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        cls.world = World()
        cls.addClassCleanup(cls.world.tear_down)

    def checkout(self, ci=None):
        """The example with its three branches, and what the project's settings on a server would hold."""
        example = ROOT / "examples/student-age"
        files = {str(path.relative_to(example)): path.read_text() for path in example.rglob("*") if path.is_file()}
        if ci:
            files[".gitlab-ci.yml"] = ci
        c = Checkout(files.pop(".gitlab-ci.yml"), files, name="student-age")
        self.addCleanup(c.remove)
        with c.config.open("a") as config:
            config.write(self.world.configuration())
        c.git("branch", "-qM", "master")
        c.git("branch", "testing")
        c.git("checkout", "-qb", "staging")
        c.write({"simple_api/student_age.py": files["simple_api/student_age.py"].replace('"bob": 13', '"bob": 13, "eva": 9')})
        c.git("commit", "-qam", "Eva is new")
        c.git("checkout", "-q", "master")
        self.apps = {"HEROKU_APP_PRODUCTION": f"production-{secrets.token_hex(3)}",
                     "HEROKU_APP_STAGING": f"staging-{secrets.token_hex(3)}"}
        (c.root / "variables").write_text("".join(f"{key}={value}\n" for key, value in {
            "DOCKER_USERNAME": self.world.hub.user, **self.world.secrets(), **self.apps}.items()))
        return c

    def run_branch(self, c, branch):
        """The pipeline of the branch, green; nothing secret is shown and nothing is left behind."""
        del self.world.platform.calls[:]
        with Events("create", "mount") as events:
            result = c.run("--branch", branch, "--variables", str(c.root / "variables"))
        self.assertEqual(result.code, 0, result)
        for secret in self.world.secrets().values():
            self.assertNotIn(secret, result.text)
        self.assert_nothing_left(events.seen)
        return result

    def assert_nothing_left(self, events):
        containers = {id for kind, id, about in events
                      if kind == "container" and about.get("atelier.project") == "local/student-age"}
        volumes = {id for kind, id, about in events if kind == "volume" and about.get("container") in containers}
        self.assertTrue(containers)
        self.assertTrue(volumes, "dind's storage is a volume")
        self.assertEqual(listed_in_the_end("ps", "-aq", "--no-trunc", among=containers), [])
        self.assertEqual(listed_in_the_end("volume", "ls", "-q", among=volumes), [])
        self.assertEqual(listed_in_the_end("network", "ls", "-q", "--filter", "label=atelier.project=local/student-age"), [])

    def pushed(self, result, job, app):
        """The digest of the application's image in the registry, which must be the one that the job told."""
        told = re.findall(r"^latest: digest: (sha256:\w+) size: ", "\n".join(result.lines_of(job)), re.M)
        digest = self.world.heroku.digest(f"{app}/web")
        self.assertEqual(told, [digest])
        return digest

    def test_each_branch_runs_its_jobs(self):
        c = self.checkout()
        production, staging = self.apps.values()
        calls = self.world.platform.calls

        result = self.run_branch(c, "testing")
        self.assertEqual(result.summary(), {"test": ("passed", "")})
        self.assertIn("Ran 1 test in", result.text)
        self.assertEqual(calls, [])
        self.assertEqual(self.world.heroku.repositories(), [])

        result = self.run_branch(c, "master")
        self.assertEqual(result.summary(), {"test": ("passed", ""), "release-prod": ("passed", "")})
        self.assertEqual(calls, [(f"web {production}", True)])
        self.assertEqual(self.world.heroku.repositories(), [f"{production}/web"])
        stable = self.pushed(result, "release-prod", production)
        self.assertIn(f"Releasing images web to {production}... done", result.lines_of("release-prod"))

        result = self.run_branch(c, "staging")
        self.assertEqual(result.summary(), {"test": ("passed", ""), "release-staging": ("passed", "")})
        self.assertEqual(calls, [(f"web {staging}", True)])
        self.assertEqual(self.world.heroku.repositories(), [f"{production}/web", f"{staging}/web"])
        self.assertNotEqual(self.pushed(result, "release-staging", staging), stable, "the branches' sources differ")
        self.assertEqual(self.world.heroku.digest(f"{production}/web"), stable)

    def test_with_tls(self):
        result = self.run_branch(self.checkout(TLS), "master")
        self.assertEqual(result.summary(), {"test": ("passed", "")})
        lines = result.lines_of("test")
        self.assertTrue([line for line in lines if line.endswith(" client")])
        self.assertFalse([line for line in lines if line.endswith(" ca")], "the authority's key is not the job's")
        self.assertIn("Client sent an HTTP request to an HTTPS server", result.text)
        self.assertNotIn("is heard", [line for line in lines if not line.startswith("$ ")])


if __name__ == "__main__":
    unittest.main()
