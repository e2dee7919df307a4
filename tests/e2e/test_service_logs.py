"""CI_DEBUG_SERVICES: what services say, in the job's log, against the real Docker daemon."""
import os
import pathlib
import re
import signal
import subprocess
import types
import unittest

import images
from hooks import Job, docker, has_docker, terminate, wait_for

WAIT = "until test -e $MARK; do sleep 0.05; done"
COUNT = "i=0; while :; do i=$((i+1)); echo line $i; printf . >>$MARK; sleep 0.01; done"


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

    def service(self, job, alias):
        return docker("ps", "-aq", "--no-trunc", "--filter", f"label=atelier.job={job.label}", "--filter",
                      f"label=atelier.service={alias}")

    def wait_for_log(self, job, alias, *lines):
        """Until the daemon has them of that service."""
        container = self.service(job, alias)

        def has_them():
            done = subprocess.run(["docker", "logs", container], capture_output=True, text=True, errors="replace", check=True)
            return all(f"{line}\n" in done.stdout + done.stderr for line in lines)
        wait_for(has_them, f"{alias} says {lines}")

    def until_all_say(self, job, hooks, line, *names):
        """More hooks of the job, until the logs of all of them have that line: one shows as much as it can in its time."""
        def say_it():
            hooks.append(self.script(job, "true"))
            return all(line in self.said(name, *hooks) for name in names)
        wait_for(say_it, f"{names} say '{line}'")

    def test_from_hook_to_hook_none_lost_and_none_twice(self):
        job, mark = self.marked({"alias": "db, store", **sh(COUNT)})
        name = f"db-store-{self.own}"
        hooks = [self.hook(job, "prepare")]
        more = f"n=$(stat -c %s {mark}); until [ $(stat -c %s {mark}) -gt $((n + 20)) ]; do sleep 0.05; done"
        wait_for(pathlib.Path(mark).exists, "the service counts")
        for substage in ("prepare_script", "build_script", "after_script"):
            hooks.append(self.script(job, more, substage))
            self.assertGreater(len(self.said(name, hooks[-1])), 10, hooks[-1])
        for result in hooks:
            self.assertNotIn("[service:", result.out)
        numbers = self.numbers(self.said(name, *hooks))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_all_that_was_there_at_the_end(self):
        burst = f"{WAIT}; seq 1 20000; echo the end; sleep 1000"
        job, mark = self.marked({"alias": "a", **sh(burst)}, {"alias": "b", **sh(burst)})
        self.hook(job, "prepare")
        hooks = [self.script(job, f"touch {mark}; sleep 1")]
        for alias in ("a", "b"):
            self.wait_for_log(job, alias, "the end")
        names = (f"a-{self.own}", "b")
        self.until_all_say(job, hooks, "the end", *names)
        for name in names:
            self.assertEqual(self.said(name, *hooks), [*map(str, range(1, 20001)), "the end"])

    def test_both_streams(self):
        script = "i=0; while test $i -lt 3000; do i=$((i+1)); echo out $i; echo err $i >&2; done; sleep 1000"
        job = self.job({"alias": "db", **sh(script)})
        hooks = [self.hook(job, "prepare"), self.script(job, "true")]
        self.wait_for_log(job, "db", "out 3000", "err 3000")
        for line in ("out 3000", "err 3000"):
            self.until_all_say(job, hooks, line, f"db-{self.own}")
        lines = [line for line in self.said(f"db-{self.own}", *hooks) if re.match("(out|err) ", line)]
        for stream in ("out", "err"):
            self.assertEqual([line for line in lines if line.startswith(stream)],
                             [f"{stream} {i}" for i in range(1, 3001)])

    def test_odd_lines(self):
        script = ("printf 'first '; sleep 0.3; echo half; printf 'bell \\007 esc \\033[31m nul \\000 end\\r\\n'; "
                  "head -c 40000 /dev/zero | tr '\\0' x; echo; printf 'no newline'")
        job = self.job({"alias": "db", **sh(script)}, config="services: {on_unready: warn}\n")
        prepare = self.hook(job, "prepare")
        docker("wait", self.service(job, "db"))
        lines = self.said(f"db-{self.own}", prepare, self.script(job, "true"))
        self.assertEqual(lines[:2], ["first half", "bell \\x07 esc \\x1b[31m nul \\x00 end"])
        self.assertEqual("".join(lines[2:-1]), "x" * 40000)
        self.assertLessEqual(max(map(len, lines)), 16384)
        self.assertEqual(lines[-1], "no newline")

    def greeted(self, job):
        """What the hooks say on stderr, the last of which begins after the service has said hello."""
        prepare = self.hook(job, "prepare")
        self.wait_for_log(job, "db", "hello")
        return prepare.err + self.script(job, "true").err

    def test_colour(self):
        job = self.job({"alias": "db", **sh("echo hello; sleep 1000")})
        job.extra["NO_COLOR"] = ""
        environment = job.environment
        job.environment = lambda: {k: v for k, v in environment().items() if k != "NO_COLOR"}
        self.assertIn(f"\033[0;37m[service:db-{self.own}] hello\033[0;m\n", self.greeted(job))

    def test_words_that_switch_it_on_and_off(self):
        for word, shown in (("1", True), ("False", False), (None, False)):
            with self.subTest(word=word):
                job = self.job({"alias": "db", **sh("echo hello; sleep 1000")}, debug=word)
                err = self.greeted(job)
                self.assertEqual("hello" in err, shown, err)
                self.assertNotIn("CI_DEBUG_SERVICES", err)
                job.hook("cleanup")

    def test_a_word_that_is_none(self):
        job = self.job({"alias": "db", **sh("echo hello; sleep 1000")}, debug="yes please")
        err = self.greeted(job)
        self.assertEqual(err.count("CI_DEBUG_SERVICES"), 1)
        self.assertNotIn("hello", err)

    def test_one_that_ends_and_one_that_is_removed(self):
        job, mark = self.marked({"alias": "ends", **sh(f"echo before; {WAIT}; echo after")},
                                {"alias": "goes", **sh("echo there; sleep 1000")})
        prepare = self.hook(job, "prepare")
        self.wait_for_log(job, "ends", "before")
        process = job.start_run(f"echo script begins; until [ -e {mark}.end ]; do sleep 0.05; done; echo script ends")
        self.assertEqual(process.stdout.readline(), "script begins\n")
        docker("rm", "-f", self.service(job, "goes"))
        pathlib.Path(mark).touch()
        docker("wait", self.service(job, "ends"))
        pathlib.Path(mark + ".end").touch()
        out, err = process.communicate()
        self.assertEqual((process.returncode, out), (0, "script ends\n"), err)
        self.assertNotIn("WARNING", err)
        self.assertEqual(self.said(f"ends-{self.own}", prepare, types.SimpleNamespace(err=err)), ["before", "after"])
        last = self.script(job, "echo still")
        self.assertEqual((last.out, last.err), ("still\n", ""))

    def test_cancelled(self):
        job, _ = self.marked({"alias": "db", **sh(COUNT)})
        hooks = [self.hook(job, "prepare")]
        process = job.start_run("trap 'sleep 0.3; echo trapped' TERM; echo ready; sleep 1000 & wait")
        process.stdout.readline()
        terminate(process)
        out, err = process.communicate()
        self.assertEqual(process.returncode, 2, err)
        hooks += [types.SimpleNamespace(err=err), self.script(job, "true", "after_script")]
        numbers = self.numbers(self.said(f"db-{self.own}", *hooks))
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_killed_leaves_no_process(self):
        job, _ = self.marked({"alias": "db", **sh(COUNT)})
        self.hook(job, "prepare")
        process = job.start_run("echo ready; sleep 1000")
        process.stdout.readline()
        process.kill()  # the hook alone, not its group
        process.communicate(timeout=300)  # ends when nobody has its streams open any more
        self.assertEqual(process.returncode, -signal.SIGKILL)

    def test_a_service_that_is_never_ready(self):
        promised = [{"key": "HEALTHCHECK_TCP_PORT", "value": "8080", "public": True}]
        job = self.job({"alias": "db", "variables": promised, **sh("echo so it is; sleep 0.2; exit 3")})
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
