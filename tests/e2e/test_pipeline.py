"""`atelier pipeline` in checkouts of its own, through the real hooks and a real Docker daemon."""
import hashlib
import json
import shutil
import signal
import time
import unittest

import images
from hooks import IMAGE
from pipelines import PipelineTest, Result, has_image, read_until


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Runs(PipelineTest):
    def test_green(self):
        c = self.checkout(f"""
image: {IMAGE}
variables: {{GREETING: "hello $CI_PROJECT_NAME"}}
default: {{before_script: [echo before], after_script: ["echo after: $CI_JOB_STATUS"]}}
stages: [build, test]
check:
  stage: test
  before_script: []
  script: [test -f made || echo clean]
compile:
  stage: build
  script:
    - echo "$GREETING"
    - touch made
    - pwd; echo "$CI_PROJECT_DIR"
    - git log --format=%s -1
    - echo "$CI_COMMIT_REF_NAME $CI_COMMIT_TITLE $CI_JOB_STAGE $CI_PIPELINE_SOURCE $CI"
""", name="green")
        before = c.state()
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.summary(), {"compile": ("passed", ""), "check": ("passed", "")})
        self.assertRegex(result.verdict(), r"^Pipeline passed in .*: 2 passed$")
        lines = result.lines_of("compile")
        self.assertIn("hello green", lines)
        self.assertLess(lines.index("before"), lines.index("hello green"))
        self.assertIn("after: success", lines)
        at = lines.index("$ pwd; echo \"$CI_PROJECT_DIR\"")
        self.assertEqual(lines[at + 1], lines[at + 2])
        self.assertIn("First", lines)
        self.assertIn("main First build push true", lines)
        self.assertIn("clean", result.lines_of("check"))
        self.assertNotIn("before", result.lines_of("check"))
        self.assertNotIn("\033", result.text)
        self.assertEqual(c.state(), before)
        self.assert_nothing_left(c)

    def test_no_daemon(self):
        """It is said once, and not by each try of each job."""
        c = self.checkout(f"{{image: {IMAGE}, a: {{script: x}}, b: {{script: x}}}}")
        c.env["DOCKER_HOST"] = f"unix://{c.root}/none"
        result = c.run()
        self.assertEqual(result.code, 2, result)
        self.assertRegex(result.text, r"^ERROR: Docker at unix://\S+/none: there is no such socket: .*\n$")
        listed = c.run("--list")
        self.assertEqual(listed.code, 0, listed)

    def test_every_way_to_end(self):
        c = self.checkout(f"""
image: {IMAGE}
stages: [build, test, deploy]
good: {{stage: build, script: "true", after_script: ["exit 4"]}}
tolerated: {{stage: build, script: exit 5, allow_failure: true}}
expected: {{stage: build, script: exit 6, allow_failure: {{exit_codes: [6]}}}}
early: {{stage: build, script: "true", when: on_failure}}
bad: {{stage: test, script: [exit 7, echo never], after_script: ["echo after: $CI_JOB_STATUS"]}}
mourn: {{stage: deploy, script: echo mourning, when: on_failure}}
skipped: {{stage: deploy, script: echo never}}
gate: {{stage: deploy, script: echo never, when: manual}}
tidy: {{stage: .post, script: echo tidying, when: always}}
""", name="every")
        result = c.run()
        self.assertEqual(result.code, 1, result)
        self.assertEqual(result.summary(), {
            "good": ("passed", ""),
            "tolerated": ("warning", "exit code 5"),
            "expected": ("warning", "exit code 6"),
            "early": ("skipped", "no earlier job failed"),
            "bad": ("failed", "exit code 7"),
            "mourn": ("passed", ""),
            "skipped": ("skipped", "an earlier job failed"),
            "gate": ("skipped", "an earlier job failed"),
            "tidy": ("passed", ""),
        })
        self.assertRegex(result.verdict(), r"^Pipeline failed in .*: 3 passed, 1 failed, 2 warning, 3 skipped$")
        self.assertIn("after: failed", result.lines_of("bad"))
        self.assertNotIn("\n    never", result.text)
        self.assert_nothing_left(c)

    def test_manual_jobs_run_when_they_are_named(self):
        c = self.checkout(f"""
image: {IMAGE}
stages: [one, two]
plain: {{stage: one, script: echo plain}}
gate: {{stage: one, script: 'echo manual=$CI_JOB_MANUAL', when: manual, allow_failure: false}}
later: {{stage: two, script: echo later}}
""")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.summary(), {"plain": ("passed", ""), "gate": ("manual", "runs when it is named"),
                                            "later": ("skipped", "waits for the manual job 'gate'")})
        self.assertIn("waits for the manual job 'gate'", result.verdict())
        result = c.run("gate")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.summary(), {"gate": ("passed", "")})
        self.assertIn("manual=true", result.lines_of("gate"))

    def test_values_arrive_unharmed(self):
        c = self.checkout(f"""
job:
  image: {IMAGE}
  variables:
    VALUE: "it's \\"q\\" $$HOME `id` \\\\n\\nline 2 é"
    RAW: {{value: "$VALUE", expand: false}}
  script: ["printf '%s|%s' \\"$VALUE\\" \\"$RAW\\" | sha256sum | cut -c1-64", "echo \\"$FROM_FILE\\""]
""")
        (c.root / "vars").write_text("FROM_FILE='a $b \"c\"'\n")
        result = c.run("--variables", str(c.root / "vars"))
        self.assertEqual(result.code, 0, result)
        want = hashlib.sha256("it's \"q\" $HOME `id` \\n\nline 2 é|$VALUE".encode()).hexdigest()
        self.assertIn(want, result.lines_of("job"))
        self.assertIn('a $b "c"', result.lines_of("job"))

    def test_secrets_are_masked(self):
        c = self.checkout(f"""
job:
  image: {IMAGE}
  script: ['echo "<$MY_PASSWORD>"', 'printf %s "${{MY_PASSWORD%%2}}"; sleep 0.3; echo 2', 'echo "$CI_JOB_TOKEN"; exit 3']
""")
        (c.root / "vars").write_text("MY_PASSWORD=correct-horse-2\n")
        result = c.run("--variables", str(c.root / "vars"))
        self.assertEqual(result.code, 1)
        self.assertNotIn("correct-horse", result.text)
        self.assertNotIn("glcbt-", result.text)
        lines = result.lines_of("job")
        self.assertIn("<[MASKED]>", lines)
        self.assertEqual(lines.count("[MASKED]"), 2)

    def test_the_work_tree_reaches_the_job(self):
        c = self.checkout(f"job: {{image: '{IMAGE}', script: [cat changed new, ls -a, git status --short]}}",
                          {"changed": "old\n", "removed": "x", ".gitignore": "*.o\nsecret/\n"}, name="worktree")
        c.write({"changed": "changed\n", "new": "new\n", "ignored.o": "x", "secret/key": "x"})
        (c.top / "removed").unlink()
        before = c.state()
        result = c.run(env={"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere/index"})
        self.assertEqual(result.code, 0, result)
        lines = result.lines_of("job")
        self.assertIn("changed", lines)
        self.assertIn("new", lines)
        for name in ("removed", "ignored.o", "secret"):
            self.assertNotIn(name, lines)
        self.assertEqual(c.state(), before)
        self.assertEqual(lines[lines.index("$ git status --short") + 1:], [])

    def test_a_missing_image_is_the_systems_failure(self):
        c = self.checkout("job: {image: 'atelier-test/none:1', script: 'true'}", name="missing")
        with c.config.open("a") as config:
            config.write("pull_policy: never\n")
        result = c.run()
        self.assertEqual(result.code, 1, result)
        self.assertEqual(result.summary()["job"][0], "failed")
        self.assertIn("system failure", result.summary()["job"][1])
        self.assertEqual(result.text.count("Preparation failed"), 2)
        self.assertIn("atelier-test/none:1", result.text)
        self.assert_nothing_left(c)

    def test_what_a_job_plants_is_not_run_on_the_host(self):
        c = self.checkout(f"""
image: {IMAGE}
variables: {{GIT_CLEAN_FLAGS: -ffdx}}  # so that sources are fetched
stages: [plant, link]
plant:
  stage: plant
  script:
    - cd "$CI_BUILDS_DIR"
    - |
      for repo in *.git; do
        mkdir -p "$repo/hooks"
        for hook in pre-receive update post-receive post-update proc-receive reference-transaction pre-auto-gc; do
          printf '#!/bin/sh\\necho "$0" >>"$HOME/escaped"\\n' >"$repo/hooks/$hook"
          chmod +x "$repo/hooks/$hook"
        done
        git config -f "$repo/config" core.fsmonitor 'touch "$HOME/escaped"; false'
        git config -f "$repo/config" core.alternateRefsCommand 'touch "$HOME/escaped"; :'
        echo "$repo is planted"
      done
link:
  stage: link
  script:
    - cd "$CI_BUILDS_DIR"
    - for repo in *.git; do rm -rf "$repo"; ln -s "$PWD/../../../../victim" "$repo"; echo "$repo is linked"; done
""", name="planted")
        (c.root / "victim").mkdir()
        results = [c.run("plant"), c.run("plant"), c.run("link"), c.run()]
        self.assertFalse((c.root / "escaped").exists(), "a hook of the job's ran on the host")
        self.assertEqual(list((c.root / "victim").iterdir()), [], "the host wrote through a link of the job's")
        self.assertEqual([r.code for r in results], [0] * 4, results)
        for result, job in zip([*results, results[-1]], ["plant", "plant", "link", "plant", "link"]):
            self.assertRegex("\n".join(result.lines_of(job)), rf"source\S*\.git is {job}ed")

    def test_two_at_once(self):
        c = self.checkout(f"""
job:
  image: {IMAGE}
  script: ['echo "slot $CI_CONCURRENT_PROJECT_ID in $CI_BUILDS_DIR"', 'until [ -e /gate/open ]; do sleep 0.1; done', git status]
""", name="twice")
        gate = c.root / "gate"
        gate.mkdir()
        with c.config.open("a") as config:
            config.write(f"kinds: {{test: {{mounts: ['{gate}:/gate']}}}}\n")
        processes = [c.start(), c.start()]
        slots = {read_until(process, "    slot ").splitlines()[-1].strip() for process in processes}
        (gate / "open").touch()
        results = [Result(process) for process in processes]
        self.assertEqual([r.code for r in results], [0, 0], results)
        self.assertEqual(len(slots), 2, slots)
        self.assertEqual({s.split()[1] for s in slots}, {"0", "1"})
        self.assertEqual(len({s.split()[3] for s in slots}), 2)
        self.assert_nothing_left(c)


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Services(PipelineTest):
    CI = f"""
image: {IMAGE}
services:
  - name: $SERVICE_IMAGE
    alias: web
    entrypoint: [/bin/sh, -c]
    command: ['echo "$$GREETING from $$CI_PROJECT_NAME, $${{MY_PASSWORD-no password}}" >/tmp/index.html; exec httpd -f -p 8080 -h /tmp']
    variables: {{GREETING: "hello $CI_JOB_NAME"}}
with:
  script: ['exec 3<>/dev/tcp/web/8080; printf "GET /index.html HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3']
without:
  services: []
  script: [getent hosts web || echo nobody]
"""

    def test_a_service_is_there_for_its_job(self):
        image = images.busybox("atelier-test/pipeline-web", ("sh", "httpd"), changes=["EXPOSE 8080"])
        self.addCleanup(images.remove, image)
        c = self.checkout(self.CI.replace("$$", "$"), name="services")
        with c.config.open("a") as config:
            config.write("pull_policy: if-not-present\n")
        (c.root / "vars").write_text(f"SERVICE_IMAGE={image}\nMY_PASSWORD=correct-horse-2\n")
        result = c.run("--variables", str(c.root / "vars"))
        self.assertEqual(result.code, 0, result)
        self.assertIn("hello with from services, no password", result.lines_of("with"))
        self.assertIn("nobody", result.lines_of("without"))
        self.assert_nothing_left(c)


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Branches(PipelineTest):
    CI = f"""
job:
  image: {IMAGE}
  script: [cat file, 'echo "on $CI_COMMIT_BRANCH, $CI_COMMIT_REF_SLUG"', git log -1 --format=%s]
"""

    def test_one_that_there_is(self):
        c = self.checkout(self.CI, {"file": "of main\n"}, name="branch")
        c.git("checkout", "-qb", "Feature/X")
        c.write({"file": "of the feature\n", ".gitlab-ci.yml": self.CI.replace("job:", "other:")})
        c.git("commit", "-qam", "Feature")
        c.git("checkout", "-q", "main")
        c.write({"file": "not committed\n"})
        before = c.state()
        result = c.run("--branch", "Feature/X")
        self.assertEqual(result.code, 0, result)
        lines = result.lines_of("other")
        for line in ("of the feature", "on Feature/X, feature-x", "Feature"):
            self.assertIn(line, lines)
        self.assertEqual(c.state(), before)

    def test_one_that_there_is_not(self):
        c = self.checkout(self.CI, {"file": "of main\n"}, name="branch")
        c.write({"file": "not committed\n"})
        result = c.run("--branch", "new")
        self.assertEqual(result.code, 0, result)
        self.assertIn("There is no branch new: its pipeline is run with the current files", result.text)
        for line in ("not committed", "on new, new"):
            self.assertIn(line, result.lines_of("job"))


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Interrupts(PipelineTest):
    CI = f"""
image: {IMAGE}
stages: [one, two]
slow:
  stage: one
  script: [TRAP, echo has started, 'sleep 300 & wait']
  after_script: ["echo after: $CI_JOB_STATUS"]
later: {{stage: two, when: always, script: echo never}}
"""

    def start(self, trap, name, more=""):
        c = self.checkout(self.CI.replace("TRAP", trap), name=name)
        with c.config.open("a") as config:
            config.write(more)
        process = c.start(start_new_session=True)
        read_until(process, "    has started\n")
        return c, process

    def check(self, c, process, code):
        result = Result(process)
        self.assertEqual(result.code, code, result)
        self.assertEqual(result.summary(), {"slow": ("canceled", ""), "later": ("canceled", "")})
        self.assertRegex(result.verdict(), r"^Pipeline canceled after .*: 2 canceled$")
        self.assertNotIn("\n    never", result.text)
        self.assert_nothing_left(c)
        return result

    def test_ctrl_c_leaves_nothing(self):
        c, process = self.start('"trap \'echo told to end; exit 9\' TERM"', "ctrlc")
        process.send_signal(signal.SIGINT)
        result = self.check(c, process, 130)
        self.assertIn("\n    told to end\n", result.text)
        self.assertIn("\n    after: canceled\n", result.text)

    def test_term(self):
        c, process = self.start("'true'", "term")
        process.send_signal(signal.SIGTERM)
        self.check(c, process, 143)

    def test_twice_ends_at_once_and_leaves_nothing(self):
        c, process = self.start('"trap \'echo heard; sleep 300\' TERM"', "twicec", more="cancel_grace: 300s\n")
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        read_until(process, "    heard\n")
        process.send_signal(signal.SIGINT)
        self.assertNotIn("after: canceled", self.check(c, process, 130).text)
        self.assertLess(time.monotonic() - begin, 120, "before the grace was over")


