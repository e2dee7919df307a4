"""Caches and artifacts in `atelier pipeline`: from job to job, and from one run to the next."""
import os
import unittest
import zipfile
import zlib

from hooks import IMAGE
from pipelines import PipelineTest, has_image

HELPER = os.environ.get("ATELIER_TEST_HELPER_IMAGE")  # another helper image than this version's


class FilesTest(PipelineTest):
    def checkout(self, ci, files=None, **options):
        c = super().checkout(f"image: {IMAGE}\n{ci}", files, **options)
        if HELPER:
            c.config.write_text(c.config.read_text() + f"helper_image: {HELPER}\n")
        return c

    def store(self, c):
        """The folder of the last pipeline's artifacts."""
        folders = list((c.root / "cache").glob("local/*/.artifacts/*"))
        self.assertEqual(len(folders), 1, folders)
        return folders[0]

    def kept(self, c):
        store = self.store(c)
        return sorted(str(path.relative_to(store)) for path in store.rglob("*") if path.is_file())

    def names(self, c, path):
        return [name for name in zipfile.ZipFile(self.store(c) / path).namelist() if not name.endswith("/")]

    def caches(self, c):
        return sorted(path.parent.name for path in (c.root / "cache").rglob("cache.zip"))


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Caches(FilesTest):
    def test_from_stage_to_stage_and_from_run_to_run(self):
        c = self.checkout("""
stages: [one, two]
cache: {paths: [vendor/]}
first:
  stage: one
  script: ['cat vendor/n || echo 0 >made', 'mkdir -p vendor', 'echo "one more" >>vendor/n']
second:
  stage: two
  script: ['echo "lines: $(wc -l <vendor/n)"', 'test ! -e made']
""")
        first, second = c.run(), c.run()
        self.assertEqual((first.code, second.code), (0, 0), (first, second))
        self.assertIn("Failed to extract cache", first.lines_of("first"))
        self.assertIn("Checking cache for default-non_protected...", first.lines_of("second"))
        self.assertIn("Successfully extracted cache", first.lines_of("second"))
        self.assertIn("lines: 1", first.lines_of("second"))
        self.assertIn("lines: 2", second.lines_of("second"))
        self.assertEqual(self.caches(c), ["default-non_protected"])
        self.assert_nothing_left(c)

    def test_keys(self):
        c = self.checkout("""
files:
  cache: {key: {files: [lock.txt], prefix: "$CI_JOB_NAME"}, paths: [v]}
  script: ['test -e v && echo found || echo not found', 'echo x >v']
odd:
  cache: {key: "$ODD", paths: [v]}
  variables: {ODD: "../grüße/ two  words"}
  script: [echo x >v]
""", {"lock.txt": "1\n"})
        first = c.run()
        self.assertEqual(first.code, 0, first)
        self.assertIn("not found", first.lines_of("files"))
        self.assertIn('WARNING: cache key "../grüße/ two  words-non_protected" sanitized to "grüße/ two  words-non_protected"',
                      first.lines_of("odd"))
        again = c.run("files")
        self.assertIn("found", again.lines_of("files"))
        c.write({"lock.txt": "2\n"})
        changed = c.run("files")
        self.assertIn("not found", changed.lines_of("files"))
        keys = self.caches(c)
        self.assertIn(" two  words-non_protected", keys)
        self.assertEqual(len([key for key in keys if key.startswith("files-")]), 2, keys)

    def test_policy_and_when(self):
        c = self.checkout("""
stages: [a, b, c]
variables: {POLICY: pull}
save: {stage: a, cache: {key: k, paths: [v], policy: push}, script: [echo 1 >v]}
read: {stage: b, cache: {key: k, paths: [v], policy: $POLICY}, script: [grep 1 v, echo 2 >v]}
fails:
  stage: b
  allow_failure: true
  cache: [{key: never, paths: [f]}, {key: failed, paths: [f], when: on_failure}, {key: both, paths: [f], when: always}]
  script: [echo x >f, exit 3]
check: {stage: c, cache: {key: k, paths: [v], policy: pull}, script: [grep 1 v]}
""")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("Not downloading cache k-non_protected due to policy", result.lines_of("save"))
        self.assertIn("Not uploading cache k-non_protected due to policy", result.lines_of("read"))
        self.assertIn("Creating cache both-non_protected...", result.lines_of("fails"))
        self.assertEqual(self.caches(c), ["both-non_protected", "failed-non_protected", "k-non_protected"])

    def test_fallback(self):
        c = self.checkout("""
stages: [a, b]
save: {stage: a, cache: {key: main, paths: [v]}, script: [echo 1 >v]}
own: {stage: b, cache: {key: branch, fallback_keys: [nothing, main], paths: [v]}, script: [grep 1 v]}
variable:
  stage: b
  variables: {CACHE_FALLBACK_KEY: main-non_protected}
  cache: {key: other, paths: [v]}
  script: [grep 1 v]
refused:
  stage: b
  variables: {CACHE_FALLBACK_KEY: main-protected}
  cache: {key: another, paths: [v]}
  script: [test ! -e v]
""")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertEqual([line for line in result.lines_of("own") if line.startswith("Checking cache")],
                         [f"Checking cache for {key}-non_protected..." for key in ("branch", "nothing", "main")])
        self.assertIn('WARNING: CACHE_FALLBACK_KEY "main-protected" not allowed to end in "-protected"',
                      result.lines_of("refused"))

    def test_a_policy_that_is_none(self):
        c = self.checkout("j: {variables: {P: sometimes}, cache: {key: k, paths: [v], policy: $P}, script: [echo ran]}\n")
        result = c.run()
        self.assertEqual(result.code, 1, result)
        self.assertIn("unknown cache policy sometimes for k-non_protected", result.summary()["j"][1])
        self.assertNotIn("ran", result.lines_of("j"))

    def test_untracked_files(self):
        c = self.checkout("""
stages: [a, b]
save: {stage: a, cache: {key: u, untracked: true}, script: [mkdir d, echo 1 >d/made, echo 1 >.ignored]}
read: {stage: b, cache: {key: u, untracked: true, policy: pull}, script: [grep 1 d/made .ignored]}
""", {".gitignore": ".ignored\n"})
        result = c.run()
        self.assertEqual(result.code, 0, result)


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Artifacts(FilesTest):
    def test_from_build_to_test(self):
        c = self.checkout("""
stages: [build, test, late]
compile:
  stage: build
  script: [mkdir -p "out/a b", 'echo hi >"out/a b/grüße.txt"', echo no >out/x.o, ln -s x.o out/link, chmod 755 "out/a b/grüße.txt"]
  artifacts: {paths: [out/, "$NOTHING"], exclude: ["out/**/*.o"], name: "$CI_JOB_NAME-1"}
check: {stage: test, script: ['"out/a b/grüße.txt" || test -x "out/a b/grüße.txt"', test ! -e out/x.o, test -L out/link]}
without: {stage: test, dependencies: [], script: [test ! -e out]}
other: {stage: test, script: [echo new >late.txt], artifacts: {untracked: true, name: ".schön $CI_JOB_ID"}}
late: {stage: late, dependencies: [other], script: [grep new late.txt]}
""")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("Downloading artifacts", result.text)
        compiled, other = self.kept(c)
        self.assertEqual(compiled, "1-compile/archive/compile-1.zip")
        self.assertRegex(other, r"^4-other/archive/\.schön \d+\.zip$")
        self.assertEqual(self.names(c, "1-compile/archive/compile-1.zip"), ["out/a b/grüße.txt", "out/link"])
        self.assertNotIn("Downloading artifacts for", "\n".join(result.lines_of("without")))
        self.assertEqual(len([line for line in result.lines_of("late") if "Downloading artifacts for" in line]), 1)
        self.assertIn(f"Artifacts, until the project's next pipeline, in {self.store(c)}:", result.text)
        self.assertIn("\n  1-compile/archive/compile-1.zip\n", result.text)
        self.assertEqual(c.git("status", "--porcelain"), "")
        self.assert_nothing_left(c)

    def test_a_store_is_the_last_pipelines(self):
        c = self.checkout("j: {script: [echo x >f], artifacts: {paths: [f]}}\n")
        self.assertEqual(c.run().code, 0)
        before = self.store(c)
        self.assertEqual(c.run().code, 0)
        self.assertNotEqual(self.store(c), before)

    def test_a_failed_job(self):
        c = self.checkout("""
stages: [a, b]
good: {stage: a, allow_failure: true, script: [echo x >f, exit 3], artifacts: {paths: [f]}}
always: {stage: a, allow_failure: true, script: [echo x >f, exit 3], artifacts: {paths: [f, g], when: always}}
failed: {stage: a, allow_failure: true, script: [echo x >f, exit 3], artifacts: {paths: [f], when: on_failure, reports: {junit: f}}}
empty: {stage: a, script: [echo], artifacts: {paths: [nothing]}}
later: {stage: b, script: [cat f]}
""")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.kept(c), ["2-always/archive/artifacts.zip", "3-failed/archive/artifacts.zip",
                                        "3-failed/junit/junit.xml.gz"])
        self.assertEqual(result.summary()["always"], ("warning", "exit code 3"))
        self.assertTrue(any(line.startswith("WARNING: g: no matching files") for line in result.lines_of("always")))
        self.assertIn("ERROR: No files to upload", [line.rstrip() for line in result.lines_of("empty")])
        self.assertEqual(result.summary()["empty"][0], "passed")
        report = (self.store(c) / "3-failed/junit/junit.xml.gz").read_bytes()
        self.assertEqual(zlib.decompress(report, 31), b"x\n")

    def test_dotenv(self):
        c = self.checkout(f"""
stages: [a, b]
variables: {{FILE: file, JOB: file, MINE: file}}
make:
  stage: a
  script: ["printf 'JOB=dotenv\\\\nFILE=dotenv\\\\nTEXT=a b $MINE\\\\nIMAGE={IMAGE}\\\\n' >build.env"]
  artifacts: {{reports: {{dotenv: build.env}}}}
use:
  stage: b
  image: $IMAGE
  variables: {{JOB: job}}
  script: ['echo "$FILE, $JOB, $TEXT"']
not: {{stage: b, dependencies: [], script: ['echo "<$TEXT>"']}}
""")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("dotenv, dotenv, a b file", result.lines_of("use"))
        self.assertIn("<>", result.lines_of("not"))

    def test_dotenv_that_is_none(self):
        c = self.checkout("""
comment: {script: ['echo "# x" >e'], artifacts: {reports: {dotenv: e}}}
project: {script: ['echo CI_PROJECT_ID=1 >e'], artifacts: {reports: {dotenv: e}}}
large: {script: ['echo "A=$(seq 3000 | tr -d "\\n")" >e'], artifacts: {reports: {dotenv: e}}}
""")
        result = c.run()
        self.assertEqual(result.code, 1, result)
        reasons = {job: reason for job, (_, reason) in result.summary().items()}
        self.assertEqual(reasons, {
            "comment": "the dotenv report: line 1 is not KEY=value; comments and empty lines are not allowed either",
            "project": "the dotenv report: line 1: 'CI_PROJECT_ID' is predefined; choose another name",
            "large": "the dotenv report: it is larger than 5120 bytes"})

    def test_a_dependency_that_did_not_run(self):
        c = self.checkout("""
stages: [a, b]
make: {stage: a, script: [echo x >f], artifacts: {paths: [f]}}
use: {stage: b, dependencies: [make], script: [echo ran]}
""")
        result = c.run("use")
        self.assertEqual(result.code, 0, result)
        self.assertIn("WARNING: there are no artifacts of job 'make': it did not run in this pipeline", result.lines_of("use"))

    def test_what_jobs_leave_in_the_store_leads_nowhere(self):
        """A job may have its own program called in its helper container, and put anything into its store."""
        c = self.checkout("""
stages: [a, b]
evil:
  stage: a
  script: ['echo "PATH=$CI_PROJECT_DIR:$PATH" >>$GITLAB_ENV']
  artifacts: {reports: {dotenv: e}}
use: {stage: b, script: ['echo "<$SECRET>"']}
""")
        secret = c.root / "secret"
        secret.write_text("SECRET=of-the-host\n")
        c.write({"gitlab-runner": f"""#!/bin/sh
[ "$1" = artifacts-uploader ] || exit 0
store=${{3#file://}}
mkdir -p "$store/dotenv" && mkfifo "$store/dotenv/pipe" && ln -s {secret} "$store/dotenv/1.env"
ln -s {c.root} "$store/archive" && ln -s {c.root} "$store/junit" && echo planted
"""})
        (c.top / "gitlab-runner").chmod(0o755)
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("planted", result.lines_of("evil"))
        self.assertIn("<>", result.lines_of("use"))
        self.assertNotIn("secret", result.text)


if __name__ == "__main__":
    unittest.main()
