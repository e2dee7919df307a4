"""The timer that cleans up on a host: what it starts, and that systemd can read it."""
import configparser
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from hooks import ATELIER, ROOT

TIMER = ROOT / "packaging/systemd/atelier-clean.timer"
SERVICE = pathlib.Path(ATELIER).parents[1] / "packaging/atelier-clean.service"


def read(path):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(path.read_text())
    return unit


class Timer(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atelier-timer-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_service(self, gc, prune):
        """Its exit status, and what it called, in place of the installed program."""
        called = self.folder / "called"
        called.unlink(missing_ok=True)
        program = self.folder / "atelier"
        program.write_text(f"#!/bin/sh\necho \"$@\" >>{called}\ncase $1 in gc) exit {gc} ;; *) exit {prune} ;; esac\n")
        program.chmod(0o755)
        line = read(SERVICE)["Service"]["ExecStart"]
        words = line.split(" ", 2)
        installed = words[2].strip("'").split(" ", 1)[0]
        self.assertTrue(installed.endswith("/bin/atelier") and installed.startswith("/"), line)
        script = words[2].strip("'").replace("$$", "$").replace(installed, str(program))
        return subprocess.run([*words[:2], script]).returncode, called.read_text().splitlines()

    def test_both_are_done_and_both_may_fail(self):
        both = ["gc", "cache prune"]
        self.assertEqual(self.run_service(0, 0), (0, both))
        self.assertEqual(self.run_service(2, 0), (2, both))
        self.assertEqual(self.run_service(0, 2), (2, both))

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd-analyze")
    def test_systemd_reads_them(self):
        for unit in (TIMER, SERVICE):
            text = unit.read_text().replace(read(SERVICE)["Service"]["ExecStart"].split("'")[1].split(" ")[0], "/bin/true")
            (self.folder / unit.name).write_text(text)
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", self.folder / TIMER.name], capture_output=True, text=True,
                              env={**os.environ, "SYSTEMD_UNIT_PATH": f"{self.folder}:"})
        said = [line for line in done.stderr.splitlines() if "atelier" in line]
        self.assertEqual((done.returncode, said), (0, []), done.stderr)
        self.assertEqual(read(TIMER)["Install"]["WantedBy"], "timers.target")


if __name__ == "__main__":
    unittest.main()
