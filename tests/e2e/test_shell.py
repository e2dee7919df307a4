"""`atelier shell` at a real terminal and without one, and failed jobs that are kept for it."""
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import images
from hooks import ATELIER, IMAGE, Job, docker, has_docker, processes_in

DEADLINE = 180


class Terminal:
    """Somebody at a terminal of 33 lines and 101 columns, who types and reads."""

    def __init__(self, *argv, rows=33, columns=101):
        self.seen = b""
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.process = subprocess.Popen(
            argv, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), env={**os.environ, "NO_COLOR": "1"})

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self, pattern):
        """Until the pattern is on the screen; the match. What was read is gone."""
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern.encode(), self.seen)):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {pattern!r} on the screen: {self.seen!r}")
            self.seen += os.read(self.master, 65536)
        self.seen = self.seen[found.end():]
        return found

    def wait(self):
        return self.process.wait(DEADLINE)

    def settings(self):
        return termios.tcgetattr(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class ShellCase(unittest.TestCase):
    def shell(self, *args, config=None, text="", **options):
        words = [ATELIER, *(["--config", str(config)] if config else []), "shell", *args]
        return subprocess.run(words, input=text, capture_output=True, text=True, check=False, timeout=DEADLINE,
                              env={**os.environ, "NO_COLOR": "1"}, **options)


class OneJob(ShellCase):
    """For all of the class's tests."""

    @classmethod
    def setUpClass(cls):
        cls.job = Job()
        result = cls.job.hook("prepare")
        if result.code:
            raise AssertionError(result)
        cls.job.wait_for_start()

    @classmethod
    def tearDownClass(cls):
        cls.job.__exit__()


class AtATerminal(OneJob):
    def at(self, *args):
        return self.enterContext(Terminal(ATELIER, "shell", self.job.id, *args))

    def test_a_shell(self):
        screen = self.at()
        screen.type("tty; echo $((40 + 2))-$0\n")
        screen.read(r"/dev/pts/\d+\r\n")
        screen.read(r"42-\S*bash\r\n")
        screen.type("exit 7\n")
        self.assertEqual(screen.wait(), 7)
        self.assertEqual(screen.settings(), screen.before)

    def test_size(self):
        screen = self.at()
        screen.type('while [ "$(stty size)" != "33 101" ]; do sleep 0.05; done; echo first-$((40 + 2))\n')
        screen.read("first-42")
        screen.resize(44, 120)
        screen.type('while [ "$(stty size)" != "44 120" ]; do sleep 0.05; done; echo second-$((40 + 2))\n')
        screen.read("second-42")
        screen.type("exit\n")
        self.assertEqual(screen.wait(), 0)

    def test_keys_go_to_the_process(self):
        """Ctrl-C ends what runs in the container, not the shell and not us."""
        screen = self.at()
        screen.type("sh -c 'echo ready-$((40 + 2)); sleep 1000'\n")
        screen.read("ready-42")
        screen.type("\x03")
        screen.read(r"\^C(?s:.)*# ")  # what is typed before that, Ctrl-C throws away
        screen.type("echo code-$?\n")
        screen.read("code-130(?s:.)*# ")
        screen.type("\x04")
        self.assertEqual(screen.wait(), 0)

    def test_command(self):
        screen = self.at("--", "sh", "-c", "test -t 0 && test -t 1 && echo a-$((40 + 2)); exit 5")
        screen.read("a-42\r\n")
        self.assertEqual(screen.wait(), 5)

    def test_signals_leave_the_terminal_as_it_was(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(signal=number.name):
                screen = self.at()
                screen.type("echo ready-$((40 + 2))\n")
                screen.read("ready-42")
                self.assertNotEqual(screen.settings(), screen.before)
                screen.process.send_signal(number)
                self.assertEqual(screen.wait(), 128 + number)
                self.assertEqual(screen.settings(), screen.before)

    def test_sub_stage_ends(self):
        """It ends what its script left, and nobody's shell; with an ENTRYPOINT that stays as well."""
        for entrypoint in (None, ["/bin/sh", "-c", "sleep 1000 >/dev/null 2>&1 & \"$@\"; exit $?", "sh"]):
            with self.subTest(entrypoint=entrypoint), Job() as job:
                job.response["image"]["entrypoint"] = entrypoint
                self.assertEqual(job.hook("prepare").code, 0)
                with Terminal(ATELIER, "shell", job.id) as screen:
                    screen.type("sleep 2000 & echo ready-$((40 + 2))\n")
                    screen.read("ready-42")
                    result = job.run("(sleep 3000 &); (sh -c 'sleep 4000; :' &); exit 0")
                    self.assertEqual(result.code, 0, result)
                    screen.type("echo still-$((40 + 2))\n")
                    screen.read("still-42")
                    left = " ".join(processes_in(job.container()))
                    self.assertIn("sleep 2000", left)
                    for gone in ("sleep 1000", "sleep 3000", "sleep 4000"):
                        self.assertNotIn(gone, left)

    def test_container_removed(self):
        with Job() as job:
            self.assertEqual(job.hook("prepare").code, 0)
            with Terminal(ATELIER, "shell", job.id) as screen:
                screen.type("echo ready-$((40 + 2))\n")
                screen.read("ready-42")
                docker("rm", "-f", job.container())
                self.assertNotEqual(screen.wait(), 0)
                self.assertEqual(screen.settings(), screen.before)


class WithoutATerminal(OneJob):
    def test_streams_and_code(self):
        done = self.shell(self.job.id, text="test -t 0 || echo out\necho err >&2\nexit 9\n")
        self.assertEqual((done.stdout, done.stderr, done.returncode), ("out\n", "err\n", 9))

    def test_much_of_each(self):
        text = "x" * 99 + "\n"
        done = self.shell(self.job.id, "cat", text=text * 50000)
        self.assertEqual((len(done.stdout), done.returncode), (len(text) * 50000, 0))

    def test_command_by_key(self):
        done = self.shell(self.job.label, "--", "printf", "%s|", "a b", "--", "$HOME")
        self.assertEqual((done.stdout, done.returncode), ("a b|--|$HOME|", 0))

    def test_command_that_is_not_there(self):
        self.assertEqual(self.shell(self.job.id, "no-such-command").returncode, 127)

    def test_input_that_stays_open(self):
        """The command ends, and nobody waits for more to be typed."""
        process = subprocess.Popen([ATELIER, "shell", self.job.id, "true"], stdin=subprocess.PIPE)
        self.assertEqual(process.wait(DEADLINE), 0)
        process.stdin.close()

    def test_helper(self):
        done = self.shell(self.job.id, "--helper", "--", "git", "--version")
        self.assertEqual(done.returncode, 0, done)
        role = self.shell(self.job.id, "--helper", text="id -u; command -v git")
        self.assertIn("0\n", role.stdout)

    def test_folder(self):
        """The work tree when it is there, the image's own folder before."""
        with Job() as job:
            self.assertEqual(job.hook("prepare").code, 0)
            self.assertEqual(self.shell(job.id, "pwd").stdout, "/\n")
            tree = f"{job.state}/builds/tEsT_0123/7/{job.id}/group/proj"
            self.assertEqual(job.run(f"mkdir -p {tree}", "get_sources").code, 0)
            self.assertEqual(self.shell(job.id, "pwd").stdout, f"{tree}\n")

    def test_user(self):
        image = images.busybox("atelier-test/shell-user", ("sh", "id"), changes=["USER 1234"])
        self.addCleanup(images.remove, image)
        with Job(image=image) as job:
            self.assertEqual(job.hook("prepare").code, 0)
            self.assertEqual(self.shell(job.id, "--", "id", "-u").stdout, "1234\n")
            # /bin/sh is the best shell of an image that has no bash
            self.assertEqual(self.shell(job.id, text="echo $0\n").stdout, "/bin/sh\n")


class Jobs(ShellCase):
    """Which job, and which of its containers."""

    def test_list(self):
        with Job() as job:
            self.assertEqual(job.hook("prepare").code, 0)
            self.assertEqual(job.run("true").code, 0)
            done = self.shell()
            self.assertEqual(done.returncode, 0, done)
            lines = done.stdout.splitlines()
            self.assertEqual(lines[0].split(), ["JOB", "PROJECT", "STATE", "AGE", "IMAGE"])
            row = next(line for line in lines if line.startswith(job.label)).split()
            self.assertEqual((row[:3], row[-1]), ([job.label, "group/proj", "running"], IMAGE))

    def test_no_such_job(self):
        done = self.shell("1", "true")
        self.assertEqual(done.returncode, 2)
        self.assertIn("job '1' has no containers on this host; 'atelier shell' lists", done.stderr)

    def test_several(self):
        """Two runners of two servers may give the same id."""
        with Job() as first, Job(CI_RUNNER_SHORT_TOKEN="other") as second:
            second.id = first.id
            second.variables["CI_JOB_ID"] = first.id
            second.response["id"] = int(first.id)
            for variable in second.response["variables"]:
                if variable["key"] == "CI_JOB_ID":
                    variable["value"] = first.id
            second.label = f"other-{first.id}"
            for job in (first, second):
                self.assertEqual(job.hook("prepare").code, 0)
            done = self.shell(first.id, "true")
            self.assertEqual(done.returncode, 2)
            self.assertIn(first.label, done.stderr)
            self.assertIn(second.label, done.stderr)
            self.assertEqual(self.shell(second.label, "true").returncode, 0)

    def test_container_that_is_gone(self):
        with Job() as job:
            self.assertEqual(job.hook("prepare").code, 0)
            job.wait_for_start()
            docker("rm", "-f", job.container())
            done = self.shell(job.id, "true")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"job '{job.label}' has no build container", done.stderr)
            self.assertEqual(self.shell(job.id, "--helper", "true").returncode, 0)

    def test_stopped_container(self):
        with Job() as job:
            self.assertEqual(job.hook("prepare").code, 0)
            job.wait_for_start()
            docker("kill", job.container())
            done = self.shell(job.id, "echo", "here")
            self.assertEqual((done.stdout, done.returncode), ("here\n", 0))
            self.assertIn("The container does not run (exited): starting it", done.stderr)

    def test_service(self):
        image = images.busybox("atelier-test/shell-service", ("sh", "sleep", "hostname"))
        self.addCleanup(images.remove, image)
        with Job() as job:
            job.response["services"] = [{"name": image, "alias": "db", "command": ["sleep", "1000"]}]
            result = job.hook("prepare")
            self.assertEqual(result.code, 0, result)
            found = docker("inspect", "--format", "{{json .Config.Labels}}", job.container("service"))
            name = json.loads(found)["atelier.service"]
            own = docker("inspect", "--format", "{{.Config.Hostname}}", job.container("service"))
            self.assertEqual(self.shell(job.id, "--service", name, "hostname").stdout.strip(), own)
            done = self.shell(job.id, "--service", "nothing", "true")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"its services: {name}", done.stderr)

    def test_wrong_use(self):
        for args, text in ((["--helper", "--service", "x", "1"], "take one of them"), (["--helper"], "of which job?")):
            done = self.shell(*args)
            self.assertEqual(done.returncode, 2)
            self.assertIn(text, done.stderr)


