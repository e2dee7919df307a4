"""Small pipelines with known results: tests/cases/pipelines/NAME has the files of a checkout, and `expected`, which says
what becomes of them by GitLab's documentation. One test a case, test_NAME.

`expected` has lines "WORD: text", or a WORD with indented lines below it:

    about:    what the case shows
    git:      git commands after the first commit ("tag v1")
    with:     arguments of `atelier pipeline`, for all that follows
    jobs:     the jobs of --json in their order, "name | stage | when[, may fail] | needs", where needs is empty for a job
              that waits for stages, or "a, b (no artifacts)", or "nothing"
    said:     what --json says of what is missing, in part
    error:    what it says instead, with exit status 1
    preview:  lines that are in --preview;      no preview: lines that are not
    lint:     what `atelier lint` says, in part; no lint: what it does not say
    run:      arguments with which the pipeline really runs ("all": none)
    states:   "name | state" of each of its jobs
    exit:     its exit status, 0 without this
    log:      "name | line" that the job shows; no log: that it does not show
"""
import json
import pathlib
import re
import shlex
import subprocess
import unittest

from hooks import ATELIER, IMAGE
from pipelines import Checkout, has_image

CASES = pathlib.Path(__file__).parent.parent / "cases" / "pipelines"
WORDS = {"about", "git", "with", "jobs", "error", "preview", "no preview", "lint", "no lint", "run", "states", "exit", "log",
         "no log", "said"}


def read_expected(path):
    """{word: [line]}"""
    found, word = {}, None
    for line in path.read_text().splitlines():
        start = re.match(r"(\w[\w ]*):(?: (.*))?$", line)
        if start and not line.startswith(" "):
            word = start.group(1)
            if word not in WORDS or word in found:
                raise ValueError(f"{path}: {line}")
            found[word] = [start.group(2)] if start.group(2) else []
        elif line.strip():
            found[word].append(line.strip())
    return found


def describe(job):
    """A job of --json as `expected` has it."""
    needs = job["needs"]
    if needs is not None:
        needs = ", ".join(n["job"] + ("" if n["artifacts"] else " (no artifacts)") for n in needs) or "nothing"
    when = job["when"] + (", may fail" if job["allow_failure"] else "")
    return [job["name"], job["stage"], when, needs or ""]


def cells(line):
    return [cell.strip() for cell in line.split("|")]


def lines_of(result, job):
    """What a job showed, alone or beside others."""
    lines = (re.match(re.escape(job) + r" *\| ?(.*)$", line) for line in result.text.splitlines())
    return result.lines_of(job) + [line.group(1) for line in lines if line]


class Cases(unittest.TestCase):
    maxDiff = None

    def checkout(self, folder, expected):
        files = {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file() and p.name != "expected"}
        c = Checkout(files.pop(".gitlab-ci.yml"), files, name="case")
        self.addCleanup(c.remove)
        with open(c.config, "a") as config:
            config.write(f"image: {IMAGE}\n")
        for command in expected.get("git", []):
            c.git(*shlex.split(command))
        return c

    def lint(self, c):
        return subprocess.run([ATELIER, "--config", str(c.config), "lint"], cwd=c.top, env=c.env, capture_output=True, text=True,
                              check=False).stdout

    def check_text(self, expected, word, text):
        for line in expected.get(word, []):
            self.assertIn(line, text)
        for line in expected.get("no " + word, []):
            self.assertNotIn(line, text)

    def check_run(self, c, options, expected):
        names = shlex.split(expected["run"][0])
        result = c.run("--jobs", "2", *options, *([] if names == ["all"] else names))
        self.assertEqual(result.code, int(expected.get("exit", ["0"])[0]), result)
        states = [[job, state] for job, (state, _) in result.summary().items()]
        self.assertEqual(states, [cells(line) for line in expected["states"]], result)
        for word in ("log", "no log"):
            for line in expected.get(word, []):
                job, text = cells(line) if line.count("|") == 1 else [part.strip() for part in line.split("|", 1)]
                self.assertEqual(text in lines_of(result, job), word == "log", f"{line}\n{result}")

    def check(self, folder):
        expected = read_expected(folder / "expected")
        c = self.checkout(folder, expected)
        options = shlex.split(" ".join(expected.get("with", [])))
        listed = c.run("--json", *options)
        if "error" in expected:
            self.assertEqual(listed.code, 1, listed)
            for line in expected["error"]:
                self.assertIn(line, listed.text)
        else:
            self.assertEqual(listed.code, 0, listed)
        if "jobs" in expected:
            self.assertEqual([describe(job) for job in json.loads(listed.text.splitlines()[-1])], [cells(line) for line in expected["jobs"]])
        self.check_text(expected, "said", listed.text)
        if "lint" in expected or "no lint" in expected:
            self.check_text(expected, "lint", self.lint(c))
        if "preview" in expected or "no preview" in expected:
            self.check_text(expected, "preview", c.run("--preview", *options).text)
        if "run" in expected:
            if not has_image():
                self.skipTest("no image for jobs")
            self.check_run(c, options, expected)


def add_tests():
    for folder in sorted(CASES.iterdir()):
        name = "test_" + re.sub(r"\W", "_", folder.name)
        setattr(Cases, name, lambda self, folder=folder: self.check(folder))


add_tests()

if __name__ == "__main__":
    unittest.main()
