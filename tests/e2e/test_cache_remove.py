"""`atelier cache verify --remove`: what is broken goes, and nothing else."""
import shutil
import subprocess
import unittest

from hooks import ATELIER, Result
from test_cache_command import RUNNER, Store

PLACE = f"{RUNNER}/7/group/proj"


class Remove(Store):
    def broken(self, key, **where):
        folder = self.make(key, **where)
        (folder / "cache.zip").write_bytes(b"PK no archive")
        return folder

    def with_reader(self, script, *args):
        """Of a program beside which lies another helper."""
        for folder in ("bin/cache", "bin/executor"):
            (self.folder / folder).mkdir(parents=True)
        reader = self.folder / "bin/cache/atelier-helper"
        reader.write_text(f"#!/bin/sh\n{script}\n")
        reader.chmod(0o755)
        config = self.folder / "config.yml"
        config.write_text(f"cache: {self.root}\n")
        program = shutil.copy(ATELIER, self.folder / "bin/executor/atelier")
        return Result(subprocess.Popen([program, "--config", config, "cache", "verify", *args], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))

    def test_broken_ones_go(self):
        self.make("good")
        bad, busy = self.broken("sub/bad"), self.broken("busy")
        (self.broken("with more") / "other").write_text("not ours")
        lock = subprocess.Popen(["flock", busy / ".lock", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        lock.stdout.readline()
        result = self.cache("verify", "--remove")
        self.assertEqual((result.code, result.err), (1, ""), result)
        self.assertRegex(result.out, r"broken  \S+/sub/bad: .*; removed\n")
        self.assertRegex(result.out, r"broken  \S+/busy: .*; in use, and stays\n")
        self.assertIn("\n1 good, 3 broken, 0 not read; 2 removed\n", result.out)
        self.assertFalse(bad.parent.exists(), "an empty folder goes too")
        self.assertEqual({file for file in self.files() if "/good/" not in file and "/busy/" not in file}, {f"{PLACE}/with more/other"})
        lock.communicate()
        result = self.cache("verify", "-R")
        self.assertIn("1 good, 1 broken, 0 not read; 1 removed\n", result.out)
        self.assertEqual(self.good("verify")[:2], [f"ok      {PLACE}/good", "1 good, 0 broken, 0 not read"])

    def test_only_those_that_are_named(self):
        one, other = self.broken("one"), self.broken("other")
        self.assertEqual(self.cache("verify", "--remove", "one").code, 0)
        self.assertEqual((one.exists(), other.exists()), (False, True))

    def test_a_new_one_stays(self):
        """A job replaces it while it is read."""
        folder = self.broken("default")
        good = self.folder / "good.zip"
        shutil.copy(self.make("other", project="a/b") / "cache.zip", good)
        whole = good.read_bytes()
        result = self.with_reader(f"mv {good} {folder}/cache.zip; echo broken: by us", "--remove", "default")
        self.assertEqual((result.code, result.out.splitlines()[0]), (1, f"broken  {PLACE}/default: by us; in use, and stays"), result)
        self.assertEqual((folder / "cache.zip").read_bytes(), whole)

    def test_what_cannot_be_read_stays(self):
        folder = self.broken("default")
        result = self.with_reader("echo failed: no memory", "--remove")
        self.assertEqual((result.code, result.out.splitlines()), (2, [f"failed  {PLACE}/default: no memory", "0 good, 0 broken, 1 not read; 0 removed"]))
        self.assertTrue((folder / "cache.zip").exists())

    def test_other_words_have_no_such_option(self):
        for word in ("ls", "stat", "prune"):
            result = self.cache(word, "--remove")
            self.assertEqual(result.code, 2)
            self.assertIn("'atelier cache verify' has", result.err)


if __name__ == "__main__":
    unittest.main()
