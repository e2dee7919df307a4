"""Jobs run by real gitlab-runners with atelier as their custom executor.

    ATELIER_GITLAB_RUNNERS  paths of gitlab-runners, separated by colons
                            (default: the one on PATH; without any, skipped)
    ATELIER                 the program to test (default: the dev preset's)
    ATELIER_TEST_IMAGE      an image on this host with a shell and coreutils
    ATELIER_TEST_ADDRESS    address of this host that jobs' containers reach
                            (default: the gateway of Docker's own bridge)
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import images  # noqa: E402
from gitlab_api import GitLab  # noqa: E402
from gitlab_job import Result, job, variable  # noqa: E402
from hooks import await_detached  # noqa: E402



def bridge_address() -> str:
    """This host's address on Docker's own bridge: containers reach it, nothing outside of this machine does."""
    done = subprocess.run(["docker", "network", "inspect", "-f", "{{json (index .IPAM.Config 0)}}", "bridge"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return "127.0.0.1"
    config = json.loads(done.stdout)
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


ATELIER = pathlib.Path(os.environ.get("ATELIER") or ROOT / "build/dev/executor/atelier").absolute()
IMAGE = os.environ.get("ATELIER_TEST_IMAGE") or "atelier/ci"
ADDRESS = os.environ.get("ATELIER_TEST_ADDRESS") or bridge_address()
MISSING_IMAGE = "127.0.0.1:9/no/such-image:1"  # nothing listens there: refused at once, without DNS
MARK = "ATELIER_E2E_MARK"  # the variable by which processes of a test's jobs are known
TIMEOUT = 300  # seconds for any one job

# A script that goes on until it is cancelled. A runner learns of that when it
# sends more of the trace, or else after 30 s (MinTraceForceSendInterval,
# common/consts.go), so all but one of the tests keep writing.
HOLD = ("echo ready-$((40 + 2))", "while sleep 1; do echo holding; done")


def atelier_config(folder: pathlib.Path) -> str:
    """The configuration file of atelier for these tests."""
    return f"builds: {folder / 'builds'}\ncache: {folder / 'cache'}\nkinds: {{}}\n"


def runner_config(gitlab: GitLab, atelier_yaml: pathlib.Path) -> str:
    """A config.toml with one custom runner of two slots (JSON strings are TOML strings)."""
    hooks = "".join(
        f"    {hook}_exec = {json.dumps(str(ATELIER))}\n"
        f"    {hook}_args = {json.dumps(['--config', str(atelier_yaml), hook])}\n"
        for hook in ("config", "prepare", "run", "cleanup"))
    return (f"concurrent = 2\ncheck_interval = 1\n\n[[runners]]\n"
            f"  name = \"atelier-e2e\"\n  url = {json.dumps(gitlab.url)}\n"
            f"  token = {json.dumps(gitlab.runner_token)}\n  executor = \"custom\"\n"
            f"  [runners.custom]\n{hooks}    graceful_kill_timeout = 30\n")


class Runner:
    """A gitlab-runner process that works for `gitlab` until it is stopped."""

    def __init__(self, program: str, folder: pathlib.Path, gitlab: GitLab):
        temporary = folder / "tmp"
        for path in (temporary, folder / "builds", folder / "cache"):
            path.mkdir()
        self.config = folder / "atelier.yml"
        self.config.write_text(atelier_config(folder))
        (folder / "config.toml").write_text(runner_config(gitlab, folder / "atelier.yml"))
        self.temporary = temporary
        self._log = folder / "runner.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [program, "run", "--config", str(folder / "config.toml"), "--working-directory", str(folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env={**os.environ, "TMPDIR": str(temporary)})

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """TERM aborts what still runs; a runner that does not end is killed."""
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def remove_networks(self) -> None:
        """Those that wait for jobs, when none will come."""
        await_detached(self.config)  # one more is given back by each
        self.config.write_text(self.config.read_text() + "idle_networks: 0\n")
        subprocess.run([ATELIER, "--config", self.config, "gc"], check=True, stdout=subprocess.DEVNULL)


def version(program: str) -> tuple[int, ...]:
    text = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, re.search(r"Version:\s+(\d+)\.(\d+)\.(\d+)", text).groups()))


def docker(*args: str) -> list[str]:
    """The lines that a docker command writes."""
    return subprocess.run(["docker", *args], check=True, capture_output=True, text=True).stdout.splitlines()


def managed(token: str) -> set[str]:
    """Containers, networks and volumes made by atelier for the runner of `token`.

    Their label names its short token, a part of the token; one without that
    label is counted for any runner. Networks that wait for jobs are not.
    """
    found = set()
    for kind, name, *listing in (("container", "Names", "ps", "-a"), ("network", "Name", "network", "ls"),
                                 ("volume", "Name", "volume", "ls")):
        for line in docker(*listing, "--filter", "label=atelier.managed",
                           "--format", '{{.%s}}\t{{.Label "atelier.runner"}}' % name):
            name_of_it, _, runner = line.partition("\t")
            if runner in token and not name_of_it.startswith("atelier-net-"):
                found.add(f"{kind} {name_of_it}")
    return found


def processes(mark: str) -> set[str]:
    """Processes of this host, those in containers too, with `mark` in their environment."""
    found = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.add(f"{process.name}: {(process / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def sha256(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


class Jobs:
    """The tests, for one gitlab-runner; `for_runner` makes a TestCase of it."""

    program: str
    version: tuple[int, ...]

    @classmethod
    def setUpClass(cls) -> None:
        if not ATELIER.exists():
            raise FileNotFoundError(f"{ATELIER}: build it first, or name another in ATELIER")
        try:
            docker("image", "inspect", IMAGE)
        except (OSError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest(f"no docker daemon with the image {IMAGE}") from error
        folder = tempfile.TemporaryDirectory(prefix="atelier-e2e-", ignore_cleanup_errors=True)
        cls.addClassCleanup(folder.cleanup)
        cls.greeting = secrets.token_hex(8)
        cls.gitlab = GitLab(ADDRESS, files={"greeting.txt": cls.greeting})
        cls.addClassCleanup(cls.gitlab.close)
        cls.runner = Runner(cls.program, pathlib.Path(folder.name), cls.gitlab)
        cls.addClassCleanup(cls.runner.remove_networks)
        cls.addClassCleanup(cls.runner.stop)

    def setUp(self) -> None:
        self.assertTrue(self.runner.alive, f"the runner ended; it said:\n{self.runner.log}")
        self.mark = secrets.token_hex(16)
        self.logged = len(self.runner.log)
        before = managed(self.gitlab.runner_token)
        self.addCleanup(self.assert_nothing_left, before)

    # What the tests are made of.

    def submit(self, *script: str, variables=(), image=IMAGE, **options) -> int:
        marked = [variable(MARK, self.mark), *variables]
        return self.gitlab.submit(job(list(script), image=image, variables=marked, **options))

    def finish(self, number: int) -> Result:
        """A job's result, after checks that hold for every job."""
        result = self.gitlab.wait(number, TIMEOUT)
        token = self.gitlab.token(number)
        self.assertNotIn(token, result.trace, "the trace contains the job token")
        self.assertNotIn(token, self.runner.log, "the runner's log contains the job token")
        return result

    def run_job(self, *script: str, **options) -> Result:
        return self.finish(self.submit(*script, **options))

    def assert_success(self, result: Result) -> None:
        self.assertEqual(result.state, "success", result.trace)

    def assert_failure(self, result: Result, reason: str) -> None:
        self.assertEqual((result.state, result.failure_reason), ("failed", reason), result.trace)

    def assert_nothing_left(self, before: set[str]) -> None:
        """The jobs' objects, processes and the runner's temporary folders are gone, or go soon."""
        def left() -> set[str]:
            folders = {str(path) for path in self.runner.temporary.iterdir()}
            return (managed(self.gitlab.runner_token) - before) | processes(self.mark) | folders

        deadline = time.monotonic() + 60
        while left() and time.monotonic() < deadline:
            time.sleep(0.2)
        self.assertEqual(left(), set(), f"left behind; the runner said:\n{self.runner.log[self.logged:]}")

    # The tests.

    def test_success(self) -> None:
        result = self.run_job("cat greeting.txt", "echo sum-$((40 + 2))")
        self.assert_success(result)
        self.assertIn("sum-42", result.trace)
        self.assertIn(self.greeting, result.trace, "the repository was not cloned")

    def test_exit_code(self) -> None:
        """The exact code arrives where BUILD_EXIT_CODE_FILE exists (17.9)."""
        result = self.run_job("exit 3")
        self.assert_failure(result, "script_failure")
        self.assertEqual(result.exit_code, 3 if self.version >= (17, 9) else 1)

    def test_user_who_is_not_root(self) -> None:
        """An image with its own user and nothing but busybox may work in the sources."""
        image = images.busybox("atelier-test/runner-user", ("sh", "id", "mkdir", "touch", "rm", "cat"),
                               changes=["USER 1234"])
        self.addCleanup(images.remove, image)
        result = self.run_job("echo uid-$(id -u)", "echo more >> greeting.txt", "touch new", "cat greeting.txt",
                              image=image, after_script=["echo after-$(id -u)"])
        self.assert_success(result)
        for text in ("uid-1234", self.greeting, "after-1234"):
            self.assertIn(text, result.trace)

    def test_artifacts_and_cache(self) -> None:
        """What one job leaves, the next one has: through our helper image, by this runner's scripts."""
        cache = [{"key": "deps/1", "untracked": False, "policy": "pull-push", "paths": ["vendor/"], "when": "on_success",
                  "fallback_keys": []}]
        always = {"untracked": False, "when": "always", "expire_in": "1 week"}
        artifacts = [{**always, "name": "result", "paths": ["out/*"], "exclude": ["out/*.o"],
                      "artifact_type": "archive", "artifact_format": "zip"},
                     {**always, "name": "junit.xml", "paths": ["report.xml"], "artifact_type": "junit",
                      "artifact_format": "gzip"}]
        first = self.submit("mkdir out vendor", "echo made-$((40 + 2)) >out/a", "touch out/b.o",
                            "echo built-$((40 + 3)) >vendor/lib", "echo '<testsuite/>' >report.xml",
                            cache=cache, artifacts=artifacts)
        result = self.finish(first)
        self.assert_success(result)
        sent = {upload.query["artifact_type"]: upload for upload in self.gitlab.uploads.get(first, ())}
        self.assertEqual(set(sent), {"archive", "junit"}, result.trace)
        self.assertEqual((sent["archive"].filename, sent["archive"].query["expire_in"]), ("result.zip", "1 week"))
        self.assertNotIn("Missing gitlab-runner", result.trace)
        result = self.run_job("ls out", "cat out/a vendor/lib", cache=cache, dependencies=[
            {"id": first, "name": "build", "artifacts_file": {"filename": "result.zip", "size": len(sent["archive"].body)}}])
        self.assert_success(result)
        for text in ("made-42", "built-43", "Successfully extracted cache", "Downloading artifacts from coordinator... ok"):
            self.assertIn(text, result.trace)
        self.assertNotIn("b.o", result.trace)

    def kept(self, number: int) -> list[str]:
        return docker("volume", "ls", "--filter", "label=atelier.role=kept", "--filter", f"name=-{number}-kept",
                      "--format", '{{.Label "atelier.job"}}')

    def test_kept_when_it_failed(self) -> None:
        """The runner tells cleanup how a job ended: this is what keep_failed goes by."""
        config = self.runner.config.read_text()
        self.addCleanup(self.runner.config.write_text, config)
        self.runner.config.write_text(config + "keep_failed: 1h\n")
        self.assert_success(self.run_job("true"))  # neither this one nor the next one stays: setUp sees to it
        self.run_job("true", variables=[variable("GIT_FETCH_EXTRA_FLAGS", "--no-such-flag")])
        number = self.submit("exit 3")
        self.assert_failure(self.finish(number), "script_failure")
        deadline = time.monotonic() + TIMEOUT
        while not self.kept(number) and time.monotonic() < deadline:
            time.sleep(0.2)
        (key,) = self.kept(number)
        done = subprocess.run([ATELIER, "shell", key, "echo", "here"], capture_output=True, text=True, check=False)
        self.assertEqual((done.stdout, done.returncode), ("here\n", 0), done.stderr)
        subprocess.run([ATELIER, "--config", self.runner.config, "gc", "--job", key, "--older-than", "0s"], check=True,
                       capture_output=True)

    def test_entrypoint_that_drops_root(self) -> None:
        """The sources are its user's own, git is at home in them, and file variables can be read."""
        image = {"name": IMAGE, "entrypoint": ["setpriv", "--reuid=2345", "--regid=3456", "--clear-groups", "--"]}
        work = ("git status --short", "echo more >> greeting.txt", "stat -c '%u:%g %a %n' greeting.txt .",
                "echo read-$(cat $SETTINGS)")
        result = self.run_job(*work, image=image, after_script=["git diff --stat", "touch after"],
                              variables=[variable("SETTINGS", "me", file=True)])
        self.assert_success(result)
        for text in ("2345:3456 644 greeting.txt", "2345:3456 755 .", "read-me", "1 file changed"):
            self.assertIn(text, result.trace)

    def test_missing_image(self) -> None:
        result = self.run_job("echo never-$((40 + 2))", image=MISSING_IMAGE)
        self.assert_failure(result, "runner_system_failure")
        self.assertIn(MISSING_IMAGE, result.trace)
        self.assertNotIn("never-42", result.trace)

    def test_cancel(self) -> None:
        """A runner that cancels gracefully still runs after_script; an older one aborts."""
        number = self.submit("echo ready-$((40 + 2))", "sleep 300", "echo later-$((40 + 2))",
                             after_script=['echo "status-is-$CI_JOB_STATUS"'])
        self.gitlab.wait_trace(number, "ready-42", TIMEOUT)
        graceful = self.gitlab.cancel(number) == "canceling"
        result = self.finish(number)
        self.assertEqual(result.state, "canceled", result.trace)
        self.assertNotIn("later-42", result.trace)
        if graceful:
            self.assertIn("status-is-canceled", result.trace)

    def test_force_cancel(self) -> None:
        number = self.submit(*HOLD)
        self.gitlab.wait_trace(number, "ready-42", TIMEOUT)
        self.gitlab.cancel(number, force=True)
        self.assertEqual(self.finish(number).state, "canceled")

    def test_script_timeout(self) -> None:
        """The script's traps run, and after_script: it has time of its own (16.4)."""
        if self.version < (16, 4):
            self.skipTest("this runner knows no RUNNER_SCRIPT_TIMEOUT")
        result = self.run_job("trap 'echo trapped-$((40 + 2))' TERM", "sleep 300", "echo later-$((40 + 2))",
                              variables=[variable("RUNNER_SCRIPT_TIMEOUT", "6s")],
                              after_script=['echo "status-is-$CI_JOB_STATUS"', "cat greeting.txt"])
        self.assert_failure(result, "job_execution_timeout")
        self.assertNotIn("later-42", result.trace)
        for text in ("trapped-42", "told to end this script (cancelled, or its time is up)", self.greeting):
            self.assertIn(text, result.trace)
        self.assertIn("status-is-timedout", result.trace)

    def test_after_script_timeout(self) -> None:
        """It ends what hangs, and by default it does not count."""
        if self.version < (16, 4):
            self.skipTest("this runner knows no RUNNER_AFTER_SCRIPT_TIMEOUT")
        result = self.run_job("echo ready-$((40 + 2))", variables=[variable("RUNNER_AFTER_SCRIPT_TIMEOUT", "6s")],
                              after_script=["echo after-$((40 + 2))", "sleep 300", "echo later-$((40 + 2))"])
        self.assert_success(result)
        self.assertIn("after-42", result.trace)
        self.assertIn("told to end this script (cancelled, or its time is up)", result.trace)
        self.assertNotIn("later-42", result.trace)

    def test_values(self) -> None:
        """Values arrive unharmed, byte for byte."""
        values = {
            "QUOTES": """'single' "double" `back` ''' \"\"\"""",
            "NEWLINES": "one\ntwo\r\n\n\tthree\n\n",
            "DOLLARS": "$HOME ${PATH} $(id) $$ $1 %s %% !!",
            "UTF8": "Grüße, 世界 🚀 \u200b\u00a0é",
            "BACKSLASHES": r"\ \\ \n \x41 \" C:\temp\\",
            "EMPTY": "",
            "LARGE": "0123456789abcde\n" * (60 * 1024 // 16),
        }
        show = """printf 'sha256 KEY %s.\\n' "$(printf '%s' "$KEY" | sha256sum | cut -c1-64)\""""
        result = self.run_job(*(show.replace("KEY", key) for key in values),
                              variables=[variable(key, value, raw=True) for key, value in values.items()])
        self.assert_success(result)
        arrived = dict(re.findall(r"sha256 (\w+) ([0-9a-f]{64})\.", result.trace))
        self.assertEqual(arrived, {key: sha256(value) for key, value in values.items()})

    def test_file_variable(self) -> None:
        """A variable of type file names a file, also in after_script.

        References to it give the file's name too, since 15.7 (common/variables.go).
        """
        content = "line 'one'\n$HOME \\ \"two\"\n"
        show = """printf 'sha256 %s.\\n' "$(sha256sum < "$SETTINGS" | cut -c1-64)\""""
        refer = 'test "$REFERENCE" = "at $SETTINGS"' if self.version >= (15, 7) else "true"
        result = self.run_job(show, refer, after_script=[show], variables=[
            variable("SETTINGS", content, file=True, raw=True), variable("REFERENCE", "at $SETTINGS")])
        self.assert_success(result)
        self.assertEqual(re.findall(r"sha256 ([0-9a-f]{64})\.", result.trace), [sha256(content)] * 2)

    def test_after_script_of_failure(self) -> None:
        result = self.run_job("false", "echo later-$((40 + 2))",
                              after_script=["cat greeting.txt", 'echo "status-is-$CI_JOB_STATUS"'])
        self.assert_failure(result, "script_failure")
        self.assertNotIn("later-42", result.trace)
        self.assertIn(self.greeting, result.trace)
        self.assertIn("status-is-failed", result.trace)

    def test_two_at_once(self) -> None:
        """A job runs, in a tree of its own, from start to end while another one is held."""
        touch = ("test ! -e trace-of-another-job", "touch trace-of-another-job")
        held = self.submit(*touch, *HOLD)
        self.gitlab.wait_trace(held, "ready-42", TIMEOUT)
        self.assert_success(self.run_job(*touch))
        self.assertEqual(self.gitlab.state(held), "running")
        self.gitlab.cancel(held)
        self.assertEqual(self.finish(held).state, "canceled")

    def test_secrets(self) -> None:
        """What a job prints of its secrets is masked; `finish` looks for the token everywhere."""
        password = "S3cret-" + secrets.token_urlsafe(16)
        result = self.run_job('echo "token is $CI_JOB_TOKEN."', 'echo "url is $CI_REPOSITORY_URL."',
                              'echo "password is $PASSWORD."', "cat .git/config", "env",
                              variables=[variable("PASSWORD", password, public=False, masked=True, raw=True)])
        self.assert_success(result)
        self.assertIn("token is [MASKED].", result.trace)
        self.assertNotIn(password, result.trace)

    def test_secrets_of_deployed_applications(self) -> None:
        """No script of this runner's holds a variable SV_*, and all of them run."""
        value = "S3cret-" + secrets.token_urlsafe(16)
        kept = [variable("SV_PROD_KEY", f"{value} it's \"$$so\"\n", public=False),
                variable("SV_PROD_CERT", f"{value}-file", public=False, file=True),
                variable("SV_PROD_DEBUG", "true"), variable("SHOWN", "shown")]
        cache = [{"key": "k", "untracked": False, "policy": "pull-push", "paths": ["x/"], "when": "on_success",
                  "fallback_keys": []}]
        look = ("env", "ls -a $CI_PROJECT_DIR.tmp", "cat /proc/[0-9]*/environ | tr '\\0' '\\n'", 'echo "is \'$SV_PROD_KEY\'."')
        result = self.run_job(*look, after_script=list(look), variables=kept, cache=cache)
        self.assert_success(result)
        self.assertEqual(result.trace.count("is ''."), 2, result.trace)
        self.assertIn("SHOWN=shown", result.trace)
        for told in (value, "SV_PROD_KEY=", "SV_PROD_CERT", "SV_PROD_DEBUG"):
            self.assertNotIn(told, result.trace)
        result = self.run_job("echo ran-$((40 + 2))", variables=[*kept, variable("COPY", "x-$SV_PROD_KEY")])
        self.assert_failure(result, "script_failure")
        self.assertNotIn("ran-42", result.trace)
        self.assertIn("the variable COPY holds the value of SV_PROD_KEY", result.trace)
        self.assertNotIn(value, result.trace)

    def test_output_of_services(self) -> None:
        """All of it from the first line to the script's end, masked as the script's own, which it does not disturb."""
        password = "S3cret-" + secrets.token_urlsafe(16)
        talks = 'i=0; while :; do i=$((i+1)); echo "line $i has $PASSWORD."; sleep 0.01; done'
        service = {"name": IMAGE, "alias": "db", "entrypoint": ["sh", "-c"], "command": [talks],
                   "variables": [variable("PASSWORD", "$PASSWORD")]}
        result = self.run_job('for i in $(seq 300); do printf "says $PASSWORD "; sleep 0.01; done; echo; echo the-end',
                              services=[service],
                              variables=[variable("PASSWORD", password, public=False, masked=True, raw=True),
                                         variable("CI_DEBUG_SERVICES", "true")])
        self.assert_success(result)
        self.assertNotIn(password, result.trace)
        self.assertEqual(result.trace.count("says [MASKED]"), 300)
        said = r"\[MASKED\]" if self.version >= (14, 8) else ""  # older ones know no variables of services
        numbers = [int(n) for n in re.findall(rf"\[service:db-[^]]+\] line (\d+) has {said}\.", result.trace)]
        self.assertGreater(len(numbers), 10, result.trace)
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


def for_runner(program: str) -> type:
    """The tests as a TestCase for one gitlab-runner, named by its version."""
    number = version(program)
    name = "GitlabRunner_" + "_".join(map(str, number))
    return type(name, (Jobs, unittest.TestCase), {"program": program, "version": number, "__module__": __name__})


def runners() -> list[str]:
    named = os.environ.get("ATELIER_GITLAB_RUNNERS", "")
    found = shutil.which("gitlab-runner")
    return [path for path in named.split(":") if path] or ([found] if found else [])


class GitlabRunner(unittest.TestCase):
    @unittest.skipIf(runners(), "gitlab-runner is tested below")
    def test_with_a_gitlab_runner(self) -> None:
        self.skipTest("no gitlab-runner: name some in ATELIER_GITLAB_RUNNERS or put one on PATH")


def load_tests(loader: unittest.TestLoader, _, __) -> unittest.TestSuite:
    cases = [for_runner(program) for program in runners()] or [GitlabRunner]
    return unittest.TestSuite(map(loader.loadTestsFromTestCase, cases))


if __name__ == "__main__":
    unittest.main()
