"""Runs cache-archiver and cache-extractor as gitlab-runner's scripts do."""

from __future__ import annotations

import shutil

from helper import Done, HelperCase

KEPT = (".lock", "cache.zip", "metadata.json")
QUICK = ("--retry-time", "10ms")
KEY = "/bucket/project/key?X-Amz-Signature=secret"


class CacheCase(HelperCase):
    def archive(self, *args: object, **options) -> Done:
        return self.run_helper("cache-archiver", "--file", self.cache, "--path", "files", *QUICK, *args, **options)

    def extract(self, *args: object, **options) -> Done:
        return self.run_helper("cache-extractor", "--file", self.cache, *QUICK, *args, **options)

    def write_files(self, text: str = "one\n") -> None:
        self.write("files/a", text)
        self.write("files/sub/b", "two\n")

    def empty_project(self) -> None:
        shutil.rmtree(self.project)
        self.project.mkdir()

    def made_archive(self, content: bytes = b"one\n") -> bytes:
        """An archive of files/a, as a server would have it."""
        other = self.folder / "made"
        shutil.rmtree(other, ignore_errors=True)
        (other / "files").mkdir(parents=True)
        (other / "files/a").write_bytes(content)
        done = self.run_helper("cache-archiver", "--file", other / "cache.zip", "--path", "files", cwd=other,
                               env={"CACHE_COMPRESSION_LEVEL": "fastest", "CACHE_COMPRESSION_FORMAT": "zip"})
        self.assertEqual(done.code, 0, done.log)
        return (other / "cache.zip").read_bytes()