class Kept(ShellCase):
    """keep_failed: how a job ended comes to cleanup in CI_JOB_STATUS."""

    def ended(self, job, status):
        job.variables["CI_JOB_STATUS"] = status
        result = job.hook("cleanup")
        self.assertEqual(result.code, 0, result)
        return result

    def kept_volume(self, job):
        return docker("volume", "ls", "-q", "--filter", f"label=atelier.job={job.label}",
                      "--filter", "label=atelier.role=kept")

    def release(self, job):
        """Let its time be over: the volume anew, with a date of the past."""
        name = self.kept_volume(job)
        docker("volume", "rm", name)
        docker("volume", "create", "--label", f"atelier.job={job.label}", "--label", "atelier.role=kept",
               "--label", "atelier.managed=0", "--label", "atelier.expires=1000000000", name)

    @contextlib.contextmanager
    def job(self, config="keep_failed: 30m\n"):
        with Job(config) as job:
            result = job.hook("prepare")
            self.assertEqual(result.code, 0, result)
            try:
                yield job
            finally:
                job.variables.pop("CI_JOB_STATUS", None)
                if self.kept_volume(job):
                    self.release(job)

    def test_what_is_kept(self):
        for status in ("failed", "timedout"):
            with self.subTest(status=status), self.job() as job:
                self.ended(job, status)
                self.assertTrue(job.container())
                self.assertTrue(job.container("helper"))
        for status in ("success", "canceled", "running", ""):
            with self.subTest(status=status), self.job() as job:
                self.ended(job, status)
                self.assertEqual(job.left_in_the_end(), [])

    def test_off_by_default(self):
        for config in ("", "keep_failed: 0\n"):
            with self.subTest(config=config), self.job(config) as job:
                failed = job.run("exit 3")
                self.assertNotIn("kept", failed.err)
                self.ended(job, "failed")
                self.assertEqual(job.left_in_the_end(), [])

    def test_things_are_as_they_were(self):
        with self.job() as job:
            failed = job.run("echo trace-$((40 + 2)) >/tmp/trace; exit 3")
            self.assertEqual((failed.code, job.code()), (1, "3\n"))
            self.assertRegex(failed.err,
                             rf"The containers are kept for 30m: on \S+, `atelier --config {job.config_file} shell {job.id}`")
            self.ended(job, "failed")
            self.assertEqual(self.shell(job.id, "cat", "/tmp/trace").stdout, "trace-42\n")
            self.assertRegex(self.shell().stdout, rf"(?m)^{job.label} .* kept until \d{{4}}-\d\d-\d\d \d\d:\d\d ")

    def test_announced_once(self):
        """after_script and the helper's work fail no job, or do so after the script."""
        with self.job() as job:
            self.assertNotIn("kept", job.run("exit 3", "after_script").err)
            self.assertNotIn("kept", job.run("exit 3", "archive_cache").err)
            self.assertNotIn("kept", job.run("exit 0").err)
            self.assertIn("kept", job.run("exit 3", "step_release").err)

    def test_a_second_cleanup(self):
        with self.job() as job:
            self.ended(job, "failed")
            volume = docker("volume", "inspect", self.kept_volume(job))
            left = job.left()
            for status in ("failed", "success"):
                self.ended(job, status)
                self.assertEqual(job.left(), left)
                self.assertEqual(docker("volume", "inspect", self.kept_volume(job)), volume)

    def test_time_is_over(self):
        """Another job's cleanup removes it."""
        with self.job() as job, self.job() as other, self.job() as kept:
            self.ended(kept, "failed")
            self.ended(job, "failed")
            self.release(job)
            self.ended(other, "success")
            self.assertEqual(job.left_in_the_end(), [])
            self.assertEqual(other.left_in_the_end(), [])
            self.assertTrue(kept.container())

    def test_gc_and_doctor(self):
        with self.job() as job:
            self.ended(job, "failed")
            gc = [ATELIER, "gc", "--job", job.label]
            said = subprocess.run([*gc, "--dry-run"], capture_output=True, text=True, check=True).stdout
            self.assertRegex(said, rf"Job {job.label} of group/proj failed and is kept until .*: atelier shell {job.label}")
            self.assertIn("Nothing to remove", said)
            doctor = subprocess.run([ATELIER, "doctor"], capture_output=True, text=True, check=False).stdout
            self.assertIn(f"Job {job.label} of group/proj failed and is kept until", doctor)
            self.release(job)
            said = subprocess.run(gc, capture_output=True, text=True, check=True).stdout
            self.assertEqual(job.left(), [], said)

    def test_prepared_again(self):
        """A later life of the same job is none that failed."""
        with self.job() as job:
            self.ended(job, "failed")
            del job.variables["CI_JOB_STATUS"]
            self.assertEqual(job.hook("prepare").code, 0)
            self.assertEqual(self.kept_volume(job), "")

    def test_nothing_to_keep(self):
        with Job("keep_failed: 30m\n") as job:
            self.ended(job, "failed")
            self.assertEqual(job.left_in_the_end(), [])


if __name__ == "__main__":
    unittest.main()
