"""Jobs that are pipelines: of files of the project, and of files that other jobs make."""
import json
import re
import unittest

from hooks import IMAGE
from pipelines import PipelineTest, has_image

CI = f"""
stages: [build, test]
variables: {{TOP: from-the-top, SAME: parent}}
default: {{image: {IMAGE}}}
generate:
  stage: build
  script:
    - 'echo "made: {{image: {IMAGE}, script: [echo made-by-a-job]}}" > child.yml'
  artifacts: {{paths: [child.yml]}}
static:
  stage: test
  variables: {{OWN: "of $CI_JOB_NAME"}}
  trigger: {{include: ci/child.yml, strategy: depend}}
dynamic:
  stage: test
  trigger: {{include: [{{artifact: child.yml, job: generate}}], strategy: mirror}}
elsewhere:
  stage: test
  trigger: other/project
left-out:
  stage: test
  rules: [{{if: $CI_COMMIT_TAG}}]
  trigger: {{include: ci/child.yml}}
"""
CHILD = f"""
variables: {{SAME: child}}
default: {{image: {IMAGE}}}
inner:
  script: ['echo "$CI_PIPELINE_SOURCE/$TOP/$SAME/$OWN/$CI_JOB_NAME/"', 'test -f ci/child.yml']
deeper:
  stage: deploy
  trigger: {{include: [{{local: ci/deep.yml}}], strategy: depend, forward: {{yaml_variables: false, pipeline_variables: true}}}}
never: {{script: [echo never-run], rules: [{{if: $CI_PIPELINE_SOURCE == "push"}}]}}
"""
DEEP = f"""
default: {{image: {IMAGE}}}
leaf: {{script: ['echo "deep/$OWN/"']}}
too-deep: {{stage: deploy, allow_failure: true, trigger: {{include: ci/deep.yml, strategy: depend}}}}
"""


class Files(PipelineTest):
    def test_what_is_said(self):
        c = self.checkout(CI, {"ci/child.yml": CHILD, "ci/deep.yml": DEEP})
        result = c.run("--list")
        self.assertEqual(result.code, 0, result)
        rows = [line.split()[:3] for line in result.text.splitlines()]
        self.assertEqual(rows[rows.index(["JOB", "STAGE", "WHEN"]) + 1:], [[job, stage, "on_success"] for job, stage in (
            ("generate", "build"), ("static", "test"), ("static/inner", "test"), ("static/deeper", "deploy"),
            ("static/deeper/leaf", "test"), ("static/deeper/too-deep", "deploy"), ("dynamic", "test"), ("elsewhere", "test"))])
        self.assertIn("child pipeline of `dynamic`: its jobs are known when `generate` has made its file", result.text)
        jobs = {job["name"]: job["child"] for job in json.loads(c.run("--json").text)}
        self.assertEqual([job["name"] for job in jobs["static"]], ["inner", "deeper"])
        self.assertEqual([job["name"] for job in jobs["static"][1]["child"]], ["leaf", "too-deep"])
        self.assertEqual((jobs["generate"], jobs["dynamic"]), (None, None))
        self.assertIn("keyword `trigger` in job `elsewhere` has no effect here", c.run("elsewhere").text)
        self.assertIn("static (child pipeline)", c.run("--graph").text)
        for bad, words in {
            "a: {trigger: {strategy: depend}}": "a `trigger` wants an `include`",
            "a: {script: x, trigger: {include: b.yml}}": "a job cannot have both `trigger` and `script`",
            "a: {trigger: {include: b.yml, strategy: wait}}": "`depend` or `mirror`",
            "a: {trigger: {include: [{artifact: b.yml}]}}": "and the `job` that makes it",
            "a: {trigger: {include: b.yml, forwards: {}}}": "did you mean `forward`",
        }.items():
            c.write({".gitlab-ci.yml": bad})
            self.assertIn(words, c.run("--list").text)


