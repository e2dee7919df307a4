"""CI_DEBUG_SERVICES: what services say, in the job's log, against the real Docker daemon."""
import os
import re
import signal
import time
import unittest

import images
from hooks import Job, docker, has_docker, terminate

WAIT = "until test -e $MARK; do sleep 0.05; done"
COUNT = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.01; done"


def sh(script):
    return {"entrypoint": ["/bin/sh", "-c"], "command": [script]}


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class ServiceLogs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = images.busybox("atelier-test/talks", applets=("sh", "sleep", "echo", "test", "cat", "seq", "head", "tr"))
        cls.own = cls.image.split(":")[0].replace("/", "__") + "-" + cls.image.split(":")[0].replace("/", "-")

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.image)

    def job(self, *services, debug="true", config="", **options):
        variables = {"CI_DEBUG_SERVICES": debug} if debug is not None else {}
        job = Job(config, **variables, **options)
        self.addCleanup(job.__exit__)
        job.response["services"] = [{"name": self.image, **service} for service in services]
        return job

    def marked(self, *services):
        """A job, and the file that its services wait for (WAIT)."""
        job = self.job(*services)
        mark = f"{job.state}/builds/tEsT_0123/7/{job.id}/go"
        job.variables["MARK"] = mark
        job.response["variables"].append({"key": "MARK", "value": mark, "public": True})
        return job, mark

    def hook(self, job, *args):
        result = job.hook(*args)
        self.assertEqual(result.code, 0, result)
        self.assertNotIn("Sanitizer", result.err)
        return result

    def script(self, job, body, substage="build_script"):
        return self.hook(job, "run", job.script(body), substage)

    def said(self, name, *results):
        """What a service said in the logs of some hooks, in this order."""
        prefix = f"[service:{name}] "
        return [line.removeprefix(prefix) for result in results for line in result.err.splitlines()
                if line.startswith(prefix)]

    def numbers(self, lines):
        return [int(line.removeprefix("line ")) for line in lines]

    def test_from_hook_to_hook_none_lost_and_none_twice(self):
        job = self.job({"alias": "db, store", **sh(COUNT)})
        name = f"db-store-{self.own}"
        hooks = [self.hook(job, "prepare")]
        for substage in ("prepare_script", "build_script", "after_script"):
            time.sleep(0.3)
            hooks.append(self.script(job, "sleep 0.5", substage))
        for result in hooks:
            self.assertGreater(len(self.said(name, result)), 10, result)
            self.assertNotIn("[service:", result.out)
        numbers = self.numbers(self.said(name, *hooks))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_all_that_was_there_at_the_end(self):
        burst = f"{WAIT}; seq 1 20000; echo the end; sleep 1000"
        job, mark = self.marked({"alias": "a", **sh(burst)}, {"alias": "b", **sh(burst)})
        self.hook(job, "prepare")
        first = self.script(job, f"touch {mark}; sleep 1")
        second = self.script(job, "true")
        for name in (f"a-{self.own}", "b"):
            self.assertEqual(self.said(name, first, second), [*map(str, range(1, 20001)), "the end"])

    def test_both_streams(self):
        script = "i=0; while test $i -lt 3000; do i=$((i+1)); echo out $i; echo err $i >&2; done; sleep 1000"
        job = self.job({"alias": "db", **sh(script)})
        hooks = [self.hook(job, "prepare"), self.script(job, "true"), self.script(job, "sleep 0.5")]
        lines = [line for line in self.said(f"db-{self.own}", *hooks) if re.match("(out|err) ", line)]
        for stream in ("out", "err"):
            self.assertEqual([line for line in lines if line.startswith(stream)],
                             [f"{stream} {i}" for i in range(1, 3001)])

    def test_odd_lines(self):
        script = ("printf 'first '; sleep 0.3; echo half; printf 'bell \\007 esc \\033[31m nul \\000 end\\r\\n'; "
                  "head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'no newline'")
        job = self.job({"alias": "db", **sh(script)}, config="services: {on_unready: warn}\n")
        lines = self.said(f"db-{self.own}", self.hook(job, "prepare"), self.script(job, "true"))
        self.assertEqual(lines[:2], ["first half", "bell \\x07 esc \\x1b[31m nul \\x00 end"])
        self.assertEqual("".join(lines[2:-1]), "x" * 40000)
        self.assertLessEqual(max(map(len, lines)), 16384)
        self.assertEqual(lines[-1], "no newline")

    def test_colour(self):
        job = self.job({"alias": "db", **sh("echo hello; sleep 1000")})
        job.extra["NO_COLOR"] = ""
        environment = job.environment
        job.environment = lambda: {k: v for k, v in environment().items() if k != "NO_COLOR"}
        self.assertIn(f"\033[0;37m[service:db-{self.own}] hello\033[0;m\n", self.hook(job, "prepare").err)

    def test_words_that_switch_it_on_and_off(self):
        for word, shown in (("1", True), ("False", False), (None, False)):
            with self.subTest(word=word):
                job = self.job({"alias": "db", **sh("echo hello; sleep 1000")}, debug=word)
                result = self.hook(job, "prepare")
                self.assertEqual("hello" in result.err, shown, result)
                self.assertNotIn("CI_DEBUG_SERVICES", result.err)
                job.hook("cleanup")

    def test_a_word_that_is_none(self):
        job = self.job({"alias": "db", **sh("echo hello; sleep 1000")}, debug="yes please")
        hooks = [self.hook(job, "prepare"), self.script(job, "true")]
        self.assertEqual("".join(result.err for result in hooks).count("CI_DEBUG_SERVICES"), 1)
        self.assertNotIn("hello", hooks[0].err + hooks[1].err)

    def test_one_that_ends_and_one_that_is_removed(self):
        job, mark = self.marked({"alias": "ends", **sh(f"echo before; {WAIT}; echo after")},
                                {"alias": "goes", **sh("echo there; sleep 1000")})
        hooks = [self.hook(job, "prepare")]
        gone = docker("ps", "-q", "--filter", f"label=atelier.job={job.label}", "--filter", "label=atelier.service=goes")
        process = job.start_run(f"sleep 0.5; touch {mark}; sleep 1; echo script ends")
        time.sleep(0.5)
        docker("rm", "-f", gone)
        out, err = process.communicate()
        self.assertEqual((process.returncode, out), (0, "script ends\n"), err)
        self.assertNotIn("WARNING", err)
        self.assertEqual(self.said(f"ends-{self.own}", hooks[0]), ["before"])
        self.assertIn(f"[service:ends-{self.own}] after\n", err)
        last = self.script(job, "echo still")
        self.assertEqual((last.out, last.err), ("still\n", ""))

    def test_cancelled(self):
        job = self.job({"alias": "db", **sh(COUNT)})
        hooks = [self.hook(job, "prepare")]
        process = job.start_run("trap 'sleep 0.3; echo trapped' TERM; sleep 1000 & wait")
        time.sleep(1)
        terminate(process)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 2, err)
        hooks += [type("", (), {"err": err}), self.script(job, "true", "after_script")]
        numbers = self.numbers(self.said(f"db-{self.own}", *hooks))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_killed_leaves_no_process(self):
        job = self.job({"alias": "db", **sh(COUNT)})
        self.hook(job, "prepare")
        process = job.start_run("sleep 1000")
        time.sleep(0.5)
        process.kill()  # the hook alone, not its group
        process.communicate(timeout=120)  # ends when nobody has its streams open any more
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def test_a_service_that_is_never_ready(self):
        job = self.job({"alias": "db", **sh("echo so it is; sleep 0.2; exit 3")})
        result = job.hook("prepare")
        self.assertEqual(result.code, 1, result)
        self.assertIn("so it is", self.said(f"db-{self.own}", result))
        self.assertIn("exit code 3", result.err)

    def test_none_of_it_without_services(self):
        job = self.job(debug="maybe")
        result = self.hook(job, "prepare")
        self.assertEqual(result.err, "")
        self.assertEqual(os.listdir(job.folder).count("atelier-services.json"), 0)


if __name__ == "__main__":
    unittest.main()
