"""`atelier pipeline` with jobs side by side. They meet in a folder that all of them have mounted: who waits there for a
job that does not run at the same time waits until it gives up, and fails."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time
import unittest

from hooks import IMAGE, has_signal, wait_for
from pipelines import PipelineTest, Result, has_image

# await NAME...: until these are there, 100 s at most.
AWAIT = """await() { for name; do n=0; until [ -e "/meet/$name" ]; do n=$((n+1)); [ $n -lt 1000 ] || { echo "no $name"; return 9; }; sleep 0.1; done; done; }"""


class ParallelTest(PipelineTest):
    def checkout(self, ci, files=None, **options):
        c = super().checkout(f"image: {IMAGE}\ndefault: {{before_script: ['{AWAIT}']}}\n{ci}", files, **options)
        c.jobs = options.get("jobs", 3)
        self.meet = c.root / "meet"
        self.meet.mkdir()
        self.meet.chmod(0o777)
        with c.config.open("a") as config:
            config.write("kinds:\n" + "".join(f"  {kind}: {{mounts: ['{self.meet}:/meet']}}\n"
                                              for kind in ("build", "test", "deploy", "other")))
        return c

    def read_until(self, process, *texts, seconds=300):
        """What the process shows until all these texts are in it."""
        shown, end = "", time.monotonic() + seconds
        while not all(text in shown for text in texts):
            line = process.stdout.readline()
            self.assertTrue(line, shown)
            self.assertLess(time.monotonic(), end, shown)
            shown += line
        return shown

    def finish(self, process, shown=""):
        result = Result(process)
        result.text = shown + result.text
        return result

    def assert_states(self, result, **states):
        self.assertEqual({job: state for job, (state, _) in result.summary().items()}, states, result)


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class SideBySide(ParallelTest):
    def meeting(self, runs=("",)):
        """Three jobs that wait for each other, in each of these runs."""
        script = """['echo "slot $CI_CONCURRENT_ID $CI_CONCURRENT_PROJECT_ID in $CI_BUILDS_DIR"', 'touch /meet/$RUN-{0}', 'await {1}']"""
        jobs = [f"{job}: {{stage: build, script: {script.format(job, ' '.join(f'{run}-{other}' for run in runs for other in 'abc'))}}}"
                for job in "abc"]
        return "\n".join(["stages: [build, test]", *jobs,
                          "after: {stage: test, script: ['echo \"slot $CI_CONCURRENT_ID\"', git status --porcelain]}"])

    def slots(self, result, jobs="abc"):
        lines = [line.split() for job in jobs for line in result.lines_of(job) if line.startswith("slot ")]
        self.assertEqual(len(lines), len(jobs), result)
        self.assertEqual([line[1] for line in lines], [line[2] for line in lines])
        self.assertEqual(len({line[4] for line in lines}), len(jobs), "a folder each")
        return sorted(int(line[1]) for line in lines)

    def test_jobs_of_a_stage_overlap_in_slots_of_their_own(self):
        c = self.checkout(self.meeting(), name="overlap")
        before = c.state()
        result = c.run()
        self.assert_states(result, a="passed", b="passed", c="passed", after="passed")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.slots(result), [0, 1, 2])
        for job in ("a", "b", "c", "after"):
            self.assertRegex(result.text, rf"(?m)^\[\d/4\] \w+ / {job}: running$")
            self.assertRegex(result.text, rf"(?m)^\[\d/4\] \w+ / {job}: passed in ")
        self.assertEqual(c.state(), before)
        self.assert_nothing_left(c)
        c.jobs = 1
        self.assertIn("slot 0", c.run("after").lines_of("after"), "they were given back")

    def test_two_pipelines_at_once(self):
        """Their jobs wait for each other's as well: all six run at the same time."""
        c = self.checkout(self.meeting("12"), name="twice")
        runs = []
        for run in "12":
            (c.root / run).write_text(f"RUN={run}\n")
            runs.append(c.start("--variables", str(c.root / run)))
        results = [Result(run) for run in runs]
        self.assertEqual([result.code for result in results], [0, 0], results)
        self.assertEqual(sorted(self.slots(results[0]) + self.slots(results[1])), [0, 1, 2, 3, 4, 5])
        self.assert_nothing_left(c)

    def test_without_an_option_there_are_two_at_least(self):
        c = self.checkout("a: {script: [touch /meet/a, await b]}\nb: {script: [touch /meet/b, await a]}", name="default")
        c.jobs = None
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("$ await b", result.lines_of("a"))

    def test_needs_start_before_the_stage_ends(self):
        c = self.checkout("""
stages: [build, test]
quick: {stage: build, script: [touch /meet/quick]}
slow: {stage: build, script: [await early, touch /meet/slow]}
early: {stage: test, needs: [quick], script: ['[ ! -e /meet/slow ]', touch /meet/early]}
late: {stage: test, script: ['[ -e /meet/slow ]']}
""", name="needs")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assert_states(result, quick="passed", slow="passed", early="passed", late="passed")

    def test_later_jobs_get_what_all_of_them_left(self):
        c = self.checkout("""
stages: [build, test]
a: {stage: build, script: [await b, echo of a >one, echo "ONE=1" >vars], artifacts: {paths: [one], reports: {dotenv: vars}}}
b: {stage: build, script: [touch /meet/b, echo of b >two, echo "TWO=2" >vars], artifacts: {paths: [two], reports: {dotenv: vars}}}
both: {stage: test, script: [cat one two, 'echo "$ONE and $TWO"']}
first: {stage: test, needs: [a], script: ['cat one; ls', 'echo "$ONE and $TWO"']}
""", name="left")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        lines = result.lines_of("both")
        for line in ("of a", "of b", "1 and 2"):
            self.assertIn(line, lines)
        lines = result.lines_of("first")
        self.assertIn("1 and ", lines)
        self.assertNotIn("two", lines)
        self.assertRegex(result.text, r"\n  \d-a/archive/artifacts\.zip\n")
        self.assertRegex(result.text, r"\n  \d-b/archive/artifacts\.zip\n")

    def test_a_failed_job_lets_those_of_its_stage_end(self):
        c = self.checkout("""
stages: [build, test]
bad: {stage: build, script: [await running, exit 7]}
again: {stage: build, retry: 1, script: ['[ -e /meet/again ] || { touch /meet/again; exit 3; }']}
slow: {stage: build, script: [touch /meet/running, await go]}
tolerated: {stage: build, script: [exit 4], allow_failure: true}
skipped: {stage: test, script: [echo never]}
mourn: {stage: test, script: [echo mourning], when: on_failure}
always: {stage: test, script: [echo always], when: always}
own: {stage: test, needs: [slow], script: [echo own]}
lost: {stage: test, needs: [bad, slow], script: [echo never]}
gate: {stage: test, script: [echo never], when: manual}
""", name="failure")
        process = c.start()
        shown = self.read_until(process, "build / bad: failed in ")
        (self.meet / "go").touch()
        result = self.finish(process, shown)
        self.assertEqual(result.code, 1, result)
        self.assert_states(result, bad="failed", again="passed", slow="passed", tolerated="warning", skipped="skipped",
                           mourn="passed", always="passed", own="passed", lost="skipped", gate="skipped")
        self.assertIn("build / again: failed (exit code 3), tried again", result.text)
        self.assert_nothing_left(c)

    def test_manual_jobs_at_their_turn(self):
        c = self.checkout("""
stages: [build, deploy, test]
make: {stage: build, script: [touch /meet/made]}
go: {stage: deploy, script: ['[ -e /meet/made ]', 'echo manual=$CI_JOB_MANUAL', touch /meet/gone], when: manual, allow_failure: false}
stay: {stage: deploy, script: [echo never], when: manual}
check: {stage: test, script: ['[ -e /meet/gone ]']}
""", name="manual")
        result = c.run("--manual", "go")
        self.assertEqual(result.code, 0, result)
        self.assert_states(result, make="passed", go="passed", stay="manual", check="passed")
        self.assertIn("manual=true", result.lines_of("go"))
        result = c.run("--manual", "gone")
        self.assertEqual(result.code, 2, result)
        self.assertIn("there is no job 'gone' in .gitlab-ci.yml", result.text)

    def test_resource_groups_never_overlap(self):
        script = "['mkdir /meet/lock || exit 9', 'echo $CI_JOB_NAME >>/meet/log', sleep 1, rmdir /meet/lock]"
        c = self.checkout(f"""
a: {{script: {script}, resource_group: prod-$CI_COMMIT_BRANCH}}
b: {{script: {script}, resource_group: "prod-$CI_COMMIT_BRANCH"}}
beside: {{script: ['true'], resource_group: other}}
""", name="group")
        runs = [c.start(), c.start()]
        results = [Result(run) for run in runs]
        self.assertEqual([result.code for result in results], [0, 0], results)
        self.assertEqual(sorted((self.meet / "log").read_text().split()), ["a", "a", "b", "b"])
        for result in results:
            self.assertIn("waits for the resource group 'prod-main'", result.text)
            self.assertNotIn("has no effect", result.text)


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Delayed(ParallelTest):
    def test_others_run_on_meanwhile(self):
        c = self.checkout("""
stages: [one, two]
later: {stage: one, when: delayed, start_in: 20 seconds, script: ['echo "at $(date +%s)"', await done]}
first: {stage: one, script: ['true']}
next: {stage: two, needs: [first], script: [touch /meet/done]}
last: {stage: two, script: ['[ -e /meet/done ]']}
""", name="delayed")
        begin = time.time()
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assert_states(result, later="passed", first="passed", next="passed", last="passed")
        self.assertRegex(result.text, r"one / later: waits 20(\.0)? s \(`start_in`\)")
        at = next(int(line.split()[1]) for line in result.lines_of("later") if re.match(r"at \d", line))
        self.assertGreaterEqual(at + 1, begin + 20)

    def test_nobody_need_wait(self):
        c = self.checkout("""
later: {when: delayed, start_in: 1 day, script: [echo now]}
ruled: {rules: [{when: delayed, start_in: 1 day}], script: [echo now]}
""", name="nowait")
        result = c.run("--no-wait")
        self.assertEqual(result.code, 0, result)
        self.assert_states(result, later="passed", ruled="passed")
        self.assertEqual(c.run("later").code, 0, "named, it is started")

    def test_ctrl_c_ends_the_wait(self):
        c = self.checkout("later: {when: delayed, start_in: 1 day, script: [echo now]}", name="delayedc")
        process = c.start()
        shown = self.read_until(process, "test / later: waits ")
        process.send_signal(signal.SIGINT)
        result = self.finish(process, shown)
        self.assertEqual(result.code, 130, result)
        self.assert_states(result, later="canceled")


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Lines(ParallelTest):
    def test_they_are_whole_and_secrets_are_masked(self):
        script = """'for i in 1 2 3 4 5 6 7 8; do printf %0500d $i; sleep 0.1; printf "%0500d-end\\n" $i; done', \
'printf %s "${MY_PASSWORD%2}"; sleep 0.5; echo 2', 'printf "10%%\\r20%%\\n"', 'printf "no end"'"""
        c = self.checkout(f"""
a: {{script: [touch /meet/a, await b, {script}]}}
b: {{script: [touch /meet/b, await a, {script}]}}
""", name="lines")
        (c.root / "vars").write_text("MY_PASSWORD=correct-horse-2\n")
        result = c.run("--variables", str(c.root / "vars"))
        self.assertEqual(result.code, 0, result)
        self.assertNotIn("correct-horse", result.text)
        for job in "ab":
            lines = result.lines_of(job)
            self.assertEqual([line for line in lines if line.endswith("-end")],
                             [f"{i:0500d}{i:0500d}-end" for i in range(1, 9)])
            for line in ("[MASKED]", "10%", "20%", "no end"):
                self.assertEqual(lines.count(line), 1, lines)
        lines = result.text.splitlines()
        between = lines[next(i for i, line in enumerate(lines) if ": running" in line):lines.index("JOB  STAGE  STATE   TIME    REASON")
                        if "JOB  STAGE  STATE   TIME    REASON" in lines else len(lines)]
        log = [line for line in between if line and not line.startswith(("JOB ", "[", "Pipeline", "a  ", "b  "))]
        self.assertEqual([line for line in log if not re.match(r"[ab] \|( |$)", line)], [])

    def test_one_after_the_other_it_is_as_ever(self):
        c = self.checkout("a: {script: [echo a]}\nb: {script: [echo b]}", name="one")
        c.jobs = 1
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("\n  Executing \"step_script\" stage of the job script\n    $ ", result.text)
        self.assertNotIn("a |", result.text)
        order = re.findall(r"(?m)^\[\d/2\] test / (.*?)(?: in .*)?$", result.text)
        self.assertEqual(order, ["a: running", "a: passed", "b: running", "b: passed"])


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Interrupts(ParallelTest):
    CI = """
stages: [one, two]
{jobs}
later: {{stage: two, when: always, script: echo never}}
"""
    JOB = """
{name}:
  stage: one
  script: [TRAP, echo {name} has started, 'sleep 1000 & wait']
  after_script: ["echo after: $CI_JOB_STATUS"]
"""

    def begin(self, trap, name, more=""):
        jobs = "".join(self.JOB.format(name=job) for job in ("a", "b", "c"))
        c = self.checkout(self.CI.format(jobs=jobs).replace("TRAP", trap), name=name)
        with c.config.open("a") as config:
            config.write(more)
        process = c.start(start_new_session=True)
        shown = self.read_until(process, "\na | a has started\n", "\nb | b has started\n", "\nc | c has started\n")
        return c, process, shown

    def interrupt(self, process):
        """Two signals of which the first has not been taken are one."""
        def is_pending():
            with contextlib.suppress(FileNotFoundError):  # it has ended
                return has_signal(process, "ShdPnd", signal.SIGINT)
            return False
        process.send_signal(signal.SIGINT)
        wait_for(lambda: not is_pending(), "the signal is taken")

    def check(self, c, process, shown):
        result = self.finish(process, shown)
        self.assertEqual(result.code, 130, result)
        self.assert_states(result, a="canceled", b="canceled", c="canceled", later="canceled")
        self.assertRegex(result.verdict(), r"^Pipeline canceled after .*: 4 canceled$")
        self.assertNotIn("| never", result.text)
        self.assert_nothing_left(c)
        return result

    def test_once(self):
        """As a terminal does it: the whole group hears it."""
        c, process, shown = self.begin('"trap \'echo told to end; exit 9\' TERM"', "ctrlc3")
        os.killpg(process.pid, signal.SIGINT)
        result = self.check(c, process, shown)
        for job in "abc":
            self.assertIn("told to end", result.lines_of(job))
            self.assertIn("after: canceled", result.lines_of(job))

    def test_twice_and_a_third_time(self):
        c, process, shown = self.begin('"trap \'\' TERM"', "twicec3", more="cancel_grace: 1000s\n")
        self.interrupt(process)
        shown += self.read_until(process, *(f"\n{job} | WARNING: told to end this script" for job in "abc"))
        self.interrupt(process)
        self.interrupt(process)
        result = self.check(c, process, shown)
        self.assertNotIn("after: ", result.text.replace("echo after: ", ""))

    def test_killed_its_jobs_end_themselves(self):
        c, process, _ = self.begin("'true'", "killed3")
        children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(len(children), 3)
        process.kill()
        process.communicate()
        end = time.monotonic() + 300
        while any(os.path.exists(f"/proc/{child}") for child in children):
            self.assertLess(time.monotonic(), end, "the jobs' processes have not ended")
            time.sleep(0.2)
        self.assert_no_containers(c)


class Words(ParallelTest):
    """What needs no daemon."""

    def test_numbers_of_jobs(self):
        c = self.checkout("a: {script: a}")
        for number in ("0", "65", "x", "-1"):
            c.jobs = number
            result = c.run()
            self.assertEqual(result.code, 2, result)
            self.assertIn(f"--jobs {number} is no number from 1 to 64", result.text)

    def test_environments_are_listed_as_what_they_are(self):
        c = self.checkout("""
start: {script: a, environment: {name: review, on_stop: end}}
end: {script: a, when: manual, environment: {name: review, action: stop}}
none: {script: a}
""")
        text = c.run("--list").text
        self.assertRegex(text, r"(?m)^JOB .* ENVIRONMENT$")
        self.assertRegex(text, r"(?m)^start +test +on_success .* review$")
        self.assertRegex(text, r"(?m)^end +test +manual +yes .* review \(stop\)$")
        jobs = {job["name"]: job["environment"] for job in json.loads(c.run("--json").text)}
        self.assertEqual(jobs, {"start": {"name": "review", "action": "start", "on_stop": "end"},
                                "end": {"name": "review", "action": "stop", "on_stop": None}, "none": None})


if __name__ == "__main__":
    unittest.main()
