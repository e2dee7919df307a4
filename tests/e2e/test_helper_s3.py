"""--gocloud-url s3://... of both cache commands, on a real S3 server that checks signatures."""

from __future__ import annotations

import os
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from helper import Done, HelperCase  # noqa: E402
from s3_server import S3Server  # noqa: E402


class S3Case(HelperCase):
    """`address` and `keys` are the server's."""

    keys: dict[str, str]

    def address(self, key: str) -> str:
        raise NotImplementedError

    def archive(self, key: str, *args: object, env: dict[str, str] | None = None) -> Done:
        self.write("files/a", "one\n")
        return self.run_helper("cache-archiver", "--file", self.cache, "--path", "files", "--retry-time", "10ms",
                               "--gocloud-url", self.address(key), *args, env={**self.keys, **(env or {})})

    def extract(self, key: str, *args: object, env: dict[str, str] | None = None) -> Done:
        shutil.rmtree(self.cache.parent, ignore_errors=True)
        shutil.rmtree(self.project / "files", ignore_errors=True)
        return self.run_helper("cache-extractor", "--file", self.cache, "--retry-time", "10ms",
                               "--gocloud-url", self.address(key), *args, env={**self.keys, **(env or {})})

    def assert_secret(self, done: Done) -> None:
        for secret in (self.keys["AWS_SECRET_ACCESS_KEY"], "Signature="):
            self.assertNotIn(secret, done.log + done.out)


class RealServer(S3Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = S3Server()
        cls.addClassCleanup(cls.server.close)
        cls.keys = {"AWS_ACCESS_KEY_ID": cls.server.KEY_ID, "AWS_SECRET_ACCESS_KEY": cls.server.SECRET}

    def address(self, key: str) -> str:
        return f"s3://{self.server.bucket}/{key}?region={self.server.REGION}&endpoint={self.server.url}&use_path_style=true"

    def test_round_trip(self) -> None:
        for key in ("project/1/default", "project/1/odd key+%25 (1) ä~'!/x=y&z", "a/../b//c"):
            with self.subTest(key):
                encoded = key.replace("?", "%3F")
                done = self.archive(encoded, env={"CACHE_METADATA": '{"cachekey": "the key"}'})
                self.assertEqual(done.code, 0, done.log)
                self.assert_line(done, "Using GoCloud URL for cache upload")
                self.assert_secret(done)
                done = self.extract(encoded)
                self.assertEqual(done.code, 0, done.log)
                self.assert_line(done, "Using GoCloud URL for cache download")
                self.assert_secret(done)
                self.assertEqual((self.project / "files/a").read_text(), "one\n")
                self.assertEqual((self.cache.parent / "metadata.json").read_text(), '{"cachekey":"the key"}')
                shutil.rmtree(self.cache.parent)

    def test_keys_from_a_file(self) -> None:
        file = self.folder / "cache-env"
        file.write_text("".join(f'{name}="{value}"\n' for name, value in self.keys.items()))
        nothing = {name: "" for name in self.keys}
        self.assertEqual(self.archive("from/file", "--env-file", file, env=nothing).code, 0)
        self.assertEqual(self.extract("from/file", "--env-file", file, env=nothing).code, 0)

    def test_wrong_secret(self) -> None:
        done = self.archive("key", env={"AWS_SECRET_ACCESS_KEY": "wrong"})
        self.assert_ends(done, 1, "FATAL: received: 403 Forbidden. Request failed with code: SignatureDoesNotMatch, .*")

    def test_wrong_region(self) -> None:
        address = self.address("key").replace(self.server.REGION, "eu-other-1")
        self.write("files/a")
        done = self.run_helper("cache-archiver", "--file", self.cache, "--path", "files", "--gocloud-url", address,
                               env=self.keys)
        self.assert_ends(done, 1, "FATAL: received: 400 .*code: AuthorizationHeaderMalformed, .*region.*")

    def test_missing(self) -> None:
        self.assert_ends(self.extract("never/uploaded"), 1, "WARNING: Cache file does not exist")
        done = self.extract("never/uploaded", "--alternate-url", f"{self.server.url}/{self.server.bucket}/unsigned")
        self.assert_ends(done, 1, "WARNING: received: 400 Bad Request")

    def test_parallel_and_resume(self) -> None:
        content = os.urandom(1_000_000)
        self.write("files/large", content)
        self.assertEqual(self.archive("large").code, 0)
        done = self.extract("large", "--chunk-size", 100_000, "--concurrency", 4,
                            env={"FF_USE_PARALLEL_CACHE_TRANSFER": "true"})
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, r"Downloading cache.zip from .* \(parallel\)  etag=.*")
        self.assertEqual((self.project / "files/large").read_bytes(), content)

    def test_alternate(self) -> None:
        self.assertEqual(self.archive("alternate").code, 0)
        done = self.extract("no/primary", "--alternate-gocloud-url", self.address("alternate"))
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, "Selecting alternate cache URL: primary not available")


if __name__ == "__main__":
    unittest.main()
