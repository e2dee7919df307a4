"""A stand-in of GitLab for tests that drive a real gitlab-runner.

It speaks the part of GitLab's API that a runner uses to get and report jobs,
and serves the project's repository over HTTP, so that `get_sources` clones.

    with GitLab() as gitlab:
        ...start a runner with gitlab.url and gitlab.runner_token...
        number = gitlab.submit(job(["make"], image="debian"))
        result = gitlab.wait(number, timeout=60)

Protocol facts are read from gitlab-runner's source; each docstring names the
file that a fact comes from (paths as in v19.3.0, v14.7.0 agrees if not said).

As a program it prints its port, runs the payloads named as arguments (JSON
files with the keys of `job`), prints each result, and ends:

    gitlab_api.py job.json...
"""

from __future__ import annotations

import base64
import binascii
import copy
import dataclasses
import http.server
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import typing
import urllib.parse

PROJECT = "group/proj"
BRANCH = "main"
PIPELINE = 1
FINAL_STATES = ("success", "failed")  # what a runner reports at the end (JobState, common/network.go)
LIVE = ("running", "canceling")  # while a job is in these its token is good


# --- jobs ---------------------------------------------------------------------


def variable(key: str, value: str, *, public: bool = True, masked: bool = False,
             file: bool = False, raw: bool = False) -> dict:
    """One CI variable as in the payload (Variable, common/spec/spec.go)."""
    return {"key": key, "value": value, "public": public, "masked": masked, "file": file, "raw": raw}


def job(script: list[str], *, name: str = "test", stage: str = "test",
        image: str | dict | None = None, services: typing.Iterable[str | dict] = (),
        variables: dict[str, str] | typing.Iterable[dict] = (),
        after_script: list[str] | None = None, timeout: int = 3600, depth: int = 20,
        artifacts: typing.Iterable[dict] = (), cache: typing.Iterable[dict] = (),
        credentials: typing.Iterable[dict] = (), dependencies: typing.Iterable[dict] = ()) -> dict:
    """The payload of a job as a GitLab server sends it (Job, common/spec/spec.go).

    What only the server knows (id, token, repository, CI_* variables) is added
    by `GitLab.submit`.
    """
    if isinstance(variables, dict):
        variables = [variable(key, value) for key, value in variables.items()]
    steps = [_step("script", script, timeout, when="on_success", allow_failure=False)]
    if after_script:
        steps.append(_step("after_script", after_script, timeout, when="always", allow_failure=True))
    return {
        "allow_git_fetch": True,
        "job_info": {
            "name": name, "stage": stage, "pipeline_id": PIPELINE, "project_id": 1,
            "project_name": PROJECT.rpartition("/")[2], "project_full_path": PROJECT,
            "time_in_queue_seconds": 1, "project_jobs_running_on_instance_runners_count": "0",
        },
        "git_info": {
            "ref": BRANCH, "ref_type": "branch", "before_sha": "0" * 40, "depth": depth,
            "repo_object_format": "sha1", "protected": True,
            "refspecs": [f"+refs/pipelines/{PIPELINE}:refs/pipelines/{PIPELINE}",
                         f"+refs/heads/{BRANCH}:refs/remotes/origin/{BRANCH}"],
        },
        "runner_info": {"timeout": timeout, "runner_session_url": None},
        "inputs": [],
        "variables": list(variables),
        "steps": steps,
        "image": _image(image) if image else None,
        "services": [_image(service) for service in services],
        "artifacts": list(artifacts),
        "cache": list(cache),
        "credentials": list(credentials),
        "dependencies": list(dependencies),
        "hooks": [],
        "features": {
            "trace_sections": True,
            "token_mask_prefixes": ["glpat-"],
            "failure_reasons": ["unknown_failure", "script_failure", "runner_system_failure",
                                "job_execution_timeout", "image_pull_failure"],
        },
    }


def _step(name: str, script: list[str], timeout: int, **rules) -> dict:
    return {"name": name, "script": list(script), "timeout": timeout, **rules}


