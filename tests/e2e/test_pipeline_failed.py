"""A job that failed, looked at: in a shell before it is cleaned up, and when it is kept."""
import re
import subprocess
import unittest

from hooks import ATELIER, IMAGE, docker
from pipelines import PipelineTest, has_image
from test_shell import DEADLINE, Terminal

CI = f"""
default: {{image: {IMAGE}}}
broken:
  variables: {{GREETING: "it's $CI_JOB_NAME", APP_TOKEN: hunter2-is-a-secret}}
  script: [echo a-file > made, exit 3]
  after_script: [cat made]
"""


@unittest.skipUnless(has_image(), "no image for jobs")
class Failed(PipelineTest):
    def test_a_shell(self):
        c = self.checkout(CI)
        command = ["env", "-C", str(c.top), *(f"{key}={c.env[key]}" for key in ("HOME", "XDG_STATE_HOME", "TMPDIR")),
                   ATELIER, "--config", str(c.config), "pipeline", "--shell-on-failure"]
        with Terminal(*command) as terminal:
            terminal.read("exit goes on")
            terminal.type("PS1=; echo mar''ker\n")
            terminal.read("marker\r\n")
            terminal.type('echo "[$GREETING]" $(cat made) $(pwd) $(ls /dev/shm/.atelier-shell 2>&1 | wc -c)\n')
            said = terminal.read(r"\[it's broken\] a-file (\S+) (\d+)\r\n")
            self.assertTrue(said[1].decode().endswith("/local/hello"), said)
            self.assertGreater(int(said[2]), 30)  # there is no such file
            terminal.type("echo mended > made; exit 7\n")
            terminal.read(r"    mended\r\n")  # after_script comes after it
            terminal.read(r"failed in .*exit code 3")
            self.assertEqual(terminal.wait(), 1)
            self.assertEqual(terminal.settings(), terminal.before)
        self.assert_nothing_left(c)

    def test_no_shell_without_a_terminal(self):
        c = self.checkout(CI)
        result = c.run("--shell-on-failure")
        self.assertEqual(result.code, 1, result)
        self.assertIn("--shell-on-failure: there is no shell without a terminal", result.text)
        self.assertIn("\n    a-file\n", result.text)
        self.assert_nothing_left(c)

    def atelier(self, c, *args):
        return subprocess.run([ATELIER, "--config", str(c.config), *args], capture_output=True, text=True, check=False,
                              timeout=DEADLINE)

    def test_kept(self):
        c = self.checkout(CI + "good: {script: [echo good]}\n")
        result = c.run("--keep")
        self.assertEqual(result.code, 1, result)
        line = re.search(rf"are kept for 1d: on \S+, `atelier --config {c.config} shell (\d+)`; they go with "
                         rf"`atelier --config {c.config} (gc --job local-\1 --older-than 0s)`", result.text)
        self.assertTrue(line, result)
        self.addCleanup(self.atelier, c, *line[2].split())
        shown = self.atelier(c, "shell", line[1], "--", "cat", "made")
        self.assertEqual((shown.returncode, shown.stdout), (0, "a-file\n"), shown)
        left = docker("ps", "-aq", "--filter", "label=atelier.project=local/hello", "--filter", "label=atelier.role=build",
                      "--filter", f"label=atelier.job=local-{line[1]}").split()
        self.assertEqual(len(left), 1)
        self.assertEqual([path.name for path in c.root.glob("builds/.kept/*")], [f"local-{line[1]}"])
        gone = self.atelier(c, *line[2].split())
        self.assertEqual(gone.returncode, 0, gone)
        self.assertIn("1 build folder of failed jobs that were kept removed", gone.stdout)
        self.assertEqual(list(c.root.glob("builds/.kept/*")), [])
        self.assert_nothing_left(c)
