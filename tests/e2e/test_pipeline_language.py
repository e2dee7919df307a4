"""What .gitlab-ci.yml can say of which jobs run, when and how often: with real jobs."""
import unittest

from test_pipeline import IMAGE, Checkout, has_image

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
  hooks: {{pre_get_sources_script: [echo before-the-sources]}}
  script:
    - !reference [.greet, script]
    - echo "$KIND" > kind
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


if __name__ == "__main__":
    unittest.main()
