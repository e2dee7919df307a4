"""Symbolic links that lead out of the project: caches and artifacts keep them, and nothing of ours follows one."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from helper import Done, HelperCase  # noqa: E402

STRICT = {"ATELIER_EXTRACT_LINKS_OUTSIDE": "false"}


def runners() -> list[str]:
    named = os.environ.get("ATELIER_GITLAB_RUNNERS") or shutil.which("gitlab-runner") or ""
    return [path for path in named.split(":") if path]


class LinksCase(HelperCase):
    def setUp(self) -> None:
        super().setUp()
        self.outside = self.folder / "outside"
        self.outside.mkdir()

    def archive(self, *paths: str, **options) -> Done:
        words = [word for path in paths for word in ("--path", path)]
        done = self.run_helper("cache-archiver", "--file", self.cache, *words, **options)
        self.assertEqual(done.code, 0, done.log)
        return done

    def extract(self, **options) -> Done:
        done = self.run_helper("cache-extractor", "--file", self.cache, **options)
        self.assertEqual(done.code, 0, done.log)
        return done

    def empty_project(self) -> None:
        shutil.rmtree(self.project)
        self.project.mkdir()


class PythonEnvironment(LinksCase):
    def setUp(self) -> None:
        super().setUp()
        subprocess.run(["python3", "-m", "venv", "--without-pip", ".venv"], cwd=self.project, check=True)
        self.assertTrue(os.readlink(self.python).startswith("/"), "no link that leads outside")
        (self.module,) = self.project.glob(".venv/lib/python3*/site-packages")
        (self.module / "of_the_cache.py").write_text("WORD = 'restored'\n")

    @property
    def python(self) -> pathlib.Path:
        return next(link for name in ("python", "python3") if not os.readlink(link := self.project / ".venv/bin" / name).startswith("python"))

    def assert_works(self) -> None:
        said = subprocess.run([self.project / ".venv/bin/python", "-c", "import sys, of_the_cache; print(of_the_cache.WORD, sys.prefix)"],
                              capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
        self.assertEqual(said.stdout, f"restored {self.project}/.venv\n", said.stderr)

    def test_our_cache(self) -> None:
        for format in ("zip", "tarzstd"):
            with self.subTest(format):
                self.archive(".venv", env={"CACHE_COMPRESSION_FORMAT": format})
                target = os.readlink(self.python)
                shutil.rmtree(self.project / ".venv")
                self.assertNotIn("WARNING", self.extract().log)
                self.assertEqual(os.readlink(self.python), target)
                self.assert_works()
                self.cache.unlink()

    @unittest.skipUnless(runners(), "no gitlab-runner: name some in ATELIER_GITLAB_RUNNERS or put one on PATH")
    def test_cache_of_the_official_helper(self) -> None:
        for runner in runners():
            for fast in ("true", "false"):
                with self.subTest(f"{runner} {fast}"):
                    subprocess.run([runner, "cache-archiver", "--file", self.cache, "--path", ".venv"], cwd=self.project, check=True,
                                   capture_output=True, env=self.environment({"FF_USE_FASTZIP": fast}))
                    shutil.rmtree(self.project / ".venv")
                    self.extract()
                    self.assert_works()
                    self.cache.unlink()

    def test_strict(self) -> None:
        self.archive(".venv")
        shutil.rmtree(self.project / ".venv")
        self.assert_line(self.extract(env=STRICT), r"WARNING: \.venv/bin/python3?: a link that leads outside of the folder: not extracted")
        self.assertTrue((self.module / "of_the_cache.py").exists())


class NobodyFollows(LinksCase):
    def setUp(self) -> None:
        super().setUp()
        (self.outside / "secret").write_text("secret\n")
        self.links = {"absolute": str(self.outside), "up": "../outside", "sub/up": "../../outside"}
        for name, target in self.links.items():
            link = self.project / name
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(target)
        self.archive(*self.links)
        self.empty_project()

    def assert_untouched(self) -> None:
        self.assert_only(self.outside, "secret")
        self.assertEqual((self.outside / "secret").read_text(), "secret\n")

    def test_a_word_that_is_neither(self) -> None:
        done = self.extract(env={"ATELIER_EXTRACT_LINKS_OUTSIDE": "perhaps"})
        self.assert_line(done, "WARNING: ATELIER_EXTRACT_LINKS_OUTSIDE is neither true nor false, and left out")
        self.assertTrue((self.project / "up").is_symlink())

    def test_they_are_made(self) -> None:
        self.extract()
        self.assertEqual({name: os.readlink(self.project / name) for name in self.links}, self.links)
        self.assert_untouched()

    def test_a_second_archive_writes_through_none(self) -> None:
        self.extract()
        first = self.cache.read_bytes()
        shutil.copytree(self.project, self.folder / "kept", symlinks=True)
        self.empty_project()
        for name in self.links:
            self.write(f"{name}/secret", "changed\n")
        self.archive(*self.links)
        shutil.rmtree(self.project)
        (self.folder / "kept").rename(self.project)
        self.assert_line(self.extract(), "WARNING: 3 links that were in the way of the archive's folders have been replaced")
        self.assert_untouched()
        self.assertEqual((self.project / "up/secret").read_text(), "changed\n")
        self.assertNotEqual(self.cache.read_bytes(), first)

    def test_what_lies_behind_is_not_packed(self) -> None:
        self.extract()
        self.cache.unlink()
        done = self.archive("absolute/secret", "up/**", "sub/up/", "*/secret", "absolute", "**/*")
        self.assertNotIn(b"secret\n", subprocess.run(["zstd", "-dc", self.cache], capture_output=True, check=True).stdout, done.log)


if __name__ == "__main__":
    unittest.main()