@unittest.skipUnless(has_image(), "no image for jobs")
class Runs(PipelineTest):
    def test_the_whole(self):
        c = self.checkout(CI, {"ci/child.yml": CHILD, "ci/deep.yml": DEEP})
        page = c.root / "page.html"
        result = c.run("--timeline", str(page))
        self.assertEqual(result.code, 0, result)
        states = dict(re.findall(r"\] \w+ / (\S+): (passed|failed|warning|skipped)", result.text))
        self.assertEqual(states, {
            "generate": "passed", "static": "passed", "dynamic": "passed", "elsewhere": "passed", "dynamic/made": "passed",
            "static/inner": "passed", "static/deeper": "passed", "static/deeper/leaf": "passed", "static/deeper/too-deep": "warning",
        }, result)
        table = {job: state for job, (state, _) in result.summary().items() if not job.startswith("Pipeline ")}
        self.assertEqual(table, states)
        self.assertEqual(list(table), ["generate", "static", "static/inner", "static/deeper", "static/deeper/leaf",
                                                  "static/deeper/too-deep", "dynamic", "dynamic/made", "elsewhere"])
        self.assertIn("parent_pipeline/from-the-top/parent/of static/inner/", result.text)
        self.assertRegex(result.text, r"(?m)deep/of static/$")  # handed on as what the child was started with
        self.assertIn("made-by-a-job", result.text)
        self.assertNotIn("$ true", result.text)  # what fetches a file has no script
        self.assertIn("2 levels deep, and no deeper", result.text)
        self.assertIn("Another project's pipeline is not run here", result.text)
        self.assertNotIn("never-run", result.text)
        shown = page.read_text()
        for name in ("static/deeper/leaf", "dynamic/made", "generate"):
            self.assertIn(f'title="{name}"', shown)
        self.assert_nothing_left(c)

    def test_artifacts_of_the_parent(self):
        c = self.checkout(f"""
stages: [build, test, deploy]
default: {{image: {IMAGE}}}
make: {{stage: build, script: [echo made >made], artifacts: {{paths: [made]}}}}
child: {{stage: test, variables: {{PARENT: $CI_PIPELINE_ID}}, trigger: {{include: ci/child.yml, strategy: depend}}}}
after: {{stage: deploy, script: [cat made]}}
""", {"ci/child.yml": f"""
default: {{image: {IMAGE}}}
take: {{script: ['echo "got $(cat made)"'], needs: [{{pipeline: $PARENT, job: make}}]}}
not: {{script: [test ! -e made], needs: [{{pipeline: "1", job: make}}]}}
"""})
        result = c.run("--jobs", "1")
        self.assertEqual(result.code, 0, result)
        self.assertIn("got made", result.lines_of("child/take"))
        self.assertRegex(result.text, r"no artifacts of job 'make of pipeline 1'")
        self.assertEqual(result.summary()["after"][0], "passed")

    def test_failures(self):
        trigger = "{include: ci/child.yml%s}"
        c = self.checkout(f"""
counts: {{trigger: {trigger % ", strategy: depend"}}}
does-not: {{trigger: {trigger % ""}}}
missing: {{trigger: {{include: ci/none.yml}}, allow_failure: true}}
""", {"ci/child.yml": f"bad: {{image: {IMAGE}, script: [exit 3]}}\n"})
        self.assertIn("child pipeline of `missing`: `trigger` of job `missing`:1:10: `include`: there is no file", c.run("--list").text)
        result = c.run("--jobs", "1")
        self.assertEqual(result.code, 1, result)
        states = {job: state for job, (state, _) in result.summary().items()}
        self.assertEqual(states, {"counts": "failed", "counts/bad": "failed", "does-not": "passed", "does-not/bad": "failed",
                                  "missing": "warning"}, result)
        self.assertIn("there is no file `ci/none.yml`", result.summary()["missing"][1])
        self.assertIn("counts/bad: failed", result.text)
        self.assertIn("does not count without `strategy: depend`", result.text)
        self.assert_nothing_left(c)
