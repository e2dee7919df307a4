"""artifacts-uploader and artifacts-downloader of the real program, with a stand-in of GitLab over real sockets."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from gitlab_api import GitLab  # noqa: E402
from gitlab_http import Early, Reply, Upload  # noqa: E402
from helper import Done, HelperCase  # noqa: E402
from object_store import ObjectStore, cut, hang, replaced, without_ranges  # noqa: E402

STATUS = {403: "Forbidden", 413: "Request Entity Too Large", 500: "Internal Server Error", 503: "Service Unavailable"}


class ArtifactsCase(HelperCase):
    def setUp(self) -> None:
        super().setUp()
        self.gitlab = GitLab()
        self.addCleanup(self.gitlab.close)
        self.job = self.gitlab.run()
        self.token = self.gitlab.token(self.job)

    def credentials(self, **changes: object) -> tuple[str, ...]:
        given = {"url": self.gitlab.url + "/", "token": self.token, "id": self.job, **changes}
        return tuple(str(word) for name, value in given.items() if value is not None for word in (f"--{name}", value))

    def assert_no_token(self, done: Done) -> None:
        self.assertNotIn(self.token, done.log + done.out)

    def upload(self, *args: object, **options) -> Done:
        done = self.run_helper("artifacts-uploader", *self.credentials(), *args, **options)
        self.assert_no_token(done)
        return done

    def download(self, *args: object, **options) -> Done:
        done = self.run_helper("artifacts-downloader", *self.credentials(), "--retry-time", "10ms", *args, **options)
        self.assert_no_token(done)
        return done

    def uploaded(self) -> Upload:
        (upload,) = self.gitlab.uploads[self.job]
        return upload


class Uploading(ArtifactsCase):
    def test_zip(self) -> None:
        self.write("out/a", "one\n")
        os.symlink("a", self.project / "out/link")
        done = self.upload("--path", "out", "--expire-in", "1 week", "--artifact-type", "archive", "--name", "re sult/$X",
                           env={"X": "v1.0"})
        shown = self.token.removeprefix("glcbt-")[:9]
        self.assert_ends(done, 0, "out: found 3 matching artifact files and directories",
                         r'Uploading artifacts as "archive" to coordinator\.\.\. 201 Created  '
                         rf"correlation_id=request-{self.job} id={self.job} responseStatus=201 Created token={shown}")
        upload = self.uploaded()
        self.assertEqual((upload.filename, upload.query),
                         ("v1.0.zip", {"artifact_format": "zip", "artifact_type": "archive", "expire_in": "1 week"}))
        (request,) = self.gitlab.requests
        self.assertEqual(request.query, "artifact_format=zip&artifact_type=archive&expire_in=1+week")
        self.assertEqual((request.headers["Transfer-Encoding"], request.headers["Content-Length"],
                          request.headers["Expect"]), ("chunked", None, None))
        self.assertRegex(request.headers["X-Request-Id"], "^[0-9a-f]{32}$")
        self.assertRegex(request.headers["User-Agent"], "^gitlab-runner ")
        with zipfile.ZipFile(io.BytesIO(upload.body)) as archive:
            self.assertEqual((archive.namelist(), archive.read("out/a")), (["out/", "out/a", "out/link"], b"one\n"))

    def test_credentials_from_the_environment(self) -> None:
        self.write("a")
        done = self.run_helper("artifacts-uploader", "--path", "a", env={
            "CI_SERVER_URL": self.gitlab.url + "/ci", "CI_JOB_TOKEN": self.token, "CI_JOB_ID": str(self.job)})
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, r"Uploading artifacts to coordinator\.\.\. 201 Created  .*")
        self.assertEqual((self.uploaded().filename, self.uploaded().query), ("artifacts.zip", {"artifact_format": "zip"}))

    def test_gzip(self) -> None:
        """A report: junit, dotenv, ..."""
        self.write("report.xml", "<testsuite/>\n")
        for kind in ("junit", "dotenv"):
            self.gitlab.uploads.clear()
            done = self.upload("--path", "report.xml", "--artifact-format", "gzip", "--artifact-type", kind,
                               "--name", f"{kind}.xml")
            self.assert_line(done, rf'Uploading artifacts as "{kind}" to coordinator\.\.\. 201 Created  .*')
            upload = self.uploaded()
            self.assertEqual((upload.filename, upload.query["artifact_type"], upload.query["artifact_format"]),
                             (f"{kind}.xml.gz", kind, "gzip"))
            self.assertEqual(gzip.decompress(upload.body), b"<testsuite/>\n")

    def test_raw(self) -> None:
        self.write("raw", b"\0\1\2")
        self.assertEqual(self.upload("--path", "raw", "--artifact-format=raw", "--name", "raw").code, 0)
        self.assertEqual((self.uploaded().filename, self.uploaded().body), ("raw", b"\0\1\2"))
        self.write("raw2")
        done = self.upload("--path", "raw*", "--artifact-format=raw")
        self.assert_ends(done, 1, "FATAL: only one file can be sent as raw")
        self.assertEqual(len(self.gitlab.uploads[self.job]), 1, "half of one was taken for whole")

    def test_odd_names(self) -> None:
        names = ["a b", 'quo"te', "new\nline", "ä", "-dash", "back\\slash", "%41"]
        for name in names:
            self.write(f"odd/{name}", name)
        self.assertEqual(self.upload("--path", "odd/*", "--name", 'o"d\\d').code, 0)
        self.assertEqual(self.uploaded().filename, "o_d_d.zip")
        with zipfile.ZipFile(io.BytesIO(self.uploaded().body)) as archive:
            self.assertEqual(sorted(archive.namelist()), sorted(f"odd/{name}" for name in names))

    def test_names_of_archives(self) -> None:
        self.write("a")
        for name, got in (("", "default.zip"), (".", "default.zip"), ("a/b/", "default.zip"), ("$NONE", "default.zip"),
                          ("x$(id)", "x$(id).zip")):
            self.gitlab.uploads.clear()
            done = self.upload("--path", "a", "--name", name)
            self.assertEqual((done.code, self.uploaded().filename), (0, got), done.log)
        self.assert_line(done, "WARNING: invalid artifact name: .*")

    def test_no_files(self) -> None:
        done = self.upload("--path", "none", "--generate-artifacts-metadata")
        self.assert_ends(done, 0, "WARNING: none: no matching files.*", "ERROR: No files to upload")
        self.assertEqual(self.gitlab.requests, [])

    def test_missing_values(self) -> None:
        for changes, line in (({"url": None}, "Missing runner credentials"), ({"token": ""}, "Missing runner credentials"),
                              ({"id": 0}, "Missing build ID")):
            self.assert_ends(self.run_helper("artifacts-uploader", *self.credentials(**changes)), 1, f"FATAL: {line}")

    def test_refused(self) -> None:
        self.write("a")
        for code, fatal in ((403, "permission denied"), (413, "too large")):
            self.gitlab.reply_next(Reply(code))
            done = self.upload("--path", "a")
            self.assert_ends(done, 1, rf"ERROR: Uploading artifacts to coordinator\.\.\. {code} {STATUS[code]}  .*",
                             f"FATAL: {fatal}")
        self.assertEqual(len(self.gitlab.requests), 2)

    def test_refused_while_it_is_sent(self) -> None:
        """Its reason counts, and not that the connection is closed under a body that is on its way."""
        self.write("large", os.urandom(30 << 20))
        self.gitlab.reply_next(Early(Reply(413)))
        done = self.upload("--path", "large", env={"ARTIFACT_COMPRESSION_LEVEL": "fastest"})
        self.assert_ends(done, 1, r"ERROR: Uploading artifacts to coordinator\.\.\. 413 .*", "FATAL: too large")

    def test_words_of_gitlab(self) -> None:
        self.write("a")
        self.gitlab.reply_next(*[Reply(400, {"Content-Type": "application/json"}, b'{"message": "duplicate\\nvariables"}')] * 3)
        done = self.upload("--path", "a")
        what = (rf"POST {self.gitlab.url}/api/v4/jobs/{self.job}/artifacts\?artifact_format=zip: 400 Bad Request "
                r"\(duplicate\\nvariables\)")
        self.assert_line(done, rf"WARNING: Uploading artifacts to coordinator\.\.\. {what}  .*", times=3)
        self.assert_ends(done, 1, f"FATAL: upload failed: {what}")

    def test_again(self) -> None:
        """Busy, and lost; each time with the whole body."""
        self.write("a")
        self.gitlab.reply_next(Reply(500, {"Retry-After": "0"}), Reply(0))
        done = self.upload("--path", "a")
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, "WARNING: Retrying...  context=artifacts-uploader error=.*", times=2)
        self.assertEqual(len(self.gitlab.requests), 3)
        with zipfile.ZipFile(io.BytesIO(self.uploaded().body)) as archive:
            self.assertIsNone(archive.testzip())

    def test_no_answer(self) -> None:
        self.write("a")
        self.gitlab.reply_next(*[Reply(0)] * 3)
        done = self.upload("--path", "a")
        self.assert_line(done, r"WARNING: Uploading artifacts to coordinator\.\.\. failed  error=.*")
        self.assert_ends(done, 1, "FATAL: upload failed with no response from coordinator")

    def test_unavailable(self) -> None:
        self.write("a")
        self.gitlab.reply_next(*[Reply(503, {"Retry-After": "0"})] * 6)
        done = self.upload("--path", "a")
        self.assert_line(done, r"ERROR: Uploading artifacts to coordinator\.\.\. 503 Service Unavailable  .*", times=6)
        self.assert_ends(done, 1, "FATAL: service unavailable")

    def test_slow_answer(self) -> None:
        self.write("a")
        over = threading.Event()
        self.addCleanup(over.set)
        self.gitlab.reply_next(lambda _: time.sleep(0.5) or Reply(201), *[lambda _: over.wait(60) and Reply(201)] * 3)
        self.assertEqual(self.upload("--path", "a", "--response-header-timeout", "1m").code, 0)
        done = self.upload("--path", "a", "--response-header-timeout", "200ms")
        self.assert_line(done, "WARNING: .*nothing was sent or received within .*", times=3)
        self.assert_ends(done, 1, "FATAL: upload failed with no response from coordinator")

    def test_redirect(self) -> None:
        """GitLab names another of its hosts, which gets the token as well."""
        self.write("a")
        with GitLab("127.0.0.2") as other:
            other._jobs = self.gitlab._jobs
            self.gitlab.reply_next(Reply(307, {"Location": f"{other.url}/whatever?x=1"}))
            done = self.upload("--path", "a")
            self.assertEqual(done.code, 0, done.log)
            self.assert_line(done, f"Upload request redirected  location={other.url}/whatever new-url={other.url}")
            self.assertEqual(len(other.uploads[self.job]), 1)

    def test_trace(self) -> None:
        self.write("a")
        done = self.upload("--path", "a", env={"CI_DEBUG_TRACE": "true"})
        self.assert_line(done, "WARNING: received response  body={.*} headers=.*x-request-id: .*")

    def test_statement(self) -> None:
        content = self.write("out/a", "one\n").read_bytes()
        os.symlink("a", self.project / "out/link")
        done = self.upload("--path", "out", "--name", "result", "--generate-artifacts-metadata", "--runner-id", "7",
                           "--repo-url", "https://gitlab.invalid/g/p", "--repo-digest", "abc", "--job-name", "build",
                           "--executor-name", "custom", "--runner-name", "r", "--started-at", "2026-11-22T01:00:00Z",
                           "--ended-at", "2026-11-22T01:01:00Z", "--schema-version", "v9",
                           "--metadata-parameter", "SECRET", "--metadata-parameter", "OTHER", env={"SECRET": "xyzzy"})
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, "Generating artifacts statement")
        self.assert_line(done, "WARNING: Unknown schema version v9, using v1")
        with zipfile.ZipFile(io.BytesIO(self.uploaded().body)) as archive:
            self.assertEqual(archive.namelist(), ["out/", "out/a", "out/link", "result-metadata.json"])
            text = archive.read("result-metadata.json").decode()
        self.assertNotIn("xyzzy", text)
        statement = json.loads(text)
        self.assertEqual(statement["subject"], [{"name": "out/a", "digest": {"sha256": hashlib.sha256(content).hexdigest()}}])
        self.assertEqual((statement["_type"], statement["predicateType"]),
                         ("https://in-toto.io/Statement/v0.1", "https://slsa.dev/provenance/v1"))
        made = statement["predicate"]["buildDefinition"]
        self.assertEqual(made["externalParameters"], {"entryPoint": "build", "source": "https://gitlab.invalid/g/p",
                                                      "SECRET": "", "OTHER": ""})
        self.assertEqual(made["internalParameters"] | {"architecture": ""},
                         {"name": "r", "executor": "custom", "job": str(self.job), "architecture": ""})
        run = statement["predicate"]["runDetails"]
        self.assertEqual(run["builder"]["id"], "https://gitlab.invalid/g/p/-/runners/7")
        self.assertEqual(run["metadata"]["finishedOn"], "2026-11-22T01:01:00Z")
        self.assertEqual((self.project / "result-metadata.json").stat().st_mode & 0o777, 0o644)

    def test_meter(self) -> None:
        self.write("a")
        done = self.upload("--path", "a", "--transfer-meter-frequency", "500ms")
        self.assertRegex(done.out, r"\A\rUploading artifacts \d+ B \(.*/s\) {16}\n\Z")


class Downloading(ArtifactsCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("out/a", "one\n")
        self.upload("--path", "out")
        (self.project / "out/a").unlink()
        self.gitlab.requests.clear()

    def assert_extracted(self, done: Done) -> None:
        self.assertEqual(done.code, 0, done.log)
        self.assertEqual((self.project / "out/a").read_text(), "one\n")

    def test_download(self) -> None:
        staging = self.folder / "staging"
        staging.mkdir()
        done = self.download("--archiver-staging-dir", staging)
        self.assert_extracted(done)
        self.assert_line(done, r"Downloading artifacts from coordinator\.\.\. ok  correlation_id=[0-9a-f]{32} "
                               rf"host=127.0.0.1 id={self.job} responseStatus=200 OK token=.{{9}}")
        (request,) = self.gitlab.requests
        self.assertEqual((request.query, request.headers["JOB-TOKEN"]), ("", self.token))
        self.assert_only(staging)

    def test_direct_download(self) -> None:
        """The job's token is for GitLab, not for where it keeps its objects."""
        with ObjectStore() as store:
            self.gitlab.direct = lambda body: store.put("/artifacts", body) or store.url("/artifacts?sig=secret", "localhost")
            done = self.download(env={"FF_USE_DIRECT_DOWNLOAD": "true"})
            self.assert_extracted(done)
            self.assert_line(done, "Direct download from localhost")
            self.assertNotIn("secret", done.log)
            (request,) = store.requests
            self.assertIsNone(request.header("JOB-TOKEN"))
            self.assertIsNone(request.header("Referer"))

    def test_direct_download_is_tried_once(self) -> None:
        """A job's network that does not reach the store gets it from GitLab."""
        self.gitlab.direct = lambda _: "http://127.0.0.1:9/unreachable"
        done = self.download("--direct-download")
        self.assert_extracted(done)
        self.assert_line(done, r"WARNING: Downloading artifacts from coordinator\.\.\. failed  error=connect to .*")
        self.assertEqual([request.query for request in self.gitlab.requests], ["direct_download=true", ""])

    def test_redirect_to_the_same_host(self) -> None:
        self.gitlab.reply_next(Reply(302, {"Location": f"/api/v4/jobs/{self.job}/artifacts?again"}))
        self.assert_extracted(self.download())
        self.assertEqual([request.headers["JOB-TOKEN"] for request in self.gitlab.requests], [self.token] * 2)

    def test_refused(self) -> None:
        for code, words, fatal in ((401, "unauthorized", "permission denied"), (403, "forbidden", "permission denied"),
                                   (404, "not found", "file does not exist")):
            self.gitlab.reply_next(Reply(code))
            self.assert_ends(self.download(), 1, rf"ERROR: Downloading artifacts from coordinator\.\.\. {words}  .*"
                                                 rf"responseStatus={code} .*", f"FATAL: {fatal}")
        self.assertEqual(len(self.gitlab.requests), 3)

    def test_again(self) -> None:
        self.gitlab.reply_next(Reply(500), Reply(0))
        done = self.download()
        self.assert_extracted(done)
        self.assert_line(done, r"WARNING: Downloading artifacts from coordinator\.\.\. failed  .*", times=2)

    def test_fails(self) -> None:
        self.gitlab.reply_next(*[Reply(500)] * 3)
        self.assert_ends(self.download(), 1, "WARNING: .* failed  .*responseStatus=500 .*", "FATAL: invalid argument")

    def test_cut_and_hanging(self) -> None:
        with ObjectStore() as store:
            body = self.gitlab.uploads[self.job][0].body
            store.put("/x", body)
            store.next("GET", cut(after=20), hang(after=20))
            self.gitlab.reply_next(*[Reply(302, {"Location": store.url("/x")})] * 3)
            done = self.download(env={"ATELIER_TRANSFER_IDLE": "5s"})
            self.assert_extracted(done)
            self.assert_line(done, "WARNING: .*connection was closed in the middle of the answer.*")
            self.assert_line(done, "WARNING: .*nothing was sent or received within.*")

    def keep_large(self, store: ObjectStore, requests: int, **options) -> bytes:
        """GitLab redirects so many requests to the store, where an archive of some size lies."""
        content = os.urandom(300_000)
        self.write("out/a", content)
        self.upload("--path", "out")
        (self.project / "out/a").unlink()
        self.gitlab.requests.clear()
        store.put("/x", self.gitlab.uploads[self.job][-1].body, **options)
        self.gitlab.reply_next(*[Reply(302, {"Location": store.url("/x?sig=secret", "localhost")})] * requests)
        return content

    def test_resume(self) -> None:
        with ObjectStore() as store:
            content = self.keep_large(store, 3)
            store.next("GET", cut(after=100_000), cut(after=50_000))
            done = self.download()
            self.assertEqual((self.project / "out/a").read_bytes(), content, done.log)
            etag = store.objects["/x"].etag
            self.assertEqual([(request.header("Range"), request.header("If-Range"), request.header("JOB-TOKEN")) for request in store.requests],
                             [(None, None, None), ("bytes=100000-", etag, None), ("bytes=150000-", etag, None)])
            self.assert_line(done, "WARNING: Downloading artifacts from .* failed  .*in the middle of the answer.*", times=2)

    def test_resume_of_others(self) -> None:
        """From the beginning: what was replaced meanwhile, what only looks alike, and from a server that knows no ranges."""
        with ObjectStore() as store:
            for fault, etag in ((replaced, None), (None, 'W/"1"'), (without_ranges, None)):
                content = self.keep_large(store, 2, etag=etag)
                whole = store.objects["/x"].body
                if fault is replaced:
                    store.put("/x", os.urandom(250_000))
                    fault = replaced(whole)
                store.next("GET", cut(after=200_000), *[fault] * bool(fault))
                done = self.download()
                self.assertEqual((self.project / "out/a").read_bytes(), content, done.log)

    def test_parallel(self) -> None:
        """The token goes to GitLab, with the range that asks for the size, and to nobody else."""
        with ObjectStore() as store:
            content = self.keep_large(store, 1)
            store.next("GET", cut(after=1), cut(after=20_000))
            done = self.download("--chunk-size", 50_000, "--concurrency", 3, env={"FF_USE_PARALLEL_ARTIFACT_TRANSFER": "true"})
            self.assertEqual((self.project / "out/a").read_bytes(), content, done.log)
            self.assertEqual([request.headers["JOB-TOKEN"] for request in self.gitlab.requests], [self.token])
            asked = [request.header("Range") for request in store.requests]
            self.assertEqual((asked[0], len(asked)), ("bytes=0-0", 5))
            self.assertEqual([request.header("JOB-TOKEN") for request in store.requests], [None] * 5)

    def test_parallel_of_gitlab_itself(self) -> None:
        """It stays the server that the token is for."""
        with ObjectStore() as store:
            content = self.keep_large(store, 0)
            path = f"/api/v4/jobs/{self.job}/artifacts"
            store.put(path, store.objects["/x"].body)
            done = self.run_helper("artifacts-downloader", *self.credentials(url=store.url("")), "--chunk-size", 50_000,
                                   env={"FF_USE_PARALLEL_ARTIFACT_TRANSFER": "true", "ARTIFACT_CONCURRENCY": "2"})
            self.assertEqual((self.project / "out/a").read_bytes(), content, done.log)
            self.assertEqual([request.header("JOB-TOKEN") for request in store.requests], [self.token] * 3)

    def test_small_ones_are_not_fetched_in_parts(self) -> None:
        with ObjectStore() as store:
            self.keep_large(store, 2)
            done = self.download(env={"FF_USE_PARALLEL_ARTIFACT_TRANSFER": "true"})
            self.assertEqual([request.header("Range") for request in store.requests], ["bytes=0-0", None], done.log)

    def test_broken_archive(self) -> None:
        self.gitlab.reply_next(Reply(200, {}, b"PK\3\4 no archive"))
        self.assert_ends(self.download(), 1, "FATAL: .+")

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount a small disk")
    def test_full_disk(self) -> None:
        disk = self.folder / "staging"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", disk], check=True)
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        self.gitlab.reply_next(Reply(200, {}, bytes(1 << 20)))
        done = self.download("--archiver-staging-dir", disk)
        self.assert_ends(done, 1, "FATAL: keep the archive until it is unpacked: .*No space left on device")
        self.assertEqual(len(self.gitlab.requests), 1)

    def test_missing_values(self) -> None:
        done = self.run_helper("artifacts-downloader")
        self.assert_ends(done, 1, r"WARNING: Missing URL \(--url\)", r"WARNING: Missing runner credentials \(--token\)",
                         r"WARNING: Missing build ID \(--id\)", "FATAL: Incomplete arguments")

    def test_meter(self) -> None:
        self.assertRegex(self.download("--transfer-meter-frequency", "1s").out,
                         r"\A\rDownloading artifacts \d+ B/\d+ B \(.*/s\) {16}\n\Z")


if __name__ == "__main__":
    unittest.main()
