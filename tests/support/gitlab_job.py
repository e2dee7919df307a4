"""A job as GitLab sends it, and what becomes of it (the stand-in of GitLab is gitlab_api.py)."""

from __future__ import annotations

import dataclasses
import time
import typing
import urllib.parse

from gitlab_project import BRANCH, PIPELINE, PROJECT


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


def predefined(payload: dict, url: str) -> list[dict]:
    """The variables that GitLab, at `url`, adds to every job of a branch pipeline."""
    info, git = payload["job_info"], payload["git_info"]
    group, _, project = PROJECT.partition("/")
    server = urllib.parse.urlsplit(url)
    site = f"{url}/{PROJECT}"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    public = {
        "CI_JOB_ID": payload["id"], "CI_JOB_URL": f"{site}/-/jobs/{payload['id']}",
        "CI_JOB_STARTED_AT": now, "CI_JOB_NAME": info["name"], "CI_JOB_STAGE": info["stage"],
        "CI_JOB_NAME_SLUG": info["name"].lower(), "CI_NODE_TOTAL": 1,
        "CI_BUILD_ID": payload["id"], "CI_BUILD_NAME": info["name"], "CI_BUILD_STAGE": info["stage"],
        "CI": "true", "GITLAB_CI": "true", "GITLAB_FEATURES": "", "CI_CONFIG_PATH": ".gitlab-ci.yml",
        "CI_API_V4_URL": f"{url}/api/v4", "CI_TEMPLATE_REGISTRY_HOST": "registry.example.invalid",
        "CI_SERVER": "yes", "CI_SERVER_URL": url, "CI_SERVER_HOST": server.hostname,
        "CI_SERVER_FQDN": server.netloc,
        "CI_SERVER_PORT": server.port, "CI_SERVER_PROTOCOL": "http", "CI_SERVER_NAME": "GitLab",
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


@dataclasses.dataclass(frozen=True)
class Result:
    """The end of a job. `exit_code` is 0 if the runner sent none (it omits zero)."""

    state: str
    failure_reason: str
    exit_code: int
    trace: str
    seconds: float  # from the moment at which the runner got it to its report


class Job:
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
