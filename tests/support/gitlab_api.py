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

import copy
import dataclasses
import json
import pathlib
import re
import secrets
import sys
import tempfile
import threading
import time
import typing

import http_peer
from gitlab_http import Early, Handler, Reply, Request, Upload, basic_credentials, json_reply, message, read_upload
from gitlab_job import Job, Result, job, predefined
from gitlab_project import PROJECT, Repository

FINAL_STATES = ("success", "failed")  # what a runner reports at the end (JobState, common/network.go)
LIVE = ("running", "canceling")  # while a job is in these its token is good


class GitLab:
    """A GitLab with one project and one runner, on `address` and a free port."""

    LONG_POLL = 2.0  # seconds that a request for a job waits for one
    UPDATE_INTERVAL = 1  # seconds between a runner's trace updates

    def __init__(self, address: str = "127.0.0.1", files: dict[str, str] | None = None):
        self.runner_token = f"glrt-{secrets.token_hex(10)}"
        self._jobs: dict[int, Job] = {}
        self.uploads: dict[int, list[Upload]] = {}  # of each job, in order
        self.requests: list[Request] = []  # for artifacts, with the query and headers as they came
        self.direct: typing.Callable[[bytes], str] | None = None  # keeps them elsewhere, and says where
        self._replies: list[Reply | Early | typing.Callable[[Request], Reply]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._folder = tempfile.TemporaryDirectory(prefix="gitlab-api-")
        self._repository = Repository(pathlib.Path(self._folder.name), files or {"README.md": "A project.\n"})
        self._server = http_peer.Server(address, Handler)
        self._server.gitlab = self
        self.address, self.port = self._server.server_address[:2]
        self._server.start()

    def __enter__(self) -> GitLab:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving; requests for a job that still wait end with 204."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.stop()
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
            self._jobs[number] = Job(self._complete(payload, number))
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

    def _await(self, condition: typing.Callable[[], bool], timeout: float, submitted: Job, failure: str) -> None:
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
        payload["variables"] = [*predefined(payload, self.url), *payload["variables"]]
        return payload

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
        return message(404, "Not Found")

    def _verify(self, request: Request) -> Reply:
        """Is the runner known? (VerifyRunner, network/gitlab.go)"""
        if request.json().get("token") != self.runner_token:
            return message(403, "Forbidden")
        return json_reply(200, {"id": 1, "token": self.runner_token, "token_expires_at": None})

    def _request_job(self, request: Request) -> Reply:
        """The next job, or 204 if none comes in time (RequestJob, network/gitlab.go).

        GitLab holds the request open too ("long polling"). The header comes
        back as `last_update` in the next request (setLastUpdate, network/client.go).
        """
        ask = request.json()
        if ask.get("token") != self.runner_token:
            return message(403, "Forbidden")
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next(), self.LONG_POLL)
            taken = None if self._closed else self._next()
            if taken is None:
                return Reply(204, {"X-GitLab-Last-Update": str(len(self._jobs))})
            taken.state, taken.taken = "running", time.monotonic()
            taken.graceful = bool(ask["info"]["features"].get("cancel_gracefully"))
            self._changed.notify_all()
        return json_reply(201, taken.payload)

    def _next(self) -> Job | None:
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
                return message(403, "Forbidden")
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
                return message(403, "Forbidden")
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

    def _close_job(self, known: Job, report: dict, state: str) -> None:
        known.state = state
        known.report = known.report or report
        known.reported = time.monotonic()
        self._changed.notify_all()

    def _authorised(self, token: str | None, number: int) -> Job | None:
        known = self._jobs.get(number)
        return known if known and token == known.token else None

    def _status(self, known: Job) -> dict[str, str]:
        return {"Job-Status": known.state, "X-GitLab-Trace-Update-Interval": str(self.UPDATE_INTERVAL)}

    def _no_longer_running(self, known: Job) -> Reply:
        return message(403, "Forbidden - Job is not processing on runner", self._status(known))

    def _git(self, request: Request) -> Reply:
        """The repository, for user gitlab-ci-token and a running job's token."""
        with self._changed:
            tokens = {live.token for live in self._jobs.values() if live.state in LIVE}
        user, password = basic_credentials(request.headers.get("Authorization", ""))
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
            return message(401 if request.method == "GET" else 403, "Forbidden")
        if request.method == "POST":
            self.uploads.setdefault(number, []).append(read_upload(request))
            return json_reply(201, {"id": number}, {"X-Request-Id": f"request-{number}"})
        files = [upload.body for upload in self.uploads.get(number, ()) if upload.query["artifact_format"] == "zip"]
        if not files:
            return message(404, "Not Found")
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


def main(paths: list[str]) -> None:
    with GitLab() as gitlab:
        print(f"port {gitlab.port} token {gitlab.runner_token}", flush=True)
        numbers = [gitlab.submit(job(**json.loads(pathlib.Path(path).read_text()))) for path in paths]
        for number in numbers:
            print(json.dumps(dataclasses.asdict(gitlab.wait(number, timeout=threading.TIMEOUT_MAX))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
