"""What .gitlab-ci.yml can say of which jobs run, when and how often: with real jobs."""
import json
import subprocess
import unittest

from hooks import ATELIER, IMAGE
from pipelines import Checkout, Result, has_image

CI = f"""
include: ci/*.yml
default: {{image: {IMAGE}}}
workflow:
  name: "Release of $CI_COMMIT_BRANCH"
  rules:
    - if: $CI_COMMIT_BRANCH == "main"
      variables: {{KIND: from-workflow}}
stages: [build, test]

build:
  stage: build
  extends: .base
  coverage: '/covered (\\d+)%/'
  hooks: {{pre_get_sources_script: [echo before-the-sources]}}
  script:
    - !reference [.greet, script]
    - echo "$KIND" > kind
    - echo "covered 85%"
  artifacts: {{paths: [kind]}}

failing:
  stage: build
  retry: {{max: 1, when: script_failure}}
  script: [echo a-try, exit 3]

late:
  stage: test
  needs: []
  timeout: 4 seconds
  allow_failure: true
  script: [sleep 600]

matrix:
  stage: test
  needs: [build]
  parallel: {{matrix: [{{WORD: [one, two]}}]}}
  script: ['echo "$WORD/$CI_NODE_INDEX/$CI_NODE_TOTAL/$CI_JOB_NAME/$(cat kind)"']

after:
  stage: test
  script: [echo never-run]

elsewhere:
  rules: [{{if: $CI_COMMIT_TAG}}]
  script: [echo never-run]
"""


