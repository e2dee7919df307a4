"""--gocloud-url s3://...: the signature of every request, computed anew, with what Swift does not look at."""

from __future__ import annotations

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import sigv4  # noqa: E402
from object_store import ObjectStore, Request, status  # noqa: E402
from test_helper_s3 import S3Case  # noqa: E402


class Signature(S3Case):
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "AWS_SESSION_TOKEN": "a//session+token=="}
    more = ""

    def setUp(self) -> None:
        super().setUp()
        self.store = ObjectStore()
        self.addCleanup(self.store.close)

    def address(self, key: str) -> str:
        return f"s3://bucket/{key}?endpoint={self.store.url('')}&region=eu-west-1&hostname_immutable=true{self.more}"

    def test_every_request(self) -> None:
        self.more = "&ssetype=aws:kms&kmskeyid=arn:aws:kms:x:y/z&awssdk=v2&unknown=1"
        self.store.next("PUT", status(500))
        done = self.archive("project/a key/%C3%A4", env={"CACHE_METADATA": '{"cachekey": "a  b"}'})
        self.assertEqual(done.code, 0, done.log)
        self.assertEqual(self.extract("project/a key/%C3%A4").code, 0)
        self.assertEqual(self.extract("project/a key/%C3%A4", "--alternate-gocloud-url", self.address("b")).code, 0)
        self.assertEqual([request.method for request in self.store.requests], ["PUT", "PUT", "GET", "HEAD", "HEAD", "GET"])
        for request in self.store.requests:
            self.assertIsNone(sigv4.problem(request, "eu-west-1", "AKIDEXAMPLE", self.keys["AWS_SECRET_ACCESS_KEY"]),
                              request)
            self.assertEqual(request.header("x-amz-security-token"), "a//session+token==")
        upload = self.store.requests[1]
        self.assertEqual(upload.path, "/bucket/project/a%20key/%C3%A4")
        self.assertEqual(upload.header("x-amz-server-side-encryption"), "aws:kms")
        self.assertEqual(upload.header("x-amz-server-side-encryption-aws-kms-key-id"), "arn:aws:kms:x:y/z")
        self.assertEqual(upload.header("x-amz-meta-cachekey"), "a  b")
        self.assertEqual(upload.header("Content-Length"), str(self.cache.stat().st_size))

    def test_verifier(self) -> None:
        """It agrees with the example in Amazon's reference, and finds what is wrong."""
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        example = Request("GET", "/test.txt", "", [
            ("Host", "examplebucket.s3.amazonaws.com"), ("Range", "bytes=0-9"), ("x-amz-content-sha256", empty),
            ("x-amz-date", "20130524T000000Z"),
            ("Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
             "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
             "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")])
        self.assertIsNone(sigv4.problem(example, "us-east-1", "AKIAIOSFODNN7EXAMPLE",
                                        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
        self.archive("key")
        (request,) = self.store.requests
        right = ("eu-west-1", "AKIDEXAMPLE", self.keys["AWS_SECRET_ACCESS_KEY"])
        self.assertIsNone(sigv4.problem(request, *right))
        self.assertIsNotNone(sigv4.problem(request, *right[:2], "other"))
        request.path += "x"
        self.assertIsNotNone(sigv4.problem(request, *right))

    def test_addresses_that_are_none(self) -> None:
        for address, line in (("gs://bucket/key", r"this helper knows s3://, .*, not 'gs://'.*"),
                              ("s3://bucket", ".*names no bucket or no object.*"), ("s3:///key", ".*names no bucket.*")):
            self.write("files/a")
            shutil.rmtree(self.cache.parent, ignore_errors=True)
            done = self.run_helper("cache-archiver", "--file", self.cache, "--path", "files", "--gocloud-url", address,
                                   env=self.keys)
            self.assert_ends(done, 1, f"FATAL: {line}")

    def test_no_keys(self) -> None:
        done = self.archive("key", env={"AWS_SECRET_ACCESS_KEY": ""})
        self.assert_ends(done, 1, "FATAL: no keys for the cache's bucket 'bucket': AWS_ACCESS_KEY_ID and "
                                  "AWS_SECRET_ACCESS_KEY are not set; .*")


class Azure(S3Case):
    """A shared access signature is the runner's: it has only to arrive as it is. No server here checks it."""

    keys = {"AZURE_STORAGE_ACCOUNT": "account", "AZURE_STORAGE_SAS_TOKEN": "?sv=2026&sig=a%2Bb%3D",
            "AWS_SECRET_ACCESS_KEY": "sig=a"}

    def address(self, key: str) -> str:
        return f"azblob://container/{key}"

    def test_round_trip(self) -> None:
        with ObjectStore() as store:
            env = {"AZURE_STORAGE_PROTOCOL": "http", "AZURE_STORAGE_DOMAIN": f"localhost:{store.port}",
                   "CACHE_METADATA": '{"cachekey": "key"}'}
            for done in (self.archive("a key/%2B", env=env), self.extract("a key/%2B", env=env)):
                self.assertEqual(done.code, 0, done.log)
                self.assert_secret(done)
            self.assertEqual((self.cache.parent / "metadata.json").read_text(), '{"cachekey":"key"}')
            for request in store.requests:
                self.assertEqual((request.path, request.query, request.header("Host"), request.header("Authorization")),
                                 ("/container/a%20key/%2B", "sv=2026&sig=a%2Bb%3D", f"account.localhost:{store.port}", None))
            self.assertEqual(store.requests[0].header("x-ms-blob-type"), "BlockBlob")
            self.assertEqual(store.requests[0].header("x-ms-meta-cachekey"), "key")
            self.assertIsNone(store.requests[1].header("x-ms-blob-type"))

    def test_addresses_that_are_none(self) -> None:
        self.assert_ends(self.archive("", env={}), 1, "FATAL: the cache's address names no container or no object: .*")
        shutil.rmtree(self.cache.parent)
        done = self.archive("key", env={"AZURE_STORAGE_SAS_TOKEN": ""})
        self.assert_ends(done, 1, "FATAL: no access to the cache's container 'container': AZURE_STORAGE_ACCOUNT and .*")


if __name__ == "__main__":
    unittest.main()
