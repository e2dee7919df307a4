"""atelier-cron as the first process of containers: an image with a shell, and one with nothing else in it."""
import os
import pathlib
import re
import subprocess
import unittest

import images
from hooks import ROOT, docker, has_docker, wait_for

CRON = os.environ.get("ATELIER_CRON", str(ROOT / "build/dev/stages/deploy/cron/atelier-cron"))
ZONE = pathlib.Path("/usr/share/zoneinfo/Europe/Paris")

# Runs for longer than a minute, leaves an orphan to process 1, and ends when it is told to.
LONG_JOB = """
echo "in $PLACE"
trap 'echo heard TERM; exit 7' TERM
(sleep 0.2 & echo $! >/tmp/orphan)
while :; do sleep 0.1; done
"""


class Container:
    """A container of ours, removed at the end."""

    def __init__(self, image, *command, options=()):
        self.id = docker("run", "-d", *options, image, *command)

    def log(self):
        return docker("logs", self.id)

    def has(self, pattern):
        return re.search(pattern, self.log(), re.M)

    def execute(self, *command):
        return subprocess.run(["docker", "exec", self.id, *command], capture_output=True, text=True, check=False)

    def state(self, field):
        return docker("inspect", "--format", f"{{{{.State.{field}}}}}", self.id)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        docker("rm", "-f", "-v", self.id)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Cron(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        program = {"cron": (pathlib.Path(CRON).read_bytes(), 0o755)}
        zone = {"usr/share/zoneinfo/Europe/Paris": (ZONE.read_bytes(), 0o644)} if ZONE.exists() else {}
        cls.image = images.busybox("atelier-test-cron", ("sh", "sleep", "cat"), {**program, **zone})
        cls.bare = images.import_image(f"atelier-test-cron-bare:{os.getpid()}", program)

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.image, cls.bare)

    def test_runs_every_minute(self):
        with Container(self.image, "/cron", "* * * * *", "--", "sh", "-c", LONG_JOB, options=["-e", "PLACE=here"]) as c:
            next_time = wait_for(lambda: c.has(r"^atelier-cron: next \S+: (\S+:00)\+0000$"), "the next time is said")[1]
            wait_for(lambda: c.has(r"^in here$"), "a run")
            self.assertGreaterEqual(c.has(r"^atelier-cron: begin (\S+)\+0000$")[1], next_time, "it ran before its time")

            orphan = wait_for(lambda: c.execute("cat", "/tmp/orphan").stdout.strip(), "an orphan")
            wait_for(lambda: c.execute("cat", f"/proc/{orphan}/stat").returncode != 0, "process 1 buries it")

            second = c.execute("/cron", "--once")
            self.assertEqual(second.returncode, 75, second)
            self.assertRegex(second.stdout, r"^atelier-cron: skip \S+: the run before is still underway\n$")

            wait_for(lambda: c.has(r"^atelier-cron: skip "), "a run that is left out")
            self.assertEqual(c.log().count("in here"), 1, "two runs at once")

            docker("stop", "-t", "60", c.id)
            self.assertEqual(c.state("ExitCode"), "0", "killed, and not stopped")
            self.assertRegex(c.log(), r"heard TERM\natelier-cron: end \S+: exit code 7 after .*\natelier-cron: stop \S+\Z")

    def test_reboot_once_and_stop(self):
        with Container(self.image, "/cron", "@reboot", "--", "sh", "-c", "echo run; exit 3") as c:
            wait_for(lambda: c.has(r"^run\natelier-cron: end \S+: exit code 3 after (\d+ ms|\d+\.\d s)$"), "the run at its start")
            by_hand = c.execute("/cron", "--once")
            self.assertEqual(by_hand.returncode, 3, by_hand)
            self.assertIn("\nrun\n", by_hand.stdout)
            other = c.execute("/cron", "--once", "@daily", "--", "sh", "-c", "kill -9 $$")
            self.assertEqual(other.returncode, 137, other)
            self.assertIn(": signal 9 after ", other.stdout)
            self.assertEqual(c.state("Running"), "true")
            docker("stop", "-t", "60", c.id)
            self.assertEqual(c.state("ExitCode"), "0")
            docker("start", c.id)
            wait_for(lambda: c.log().count("exit code 3") == 2, "the run at its second start")

    def test_needs_nothing_of_an_image(self):
        done = subprocess.run(["docker", "run", "--rm", "--read-only", "--user", "1001", self.bare, "/cron", "--once",
                               "@daily", "--", "/no/such"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 127, done)
        self.assertIn(": /no/such: No such file or directory", done.stdout)
        done = subprocess.run(["docker", "run", "--rm", self.bare, "/cron", "--check", "0 0 31 2 *"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done)
        self.assertIn("it would never run", done.stderr)
        for wrong in ((), ("* * * * *",), ("* * * * *", "--"), ("*", "*", "*", "*", "*", "--", "x"), ("61 * * * *", "--", "x")):
            with self.subTest(wrong):
                done = subprocess.run(["docker", "run", "--rm", self.bare, "/cron", *wrong], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn("usage: atelier-cron SCHEDULE -- COMMAND", done.stderr)

    @unittest.skipUnless(ZONE.exists(), "needs tzdata")
    def test_zone_of_the_image(self):
        said = docker("run", "--rm", "-e", "TZ=Europe/Paris", self.image, "/cron", "--check", "30 4 14 7 *")
        self.assertRegex(said, r": \d{4}-07-14T04:30:00\+0200$")
        with Container(self.image, "/cron", "@daily", "--", "sh", options=["-e", "TZ=Europe/Nowhere"]) as c:
            wait_for(lambda: c.has(r"warning .*no /usr/share/zoneinfo/Europe/Nowhere .* times are UTC$"), "a warning")


if __name__ == "__main__":
    unittest.main()
