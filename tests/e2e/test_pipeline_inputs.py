"""`spec: inputs` of the project's own file, of what it includes, and of child pipelines."""
import json
import unittest

from hooks import IMAGE
from pipelines import Checkout, has_image

CI = """spec:
  inputs:
    stage: {default: test, options: [build, test]}
    count: {type: number, default: 2}
---
include: [{local: part.yml, inputs: {name: a, flags: [x, y]}}]
own: {stage: "$[[ inputs.stage ]]", script: [make], parallel: "$[[ inputs.count ]]"}
"""
PART = """spec: {inputs: {name: {regex: "^[a-z]$"}, flags: {type: array}}}
---
"job-$[[ inputs.name ]]": {script: "$[[ inputs.flags ]]"}
"""


class Inputs(unittest.TestCase):
    def setUp(self):
        self.checkout = Checkout(CI, {"part.yml": PART})
        self.addCleanup(self.checkout.remove)

    def listed(self, *args):
        result = self.checkout.run("--json", *args)
        self.assertEqual(result.code, 0, result)
        return [f"{job['stage']} {job['name']}" for job in json.loads(result.text)]

    def test_values(self):
        self.assertEqual(self.listed(), ["test job-a", "test own 1/2", "test own 2/2"])
        self.assertEqual(self.listed("--input", "stage=build", "--input", "count=1"), ["build own 1/1", "test job-a"])
        self.assertIn("- x\n  - y\n", self.checkout.run("--preview").text)

    def test_errors(self):
        self.assertIn("input `stage`: `nope` is not among its `options`: build, test", self.checkout.run("--input=stage=nope").text)
        result = self.checkout.run("--input", "stgae=test")
        self.assertEqual(result.code, 2)
        self.assertIn("--input stgae: there is no such input in .gitlab-ci.yml", result.text)
        self.checkout.write({".gitlab-ci.yml": CI.replace("name: a", "name: ab")})
        self.assertIn(".gitlab-ci.yml:6:44: input `name`: its value does not match `^[a-z]$`", self.checkout.run("--list").text)
        self.assertIn(".gitlab-ci.yml:6:44: ", self.checkout.run("--preview").text)

    @unittest.skipUnless(has_image(), "no image for jobs")
    def test_of_a_child(self):
        self.checkout.write({
            ".gitlab-ci.yml": "child: {trigger: {strategy: depend, include: [{local: child.yml, inputs: {word: hello}}]}}\n",
            "child.yml": "spec: {inputs: {word: }}\n---\ninner: {image: %s, script: ['echo said-$[[ inputs.word ]]']}\n" % IMAGE,
        })
        result = self.checkout.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("said-hello", result.text)
