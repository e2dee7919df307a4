"""What goes wrong with the helper's caches: the old one stays whatever happens, and hostile archives stay inside."""

from __future__ import annotations

import gzip
import io
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import typing
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from helper import PROGRAM, HelperCase  # noqa: E402
from object_store import ObjectStore, cut, hang, lost, status  # noqa: E402
from archives import special, tar_of, zstd  # noqa: E402

KEPT = [".lock", "cache.zip", "metadata.json"]


class TheOldCacheStays(HelperCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("files/a", "old\n")
        self.assertEqual(self.run_helper("cache-archiver", "--file", self.cache, "--path", "files").code, 0)
        self.old = self.cache.read_bytes()
        self.store = ObjectStore()
        self.addCleanup(self.store.close)
        self.store.put("/key", os.urandom(300_000), modified=4_000_000_000)

    def assert_kept(self) -> None:
        self.assertEqual(self.cache.read_bytes(), self.old)
        self.assert_only(self.cache.parent, *KEPT)

    def download(self, *args: object, idle: str):
        return self.run_helper("cache-extractor", "--file", self.cache, "--url", self.store.url("/key?sig=secret"), "--retry-time",
                               "10ms", *args, env={"ATELIER_TRANSFER_IDLE": idle})

    def test_downloads(self) -> None:
        faults = {"cut": (cut(after=1000), "the connection was closed in the middle of the answer"),
                  "hangs": (hang(), "nothing was sent or received within"),
                  "hangs later": (hang(after=1000), "nothing was sent or received within"),
                  "lost": (lost, "the connection was closed"), "500": (status(500), "received: 500 Internal Server Error"),
                  "403": (status(403), "received: 403 Forbidden"), "404": (status(404), "file does not exist")}
        for name, (fault, words) in faults.items():
            with self.subTest(name):
                self.store.faults.clear()
                self.store.next("GET", *[fault] * 3)
                done = self.download(idle="200ms" if name.startswith("hangs") else "3m")
                self.assert_ends(done, 1, f"WARNING: .*{words}.*")
                self.assertNotIn("secret", done.log)
                self.assert_kept()

    def test_a_download_that_is_killed(self) -> None:
        self.store.next("GET", hang(after=200_000))
        process = self.start("cache-extractor", "--file", self.cache, "--url", self.store.url("/key"))
        while process.poll() is None and not self.store.requests:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assert_kept()

    def test_an_upload_leaves_a_new_cache_here(self) -> None:
        """What the server does not take, the next job on this host still finds."""
        for name, fault in {"500": status(500), "lost": lost, "hangs": hang()}.items():
            with self.subTest(name):
                self.write("files/a", f"{name}\n")
                os.utime(self.project / "files/a", (time.time() + 10,) * 2)
                self.store.faults.clear()
                self.store.next("PUT", *[fault] * 3)
                done = self.run_helper("cache-archiver", "--file", self.cache, "--path", "files", "--url", self.store.url("/key"),
                                       "--retry-time", "10ms",
                                       env={"ATELIER_TRANSFER_IDLE": "200ms" if name == "hangs" else "3m"})
                self.assert_ends(done, 1, "FATAL: .*")
                self.assert_line(done, "WARNING: Retrying...  error=.*", times=2)
                self.assertEqual(self.run_helper("cache-extractor", "--file", self.cache).code, 0)
                self.assertEqual((self.project / "files/a").read_text(), f"{name}\n")
                self.assert_only(self.cache.parent, *KEPT, "hits")

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
    def test_a_full_project(self) -> None:
        self.write("files/large", os.urandom(4 << 20))
        self.run_helper("cache-archiver", "--file", self.cache, "--path", "files")
        self.old = self.cache.read_bytes()
        disk = self.folder / "small"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        done = self.run_helper("cache-extractor", "--file", self.cache, cwd=disk)
        self.assert_ends(done, 1, "FATAL: extract cache.zip: write 'files/large': No space left on device")
        self.assert_kept()


# --- a thousand archives ---

WORDS = (b"../", b"/..", b"/tmp/", b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"PK\x01\x02", b"PK\x05\x06", b"out", b"//")


def checked_tar(data: bytearray) -> bytes:
    """With checksums that are right, so that what was changed is read."""
    for at in range(0, len(data) - 511, 512):
        if data[at + 257:at + 262] == b"ustar":
            data[at + 148:at + 156] = b" " * 8
            data[at + 148:at + 156] = b"%06o\0 " % sum(data[at:at + 512])
    return zstd(bytes(data))


def mutated(data: bytes, rng: random.Random) -> bytearray:
    out = bytearray(data)
    for _ in range(rng.randrange(1, 8)):
        at, end = sorted((rng.randrange(len(out) + 1), rng.randrange(len(out) + 1)))
        kind = rng.randrange(8)
        if kind < 4 and out:
            out[min(at, len(out) - 1)] = rng.randrange(256)
        elif kind == 4:
            word = rng.choice(WORDS)
            out[at:at + len(word)] = word
        elif kind == 5:
            out[at:at] = out[at:min(end, at + 600)]
        elif kind == 6:
            del out[at:min(end, at + 600)]
        elif rng.random() < 0.2:
            del out[at:]
    return out


class Mutations(HelperCase):
    """Each extracted by the real helper, in a folder beside others."""

    def tree(self) -> None:
        self.write("tree/a", "text\n" * 500)
        self.write("tree/sub/b", os.urandom(1500))
        os.link(self.project / "tree/a", self.project / "tree/hard")
        (self.project / "tree/link").symlink_to("sub")
        (self.project / "tree/out").symlink_to("../../outside")

    def made(self, name: str) -> bytes:
        file = self.folder / "made.zip"
        done = self.run_helper("cache-archiver", "--file", file, "--path", "tree", env={"CACHE_COMPRESSION_FORMAT": name})
        self.assertEqual(done.code, 0, done.log)
        data = file.read_bytes()
        for left in self.folder.glob("*"):
            if left.is_file():
                left.unlink()
        return data

    def python_zip(self) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as zip:
            for name, mode, text in (("out", 0o120777, "../outside"), ("out/evil", 0o100644, "x"), ("d/", 0o40755, ""), ("d/f", 0o104755, "x" * 99)):
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                zip.writestr(info, text)
        return file.getvalue()

    def seeds(self) -> list[tuple[bytes, typing.Callable[[bytearray], bytes]]]:
        tar = tar_of(special("out", tarfile.SYMTYPE, "../outside"), ("out/evil", b"x"), special("stolen", tarfile.LNKTYPE, "out/secret"),
                     ("a/b", b"x" * 1000), special("h", tarfile.LNKTYPE, "a/b"), special("dev", tarfile.CHRTYPE), ("big", b"y" * 20_000))
        return [(self.made("tarzstd"), bytes), (self.made("zip"), bytes), (self.python_zip(), bytes), (tar, checked_tar), (tar, checked_tar),
                (gzip.compress(b"x" * 3000), bytes)]

    def test_a_thousand_archives(self) -> None:
        self.tree()
        outside = self.folder / "outside"
        outside.mkdir()
        (outside / "secret").write_text("secret")
        seeds, rng, archive, codes = self.seeds(), random.Random(4), self.folder / "cache.zip", set()
        env = self.environment({"ATELIER_EXTRACT_BYTES": "2m"})
        for number in range(1000):
            seed, finish = seeds[number % len(seeds)]
            archive.write_bytes(finish(mutated(seed, rng)))
            shutil.rmtree(self.project)
            self.project.mkdir()
            done = subprocess.run([PROGRAM, "cache-extractor", "--file", archive], cwd=self.project, env=env, capture_output=True, timeout=300)
            codes.add(done.returncode)
            self.assertIn(done.returncode, (0, 1), f"{number}: {done.stderr.decode(errors='replace')}")
            self.assertNotIn(b"Sanitizer", done.stderr, number)
            self.assertNotIn(b"runtime error", done.stderr, number)
            self.assert_only(outside, "secret")
            self.assertEqual(((outside / "secret").read_text(), (outside / "secret").stat().st_nlink), ("secret", 1), number)
            self.assertLessEqual({path.name for path in self.folder.iterdir()}, {"project", "outside", "cache.zip", "hits", "cache"}, number)
        self.assertEqual(codes, {0, 1}, "some are to be read, and some refused")


if __name__ == "__main__":
    unittest.main()
