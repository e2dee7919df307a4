"""Docker daemons of their own, in privileged containers: servers to deploy to, with what their owner sets up on each."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from hooks import ROOT, docker

IMAGE = "atelier/dind:latest"
PROXY_NETWORK = "proxy"


class Target:
    """One of them, on a Docker network of the host's. Its socket and the keys for its TLS are in folders of the host's."""

    def __init__(self, name, network, runtime, registry, authority):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-target-"))
        self.socket = f"unix://{self.folder}/run/docker.sock"
        self.certificates = self.folder / "certs/client"
        trusted = f"{authority.certificate}:/etc/docker/certs.d/{registry.address}/ca.crt:ro"
        entry = f"{ROOT}/tests/support/docker/dockerd-entrypoint:/dockerd-entrypoint:ro"
        self.container = docker(
            "run", "-d", "--name", f"atelier-test-{name}-{os.getpid()}", "--hostname", name, "--network", network,
            "--privileged", *(["--runtime", runtime] if runtime else []), "-e", "DOCKER_TLS_CERTDIR=/certs",
            "-v", f"{self.folder}/certs:/certs", "-v", f"{self.folder}/run:/run/target", "-v", "/var/lib/docker",
            "-v", trusted, "-v", entry, "--entrypoint", "/dockerd-entrypoint", IMAGE,
            "--host=unix:///run/target/docker.sock")
        self.address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", self.container)

    def set_up(self):
        """Once it runs: a place for data, and the proxy's network."""
        for _ in range(1800):
            done = self.docker("version", check=False)
            if done:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("no dockerd in " + self.container + ":\n" + docker("logs", "--tail", "15", self.container))
        self.execute("mkdir", "-p", "/srv/atelier")
        self.docker("network", "create", PROXY_NETWORK)

    def docker(self, *args, check=True):
        """The client on the host, to this daemon; its output, stripped, without what it complains of."""
        done = subprocess.run(["docker", "--host", self.socket, *args], capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"docker {args[0]}: {done.stderr}")
        return done.stdout.strip() if done.returncode == 0 else ""

    def execute(self, *command):
        """On the server itself."""
        return docker("exec", self.container, *command)

    def load(self, image, name):
        """An image of the host's, by another name, as if somebody had pulled it there."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "--host", self.socket, "load", "-q"], stdin=saved.stdout, check=True, capture_output=True)
        self.docker("tag", image, name)

    def remove(self):
        docker("rm", "-f", "-v", self.container, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
