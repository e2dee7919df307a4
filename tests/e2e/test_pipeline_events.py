"""Whose pipeline it is: of a tag, of a merge request, of what else GitLab starts one for."""
import json
import unittest

from hooks import IMAGE
from pipelines import Checkout, has_image

CI = f"""
default: {{image: {IMAGE}}}
plain: {{script: [echo plain]}}
merged: {{script: [echo merged], only: [merge_requests]}}
nightly: {{script: [echo nightly], only: [schedules]}}
tagged: {{script: [echo tagged], only: [tags]}}
ruled:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      changes: [src/*]
    - if: $CI_COMMIT_TAG
  script:
    - echo "$CI_PIPELINE_SOURCE/$CI_COMMIT_TAG/$CI_COMMIT_BRANCH/$CI_COMMIT_REF_NAME/"
    - echo "$CI_MERGE_REQUEST_SOURCE_BRANCH_NAME/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME/$CI_MERGE_REQUEST_IID/"
    - test "$(git merge-base HEAD "$CI_COMMIT_SHA")" = "$CI_COMMIT_SHA"
docs: {{script: [echo docs], rules: [{{if: $CI_MERGE_REQUEST_ID, changes: [docs/*]}}]}}
"""


class Base(unittest.TestCase):
    def setUp(self):
        self.checkout = Checkout(CI, {"src/a": "1", "docs/a": "1"})
        self.addCleanup(self.checkout.remove)

    def listed(self, *args):
        result = self.checkout.run("--json", *args)
        self.assertEqual(result.code, 0, result)
        return [job["name"] for job in json.loads(result.text)]


class Lists(Base):
    def test_only_names_events(self):
        self.assertEqual(self.listed(), ["plain"])
        self.assertEqual(self.listed("--event", "push"), ["plain"])
        self.assertEqual(self.listed("--event", "schedule"), ["plain", "nightly"])
        self.assertEqual(self.listed("--event", "web"), ["plain"])

    def test_tags(self):
        c = self.checkout
        c.git("tag", "v1")
        c.write({"src/a": "2"})
        self.assertEqual(self.listed("--tag", "v1"), ["plain", "tagged", "ruled"])
        self.assertEqual(self.listed("--tag", "v2"), ["plain", "tagged", "ruled"])  # that is about to be made
        result = c.run("--list", "--tag", "v..1")
        self.assertEqual(result.code, 2)
        self.assertIn("'v..1' is no name for a tag", result.text)
        self.assertIn("a pipeline is of one of them", c.run("--list", "--tag", "v1", "--branch", "main").text)

    def test_merge_requests(self):
        c = self.checkout
        result = c.run("--list", "--event", "merge_request_event")
        self.assertEqual(result.code, 2, result)
        self.assertIn("branch 'main' cannot be merged into branch 'main'", result.text)
        c.git("checkout", "-qb", "fix")
        c.write({"src/a": "2"})
        c.git("commit", "-qam", "Fix")
        c.write({"other": "2"})
        c.git("add", "-A")
        c.git("commit", "-qm", "More")
        c.git("checkout", "-q", "main")
        c.write({"docs/a": "2"})
        c.git("commit", "-qam", "Main goes on")
        self.assertEqual(self.listed("--event", "merge_request_event", "--branch", "fix"), ["merged", "ruled"])
        c.git("checkout", "-q", "fix")
        self.assertEqual(self.listed("--event", "merge_request_event"), ["merged", "ruled"])
        c.write({"docs/b": "2"})
        self.assertEqual(self.listed("--event", "merge_request_event"), ["merged", "ruled", "docs"])

    def test_with_a_workflow_a_job_without_rules_is_in(self):
        c = self.checkout
        c.git("checkout", "-qb", "fix")
        c.write({".gitlab-ci.yml": "workflow: {rules: [{when: always}]}\nplain: {script: x}\n"})
        self.assertEqual(self.listed("--event", "merge_request_event"), ["plain"])

    def test_what_is_none(self):
        result = self.checkout.run("--event", "merge_requests")
        self.assertEqual(result.code, 2)
        self.assertIn("there is no event 'merge_requests'; there are push, web,", result.text)


@unittest.skipUnless(has_image(), "no image for jobs")
class Runs(Base):
    def test_a_merge_request(self):
        self.checkout.git("checkout", "-qb", "fix")
        self.checkout.write({"src/a": "2"})
        result = self.checkout.run("--event", "merge_request_event", "ruled")
        self.assertEqual(result.code, 0, result)
        self.assertIn("\n    merge_request_event///fix/\n", result.text)
        self.assertIn("\n    fix/main/1/\n", result.text)

    def test_a_tag_that_is_not_there_yet(self):
        result = self.checkout.run("--tag", "v9", "ruled")
        self.assertEqual(result.code, 0, result)
        self.assertIn("There is no tag v9", result.text)
        self.assertIn("\n    push/v9//v9/\n", result.text)
