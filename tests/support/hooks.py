"""Plays gitlab-runner for single hooks: argv, environment, process group and files as contract 1.3 has them."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ATELIER = os.environ.get("ATELIER", str(ROOT / "build/dev/executor/atelier"))
# ATELIER_TEST_DIRECT=off: the same tests by the daemon's exec.
DIRECT = os.environ.get("ATELIER_TEST_DIRECT", "on")
IMAGE = os.environ.get("ATELIER_TEST_IMAGE", "atelier/ci:latest")
PATIENCE = 180  # seconds for what takes one on an idle machine


def docker(*args, **options):
    """Run the docker client; its output, stripped."""
    done = subprocess.run(["docker", *args], capture_output=True, text=True, check=options.pop("check", True), **options)
    return done.stdout.strip()


def wait_for(condition, what="it", patience=PATIENCE):
    """What the condition gives, when it gives something; else the test fails."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"after {patience} s not: {what}")


def await_detached(config_file):
    """Processes that a cleanup with this configuration has left to work alone have ended."""
    def at_work():
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(config_file).encode() in entry.read_bytes().split(b"\0"):
                    return True
        return False
    wait_for(lambda: not at_work(), f"nobody works with {config_file}")


def has_docker():
    return shutil.which("docker") is not None and subprocess.run(
        ["docker", "info"], capture_output=True, check=False).returncode == 0


def processes_in(container):
    """Command lines of what runs in a container, but for those that keep it."""
    rows = [line.split(None, 1)[1] for line in docker("top", container, "-eo", "pid,args").splitlines()[1:]]
    return [row for row in rows if not any(keeper in row for keeper in ("trap '' TERM INT", "/atelier-init", "docker-init"))]


def remains_in(container):
    """What of a script still runs when that has ended. The daemon's exec does not wait until what was killed is gone."""
    rows, end = processes_in(container), time.monotonic() + PATIENCE
    while rows and DIRECT != "on" and time.monotonic() < end:
        time.sleep(0.1)
        rows = processes_in(container)
    return rows


def has_signal(process, which, number):
    """Whether that signal is in this set of /proc/PID/status (SigBlk, ShdPnd ...) of a process that runs."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition(f"{which}:")[2].split()[0], 16) & 1 << number - 1


def await_handlers(process):
    """It would no longer simply die by a SIGTERM."""
    wait_for(lambda: has_signal(process, "SigBlk", signal.SIGTERM), "it waits for signals")


def left_of(job_label):
    """What Docker still has under a job's label: containers, networks, volumes."""
    found = []
    for kind in (["ps", "-a"], ["network", "ls"], ["volume", "ls"]):
        found += docker(*kind, "-q", "--filter", f"label=atelier.job={job_label}").split()
    return found


def listed_in_the_end(*args, among=None, seconds=60):
    """What a listing of the docker client still has (of the ids of `among`) when all of it had time to go."""
    deadline = time.monotonic() + seconds
    while True:
        found = [line for line in docker(*args).split() if among is None or line in among]
        if not found or time.monotonic() >= deadline:
            return found
        time.sleep(0.1)


