"""Runs atelier-helper as gitlab-runner's scripts do, in a project's folder of a test.

    ATELIER_HELPER  the program to test (default: the dev preset's)
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import tempfile
import typing
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("ATELIER_HELPER") or ROOT / "build/dev/cache/atelier-helper").absolute()
TIMEOUT = 300


class Done(typing.NamedTuple):
    code: int
    log: str  # without colours and padding
    out: str

    @property
    def lines(self) -> list[str]:
        return self.log.splitlines()


def plain(log: bytes) -> str:
    """A job log's text: colours gone, the padding before the fields two blanks, none at a line's end."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", log.decode(errors="replace"))
    return "\n".join(re.sub(r"  +", "  ", line).rstrip() for line in text.splitlines())


class HelperCase(unittest.TestCase):
    maxDiff = None

    def setUp(self) -> None:
        if not PROGRAM.exists():
            raise FileNotFoundError(f"{PROGRAM}: build it first, or name another in ATELIER_HELPER")
        folder = tempfile.TemporaryDirectory(prefix="atelier-helper-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.project = self.folder / "project"
        self.project.mkdir()
        self.cache = self.folder / "cache/key/cache.zip"

    def environment(self, env: dict[str, str] | None = None) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items()
                 if not re.match("(CI|CACHE|FF|AWS|ARTIFACT|TRANSFER|ATELIER|GITLAB)_|.*_proxy$", name, re.I)}
        return {**clean, "HOME": str(self.folder), **(env or {})}

    def start(self, *args: object, env: dict[str, str] | None = None, cwd: pathlib.Path | None = None,
              **options) -> subprocess.Popen:
        return subprocess.Popen([PROGRAM, *map(str, args)], cwd=cwd or self.project, env=self.environment(env),
                                stdin=subprocess.DEVNULL, stdout=options.pop("stdout", subprocess.PIPE),
                                stderr=subprocess.PIPE, **options)

    def finish(self, process: subprocess.Popen) -> Done:
        out, log = process.communicate(timeout=TIMEOUT)
        return Done(process.returncode, plain(log), (out or b"").decode(errors="replace"))

    def run_helper(self, *args: object, **options) -> Done:
        return self.finish(self.start(*args, **options))

    # What tests look at.

    def write(self, name: str, content: str | bytes = "content\n") -> pathlib.Path:
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def assert_line(self, done: Done, pattern: str, times: int = 1) -> None:
        """So many lines of the log that fit as a whole."""
        found = [line for line in done.lines if re.fullmatch(pattern, line)]
        self.assertEqual(len(found), times, f"lines like {pattern!r} in:\n{done.log}")

    def assert_ends(self, done: Done, code: int, *last: str) -> None:
        """The exit code, and the last lines of the log, each as a pattern."""
        self.assertEqual(done.code, code, done.log)
        lines = done.lines[len(done.lines) - len(last):]
        for pattern, line in zip(last, lines, strict=True):
            self.assertRegex(line, f"^(?:{pattern})$", done.log)

    def assert_only(self, folder: pathlib.Path, *names: str) -> None:
        """No rubbish."""
        self.assertEqual(sorted(path.name for path in folder.iterdir()), sorted(names))
