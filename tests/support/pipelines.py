"""`atelier pipeline` in checkouts of its own, for tests."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import unittest

from hooks import ATELIER, IMAGE, docker, has_docker, wait_for


def has_image():
    return has_docker() and subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True,
                                           check=False).returncode == 0


class Checkout:
    """A git repository with a .gitlab-ci.yml, and a home folder for its user."""

    jobs = 1  # so many side by side; None: no option says so. test_pipeline_parallel.py is about others

    def __init__(self, ci, files=None, name="hello"):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="atelier-test-pipeline-"))
        self.top = self.root / name
        self.config = self.root / "config.yml"
        self.config.write_text(f"builds: {self.root}/builds\ncache: {self.root}/cache\n")
        (self.root / "tmp").mkdir()
        self.env = {**os.environ, "HOME": str(self.root), "XDG_STATE_HOME": str(self.root / "state"),
                    "TMPDIR": str(self.root / "tmp"), "GIT_CONFIG_NOSYSTEM": "1"}
        self.top.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Tester")
        self.git("config", "user.email", "tester@example.org")
        self.write({".gitlab-ci.yml": ci, **(files or {})})
        self.git("add", "-A")
        self.git("commit", "-qm", "First\n\nWith a $body")

    def write(self, files):
        for name, text in files.items():
            path = self.top / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def git(self, *args):
        return subprocess.run(["git", *args], cwd=self.top, env=self.env, capture_output=True, text=True,
                              check=True).stdout

    def state(self):
        """What must not change: the status, the objects, the index, the references."""
        return (self.git("status", "--porcelain"), self.git("count-objects", "-v"),
                (self.top / ".git/index").read_bytes(), self.git("for-each-ref"))

    def start(self, *args, **options):
        if self.jobs:
            args = ("--jobs", str(self.jobs), *args)
        return subprocess.Popen([ATELIER, "--config", str(self.config), "pipeline", *args], cwd=self.top, text=True,
                                env={**self.env, **options.pop("env", {})}, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)

    def run(self, *args, **options):
        return Result(self.start(*args, **options))

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)


class Result:
    """How a pipeline ended, and what it showed."""

    def __init__(self, process):
        # Not by communicate(), which has nothing of what a readline() before it has read ahead.
        limit = threading.Timer(600, process.kill)
        limit.start()
        self.text = process.stdout.read()
        self.code = process.wait()
        limit.cancel()
        process.stdout.close()

    def __repr__(self):
        return f"exit {self.code}\n{self.text}"

    def summary(self):
        """{job: (state, reason)} of the table at the end."""
        lines = self.text.rstrip().splitlines()
        head = max(i for i, line in enumerate(lines) if re.match(r"JOB +STAGE +STATE +TIME +REASON", line))
        columns = [lines[head].index(word) for word in ("JOB", "STAGE", "STATE", "TIME", "REASON")]
        rows = [[line[a:b].strip() for a, b in zip(columns, columns[1:] + [None])] for line in lines[head + 1:-1]]
        return {row[0]: (row[2], row[4]) for row in rows}

    def verdict(self):
        return self.text.rstrip().splitlines()[-1]

    def lines_of(self, job):
        """What a job showed, without the indentation, or its name before each line."""
        beside = [line[len(job) + 3:] for line in self.text.splitlines() if line.startswith(f"{job} |")]
        if beside:
            return beside
        shown, inside = [], False
        for line in self.text.splitlines():
            state = re.match(r"\[\d+/\d+\] \S+ / (.*?): (\w+)", line)
            if state:
                inside = state.group(1) == job and state.group(2) == "running"
            elif inside and line.startswith("    "):
                shown.append(line[4:])
        return shown


def read_until(process, beginning):
    """What it shows, up to the line that begins so."""
    shown = ""
    while line := process.stdout.readline():
        shown += line
        if line.startswith(beginning):
            return shown
    raise AssertionError(shown)


class PipelineTest(unittest.TestCase):
    maxDiff = None

    def checkout(self, ci, files=None, **options):
        c = Checkout(ci, files, **options)
        self.addCleanup(c.remove)
        return c

    def assert_no_containers(self, c):
        """A process of cleanup's own removes them, once theirs have ended."""
        of_project = ("--filter", "label=atelier.managed", "--filter", f"label=atelier.project=local/{c.top.name}")
        for kind in (["ps", "-aq"], ["network", "ls", "-q"]):
            wait_for(lambda kind=kind: docker(*kind, *of_project) == "", f"docker {kind[0]}: nothing is left")

    def assert_nothing_left(self, c):
        self.assert_no_containers(c)
        self.assertEqual(list((c.root / "tmp").iterdir()), [])
