"""cache-archiver and cache-extractor of the real program, with a server of objects over real sockets.

Each fault is one line of the job log, the exit code is the contract's, and the cache that was there stays.
"""

from __future__ import annotations

import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from helper import Done  # noqa: E402
from helper_cache import CacheCase, KEPT, KEY  # noqa: E402
from object_store import ObjectStore, cut, hang, lost, redirect, replaced, status, without_ranges, xml_error  # noqa: E402


class Remote(CacheCase):
    def setUp(self) -> None:
        super().setUp()
        self.store = ObjectStore()
        self.addCleanup(self.store.close)
        self.url = self.store.url(KEY)
        self.shown = re.escape(self.url.split("?")[0])

    # --- upload

    def upload(self, *args: object, **options) -> Done:
        self.write_files()
        return self.archive("--url", self.url, *args, **options)

    def test_upload(self) -> None:
        done = self.upload()
        self.assert_ends(done, 0, "Using presigned URL for cache upload", f"Uploading cache.zip to {self.shown}")
        self.assertNotIn("secret", done.log + done.out)
        (request,) = self.store.requests
        self.assertEqual((request.method, request.query), ("PUT", "X-Amz-Signature=secret"))
        self.assertEqual(request.body, self.cache.read_bytes())
        self.assertEqual(request.header("Content-Length"), str(len(request.body)))
        self.assertEqual(request.header("Content-Type"), "application/octet-stream")
        modified = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.cache.stat().st_mtime))
        self.assertEqual(request.header("Last-Modified"), modified)
        for name in ("Expect", "Transfer-Encoding", "Authorization", "Accept-Encoding"):
            self.assertIsNone(request.header(name), name)

    def test_headers_are_sent_as_they_are(self) -> None:
        """They are part of the signature."""
        self.upload("--header", "Content-Type: text/x; a=b", "--header", " x-amz-meta-cachekey :  a: b ",
                    "--header=X-Goog-Content-Length-Range: 0,100000", "--header", "Last-Modified: never",
                    "--header", "evil: a\r\nb: c")
        (request,) = self.store.requests
        self.assertEqual(request.header("Content-Type"), "text/x; a=b")
        self.assertEqual(request.header("x-amz-meta-cachekey"), "a: b")
        self.assertEqual(request.header("X-Goog-Content-Length-Range"), "0,100000")
        self.assertNotEqual(request.header("Last-Modified"), "never")
        self.assertIsNone(request.header("b"))

    def test_upload_again(self) -> None:
        self.store.next("PUT", status(500), status(503))
        done = self.upload()
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, "WARNING: Retrying...  error=received: 50[03] .*", times=2)
        self.assertEqual([len(request.body) for request in self.store.requests], [self.cache.stat().st_size] * 3)

    def test_upload_fails(self) -> None:
        self.store.next("PUT", lost, *[status(500)] * 2)
        done = self.upload()
        self.assert_ends(done, 1, "FATAL: received: 500 Internal Server Error")
        self.assert_line(done, "WARNING: Retrying...  error=PUT /bucket/project/key: the connection was closed .*")
        self.assertEqual(len(self.store.requests), 3)
        self.assert_only(self.cache.parent, *KEPT)

    def test_upload_is_refused(self) -> None:
        for code, text, name in ((403, "Forbidden", "SignatureDoesNotMatch"), (404, "Not Found", "NoSuchBucket")):
            self.store.next("PUT", xml_error(code, name, "No."))
            self.write_files(name)
            os.utime(self.project / "files/a", (time.time() + 10,) * 2)
            self.assert_ends(self.upload(), 1,
                             f"FATAL: received: {code} {text}. Request failed with code: {name}, message: No.")
        self.assertEqual(len(self.store.requests), 2, "no other try mends it")

    def test_upload_hangs(self) -> None:
        self.store.next("PUT", hang(), hang())
        done = self.upload("--retry", 1, env={"ATELIER_TRANSFER_IDLE": "200ms"})
        self.assert_ends(done, 1, "FATAL: PUT /bucket/project/key: nothing was sent or received within .*")
        self.assert_line(done, "WARNING: Retrying...  error=.*")

    def test_upload_is_redirected(self) -> None:
        self.store.next("PUT", redirect(self.store.url("/elsewhere")))
        self.assert_ends(self.upload(), 1, "FATAL: received: 307 Temporary Redirect")

    def test_nobody_listens(self) -> None:
        self.store.close()
        done = self.upload("--retry=0")
        self.assert_ends(done, 1, "FATAL: connect to http://127.0.0.1:.*: connection refused.*")

    def test_no_address(self) -> None:
        self.write_files()
        done = self.archive("--url", "ftp://host/secret")
        self.assert_ends(done, 1, "FATAL: .*this is no http:// or https:// address.*")
        self.assertNotIn("secret", done.log)

    def test_too_large(self) -> None:
        done = self.upload("--max-uploaded-archive-size", 10)
        self.assert_ends(done, 0, r"Cache archive size \(\d+\) is too big \(Limit is set to 10\). "
                                  "Cache will be stored only locally.")
        self.assertEqual(self.store.requests, [])

    def test_check(self) -> None:
        """An archive on this host that the server has lost is sent again."""
        self.upload()
        check = ("--check-url", self.store.url("/bucket/project/key?head"))
        done = self.archive("--url", self.url, *check)
        self.assert_ends(done, 0, "Primary cache already exists remotely, skipping upload")
        self.store.objects.clear()
        done = self.archive("--url", self.url, *check)
        self.assert_line(done, "Primary cache does not exist remotely, uploading existing archive")
        self.assertEqual([request.method for request in self.store.requests], ["PUT", "HEAD", "HEAD", "PUT"])

    def test_proxy(self) -> None:
        for name in ("http_proxy", "HTTP_PROXY"):
            self.write_files(name)
            os.utime(self.project / "files/a", (time.time() + 10,) * 2)
            done = self.archive("--url", "http://store.invalid/key", env={name: self.store.url("")})
            self.assertEqual(done.code, 0, done.log)
            done = self.archive("--url", "http://store.invalid/key", "--retry=0",
                                env={name: self.store.url(""), "NO_PROXY": "store.invalid"})
        self.assertEqual([request.path for request in self.store.requests], ["/key"] * 2)

    # --- download

    def offer(self, content: bytes = b"one\n", **options) -> bytes:
        archive = self.made_archive(content)
        self.store.put("/bucket/project/key", archive, **options)
        return archive

    def download(self, *args: object, **options) -> Done:
        return self.extract("--url", self.url, *args, **options)

    def assert_extracted(self, done: Done, content: bytes = b"one\n") -> None:
        self.assertEqual(done.code, 0, done.log)
        self.assertEqual((self.project / "files/a").read_bytes(), content)
        self.assert_only(self.cache.parent, *KEPT, "hits")

    def test_download(self) -> None:
        archive = self.offer(headers={"x-amz-meta-CacheKey": "key/1"})
        done = self.download()
        self.assert_extracted(done)
        self.assert_ends(done, 0, "Using presigned URL for cache download",
                         f'Downloading cache.zip from {self.shown}  etag="[0-9a-f]+"')
        self.assertEqual(self.cache.read_bytes(), archive)
        self.assertEqual(self.cache.stat().st_mtime, 1_700_000_000)
        self.assertEqual(json.loads((self.cache.parent / "metadata.json").read_text()), {"cachekey": "key/1"})
        (request,) = self.store.requests
        self.assertEqual((request.method, request.header("Range")), ("GET", None))

    def test_download_is_up_to_date(self) -> None:
        self.offer()
        self.download()
        for modified in (1_700_000_000, 0):  # the same one, and one whose server does not say
            self.store.put("/bucket/project/key", b"other", modified=modified)
            done = self.download()
            self.assert_line(done, "cache.zip is up to date")
            self.assertEqual(done.code, 0)
        self.offer(b"newer", modified=1_800_000_000)
        self.assertEqual(self.download().code, 0)
        self.assertEqual((self.project / "files/a").read_bytes(), b"newer")

    def test_download_is_missing(self) -> None:
        self.assert_ends(self.download(), 1, "WARNING: file does not exist")
        self.assertEqual(len(self.store.requests), 1)
        self.assert_only(self.cache.parent, ".lock")

    def test_download_is_refused(self) -> None:
        self.store.next("GET", xml_error(403, "AccessDenied", "Request has\nexpired"))
        self.assert_ends(self.download(), 1, r"WARNING: received: 403 Forbidden. Request failed with code: "
                                             r"AccessDenied, message: Request has\\nexpired")
        self.assertEqual(len(self.store.requests), 1)

    def test_download_again(self) -> None:
        self.offer()
        self.store.next("GET", status(500), lost)
        done = self.download()
        self.assert_extracted(done)
        self.assert_line(done, "WARNING: Retrying...  error=.*", times=2)

    def test_download_fails(self) -> None:
        """The local copy is neither used nor harmed."""
        self.write_files()
        self.archive()
        old = self.cache.read_bytes()
        self.store.next("GET", *[status(502)] * 3)
        self.assert_ends(self.download(), 1, "WARNING: received: 502 Bad Gateway")
        self.assertEqual(self.cache.read_bytes(), old)
        self.assert_only(self.cache.parent, *KEPT)

    def test_resume(self) -> None:
        """A connection that is cut goes on where it was, twice."""
        content = os.urandom(300_000)
        archive = self.offer(content)
        self.store.next("GET", cut(after=100_000), cut(after=50_000))
        done = self.download()
        self.assert_extracted(done, content)
        self.assertEqual(self.cache.read_bytes(), archive)
        etag = self.store.objects["/bucket/project/key"].etag
        self.assertEqual([(request.header("Range"), request.header("If-Range")) for request in self.store.requests],
                         [(None, None), ("bytes=100000-", etag), ("bytes=150000-", etag)])

    def test_resume_of_another_object(self) -> None:
        """What was replaced meanwhile is fetched from its beginning, whether or not it is shorter."""
        for size in (400_000, 120_000):
            self.offer(os.urandom(300_000), modified=4_000_000_000 - size)
            content = os.urandom(size)
            self.store.next("GET", cut(after=200_000), replaced(self.made_archive(content)))
            shutil.rmtree(self.cache.parent, ignore_errors=True)
            done = self.download()
            self.assert_extracted(done, content)
            self.assertEqual(self.cache.stat().st_size, len(self.store.objects["/bucket/project/key"].body))

    def test_resume_without_ranges(self) -> None:
        content = os.urandom(300_000)
        self.offer(content)
        self.store.next("GET", cut(after=200_000), without_ranges)
        self.assert_extracted(self.download(), content)

    def test_resume_with_a_weak_mark(self) -> None:
        content = os.urandom(300_000)
        self.offer(content, etag='W/"1"')
        self.store.next("GET", cut(after=200_000))
        self.assert_extracted(self.download(), content)
        self.assertIsNone(self.store.requests[-1].header("Range"))

    def test_wrong_length(self) -> None:
        archive = self.offer()
        short = status(200, archive[:-10], {"Content-Length": str(len(archive) + 5)})
        self.store.next("GET", *[lambda handler, request: (short(handler, request),
                                                           setattr(handler, "close_connection", True))] * 3)
        done = self.download()
        self.assert_ends(done, 1, "WARNING: GET /bucket/project/key: the connection was closed in the middle of the answer")
        self.assert_only(self.cache.parent, ".lock")

    def test_download_hangs(self) -> None:
        self.offer(os.urandom(100_000))
        self.store.next("GET", hang(), hang(after=1000))
        done = self.download("--retry", 1, env={"ATELIER_TRANSFER_IDLE": "200ms"})
        self.assert_ends(done, 1, "WARNING: GET /bucket/project/key: nothing was sent or received within .*")

    def test_redirect(self) -> None:
        self.offer()
        self.store.next("GET", redirect("/bucket/project/key?b c", 302), redirect(self.url.replace("127.0.0.1", "localhost")))
        self.assert_extracted(self.download())
        self.store.next("GET", *[redirect("/loop")] * 11)
        self.assert_ends(self.download("--retry=0"), 1, f"WARNING: {self.shown} redirects more than 10 times")

    def test_parallel(self) -> None:
        content = os.urandom(1_000_000)
        archive = self.offer(content)
        ranges = ("--chunk-size", 100_000, "--concurrency", 4)
        parallel = {"FF_USE_PARALLEL_CACHE_TRANSFER": "true"}
        done = self.download(*ranges, env=parallel)
        self.assert_extracted(done, content)
        self.assert_line(done, rf"Downloading cache.zip from {self.shown} \(parallel\)  etag=.*")
        self.assertEqual(self.cache.read_bytes(), archive)
        asked = [request.header("Range") for request in self.store.requests]
        self.assertEqual((asked[0], len(asked)), ("bytes=0-0", 5))
        done = self.download(*ranges, env=parallel)
        self.assert_line(done, "cache.zip is up to date")
        self.assertEqual(len(self.store.requests), 6)

    def test_parallel_is_cut(self) -> None:
        content = os.urandom(1_000_000)
        self.offer(content)
        self.store.next("GET", cut(after=1), cut(after=100_000), cut(after=0), status(500))
        done = self.download("--chunk-size", 100_000, "--concurrency", 4, env={"FF_USE_PARALLEL_CACHE_TRANSFER": "true"})
        self.assert_extracted(done, content)
        self.assert_line(done, "WARNING: Retrying...  error=.*")

    def test_parallel_of_another_object(self) -> None:
        self.offer(os.urandom(1_000_000))
        content = os.urandom(1_100_000)
        self.store.next("GET", cut(after=1), cut(after=100_000), replaced(self.made_archive(content)))
        done = self.download("--chunk-size", 100_000, "--concurrency", 4, env={"FF_USE_PARALLEL_CACHE_TRANSFER": "true"})
        self.assert_extracted(done, content)

    def test_parallel_without_ranges(self) -> None:
        content = os.urandom(1_000_000)
        self.offer(content)
        self.store.next("GET", without_ranges)
        done = self.download("--chunk-size", 100_000, env={"FF_USE_PARALLEL_CACHE_TRANSFER": "true"})
        self.assert_extracted(done, content)
        self.assertEqual(len(self.store.requests), 2)

    def alternate(self, first: int | None, second: int | None) -> Done:
        for path, modified in (("/first", first), ("/second", second)):
            if modified:
                self.store.put(path, self.made_archive(path.encode()), modified=modified)
        urls = [value for option, path in (("", "/first"), ("alternate-", "/second")) for value in
                (f"--{option}url", self.store.url(path), f"--{option}head-url", self.store.url(path + "?head"))]
        return self.extract(*map(str, urls))

    def test_alternate(self) -> None:
        for first, second, line, got in (
                (1_700_000_000, 1_600_000_000, "Selecting primary cache URL", "/first"),
                (1_700_000_000, 1_800_000_000, "Selecting alternate cache URL: newer timestamp", "/second"),
                (None, 1_900_000_000, "Selecting alternate cache URL: primary not available", "/second"),
                (2_000_000_000, None, "Selecting primary cache URL", "/first")):
            with self.subTest(line):
                self.store.objects.clear()
                done = self.alternate(first, second)
                self.assert_line(done, line)
                self.assertEqual((done.code, (self.project / "files/a").read_text()), (0, got), done.log)

    def test_alternate_whose_age_nobody_can_ask(self) -> None:
        self.offer()
        done = self.extract("--url", self.store.url("/missing"), "--alternate-url", self.url)
        self.assert_extracted(done)

    def test_tls(self) -> None:
        """Only who is vouched for: by the runner's file, or by the system's."""
        names = certificate, _ = str(self.folder / "cert.pem"), str(self.folder / "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2",
                        "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
        with ObjectStore(tls=names) as store:
            store.put("/key", self.made_archive())
            url = store.url("/key", "localhost")
            for env, code in (({"CI_SERVER_TLS_CA_FILE": certificate}, 0), ({"SSL_CERT_FILE": certificate}, 0), ({}, 1)):
                shutil.rmtree(self.cache.parent, ignore_errors=True)
                done = self.extract("--url", url, "--retry=0", env=env)
                self.assertEqual(done.code, code, done.log)
        self.assert_line(done, "WARNING: .*certificate.*")

    # --- the meter

    def test_meter_in_a_log(self) -> None:
        content = os.urandom(300_000)
        self.offer(content)
        done = self.download("--transfer-meter-frequency", "1h")  # which nothing takes: it is its last line
        self.assertRegex(done.out, r"\A\rDownloading cache 300\.\d\d kB/300\.\d\d kB \(\d+\.\d [kMG]?B/s\) {16}\n\Z")
        self.assertEqual(self.download(env={"TRANSFER_METER_FREQUENCY": "0s"}).out, "")

    def test_bar_on_a_terminal(self) -> None:
        self.offer(os.urandom(300_000))
        ours, theirs = pty.openpty()
        process = self.start("cache-extractor", "--file", self.cache, "--url", self.url, stdout=theirs)
        os.close(theirs)
        self.assertEqual(self.finish(process).code, 0)
        shown = os.read(ours, 65536).decode()
        os.close(ours)
        self.assertRegex(shown, r"\rDownloading cache \[#{30}\] 300\.\d\d kB/300\.\d\d kB \(.*\) *\r\n\Z")


if __name__ == "__main__":
    unittest.main()