def left_in_the_end(job_label, seconds=60):
    """The same when all had time to go: cleanup returns before."""
    deadline = time.monotonic() + seconds
    while (found := left_of(job_label)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


class Result:
    """How a hook ended, and what it said."""

    def __init__(self, process):
        self.out, self.err = process.communicate()
        self.code = process.returncode

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Job:
    """One job on this host, by the atelier under test. Use as a context: cleanup runs at its end."""

    counter = int.from_bytes(os.urandom(3), "big") * 1000

    def __init__(self, config="", image=IMAGE, stage="build", response=None, env=None, **variables):
        Job.counter += 1
        self.id = str(Job.counter)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="custom-executor"))
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="atelier-test-"))
        self.config_file = self.state / "config.yml"
        switch = "" if DIRECT == "on" or "direct:" in config else f"direct: {DIRECT}\n"
        if "idle_networks:" not in config:
            switch += "idle_networks: 0\n"  # its builds folder is its own, and so would be what waits
        self.config_file.write_text(f"builds: {self.state}/builds\ncache: {self.state}/cache\n{switch}{config}")
        self.token = "secret-job-token-" + self.id
        self.variables = {
            "CI_JOB_ID": self.id, "CI_JOB_NAME": "test job", "CI_JOB_STAGE": stage, "CI_JOB_TOKEN": self.token,
            "CI_RUNNER_SHORT_TOKEN": "tEsT_0123", "CI_PROJECT_ID": "7", "CI_PROJECT_PATH": "group/proj",
            "CI_CONCURRENT_ID": "0", "CI_CONCURRENT_PROJECT_ID": self.id, **variables}
        if image:
            self.variables["CI_JOB_IMAGE"] = image
        self.response = self.payload(image, stage) if response is None else response
        self.extra = env or {}
        self.label = f"tEsT_0123-{self.id}"
        self.code_file = self.folder / "build_exit_code"

    def payload(self, image, stage):
        return {
            "id": int(self.id), "token": self.token, "job_info": {"name": "test job", "stage": stage, "project_id": 7},
            "git_info": {}, "runner_info": {"timeout": 600}, "image": {"name": image or ""}, "services": None,
            "variables": [{"key": k, "value": v, "public": True, "file": False} for k, v in self.variables.items()],
            "credentials": [], "steps": []}

    def environment(self):
        response = self.folder / "response.json"
        text = self.response if isinstance(self.response, str) else json.dumps(self.response)
        response.write_text(text)
        return {
            **os.environ, "TMPDIR": str(self.folder), "BUILD_FAILURE_EXIT_CODE": "1",
            "SYSTEM_FAILURE_EXIT_CODE": "2", "JOB_RESPONSE_FILE": str(response),
            "BUILD_EXIT_CODE_FILE": str(self.code_file), "NO_COLOR": "1",
            **{"CUSTOM_ENV_" + k: v for k, v in self.variables.items()}, **self.extra}

    def start(self, *args, **options):
        """Start a hook as the runner does; the Popen."""
        return subprocess.Popen(
            [ATELIER, "--config", str(self.config_file), *args], cwd=self.folder, env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            start_new_session=False, process_group=0, **options)

    def hook(self, *args, **options):
        return Result(self.start(*args, **options))

    def script(self, body):
        """A script file in a new folder, in the shape that runners write (contract 2.1)."""
        folder = tempfile.mkdtemp(prefix="script", dir=self.folder)
        path = pathlib.Path(folder) / "script"
        path.write_text(wrap(body))
        path.chmod(0o700)
        return str(path)

    def run(self, body, substage="build_script"):
        return self.hook("run", self.script(body), substage)

    def start_run(self, body, substage="build_script"):
        return self.start("run", self.script(body), substage)

    def code(self):
        return self.code_file.read_text() if self.code_file.exists() else None

    def wait_for_start(self):
        """Until nobody starts its build container any more: prepare may return before."""
        lock = self.state / "builds/.direct" / self.label / "build.starting"
        if lock.exists():
            with lock.open(encoding="ascii") as file:
                fcntl.flock(file, fcntl.LOCK_SH)

    def container(self, role="build"):
        return docker("ps", "-aq", "--no-trunc", "--filter", f"label=atelier.job={self.label}",
                      "--filter", f"label=atelier.role={role}")

    def left(self):
        return left_of(self.label)

    def left_in_the_end(self):
        return left_in_the_end(self.label)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """All is gone then: what comes next may remove images, networks and volumes."""
        config = self.config_file.read_text()
        if "cleanup:" not in config:
            self.config_file.write_text(config + "\ncleanup: wait\n")
        self.hook("cleanup")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)


class JobTest(unittest.TestCase):
    """Tests of jobs, each of which ends with its test."""

    def prepared(self, config="", entrypoint=None, user=None, **options):
        """A job that is ready for scripts; what was said to that is in `said`."""
        job = Job(config, **options)
        self.addCleanup(job.__exit__)
        if entrypoint:
            job.response["image"]["entrypoint"] = entrypoint
        if user:
            job.response["image"]["executor_opts"] = {"docker": {"user": user}}
        job.said = job.hook("prepare")
        self.assertEqual(job.said.code, 0, job.said)
        job.wait_for_start()
        return job


def wrap(body):
    """The wrapper of gitlab-runner 19.1 around `body`."""
    word = "$'" + "".join(
        c if c.isalnum() or c in " _,-./@:=" else "".join(f"\\x{b:02x}" for b in c.encode()) for c in body) + "'"
    return ("#!/usr/bin/env bash\n\ntrap 'exit 1' TERM\n\n"
            'case "$(set -o)" in *"pipefail"*) set -o pipefail;; esac; set -o errexit\nset +o noclobber\n'
            f"(trap 'exit 1' TERM; eval {word}) < /dev/null\nexit 0\n")


def terminate(process):
    """SIGTERM to the hook's process group, as the runner cancels."""
    os.killpg(process.pid, signal.SIGTERM)
