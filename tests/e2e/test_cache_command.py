"""What an operator types about local caches: `atelier cache`, on caches that the real helper made.

The store is written by jobs' containers, so the tests also plant what a hostile job could.
"""
import fcntl
import os
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

from hooks import ATELIER, ROOT, Result

HELPER = os.environ.get("ATELIER_HELPER", str(ROOT / "build/dev/cache/atelier-helper"))
DAY = 86400
RUNNER = "tEsT_0123"
WHOLE = [".lock", "cache.zip", "metadata.json"]  # a cache that nobody used yet


def start(config, *args, env=None, **options):
    return subprocess.Popen([ATELIER, "--config", str(config), *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1", **(env or {})}, **options)


class Store(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atelier-cache-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.root = self.folder / "cache"
        self.project = self.folder / "project"
        self.project.mkdir()
        (self.project / "text").write_text("".join(f"{n}\n" for n in range(20000)))
        (self.project / "noise").write_bytes(os.urandom(300000))
        (self.project / "link").symlink_to("text")

    def place(self, key="default", project="group/proj", id="7", runner=RUNNER):
        return self.root / runner / id / project / key

    def helper(self, command, folder, *args, **options):
        env = {**os.environ, "NO_COLOR": "1", **options.pop("env", {})}
        return subprocess.Popen([HELPER, command, "--file", str(folder / "cache.zip"), *args], cwd=self.project,
                                env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def make(self, key="default", *args, metadata=True, used_days_ago=None, **where):
        """A cache as a job makes it; its folder."""
        folder = self.place(key, **where)
        env = {"CACHE_METADATA": '{"cachekey":"%s"}' % key} if metadata else {}
        result = Result(self.helper("cache-archiver", folder, "--path", "text", "--path", "noise", "--path", "link",
                                    *args, env=env))
        self.assertEqual(result.code, 0, result)
        if used_days_ago is not None:
            self.date(folder / "cache.zip", used_days_ago)
        return folder

    def use(self, folder):
        result = Result(self.helper("cache-extractor", folder))
        self.assertEqual(result.code, 0, result)

    @staticmethod
    def date(path, days_ago):
        os.utime(path, times=(time.time() - days_ago * DAY,) * 2, follow_symlinks=False)

    def cache(self, *args, config="", **options):
        path = self.folder / "config.yml"
        path.write_text(f"cache: {self.root}\n{config}")
        return Result(start(path, "cache", *args, **options))

    def good(self, *args, **options):
        """The lines of one that ends with 0 and has no complaint."""
        result = self.cache(*args, **options)
        self.assertEqual((result.code, result.err), (0, ""), result)
        return result.out.splitlines()

    def rows(self, *args, **options):
        """The table's cells and the lines below it."""
        lines = self.good(*args, **options)
        table = [re.split(r" {2,}", line) for line in lines if "  " in line]
        return table[1:], [line for line in lines if "  " not in line]

    def files(self):
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir())


class List(Store):
    def test_projects_keys_and_uses(self):
        self.use(self.make("default"))
        self.make("feature/x", metadata=False, used_days_ago=3)
        self.make("main", project="group/sub/other", id="8.protected", metadata=False, used_days_ago=2)
        rows, rest = self.rows("ls")
        self.assertEqual([row[:2] for row in rows],
                         [["group/proj", "default"], ["group/sub/other", "main"], ["group/proj", "feature/x"]])
        self.assertEqual([row[-1] for row in rows], [f"{RUNNER}/7", f"{RUNNER}/8.protected", f"{RUNNER}/7"])
        self.assertEqual([row[5] for row in rows], ["1", "0", "0"])
        self.assertEqual([row[4] for row in rows[1:]], ["never", "never"])
        self.assertTrue(rows[1][3].startswith("2 d "), rows)
        self.assertRegex(rest[0], r"^3 caches, [\d.]+ (KiB|MiB)$")

    def test_choosing(self):
        self.make("a")
        self.make("b", project="group/other", id="8")
        self.make("c", project="else/where", id="9", runner="other")
        self.assertEqual([row[1] for row in self.rows("ls", "--project", "group/other")[0]], ["b"])
        self.assertEqual({row[1] for row in self.rows("ls", "--project", "group/*")[0]}, {"a", "b"})
        self.assertEqual([row[1] for row in self.rows("ls", "--runner", "other")[0]], ["c"])
        self.assertEqual(self.good("ls", "--project", "no/such"), ["0 caches, 0 B"])

    def test_no_folder_yet(self):
        for word in ("ls", "stat", "verify", "prune"):
            self.assertIn(f"{self.root} is not there: no job had a cache here", self.good(word))
        self.assertFalse(self.root.exists(), "nothing is made")

    def test_stat(self):
        self.use(self.make("a"))
        self.make("b")
        self.make("c", project="group/other", id="8", runner="other")
        out = self.good("stat", config="cache_size: 20g\n")
        text = "\n".join(out)
        self.assertRegex(text, r"group/proj \(7\) +2 +\S+ \w+ +1\n")
        self.assertRegex(text, r"group/other \(8\) +1 +\S+ \w+ +0\n")
        self.assertRegex(text, rf"{RUNNER} +2 .*\nother +1 ")
        self.assertRegex(text, rf"BIGGEST +SIZE\n(.*\n)*other/8/group/other/c ")
        self.assertRegex(text, r"\n3 caches, \S+ \w+ of 20 GiB\nDisk: .* free$")

    def doctor(self, more=""):
        """What it says of the caches; Docker is not needed for that."""
        path = self.folder / "config.yml"
        path.write_text(f"cache: {self.root}\nbuilds: {self.folder}/builds\n{more}")
        lines = Result(start(path, "doctor", env={"DOCKER_HOST": "unix:///nowhere"})).out.splitlines()
        return [(*line.split(None, 2)[::2], "atelier cache prune" in after)
                for line, after in zip(lines, lines[1:]) if line.split()[1:2] == ["cache"]]

    def test_doctor(self):
        self.assertEqual(self.doctor(), [("ok", "there are none yet", False)])
        folder = self.make("a")
        [(verdict, text, fix)] = self.doctor()
        self.assertEqual((verdict, fix), ("ok", False))
        self.assertRegex(text, r"^caches: 1, .*; no limit: cache_size is not set$")
        [(verdict, text, fix)] = self.doctor("cache_size: 20g\n")
        self.assertEqual((verdict, fix), ("ok", False))
        self.assertTrue(text.endswith(" of 20 GiB"), text)
        (folder / "archive_1").touch()
        self.date(folder / "archive_1", 2)
        self.assertEqual([(verdict, fix) for verdict, _, fix in self.doctor("cache_size: 1k\n")],
                         [("warning", True), ("warning", True)])

    def test_mistakes(self):
        for args, part in ((("lst",), "did you mean 'cache ls'?"),
                           (("frobnicate",), "there are: ls, stat, verify, prune"),
                           (("ls", "--size", "3g"), "'atelier cache prune' has"),
                           (("ls", "more"), "usage: atelier cache ls"),
                           (("prune", "--size", "much"), "'much' is no size"),
                           (("prune", "--age", "old"), "no duration"),
                           (("prune", "--age", "30"), "no duration with its unit, such as 30d"),
                           ((), "usage: atelier cache")):
            result = self.cache(*args)
            self.assertEqual((result.code, result.out), (2, ""), result)
            self.assertIn(part, result.err)


class Verify(Store):
    def test_good_ones(self):
        self.make("zst", "--compression-format", "tarzstd")
        self.make("zip", "--compression-format", "zip")
        out = self.good("verify")
        self.assertEqual(sorted(out[:2]), [f"ok      {RUNNER}/7/group/proj/zip", f"ok      {RUNNER}/7/group/proj/zst"])
        self.assertEqual(out[2:], ["2 good, 0 broken, 0 not read"])

    def test_broken_ones(self):
        for name, format in (("zip", "zip"), ("zst", "tarzstd")):
            self.make(f"good-{name}", "--compression-format", format)
            cut = self.make(f"cut-{name}", "--compression-format", format) / "cache.zip"
            os.truncate(cut, cut.stat().st_size - 5)
            (self.make(f"empty-{name}") / "cache.zip").write_bytes(b"")
        flipped = self.make("flipped", "--compression-format", "zip") / "cache.zip"
        data = bytearray(flipped.read_bytes())
        data[len(data) // 2] ^= 1
        flipped.write_bytes(data)
        header = self.make("header", "--compression-format", "tarzstd") / "cache.zip"
        header.write_bytes(b"\x28\xb5\x2f\xfd" + header.read_bytes()[:3][::-1] + os.urandom(4000))
        result = self.cache("verify")
        self.assertEqual((result.code, result.err), (1, ""), result)
        lines = result.out.splitlines()
        verdicts = {line.split()[1].rstrip(":").rsplit("/", 1)[1]: line.split()[0] for line in lines[:-1]}
        self.assertEqual({key for key, verdict in verdicts.items() if verdict == "ok"}, {"good-zip", "good-zst"})
        self.assertEqual(lines[-1], "2 good, 6 broken, 0 not read")
        self.assertRegex(result.out, r"/flipped: 'noise': ZIP bad CRC")
        self.assertRegex(result.out, r"/cut-zst: .*zstd: the archive is cut off")
        self.assertEqual(self.cache("verify", "good-*").code, 0)
        self.assertEqual(self.cache("verify", "group/proj/flipped").code, 1)

    def test_a_key_that_nobody_has(self):
        self.make("default")
        result = self.cache("verify", "default", "nope\n")
        self.assertEqual(result.code, 2)
        self.assertIn("no cache has the key 'nope\\n'", result.err)

    def test_names_in_an_archive_cannot_write_to_the_terminal(self):
        (self.project / "noise").rename(self.project / "x\033[31m\nok      all")
        folder = self.place("bad")
        result = Result(self.helper("cache-archiver", folder, "--compression-format", "zip", "--path", "x*"))
        self.assertEqual(result.code, 0, result)
        data = bytearray((folder / "cache.zip").read_bytes())
        data[len(data) // 2] ^= 1
        (folder / "cache.zip").write_bytes(data)
        result = self.cache("verify")
        self.assertEqual(result.code, 1, result)
        self.assertIn("x\\x1b[31m\\nok      all", result.out)
        self.assertEqual(len(result.out.splitlines()), 2)

    @unittest.skipUnless(os.geteuid() == 0, "only root has rights to give up")
    def test_the_reader_is_nobody(self):
        """What decodes a job's archive has no rights: seen where it waits for its output to be read."""
        folder = self.make("a")
        read, write = os.pipe()
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(write, False)
        while True:
            try:
                os.write(write, b"x" * 4096)
            except BlockingIOError:
                break
        os.set_blocking(write, True)
        process = subprocess.Popen([HELPER, "cache-verify", str(folder / "cache.zip")], stdout=write,
                                   stderr=subprocess.PIPE)
        os.close(write)
        status = pathlib.Path(f"/proc/{process.pid}/status")
        while "Uid:\t65534\t65534\t65534\t65534" not in status.read_text():
            self.assertIsNone(process.poll(), "it ended as root")
            time.sleep(0.01)
        text = status.read_text()
        self.assertIn("NoNewPrivs:\t1", text)
        self.assertIn("Gid:\t65534\t65534\t65534\t65534", text)
        with os.fdopen(read, "rb") as pipe:
            self.assertTrue(pipe.read().endswith(b"ok\n"))
        self.assertEqual(process.wait(), 0, process.stderr.read())
        process.stderr.close()


class Prune(Store):
    def test_by_size_the_one_used_longest_ago_goes(self):
        old, used = self.make("old", used_days_ago=9), self.make("used", used_days_ago=10)
        young = self.make("young", used_days_ago=1)
        self.use(used)
        size = sum((folder / "cache.zip").stat().st_blocks * 512 for folder in (used, young))
        rows, rest = self.rows("prune", "--dry-run", "--size", str(size))
        self.assertEqual([(row[1], *row[-2:]) for row in rows], [("old", "size", "would go")])
        self.assertTrue(rest[0].startswith("Would remove 1, "), rest)
        self.assertTrue(old.exists())
        rows, rest = self.rows("prune", config=f"cache_size: {size}\n")
        self.assertEqual([(row[1], *row[-2:]) for row in rows], [("old", "size", "removed")])
        self.assertTrue(rest[0].startswith("Removed 1, "), rest)
        self.assertFalse(old.exists(), "and its folder too")
        self.assertTrue((used / "cache.zip").exists() and (young / "cache.zip").exists())
        self.assertEqual(self.good("prune", config=f"cache_size: {size}\n"), ["Nothing to remove"])

    def test_by_age(self):
        old, young = self.make("deep/old", used_days_ago=31), self.make("young", used_days_ago=29)
        rows, _ = self.rows("prune", config="cache_age: 30d\n")
        self.assertEqual([(row[1], *row[-2:]) for row in rows], [("deep/old", "age", "removed")])
        self.assertFalse(old.parent.exists(), "folders that are empty now go")
        self.assertTrue((young / "cache.zip").exists())
        self.good("prune", "--age", "28d")
        self.assertEqual([path.name for path in (self.root / RUNNER).rglob("*")], ["7"],
                         "the project's folder stays: a container may have it mounted")

    def test_only_of_what_was_chosen(self):
        self.make("a", used_days_ago=2)
        other = self.make("b", project="group/other", id="8", used_days_ago=2)
        self.good("prune", "--project", "group/proj", "--age", "1d")
        self.assertEqual(self.files(), [str((other / name).relative_to(self.root)) for name in WHOLE])

    def test_artifacts_of_the_local_pipeline_are_no_caches(self):
        """Whatever their jobs called them."""
        kept = self.root / RUNNER / "7/.artifacts/0-1/1-build/archive"
        kept.mkdir(parents=True)
        for name in ("cache.zip", "archive_1.zip", "cache2"):
            (kept / name).write_bytes(b"x" * 10000)
            self.date(kept / name, 30)
        self.assertEqual(self.good("ls"), ["0 caches, 0 B"])
        self.assertEqual(self.good("prune", "--age", "1d"), ["Nothing to remove"])
        self.assertEqual(len(self.files()), 3)

    def test_without_a_limit_only_leftovers(self):
        folder = self.make("a", used_days_ago=1000)
        for name in ("archive_123", "cache456", ".cache.zip.new"):
            (folder / name).write_bytes(b"x" * 10000)
            self.date(folder / name, 2)
        (folder / "archive_789").write_bytes(b"a writer of another version may be at it")
        dead = self.place("dead")
        dead.mkdir(parents=True)
        (dead / ".lock").touch()
        self.assertIn("4 leftovers of writers that were killed, 36 KiB: 'atelier cache prune' removes them",
                      self.good("ls"))
        rows, rest = self.rows("prune")
        self.assertEqual([(row[1], *row[-2:]) for row in rows],
                         [("dead", "leftover", "removed"), ("a", "leftover", "removed")])
        self.assertIn("caches have no limit: see cache_size and cache_age", rest[0])
        self.assertEqual(sorted(path.name for path in folder.iterdir()), sorted([*WHOLE, "archive_789"]))
        self.assertFalse(dead.exists())

    def test_a_first_writer_is_no_leftover(self):
        folder = self.place("first")
        folder.mkdir(parents=True)
        with open(folder / ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertEqual(self.good("ls"), ["0 caches, 0 B"])
            self.assertEqual(self.good("prune", "--age", "1s"), ["Nothing to remove"])
        self.assertIn("1 leftover of a writer that was killed, 0 B", self.good("ls")[1])

    def test_a_writer_that_has_the_lock(self):
        busy, idle = self.make("busy", used_days_ago=9), self.make("idle", used_days_ago=9)
        with open(busy / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows, _ = self.rows("prune", "--dry-run", "--age", "1d")
            self.assertEqual({(row[1], row[-1]) for row in rows}, {("busy", "in use"), ("idle", "would go")})
            rows, rest = self.rows("prune", "--age", "1d")
        self.assertEqual({(row[1], row[-1]) for row in rows}, {("busy", "in use"), ("idle", "removed")})
        self.assertTrue(rest[0].endswith("; 1 in use stays"), rest)
        self.assertTrue((busy / "cache.zip").exists())
        self.assertFalse(idle.exists())

    def test_a_reader_reads_on(self):
        folder = self.make("a", used_days_ago=9)
        want = (folder / "cache.zip").read_bytes()
        with open(folder / "cache.zip", "rb") as reader:
            self.good("prune", "--age", "1d")
            self.assertFalse(folder.exists())
            self.assertEqual(reader.read(), want)

    def test_a_writer_that_waits_while_its_folder_goes(self):
        """As prune does it: under the lock, files first, then the folder."""
        folder = self.make("a", used_days_ago=9)
        os.utime(self.project / "text")
        with open(folder / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            writer = self.helper("cache-archiver", folder, "--path", "text")
            while "Waiting for another job" not in (line := writer.stderr.readline()):
                self.assertTrue(line, "it did not wait")
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        result = Result(writer)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(sorted(path.name for path in folder.iterdir()), WHOLE)
        self.use(folder)

    def test_beside_writers_and_readers(self):
        """What prune may do to jobs is to take a cache away; it never makes a writer fail."""
        folder = self.place("a")
        for _ in range(12):
            writers = [self.helper("cache-archiver", folder, "--path", "text") for _ in range(2)]
            while any(writer.poll() is None for writer in writers):
                self.good("prune", "--size", "1")
            for writer in writers:
                result = Result(writer)
                self.assertEqual(result.code, 0, result)


class Hostile(Store):
    def test_links_are_not_followed(self):
        outside = self.folder / "outside"
        outside.mkdir()
        precious = outside / "cache.zip"
        precious.write_bytes(b"x" * 5000)
        self.date(precious, 100)
        (outside / "hits").write_bytes(b"x" * 50)
        real = self.make("real", used_days_ago=100)
        top = self.root / RUNNER
        (top / "link").symlink_to(outside)
        (top / "7" / "link").symlink_to(outside)
        (top / "7/group/proj/link").symlink_to(outside)
        planted = self.place("planted")
        planted.mkdir()
        for name in ("cache.zip", "hits", "metadata.json", ".lock", "archive_1"):
            (planted / name).symlink_to(precious)
            self.date(planted / name, 100)
        rows, rest = self.rows("ls")
        self.assertEqual([row[1] for row in rows], ["real"])
        self.assertTrue(any(line.startswith("7 files in ") for line in rest), rest)
        self.assertEqual(self.good("verify")[0], f"ok      {RUNNER}/7/group/proj/real")
        self.good("prune", "--age", "1d")
        self.assertFalse(real.exists())
        self.assertEqual((precious.read_bytes(), (outside / "hits").stat().st_size), (b"x" * 5000, 50))

    def test_links_in_a_real_cache(self):
        """Its lock, its hits and its metadata lead out; the cache goes, and what they lead to stays."""
        target = self.folder / "target"
        target.write_text("precious")
        folder = self.make("a", used_days_ago=100)
        for name in (".lock", "hits", "metadata.json"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(target)
        self.assertEqual(self.rows("ls")[0][0][5], "0", "hits are not those of another file")
        self.good("prune", "--age", "1d")
        self.assertFalse(folder.exists())
        self.assertEqual(target.read_text(), "precious")

    def test_nothing_but_files_is_opened(self):
        """A FIFO would hold us for ever, a device may do anything."""
        folder = self.make("a", used_days_ago=100)
        for name in (".lock", "hits", "metadata.json"):
            (folder / name).unlink(missing_ok=True)
            os.mkfifo(folder / name)
        alone = self.place("alone")
        alone.mkdir()
        os.mkfifo(alone / "cache.zip")
        self.assertEqual([row[1] for row in self.rows("ls")[0]], ["a"])
        self.assertEqual(self.good("verify")[:2], [f"ok      {RUNNER}/7/group/proj/a", "1 good, 0 broken, 0 not read"])
        self.good("prune", "--age", "1d")
        self.assertEqual(self.files(), [f"{RUNNER}/7/group/proj/alone/cache.zip"])

    def test_odd_keys(self):
        keys = ["a b", " lead", "x\033[31mred", "line\nbreak", "[abc]", "*", "café", "-n", "cache.zip", "hits",
                ".protected", b"\xff\xfe".decode(errors="surrogateescape"), "very/" * 20 + "deep", "k" * 255]
        for key in keys:
            self.make(key, metadata=False)
        rows = self.good("ls")
        self.assertEqual(len([line for line in rows if f"  {RUNNER}/7" in line]), len(keys), rows)
        self.assertFalse(any(ord(c) < 32 for line in rows for c in line))
        text = "\n".join(rows)
        for shown in ("x\\x1b[31mred", "line\\nbreak", "\\xff\\xfe", "café"):
            self.assertIn(shown, text)
        self.assertEqual(len(self.good("verify")), len(keys) + 1)
        self.assertEqual(len([line for line in self.good("verify", "[abc]") if line.startswith("ok")]), 1)
        self.assertEqual(len([line for line in self.good("verify", "--", "-n") if line.startswith("ok")]), 1)
        self.good("prune", "--size", "1")
        self.assertEqual(self.files(), [])

    def test_what_is_no_cache_is_left_alone(self):
        folder = self.make("a", used_days_ago=100)
        (folder / "notes").write_text("mine")
        (self.root / RUNNER / "7" / "cache.zip").write_text("not in a key's folder")
        _, rest = self.rows("prune", "--age", "1d")
        self.assertTrue(any("atelier leaves them alone" in line for line in rest), rest)
        self.assertEqual(self.files(), [f"{RUNNER}/7/cache.zip", f"{RUNNER}/7/group/proj/a/notes"])

    def test_too_deep(self):
        deep = self.place("/".join("d" * 100))
        deep.mkdir(parents=True)
        (deep / "cache.zip").write_text("x")
        self.make("a")
        rows, rest = self.rows("ls")
        self.assertEqual([row[1] for row in rows], ["a"])
        self.assertIn("Folders that lie too deep to be looked into: 1", rest)

    def test_dates_and_sizes_that_lie(self):
        future = self.make("future")
        self.date(future / "cache.zip", -3650)
        sparse = self.make("sparse", used_days_ago=5)
        os.truncate(sparse / "cache.zip", 1 << 42)
        rows, _ = self.rows("ls")
        self.assertEqual([row[1] for row in rows], ["future", "sparse"])
        self.assertNotIn("TiB", " ".join(rows[1]), "what counts is what the disk holds")

    def test_metadata_that_are_none(self):
        for number, text in enumerate((b"", b"[" * 100000, b'{"cachekey": 5}', b'{"cachekey": "../../x"}', b"\0\xff",
                                       b'{"cachekey": ""}')):
            (self.make(f"k{number}") / "metadata.json").write_bytes(text)
        rows, _ = self.rows("ls")
        self.assertEqual({tuple(row[:2]) for row in rows}, {("group/proj", f"k{number}") for number in range(6)})

    @unittest.skipUnless(os.geteuid() == 0, "gives files to root")
    def test_another_user_is_told(self):
        self.make("a")
        self.folder.chmod(0o755)
        self.root.chmod(0o755)
        result = self.cache("ls", user=65534, group=65534, extra_groups=[])
        if result.code == 2 and "configuration" in result.err:
            self.skipTest("nobody cannot reach the build folder")
        self.assertIn("Folders that could not be read: 1 (Permission denied); they are root's", result.out)


if __name__ == "__main__":
    unittest.main()