class Refusals(PipelineTest):
    """What is wrong is said before anything is started: no daemon is needed."""

    def refused(self, ci, *args, **options):
        c = self.checkout(ci)
        result = c.run(*args, **options)
        self.assertNotIn(result.code, (0, 130), result)
        self.assertNotIn("running", result.text)
        return result.text

    def test_keywords(self):
        text = self.refused("job:\n  script: a\n  trigger: x\n")
        self.assertIn(".gitlab-ci.yml:2:3: a job cannot have both `trigger` and `script`", text)
        text = self.refused("job:\n  script: a\n  scirpt: b\n")
        self.assertIn(".gitlab-ci.yml:3:3: unknown keyword `scirpt` in job `job`; did you mean `script`?", text)

    def test_yaml(self):
        self.assertRegex(self.refused("job:\n  script: [a\n"), r"\.gitlab-ci\.yml:\d+:\d+: ")
        self.assertIn("there is no job", self.refused("\n"))

    def test_names(self):
        self.assertIn("did you mean 'job'", self.refused("job: {script: a}", "jbo"))

    def test_branches(self):
        ci = "job: {script: a, only: [main]}"
        self.assertIn("job 'job' is not for branch 'other'", self.refused(ci, "--branch", "other", "job"))
        self.assertIn("no job of .gitlab-ci.yml is for branch 'other'", self.refused(ci, "--branch", "other"))
        self.assertIn("'a b' is no name for a branch", self.refused(ci, "--branch", "a b"))

    def test_variables(self):
        self.assertIn("/nowhere", self.refused("job: {script: a}", "--variables", "/nowhere"))

    def test_configuration(self):
        c = self.checkout("job: {script: a}")
        c.config.unlink()
        result = c.run()
        self.assertNotEqual(result.code, 0)
        self.assertIn("config.yml", result.text)

    def test_no_checkout(self):
        c = self.checkout("job: {script: a}")
        shutil.rmtree(c.top / ".git")
        result = c.run()
        self.assertEqual(result.code, 1)
        self.assertIn("git init", result.text)

    def test_no_file(self):
        c = self.checkout("job: {script: a}")
        (c.top / ".gitlab-ci.yml").unlink()
        result = c.run()
        self.assertEqual(result.code, 1)
        self.assertIn("there is no .gitlab-ci.yml", result.text)


