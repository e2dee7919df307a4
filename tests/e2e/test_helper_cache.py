"""cache-archiver and cache-extractor of the real program, with a cache in a folder.

Each fault is one line of the job log, the exit code is the contract's, and the cache that was there stays.
"""

from __future__ import annotations

import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from helper_cache import CacheCase, KEPT  # noqa: E402
from object_store import ObjectStore  # noqa: E402


class Local(CacheCase):
    def test_round_trip(self) -> None:
        self.write_files()
        os.symlink("a", self.project / "files/link")
        done = self.archive("--metadata", '{"CacheKey": "key"}')
        self.assert_ends(done, 0, "files: found 5 matching artifact files and directories",
                         "No URL provided, cache will not be uploaded to shared cache server. "
                         "Cache will be stored only locally.")
        self.assert_only(self.cache.parent, *KEPT)
        self.assertEqual(json.loads((self.cache.parent / "metadata.json").read_text()), {"cachekey": "key"})
        modes = [oct(path.stat().st_mode & 0o777) for path in (self.cache.parent, self.cache)]
        self.assertEqual(modes, ["0o700", "0o600"])
        self.empty_project()
        done = self.extract()
        self.assert_ends(done, 0, "No URL provided, cache will not be downloaded from shared cache server. "
                                  "Instead a local version of cache will be extracted.")
        self.assertEqual((self.project / "files/sub/b").read_text(), "two\n")
        self.assertEqual(os.readlink(self.project / "files/link"), "a")
        self.assertEqual((self.cache.parent / "hits").stat().st_size, 1)

    def test_up_to_date(self) -> None:
        self.write_files()
        self.archive()
        before = self.cache.stat()
        self.assert_ends(self.archive(), 0, "Archive is up to date!")
        self.assertEqual(self.cache.stat().st_ino, before.st_ino)
        os.utime(self.project / "files/a", (before.st_mtime + 10,) * 2)
        self.archive()
        self.assertNotEqual(self.cache.stat().st_ino, before.st_ino)

    def test_no_files(self) -> None:
        done = self.archive()
        self.assert_ends(done, 0, "WARNING: files: no matching files.*", "WARNING: No files to cache.")
        self.assertFalse(self.cache.exists())

    def test_no_cache(self) -> None:
        self.assert_ends(self.extract(), 1, "WARNING: Cache file does not exist")
        self.assert_ends(self.run_helper("cache-extractor"), 1, "WARNING: Missing cache file")
        self.assert_ends(self.run_helper("cache-archiver"), 1, "FATAL: Missing --file")

    def test_broken_cache(self) -> None:
        self.cache.parent.mkdir(parents=True)
        self.cache.write_bytes(b"PK\3\4 this is no archive")
        self.write_files()
        done = self.extract()
        self.assert_ends(done, 1, "FATAL: extract cache.zip: .*")
        self.assertEqual((self.project / "files/a").read_text(), "one\n")

    def test_alternate_file(self) -> None:
        self.write_files()
        other = self.folder / "cache/other/cache.zip"
        self.assertEqual(self.run_helper("cache-archiver", "--file", other, "--path", "files").code, 0)
        done = self.archive("--alternate-file", other)
        self.assert_line(done, "Renamed alternate cache file to primary")
        self.assert_line(done, "Archive is up to date!")
        self.assertFalse(other.exists())

    def test_killed(self) -> None:
        """The old cache stays, and nothing else, whenever the archiver is killed."""
        self.write_files()
        self.archive()
        old = self.cache.read_bytes()
        os.truncate(self.write("files/large", os.urandom(40 << 20)), 1 << 40)  # a hole that takes a minute
        process = self.start("cache-archiver", "--file", self.cache, "--path", "files")
        while process.poll() is None and not self.is_writing(process.pid):
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        self.assertEqual(process.returncode, -signal.SIGKILL, "it was too quick to be killed")
        self.assert_only(self.cache.parent, *KEPT)
        self.assertEqual(self.cache.read_bytes(), old)

    def is_writing(self, pid: int) -> bool:
        """It has a file open in the cache's folder that has some bytes and no name."""
        for fd in pathlib.Path(f"/proc/{pid}/fd").glob("*"):
            try:
                if "(deleted)" in os.readlink(fd) and str(self.cache.parent) in os.readlink(fd) and fd.stat().st_size > 0:
                    return True
            except OSError:
                continue
        return False

    def test_terminated(self) -> None:
        """A signal ends the waiting for another writer."""
        with self.locked():
            process = self.start("cache-extractor", "--file", self.cache, "--url", "http://127.0.0.1:9/x")
            self.await_line(process, b"Waiting for another job")
            process.terminate()
            self.assert_ends(self.finish(process), 1, "WARNING: told to stop")

    def test_two_writers(self) -> None:
        """The second waits for the first, says so, and then writes its own."""
        self.write_files()
        with self.locked():
            process = self.start("cache-archiver", "--file", self.cache, "--path", "files")
            self.await_line(process, b"Waiting for another job that writes this cache...")
            self.assertFalse(self.cache.exists())
        self.assertEqual(self.finish(process).code, 0)
        self.assert_only(self.cache.parent, *KEPT)

    def test_many_writers(self) -> None:
        self.write_files()
        self.write("files/more", os.urandom(1 << 20))
        processes = [self.start("cache-archiver", "--file", self.cache, "--path", "files") for _ in range(6)]
        for process in processes:
            self.assertEqual(self.finish(process).code, 0)
        self.assert_only(self.cache.parent, *KEPT)
        self.empty_project()
        self.assertEqual(self.extract().code, 0)
        self.assertEqual((self.project / "files/a").read_text(), "one\n")

    def locked(self):
        """Holds the cache's lock as another job does."""
        self.cache.parent.mkdir(parents=True, exist_ok=True)
        process = subprocess.Popen(["flock", self.cache.parent / ".lock", "-c", "echo ready; exec cat"], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        return process

    def await_line(self, process: subprocess.Popen, text: bytes) -> None:
        seen = b""
        while text not in seen:
            self.assertTrue(select.select([process.stderr], [], [], 30)[0], seen)
            piece = os.read(process.stderr.fileno(), 4096)
            self.assertTrue(piece, f"it ended: {seen}")
            seen += piece

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
    def test_full_disk(self) -> None:
        disk = self.folder / "cache"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.write_files()
        self.archive()
        old = self.cache.read_bytes()
        self.write("files/large", os.urandom(2 << 20))
        done = self.archive()
        self.assert_ends(done, 1, "FATAL: the cache was not written, an older one stays: .*No space left on device")
        self.assert_only(self.cache.parent, *KEPT)
        self.assertEqual(self.cache.read_bytes(), old)
        with ObjectStore() as store:
            store.put("/bucket/key", self.made_archive(os.urandom(2 << 20)), modified=4_000_000_000)
            done = self.extract("--url", store.url("/bucket/key"))
            self.assert_ends(done, 1, "WARNING: .*No space left on device")
            self.assertEqual(len(store.requests), 1, "another try finds no more room")
        self.assertEqual(self.cache.read_bytes(), old)
        self.assert_only(self.cache.parent, *KEPT)


if __name__ == "__main__":
    unittest.main()