def _image(image: str | dict) -> dict:
    """An image or service; GitLab sends every key, empty ones as null."""
    given = {"name": image} if isinstance(image, str) else image
    return {"alias": None, "entrypoint": None, "command": None, "ports": [], "variables": [],
            "pull_policy": None, "executor_opts": {}, **given}


@dataclasses.dataclass(frozen=True)
class Result:
    """The end of a job. `exit_code` is 0 if the runner sent none (it omits zero)."""

    state: str
    failure_reason: str
    exit_code: int
    trace: str
    seconds: float  # from the moment at which the runner got it to its report


class _Job:
    """A submitted job and what the runner told about it."""

    def __init__(self, payload: dict):
        self.payload = payload
        self.id: int = payload["id"]
        self.token: str = payload["token"]
        self.state = "pending"
        self.trace = bytearray()
        self.graceful = False  # the runner that took it understands "canceling"
        self.report: dict | None = None  # the final one
        self.taken = self.reported = 0.0

    @property
    def text(self) -> str:
        return self.trace.decode(errors="replace")

    def result(self) -> Result:
        report = self.report or {}
        return Result(self.state, report.get("failure_reason", ""), report.get("exit_code", 0), self.text,
                      self.reported - self.taken)


# --- HTTP ---------------------------------------------------------------------


class Request(typing.NamedTuple):
    method: str
    path: str
    query: str
    headers: typing.Mapping[str, str]
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body or b"{}")


class Reply(typing.NamedTuple):
    status: int  # 0: none, the connection is closed
    headers: dict[str, str] = {}
    body: bytes = b""


class Early(typing.NamedTuple):
    """A reply that is given before the request's body was read."""

    reply: Reply


class _Handler(http.server.BaseHTTPRequestHandler):
    """Carries requests to `GitLab.answer` and its replies back."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        request = Request(self.command, urllib.parse.unquote(path), query, self.headers, b"")
        early = self.server.gitlab.refuse_early(request)
        if early:
            return self._refuse(early)
        reply = self.server.gitlab.answer(request._replace(body=self._body()))
        if reply.status:
            self._send(reply)
        else:
            self.close_connection = True

    def _refuse(self, reply: Reply) -> None:
        """The body is not wanted; what is under way of it is dropped, as nginx does it (lingering_close)."""
        self._send(reply)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65536):
            pass

    def _body(self) -> bytes:
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline() or self._gone(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def _gone(self) -> typing.NoReturn:
        raise ConnectionAbortedError("the client went away within its body")

    do_GET = do_POST = do_PUT = do_PATCH = _serve

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.status != 204:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_) -> None:
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, gitlab: GitLab):
        super().__init__((address, 0), _Handler)
        self.gitlab = gitlab

    def handle_error(self, request, client_address) -> None:
        """A runner that goes away in the midst of a request is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


# --- the repository -----------------------------------------------------------


class _Repository:
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


# --- artifacts ----------------------------------------------------------------


class Upload(typing.NamedTuple):
    """What a runner's artifacts-uploader sent (UploadRawArtifacts, network/gitlab.go)."""

    query: dict[str, str]
    filename: str
    body: bytes
    headers: typing.Mapping[str, str]


def read_upload(request: Request) -> Upload:
    """The one part of a multipart message; anything else is an error."""
    kind, _, mark = request.headers["Content-Type"].partition("; boundary=")
    head, _, rest = request.body.partition(b"\r\n\r\n")
    end = f"\r\n--{mark}--\r\n".encode()
    first = re.fullmatch(rf'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="([^"]*)"\r\n'
                         r"Content-Type: application/octet-stream", head.decode())
    if kind != "multipart/form-data" or not first or not rest.endswith(end) or f"--{mark}".encode() in rest[:-len(end)]:
        raise ValueError(f"no message of one file: {request.headers['Content-Type']} {head!r}")
    return Upload(dict(urllib.parse.parse_qsl(request.query)), first[1], rest[:-len(end)], request.headers)