IMAGES = """
stages: [one, two]
variables: {BASE: registry, VERSION: 7, NESTED: "$CI_JOB_ID"}
.job: {stage: one, script: [x]}
plain: {extends: .job, image: alpine}
global: {extends: .job, image: "${BASE}/app:$VERSION"}
own: {extends: .job, image: "$BASE/own:$TAG", variables: {TAG: $CI_COMMIT_BRANCH}}
by rule: {extends: .job, image: $BASE/$WHICH, rules: [{if: $BASE, variables: {WHICH: rule}}]}
two: {extends: .job, image: "$I:$CI_NODE_TOTAL", parallel: {matrix: [{I: [a, b]}]}}
from a file: {extends: .job, image: $FROM_FILE}
environment: {extends: .job, image: $HOST/$CI_ENVIRONMENT_SLUG, environment: live}
none: {extends: .job}
predefined: {extends: .job, image: "$CI_PROJECT_PATH:$CI_NODE_TOTAL-plain"}
percent: {extends: .job, image: $WHOLE, variables: {WHOLE: "%BASE%/app"}}
registry: {extends: .job, image: $CI_REGISTRY_IMAGE/app, variables: {CI_REGISTRY: r.example}}
running: {extends: .job, image: "app:$CI_PIPELINE_ID"}
commit: {extends: .job, image: "app:$CI_COMMIT_SHORT_SHA"}
nested: {extends: .job, image: "app:$NESTED"}
secret: {extends: .job, image: "app:$MY_TOKEN"}
nowhere: {extends: .job, image: "app:$NOWHERE"}
report: {extends: .job, artifacts: {reports: {dotenv: build.env}}}
after a report: {stage: two, script: [x], image: $BASE/app}
needs nothing: {stage: two, script: [x], image: $BASE/app, needs: []}
child: {stage: one, trigger: {include: child.yml}}
"""