@unittest.skipUnless(has_image(), "no image for jobs")
class Language(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.checkout = Checkout(CI, {"ci/base.yml": ".base: {variables: {A: b}}\n.greet: {script: [echo included]}\n", "ci/readme": "no yaml"})

    @classmethod
    def tearDownClass(cls):
        cls.checkout.remove()

    def test_a_pipeline_is_what_the_file_says(self):
        result = self.checkout.run()
        self.assertEqual(result.code, 1, result)
        states = {job: state for job, (state, _) in result.summary().items()}
        self.assertEqual(states, {"build": "passed", "failing": "failed", "late": "warning", "matrix: [one]": "passed",
                                  "matrix: [two]": "passed", "after": "skipped"}, result)
        self.assertEqual(result.summary()["build"][1], "coverage 85%")
        self.assertEqual(result.text.count("\n    a-try\n"), 2, result)
        self.assertIn("tried again", result.text)
        self.assertIn("Release of main", result.text)
        self.assertIn("execution took longer than", result.summary()["late"][1])
        self.assertIn("one/1/2/matrix: [one]/from-workflow", result.text)
        self.assertIn("two/2/2/matrix: [two]/from-workflow", result.text)
        self.assertLess(result.text.index("before-the-sources"), result.text.index("included"), result)
        self.assertNotIn("never-run", result.text)

    def test_jobs_are_named_one_by_one_or_all(self):
        result = self.checkout.run("build", "matrix: [two]")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(sorted(result.summary()), ["build", "matrix: [two]"])
        result = self.checkout.run("elsewhere")
        self.assertEqual(result.code, 2, result)
        self.assertIn("job 'elsewhere' is not for branch 'main'", result.text)

    def listed(self, *args):
        """The names of the jobs, in their order."""
        result = self.checkout.run("--json", *args)
        self.assertEqual(result.code, 0, result)
        return [job["name"] for job in json.loads(result.text)]

    def test_what_is_asked_for(self):
        build, test = ["build", "failing"], ["late", "matrix: [one]", "matrix: [two]", "after"]
        self.assertEqual(self.listed(), build + test)
        self.assertEqual(self.listed("--stage", "test"), test)
        self.assertEqual(self.listed("--needs", "matrix"), ["build", "matrix: [one]", "matrix: [two]"])
        self.assertEqual(self.listed("--needs", "after"), [*build, "after"])
        self.assertEqual(self.listed("--needs", "late"), ["late"])
        self.assertIn("there is no stage 'nope'", self.checkout.run("--list", "--stage", "nope").text)

    def test_preview(self):
        result = self.checkout.run("--preview")
        self.assertEqual(result.code, 0, result)
        for word in ("include:", "extends:", "!reference"):
            self.assertNotIn(word, result.text)
        self.assertIn("- - echo included\n", result.text)
        again = Checkout(result.text)
        self.addCleanup(again.remove)
        self.assertEqual(again.run("--preview").text, result.text)


class Changes(unittest.TestCase):
    CI = "a: {script: x, rules: [{changes: [src/*]}]}\nb: {script: x, rules: [{changes: [docs/**/*]}]}\nc: {script: x}\n"

    def setUp(self):
        self.checkout = Checkout(self.CI, {"src/a": "1", "docs/x/y": "1"})
        self.addCleanup(self.checkout.remove)

    def listed(self, *args):
        return [job["name"] for job in json.loads(self.checkout.run("--json", *args).text)]

    def test_they_are_what_would_be_pushed(self):
        c = self.checkout
        self.assertEqual(self.listed(), ["a", "b", "c"])  # a new branch
        c.git("update-ref", "refs/remotes/origin/main", "HEAD")
        c.write({"docs/new/file": "2"})
        self.assertEqual(self.listed(), ["b", "c"])
        c.git("add", "-A")
        c.git("commit", "-qm", "Second")
        self.assertEqual(self.listed(), ["b", "c"])
        c.write({"src/a": "2"})
        self.assertEqual(self.listed(), ["a", "b", "c"])
        c.git("checkout", "-q", "src")
        c.git("update-ref", "refs/remotes/origin/main", "HEAD")  # all of it is there: the last commit
        self.assertEqual(self.listed(), ["b", "c"])
        c.git("branch", "other")
        self.assertEqual(self.listed("--branch", "other"), ["a", "b", "c"])

    def test_compare_to(self):
        self.checkout.git("checkout", "-q", "-b", "topic")
        self.checkout.write({".gitlab-ci.yml": self.CI.replace("[src/*]", "{paths: [src/*], compare_to: main}"),
                             "src/b": "new"})
        self.assertEqual(self.listed(), ["a", "b", "c"])
        (self.checkout.top / "src/b").unlink()
        self.assertEqual(self.listed(), ["b", "c"])
        self.checkout.write({".gitlab-ci.yml": self.CI.replace("[src/*]", "{paths: [src/*], compare_to: nowhere}")})
        result = self.checkout.run("--list")
        self.assertIn(".gitlab-ci.yml:1:24: `compare_to`: there is no branch, tag or commit `nowhere`", result.text)


class Lint(unittest.TestCase):
    def lint(self, ci, *args, **files):
        checkout = Checkout(ci, files)
        self.addCleanup(checkout.remove)
        process = subprocess.Popen([ATELIER, "lint", *args], cwd=checkout.top, env=checkout.env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return Result(process)

    def test_all_problems_are_said(self):
        result = self.lint("a: {scrip: x}\nb: {script: x, retry: 7}\nc: {script: x, tags: [t]}\n")
        self.assertEqual(result.code, 1)
        self.assertEqual([line.split(": ")[0] for line in result.text.splitlines()],
                         [".gitlab-ci.yml:1:5", ".gitlab-ci.yml:2:23", ".gitlab-ci.yml:3:16", "2 problems"])

    def test_what_jobs_have_in_common_is_said_once(self):
        result = self.lint(".base: {script: x, retry: 7}\na: {extends: .base}\nb: {extends: .base}\n")
        self.assertEqual(result.text.splitlines()[-1], "1 problem", result)

    def test_needs_are_looked_at_whatever_the_rules_say(self):
        result = self.lint("a: {script: x, needs: [b]}\nb: {script: x, needs: [a], rules: [{if: $NO}]}\n")
        self.assertEqual(result.code, 1)
        self.assertIn("the jobs need each other: a -> b -> a", result.text)

    def test_good_files(self):
        result = self.lint("a: {script: x}\n")
        self.assertEqual((result.code, result.text), (0, "No problem in 1 job\n"))
        result = self.lint("a: {scrip: x}\n", "other.yml", **{"other.yml": "b: {script: x}\n"})
        self.assertEqual((result.code, result.text), (0, "No problem in 1 job\n"))
        self.assertEqual(self.lint("a: {script: x}\n", "none.yml").code, 2)


if __name__ == "__main__":
    unittest.main()
