"""The registry with a password that ATELIER_TEST_REGISTRY="HOST:PORT:USER:PASSWORD-FILE" names."""
import contextlib
import os
import pathlib
import tempfile
import unittest

from hooks import docker

GIVEN = os.environ.get("ATELIER_TEST_REGISTRY")
needed = unittest.skipUnless(GIVEN, "needs a registry (ATELIER_TEST_REGISTRY)")


class PasswordRegistry:
    def __init__(self):
        name, self.port, self.user, secret = GIVEN.split(":", 3)
        self.host = f"{name}:{self.port}"
        self.password = pathlib.Path(secret).read_text().strip()

    @contextlib.contextmanager
    def client(self):
        """The environment of a docker client that is logged in; nobody else is, and it is not for longer."""
        with tempfile.TemporaryDirectory(prefix="atelier-login-") as folder:
            environment = {**os.environ, "DOCKER_CONFIG": folder}
            docker("login", "-u", self.user, "--password-stdin", self.host, input=self.password, env=environment)
            yield environment

    def push(self, image, name):
        """Under a name that the daemon does not keep."""
        with self.client() as environment:
            docker("tag", image, name)
            docker("push", "-q", name, env=environment)
        docker("rmi", name)

    def for_target(self, folder):
        """A target's `registries`, with the password in a file of that folder."""
        secret = folder / "password"
        secret.write_text(self.password + "\n")
        secret.chmod(0o600)
        return {self.host: {"username": self.user, "password_file": str(secret)}}