class Lists(PipelineTest):
    def test_list_runs_nothing(self):
        c = self.checkout("stages: [one]\njob a: {stage: one, script: x, image: i, when: manual}\nb: {stage: .pre, script: x}\n")
        result = c.run("--list")
        self.assertEqual(result.code, 0)
        self.assertEqual([line.split() for line in result.text.splitlines()], [
            ["JOB", "STAGE", "WHEN", "MAY", "FAIL", "NEEDS", "IMAGE"],
            ["b", ".pre", "on_success", "no", "-"],
            ["job", "a", "one", "manual", "yes", "-", "i"],
        ])

    def test_images_are_shown_as_jobs_get_them_where_that_is_known(self):
        c = self.checkout(IMAGES, {"child.yml": "inner: {script: x, image: '$BASE/$CI_PIPELINE_SOURCE'}"})
        (c.root / "vars").write_text("FROM_FILE=given\nMY_TOKEN=secret-token-1\n")
        (c.root / ".config/atelier").mkdir(parents=True)
        (c.root / ".config/atelier/variables.yml").write_text("global: {HOST: {values: {'*': all, live: prod.example}}}")
        want = {
            "plain": "alpine", "global": "registry/app:7", "own": "registry/own:main", "by rule": "registry/rule",
            "two: [a]": "a:2", "two: [b]": "b:2", "from a file": "given", "environment": "prod.example/live", "none": None,
            "predefined": "local/hello:1-plain", "percent": "registry/app", "registry": "r.example/local/hello/app",
            "running": "app:$CI_PIPELINE_ID", "commit": "app:$CI_COMMIT_SHORT_SHA", "nested": "app:$NESTED",
            "secret": "app:$MY_TOKEN", "nowhere": "app:$NOWHERE", "after a report": "$BASE/app",
            "needs nothing": "registry/app", "child": None, "child/inner": "registry/parent_pipeline",
        }
        listed = json.loads(c.run("--json", "--variables", str(c.root / "vars")).text)
        listed += [{**inner, "name": f"{job['name']}/{inner['name']}"} for job in listed for inner in job["child"] or []]
        self.assertEqual({job["name"]: job["image"] for job in listed if job["name"] != "report"}, want)
        table = c.run("--list", "--variables", str(c.root / "vars")).text.splitlines()
        at = table[0].index("IMAGE"), table[0].index("ENVIRONMENT")
        shown = {line[:table[0].index("STAGE")].strip(): line[at[0]:at[1]].strip() or None for line in table[1:]}
        shown.pop("report")
        self.assertEqual(shown, want)
        sha = c.git("rev-parse", "--short=8", "HEAD").strip()
        listed = json.loads(c.run("--json", "--branch", "main", "commit").text)
        self.assertEqual(listed[0]["image"], "app:$CI_COMMIT_SHORT_SHA")  # the checked-out one may have more
        c.git("branch", "other")
        self.assertEqual(json.loads(c.run("--json", "--branch", "other", "commit").text)[0]["image"], f"app:{sha}")

    def test_jobs_of_other_branches_and_tags_are_left_out(self):
        c = self.checkout("a: {script: x, only: [main]}\nb: {script: x, only: [/^rel-\\d+$/]}\nc: {script: x, except: [tags]}\n"
                          "d: {script: x, only: [tags]}\n")

        def listed(*args):
            return [line.split()[0] for line in c.run("--list", *args).text.splitlines()[1:]]
        self.assertEqual(listed(), ["a", "c"])
        self.assertEqual(listed("--branch", "rel-7"), ["b", "c"])
        self.assertEqual(listed("--branch=x"), ["c"])
        c.git("tag", "v1")
        c.git("checkout", "-q", "--detach")
        self.assertEqual(listed(), ["d"])
        self.assertEqual(listed("--branch", "main"), ["a", "c"])


if __name__ == "__main__":
    unittest.main()
