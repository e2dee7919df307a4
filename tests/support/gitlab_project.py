"""The one project of the stand-in of GitLab: its names, and its repository."""

from __future__ import annotations

import os
import pathlib
import subprocess

from gitlab_http import Reply, Request

PROJECT = "group/proj"
BRANCH = "main"
PIPELINE = 1


class Repository:
    """A bare repository with one commit, served by `git http-backend`."""

    def __init__(self, root: pathlib.Path, files: dict[str, str]):
        self.root = root
        self.path = root / f"{PROJECT}.git"
        self._git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(self.path))
        self._git("-C", str(self.path), "fast-import", "--quiet", stdin=self._history(files))
        self.sha = self._git("-C", str(self.path), "rev-parse", BRANCH).decode().strip()

    @staticmethod
    def _history(files: dict[str, str]) -> bytes:
        """One commit, also under the pipeline's own ref as GitLab keeps it."""
        def data(text: str) -> bytes:
            return b"data %d\n%s\n" % (len(text.encode()), text.encode())

        tree = b"".join(f"M 100644 inline {name}\n".encode() + data(text) for name, text in files.items())
        return (f"commit refs/heads/{BRANCH}\ncommitter Test <test@example.invalid> 1700000000 +0000\n".encode()
                + data("First commit\n") + tree
                + f"\nreset refs/pipelines/{PIPELINE}\nfrom refs/heads/{BRANCH}\n\n".encode())

    def _git(self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        clean = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(["git", *args], input=stdin, env={**clean, **(env or {})},
                              stdout=subprocess.PIPE, check=True).stdout

    def serve(self, request: Request) -> Reply:
        """One request of git's smart HTTP protocol, by CGI."""
        output = self._git("http-backend", stdin=request.body, env={
            "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path, "QUERY_STRING": request.query,
            "REQUEST_METHOD": request.method, "REMOTE_USER": "gitlab-ci-token",
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        })
        head, _, body = output.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").split()[0])
        return Reply(status, headers, body)
