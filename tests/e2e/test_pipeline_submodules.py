"""Submodules and Git LFS objects, from what the checkout has of them."""
import shutil
import subprocess
import unittest

from test_pipeline import IMAGE, PipelineTest, has_image

SHOW = "for f in lib/file lib/inner/file other/file; do test ! -e $f || echo \"$f: $(cat $f)\"; done"
CI = f"""
default: {{image: {IMAGE}}}
none: {{script: ['{SHOW}']}}
normal: {{variables: {{GIT_SUBMODULE_STRATEGY: normal}}, script: ['{SHOW}']}}
recursive: {{variables: {{GIT_SUBMODULE_STRATEGY: recursive, GIT_SUBMODULE_DEPTH: 1}}, script: ['{SHOW}', 'git -C lib/inner rev-list --count HEAD']}}
chosen: {{variables: {{GIT_SUBMODULE_STRATEGY: normal, GIT_SUBMODULE_PATHS: other}}, script: ['{SHOW}']}}
strange: {{variables: {{GIT_SUBMODULE_STRATEGY: odd}}, script: [echo never]}}
"""


@unittest.skipUnless(has_image(), "no image for jobs")
class Submodules(PipelineTest):
    def repository(self, c, name, modules=()):
        """Beside the checkout, with submodules of its own."""
        path = c.root / name
        path.mkdir()

        def git(*args):
            subprocess.run(["git", "-c", "protocol.file.allow=always", *args], cwd=path, env=c.env, check=True, capture_output=True)
        git("init", "-q", "-b", "main")
        git("config", "user.name", "Tester")
        git("config", "user.email", "tester@example.org")
        for module in modules:
            git("submodule", "add", "-q", str(c.root / module), module)
        for text in ("old", f"of {name}"):
            (path / "file").write_text(f"{text}\n")
            git("add", "-A")
            git("commit", "-qm", text)

    def with_submodules(self):
        c = self.checkout(CI)
        self.repository(c, "inner")
        self.repository(c, "other")
        self.repository(c, "lib", ["inner"])
        for name in ("lib", "other"):
            c.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(c.root / name), name)
        c.git("-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init", "--recursive")
        c.git("commit", "-qm", "Submodules")
        for name in ("inner", "other", "lib"):
            shutil.rmtree(c.root / name)  # so that nothing can be fetched from there
        return c

    def shown(self, result, job):
        return [line for line in result.lines_of(job) if "file: " in line]

    def test_strategies(self):
        c = self.with_submodules()
        before = c.state()
        result = c.run()
        self.assertEqual({job: state for job, (state, _) in result.summary().items()},
                         {"none": "passed", "normal": "passed", "recursive": "passed", "chosen": "passed", "strange": "failed"}, result)
        self.assertEqual(self.shown(result, "none"), [])
        self.assertEqual(self.shown(result, "normal"), ["lib/file: of lib", "other/file: of other"], result)
        self.assertEqual(self.shown(result, "recursive"),
                         ["lib/file: of lib", "lib/inner/file: of inner", "other/file: of other"], result)
        self.assertIn("1", result.lines_of("recursive"))
        self.assertIn("Updating/initializing submodules recursively with git depth set to 1...", result.lines_of("recursive"))
        self.assertEqual(self.shown(result, "chosen"), ["other/file: of other"], result)
        self.assertIn("GIT_SUBMODULE_STRATEGY is none, normal or recursive", result.lines_of("strange"))
        self.assertEqual(c.state(), before)
        self.assert_nothing_left(c)

    def test_what_is_missing_is_said(self):
        c = self.with_submodules()
        c.git("submodule", "deinit", "-f", "other")
        shutil.rmtree(c.top / ".git/modules/other")
        result = c.run("normal")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.shown(result, "normal"), ["lib/file: of lib"], result)
        self.assertIn("WARNING: submodule other: this checkout has not its commit", result.text)


@unittest.skipUnless(has_image() and shutil.which("git-lfs"), "no image for jobs, or no git-lfs")
class LargeFiles(PipelineTest):
    def test_objects_of_the_checkout(self):
        attributes = {".gitattributes": "large filter=lfs diff=lfs merge=lfs -text\n"}
        c = self.checkout(f"""
default: {{image: {IMAGE}}}
fetched: {{variables: {{GIT_CLEAN_FLAGS: -ffdx}}, script: [cat large]}}
laid: {{script: [cat large]}}
""", attributes)
        c.git("lfs", "install", "--local")
        c.write({"large": "a large file\n"})
        c.git("add", "-A")
        c.git("commit", "-qm", "Large")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        for job in ("fetched", "laid"):
            self.assertIn("a large file", result.lines_of(job), result)
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0" + "\nsize 9\n"
        without = self.checkout((c.top / ".gitlab-ci.yml").read_text(), {**attributes, "large": pointer})
        result = without.run("fetched")
        self.assertEqual(result.code, 0, result)
        self.assertIn("WARNING: this checkout has not all of its Git LFS objects", result.text)


if __name__ == "__main__":
    unittest.main()
