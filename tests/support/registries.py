"""Registries with TLS and a password, under names that jobs know: what stands in for a hub and its like.

Nothing of it leaves this machine: each registry listens on the gateway of a Docker network of its own, which
containers of every network reach, and `extra_hosts` of a kind leads the names there.
"""
import base64
import hashlib
import http.client
import json
import os
import pathlib
import secrets
import ssl
import subprocess
import tarfile
import tempfile
import time

import http_peer
from hooks import docker

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


class Authority:
    """Who signs the registries' certificates."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.certificate = self.folder / "authority.crt"
        self.key = self.folder / "authority.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=atelier tests",
                "-keyout", self.key, "-out", self.certificate)

    def sign(self, name, alternatives):
        """The files of a certificate and its key."""
        request, certificate, key, extensions = (
            self.folder / f"{name}.{end}" for end in ("csr", "crt", "key", "ext"))
        extensions.write_text(f"subjectAltName={alternatives}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        openssl("x509", "-req", "-days", "2", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-extfile", extensions, "-out", certificate)
        return certificate, key


class Network:
    """A Docker network whose gateway is an address of this host's that every container reaches.

    Of the range for tests of networks (RFC 2544): Docker itself gives out none of it, inside of dind neither.
    """

    def __init__(self, name, number):
        self.name = f"{name}-{os.getpid()}"
        self.address = f"198.{18 + number}.{os.getpid() % 256}.1"
        docker("network", "create", "--subnet", self.address[:-1] + "0/29", "--gateway", self.address, self.name)

    def remove(self):
        docker("network", "rm", self.name, check=False)


class Registry:
    """docker-registry on port 443 of an address, for one user; and what a client may ask it."""

    def __init__(self, authority, names, address, user):
        self.names, self.address, self.user = names, address, user
        self.password = secrets.token_hex(16)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-", dir=authority.folder))
        certificate, key = authority.sign(names[0], ",".join(["IP:" + address] + ["DNS:" + n for n in names]))
        self.tls = ssl.create_default_context(cafile=authority.certificate)
        users = subprocess.run(["htpasswd", "-niBC", "5", user], input=self.password, capture_output=True, text=True,
                               check=True).stdout
        (self.folder / "users").write_text(users)
        (self.folder / "config.yml").write_text(json.dumps({  # JSON is YAML
            "version": "0.1", "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / "data")}},
            "http": {"addr": f"{address}:443", "secret": secrets.token_hex(16),
                     "tls": {"certificate": str(certificate), "key": str(key)}},
            "auth": {"htpasswd": {"realm": "test", "path": str(self.folder / "users")}}}))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", self.folder / "config.yml"], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.wait()

    def wait(self):
        for _ in range(1200):
            try:
                if self.ask("GET", "/v2/")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError("docker-registry does not answer:\n" + (self.folder / "log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request."""
        connection = http.client.HTTPSConnection(self.address, context=self.tls, timeout=60)
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        try:
            connection.request(method, path, body, {"Authorization": "Basic " + login, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def expect(self, status, *request, **more):
        answer = self.ask(*request, **more)
        if answer[0] != status:
            raise RuntimeError(f"{request[:2]}: {answer[0]} {answer[2][:500]}")
        return answer

    def put_blob(self, repository, data):
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        location = self.expect(202, "POST", f"/v2/{repository}/blobs/uploads/")[1]["Location"]
        path = location[location.index("/v2/"):]
        self.expect(201, "PUT", f"{path}&digest={digest}", body=data,
                    headers={"Content-Type": "application/octet-stream"})
        return {"digest": digest, "size": len(data)}

    def put_image(self, image, repository, tag="latest"):
        """Put an image of the host's there, as it is: not over Docker, which does not trust our authority."""
        with tempfile.TemporaryFile(dir=self.folder) as file:
            subprocess.run(["docker", "save", image], stdout=file, check=True)
            file.seek(0)
            with tarfile.open(fileobj=file) as tar:
                described = json.load(tar.extractfile("manifest.json"))[0]
                config = self.put_blob(repository, tar.extractfile(described["Config"]).read())
                layers = [self.put_blob(repository, tar.extractfile(path).read()) for path in described["Layers"]]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": "application/vnd.docker.container.image.v1+json", **config},
                    "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", **x} for x in layers]}
        self.expect(201, "PUT", f"/v2/{repository}/manifests/{tag}", body=json.dumps(manifest),
                    headers={"Content-Type": MANIFEST})

    def digest(self, repository, tag="latest"):
        """Of the image of that name; None when there is none."""
        status, headers, _ = self.ask("HEAD", f"/v2/{repository}/manifests/{tag}", headers={"Accept": MANIFEST})
        return headers["Docker-Content-Digest"] if status == 200 else None

    def repositories(self):
        return sorted(json.loads(self.expect(200, "GET", "/v2/_catalog")[2])["repositories"])


class Platform:
    """Where applications are released: takes down who asked for what, and whether they knew the key."""

    def __init__(self, address, key):
        self.calls = []
        calls = self.calls

        class Handler(http_peer.Handler):
            def do_POST(self):
                known = secrets.compare_digest(self.headers.get("Authorization", ""), "Bearer " + key)
                calls.append((self.body().decode(), known))
                self.reply(200 if known else 401)

        self.server = http_peer.Server(address, Handler)
        self.url = f"http://{address}:{self.server.server_port}/"
        self.server.start()

    def stop(self):
        self.server.stop()