# --- the server ---------------------------------------------------------------


class GitLab:
    """A GitLab with one project and one runner, on `address` and a free port."""

    LONG_POLL = 2.0  # seconds that a request for a job waits for one
    UPDATE_INTERVAL = 1  # seconds between a runner's trace updates

    def __init__(self, address: str = "127.0.0.1", files: dict[str, str] | None = None):
        self.runner_token = f"glrt-{secrets.token_hex(10)}"
        self._jobs: dict[int, _Job] = {}
        self.uploads: dict[int, list[Upload]] = {}  # of each job, in order
        self.requests: list[Request] = []  # for artifacts, with the query and headers as they came
        self.direct: typing.Callable[[bytes], str] | None = None  # keeps them elsewhere, and says where
        self._replies: list[Reply | Early | typing.Callable[[Request], Reply]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._folder = tempfile.TemporaryDirectory(prefix="gitlab-api-")
        self._repository = _Repository(pathlib.Path(self._folder.name), files or {"README.md": "A project.\n"})
        self._server = _Server(address, self)
        self.address, self.port = self._server.server_address[:2]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> GitLab:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; requests for a job that still wait end with 204."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"

    @property
    def sha(self) -> str:
        """The commit that every job checks out."""
        return self._repository.sha

    # What a test does.

    def submit(self, payload: dict) -> int:
        """Queue a job made by `job`; returns its id."""
        with self._changed:
            number = 1000 + len(self._jobs) + 1
            self._jobs[number] = _Job(self._complete(payload, number))
            self._changed.notify_all()
        return number

    def wait(self, number: int, timeout: float) -> Result:
        """The result, once the runner has reported it.

        A runner reports after the executor's clean-up (Run, common/build.go),
        for a cancelled job too, whose report the server refuses.
        """
        submitted = self._jobs[number]
        self._await(lambda: submitted.report is not None, timeout, submitted, "is not reported")
        return submitted.result()

    def wait_trace(self, number: int, text: str, timeout: float) -> None:
        """Return once the job's trace contains `text`."""
        submitted = self._jobs[number]
        self._await(lambda: text in submitted.text or submitted.report is not None, timeout, submitted,
                    f"has not written {text!r}")
        if text not in submitted.text:
            raise AssertionError(f"job {number} ended without {text!r}:\n{submitted.text}")

    def cancel(self, number: int, force: bool = False) -> str:
        """Cancel as a user does; returns the job's state from now on.

        GitLab goes through `canceling`, which lets after_script run, if the
        runner announced `cancel_gracefully` (getFeatures, network/gitlab.go;
        v14.7.0 does not), else straight to `canceled`; so does a force.
        """
        with self._changed:
            submitted = self._jobs[number]
            if submitted.state == "pending":
                submitted.state, submitted.report = "canceled", {}
            elif submitted.state in LIVE:
                submitted.state = "canceling" if submitted.graceful and not force else "canceled"
            self._changed.notify_all()
            return submitted.state

    def run(self) -> int:
        """A job that runs already, for programs that are not a runner's."""
        number = self.submit(job(["true"]))
        self._jobs[number].state = "running"
        return number

    def reply_next(self, *replies: Reply | Early | typing.Callable[[Request], Reply]) -> None:
        """Answer the next requests for artifacts in this way."""
        self._replies.extend(replies)

    def state(self, number: int) -> str:
        return self._jobs[number].state

    def token(self, number: int) -> str:
        """The job's token, which must appear in no trace."""
        return self._jobs[number].token

    def _await(self, condition: typing.Callable[[], bool], timeout: float, submitted: _Job, failure: str) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"job {submitted.id} ({submitted.state}) {failure} "
                                   f"after {timeout} s:\n{submitted.text}")

    # What the server adds to a payload.

    def _complete(self, payload: dict, number: int) -> dict:
        """The payload with what the server knows."""
        payload = copy.deepcopy(payload)
        payload["id"] = number
        payload["token"] = token = f"glcbt-{secrets.token_hex(16)}"
        payload["git_info"]["sha"] = self.sha
        payload["git_info"]["repo_url"] = (
            f"http://gitlab-ci-token:{token}@{self.address}:{self.port}/{PROJECT}.git")
        for dependency in payload["dependencies"]:  # the running job's own is what it may download with
            dependency["token"] = token
        payload["variables"] = [*self._predefined(payload), *payload["variables"]]
        return payload

    def _predefined(self, payload: dict) -> list[dict]:
        """The variables that GitLab adds to every job of a branch pipeline."""
        info, git = payload["job_info"], payload["git_info"]
        group, _, project = PROJECT.partition("/")
        site = f"{self.url}/{PROJECT}"
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        public = {
            "CI_JOB_ID": payload["id"], "CI_JOB_URL": f"{site}/-/jobs/{payload['id']}",
            "CI_JOB_STARTED_AT": now, "CI_JOB_NAME": info["name"], "CI_JOB_STAGE": info["stage"],
            "CI_JOB_NAME_SLUG": info["name"].lower(), "CI_NODE_TOTAL": 1,
            "CI_BUILD_ID": payload["id"], "CI_BUILD_NAME": info["name"], "CI_BUILD_STAGE": info["stage"],
            "CI": "true", "GITLAB_CI": "true", "GITLAB_FEATURES": "", "CI_CONFIG_PATH": ".gitlab-ci.yml",
            "CI_API_V4_URL": f"{self.url}/api/v4", "CI_TEMPLATE_REGISTRY_HOST": "registry.example.invalid",
            "CI_SERVER": "yes", "CI_SERVER_URL": self.url, "CI_SERVER_HOST": self.address,
            "CI_SERVER_FQDN": f"{self.address}:{self.port}",
            "CI_SERVER_PORT": self.port, "CI_SERVER_PROTOCOL": "http", "CI_SERVER_NAME": "GitLab",
            "CI_SERVER_VERSION": "19.3.0", "CI_SERVER_VERSION_MAJOR": 19, "CI_SERVER_VERSION_MINOR": 3,
            "CI_SERVER_VERSION_PATCH": 0, "CI_SERVER_REVISION": "0000000000",
            "CI_PROJECT_ID": info["project_id"], "CI_PROJECT_NAME": project, "CI_PROJECT_TITLE": project,
            "CI_PROJECT_PATH": PROJECT, "CI_PROJECT_PATH_SLUG": PROJECT.replace("/", "-"),
            "CI_PROJECT_NAMESPACE": group, "CI_PROJECT_ROOT_NAMESPACE": group, "CI_PROJECT_URL": site,
            "CI_PROJECT_VISIBILITY": "private", "CI_DEFAULT_BRANCH": BRANCH,
            "CI_PIPELINE_ID": PIPELINE, "CI_PIPELINE_IID": PIPELINE, "CI_PIPELINE_SOURCE": "push",
            "CI_PIPELINE_CREATED_AT": now, "CI_PIPELINE_URL": f"{site}/-/pipelines/{PIPELINE}",
            "CI_COMMIT_SHA": git["sha"], "CI_COMMIT_SHORT_SHA": git["sha"][:8],
            "CI_COMMIT_BEFORE_SHA": git["before_sha"], "CI_COMMIT_REF_NAME": git["ref"],
            "CI_COMMIT_REF_SLUG": git["ref"], "CI_COMMIT_BRANCH": git["ref"],
            "CI_COMMIT_REF_PROTECTED": "true", "CI_COMMIT_TIMESTAMP": now,
            "CI_COMMIT_AUTHOR": "Test <test@example.invalid>", "CI_COMMIT_TITLE": "First commit",
            "CI_COMMIT_MESSAGE": "First commit\n", "CI_COMMIT_DESCRIPTION": "",
            "CI_RUNNER_ID": 1, "CI_RUNNER_DESCRIPTION": "test", "CI_RUNNER_TAGS": "[]",
            "GITLAB_USER_ID": 1, "GITLAB_USER_LOGIN": "test", "GITLAB_USER_NAME": "Test",
            "GITLAB_USER_EMAIL": "test@example.invalid",
        }
        token = payload["token"]
        return [
            *(variable(key, str(value)) for key, value in public.items()),
            variable("CI_JOB_TOKEN", token, public=False, masked=True),
            variable("CI_BUILD_TOKEN", token, public=False, masked=True),
            variable("CI_REPOSITORY_URL", git["repo_url"], public=False),
            variable("CI_REGISTRY_USER", "gitlab-ci-token", public=False),
            variable("CI_REGISTRY_PASSWORD", token, public=False, masked=True),
        ]

    # What a runner asks.

    def refuse_early(self, request: Request) -> Reply | None:
        """What a proxy in front of GitLab says without reading the body."""
        early = self._replies and isinstance(self._replies[0], Early)
        return self._artifacts(request, 0).reply if early else None

    def answer(self, request: Request) -> Reply:
        """Answer one HTTP request."""
        if request.path.startswith(f"/{PROJECT}.git/"):
            return self._git(request)
        for method, pattern, call in self._ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return call(self, request, *map(int, match.groups()))
        return _message(404, "Not Found")

    def _verify(self, request: Request) -> Reply:
        """Is the runner known? (VerifyRunner, network/gitlab.go)"""
        if request.json().get("token") != self.runner_token:
            return _message(403, "Forbidden")
        return _json(200, {"id": 1, "token": self.runner_token, "token_expires_at": None})

    def _request_job(self, request: Request) -> Reply:
        """The next job, or 204 if none comes in time (RequestJob, network/gitlab.go).

        GitLab holds the request open too ("long polling"). The header comes
        back as `last_update` in the next request (setLastUpdate, network/client.go).
        """
        ask = request.json()
        if ask.get("token") != self.runner_token:
            return _message(403, "Forbidden")
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next(), self.LONG_POLL)
            taken = None if self._closed else self._next()
            if taken is None:
                return Reply(204, {"X-GitLab-Last-Update": str(len(self._jobs))})
            taken.state, taken.taken = "running", time.monotonic()
            taken.graceful = bool(ask["info"]["features"].get("cancel_gracefully"))
            self._changed.notify_all()
        return _json(201, taken.payload)

    def _next(self) -> _Job | None:
        return next((queued for queued in self._jobs.values() if queued.state == "pending"), None)

    def _append_trace(self, request: Request, number: int) -> Reply:
        """Append a piece of the trace (PatchTrace, network/gitlab.go).

        `Content-Range: first-last`, inclusive and without a unit. 202 accepts;
        416 with `Range: 0-<length>` makes the runner go on from there (NewOffset,
        network/patch_response.go); 403 or a final `Job-Status` aborts the job, and
        `canceling` cancels its script (network/remote_job_state_response.go).
        """
        with self._changed:
            known = self._authorised(request.headers.get("JOB-TOKEN"), number)
            if known is None:
                return _message(403, "Forbidden")
            if known.state not in LIVE:
                return self._no_longer_running(known)
            first, _, last = request.headers.get("Content-Range", "").partition("-")
            fits = (first, last) == (str(len(known.trace)), str(len(known.trace) + len(request.body) - 1))
            if fits:
                known.trace += request.body
                self._changed.notify_all()
            return Reply(202 if fits else 416, {"Range": f"0-{len(known.trace)}", **self._status(known)})

    def _update(self, request: Request, number: int) -> Reply:
        """A sign of life or the final report (UpdateJob, network/gitlab.go).

        200 accepts; 412 makes the runner send the whole trace again; 403 tells
        it that the job is no longer its own. A `Job-Status` counts as in a reply
        to a piece of trace, so an accepted final report gets none.
        """
        report = request.json()
        with self._changed:
            known = self._authorised(report.get("token"), number)
            if known is None:
                return _message(403, "Forbidden")
            final = report.get("state") in FINAL_STATES
            if known.state not in LIVE:
                if final:
                    self._close_job(known, report, known.state)
                return self._no_longer_running(known)
            if final and report.get("output", {}).get("bytesize", len(known.trace)) != len(known.trace):
                return Reply(412, self._status(known))
            if final:
                self._close_job(known, report, "canceled" if known.state == "canceling" else report["state"])
            return Reply(200, {} if final else self._status(known), b"200")

    def _close_job(self, known: _Job, report: dict, state: str) -> None:
        known.state = state
        known.report = known.report or report
        known.reported = time.monotonic()
        self._changed.notify_all()

    def _authorised(self, token: str | None, number: int) -> _Job | None:
        known = self._jobs.get(number)
        return known if known and token == known.token else None

    def _status(self, known: _Job) -> dict[str, str]:
        return {"Job-Status": known.state, "X-GitLab-Trace-Update-Interval": str(self.UPDATE_INTERVAL)}

    def _no_longer_running(self, known: _Job) -> Reply:
        return _message(403, "Forbidden - Job is not processing on runner", self._status(known))

    def _git(self, request: Request) -> Reply:
        """The repository, for user gitlab-ci-token and a running job's token."""
        with self._changed:
            tokens = {live.token for live in self._jobs.values() if live.state in LIVE}
        user, password = _basic(request.headers.get("Authorization", ""))
        if user != "gitlab-ci-token" or password not in tokens:
            return Reply(401, {"WWW-Authenticate": 'Basic realm="GitLab"'}, b"HTTP Basic: Access denied\n")
        return self._repository.serve(request)

    def _artifacts(self, request: Request, number: int) -> Reply:
        """Up (POST) and down (GET) with a job's token: its own, or any running job's (network/gitlab.go)."""
        with self._changed:
            self.requests.append(request)
            reply = self._replies.pop(0) if self._replies else None
            token = request.headers.get("JOB-TOKEN")
            known = any(live.token == token for live in self._jobs.values() if live.state in LIVE)
        if reply is not None:
            return reply(request) if callable(reply) else reply
        if not known:
            return _message(401 if request.method == "GET" else 403, "Forbidden")
        if request.method == "POST":
            self.uploads.setdefault(number, []).append(read_upload(request))
            return _json(201, {"id": number}, {"X-Request-Id": f"request-{number}"})
        files = [upload.body for upload in self.uploads.get(number, ()) if upload.query["artifact_format"] == "zip"]
        if not files:
            return _message(404, "Not Found")
        if self.direct and request.query == "direct_download=true":
            return Reply(302, {"Location": self.direct(files[0])})
        return Reply(200, {"Content-Type": "application/octet-stream"}, files[0])

    _ROUTES = (
        ("POST", r"/api/v4/runners/verify", _verify),
        ("POST", r"/api/v4/jobs/request", _request_job),
        ("PATCH", r"/api/v4/jobs/(\d+)/trace", _append_trace),
        ("PUT", r"/api/v4/jobs/(\d+)", _update),
        ("POST", r"/api/v4/jobs/(\d+)/artifacts", _artifacts),
        ("GET", r"/api/v4/jobs/(\d+)/artifacts", _artifacts),
    )


def _json(status: int, document: dict, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(document).encode())


def _message(status: int, text: str, headers: dict[str, str] | None = None) -> Reply:
    return _json(status, {"message": f"{status} {text}"}, headers)


def _basic(authorization: str) -> tuple[str, str]:
    """User and password of an Authorization header, empty if it is not Basic."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def main(paths: list[str]) -> None:
    with GitLab() as gitlab:
        print(f"port {gitlab.port} token {gitlab.runner_token}", flush=True)
        numbers = [gitlab.submit(job(**json.loads(pathlib.Path(path).read_text()))) for path in paths]
        for number in numbers:
            print(json.dumps(dataclasses.asdict(gitlab.wait(number, timeout=threading.TIMEOUT_MAX))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
