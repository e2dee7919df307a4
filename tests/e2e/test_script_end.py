"""What remains of a script, and what is said of its end, against the real Docker daemon."""
import os
import subprocess
import time
import unittest

import images
from hooks import IMAGE, JobTest, Result, docker, has_docker, remains_in, terminate, wait_for

INIT = "kinds: {build: {init: true}}\n"
BEHIND = "sleep 600 & setsid sleep 601 & (setsid sh -c 'sleep 602 & sleep 603' &) ; "
EAT = "python3 -c 'x = bytearray(200 << 20); print(len(x))'"


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class ScriptEnd(JobTest):
    def assert_usable(self, job):
        """Nothing of a script is left, and the next one works in the same container."""
        container = job.container()
        started = docker("inspect", "-f", "{{.State.StartedAt}}", container)
        self.assertEqual(remains_in(container), [])
        result = job.run("echo after; exit 3", "after_script")
        self.assertEqual((result.out, job.code()), ("after\n", "3\n"), result)
        self.assertEqual(docker("inspect", "-f", "{{.State.StartedAt}}", container), started, "it was killed")


class Orphans(ScriptEnd):
    """Nobody waits for them but process 1, in whatever shell the image has as its sh."""

    SCRIPT = ("(sh -c 'exit 0' & echo $! >/tmp/orphan); i=0; "
              "while kill -0 $(cat /tmp/orphan) 2>/dev/null && [ $i -lt 300 ]; do sleep 0.1; i=$((i + 1)); done; "
              "[ $i -lt 300 ] && echo buried")

    def check(self, *args, **options):
        job = self.prepared(*args, **options)
        result = job.run(self.SCRIPT)
        self.assertEqual((result.out, result.code), ("buried\n", 0), result)
        self.assert_usable(job)

    def test_by_dash(self):
        self.check()

    def test_by_an_init(self):
        self.check(INIT)

    def test_by_busybox(self):
        image = images.busybox("atelier-test-orphans", ("sh", "cat", "sleep", "mkdir", "touch"))
        self.addCleanup(images.remove, image)
        self.check(image=image)

    def test_by_bash(self):
        image = f"atelier-test-bash:{os.getpid()}"
        subprocess.run(["docker", "build", "-q", "-t", image, "-"], input=f"FROM {IMAGE}\nRUN ln -sf bash /bin/sh\n",
                       text=True, check=True, stdout=subprocess.DEVNULL)
        self.addCleanup(images.remove, image)
        self.check(image=image)


class SignalsToTheKeeper(ScriptEnd):
    """A job that signals process 1 hurts nobody."""

    def test_ignored(self):
        for config in ("", INIT):
            with self.subTest(config=config):
                job = self.prepared(config)
                result = job.run("for s in HUP INT QUIT TERM USR1 USR2 CHLD; do kill -$s 1 || :; done; sleep 0.3; echo on")
                if config:  # an init passes on what it gets, and ends with its child: its own affair
                    continue
                self.assertEqual((result.out, result.code), ("on\n", 0), result)
                self.assert_usable(job)

    def test_all_killed(self):
        job = self.prepared()
        result = job.run("sh -c 'kill -9 -1'; exit 0")
        self.assertNotEqual(result.code, 0, result)
        self.assert_usable(job)


class OneStream(ScriptEnd):
    def test_order_is_kept(self):
        """On two pipes the lines would change places, and a secret's halves would not be masked."""
        job = self.prepared()
        wanted = "".join(f"o{i}\ne{i}\n" for i in range(300))
        result = job.run("for i in $(seq 0 299); do echo o$i; echo e$i >&2; done")
        self.assertEqual((result.out, result.err), (wanted, ""))


class Background(ScriptEnd):
    """They do not hold the job, though they hold its output, and are gone before after_script."""

    def check(self, *args, **options):
        job = self.prepared(*args, **options)
        result = job.run(BEHIND + "echo done; exit 7")
        self.assertEqual((result.out, job.code()), ("done\n", "7\n"), result)
        self.assert_usable(job)

    def test_of_root(self):
        self.check()

    def test_of_another_user(self):
        self.check(user="1000:1000")

    def test_that_multiplies(self):
        job = self.prepared()
        for _ in range(5):
            job.run("(setsid sh -c 'for i in 1 2 3 4 5 6 7 8; do setsid sh -c \"sleep 60$i & sleep 61$i\" & done; wait' &); exit 0")
            self.assert_usable(job)

    def test_under_an_init(self):
        self.check(INIT)

    def test_under_an_init_of_another_user(self):
        self.check(INIT, user="1000:1000")

    def test_of_root_behind_another_users_script(self):
        """As `sudo daemon &` leaves it; here the ENTRYPOINT does."""
        for config in ("", INIT):
            self.check(config, entrypoint=[
                "sh", "-c", 'sleep 600 & setsid sleep 601 & exec setpriv --reuid=1000 --regid=1000 --clear-groups "$@"', "sh"])


class Init(ScriptEnd):
    def test_is_the_first_process(self):
        job = self.prepared(INIT)
        self.assertEqual(job.run("cat /proc/1/comm").out, "docker-init\n")
        self.assertEqual(job.run("cat /proc/1/comm", "get_sources").out, "docker-init\n")
        self.assert_usable(job)

    def test_by_the_runners_feature_flag(self):
        job = self.prepared(FF_USE_INIT_WITH_DOCKER_EXECUTOR="true")
        self.assertEqual(job.run("cat /proc/1/comm").out, "docker-init\n")
        self.assert_usable(job)

    def test_cancel(self):
        for user in (None, "1000:1000"):
            job = self.prepared(INIT, user=user)
            run = job.start_run(BEHIND + "trap 'echo trapped; exit 0' TERM; echo ready; sleep 604 & wait; sleep 605")
            run.stdout.readline()
            terminate(run)
            out, err = run.communicate(timeout=300)
            self.assertEqual((run.returncode, out.replace("Killed\n", "")), (2, "trapped\n"), err)
            self.assert_usable(job)


class Memory(ScriptEnd):
    def test_out_of_memory_is_named_once(self):
        job = self.prepared("kinds: {build: {memory: 64m, memory_swap: 64m}}\n")
        result = job.run(EAT)
        self.assertEqual((result.code, job.code()), (1, "137\n"), result)
        said = ("out of memory: the kernel killed a process of the job (limit 64 MiB; the host's owner sets it: "
                "kinds: build: memory)")
        self.assertIn(said, result.err)
        result = job.run("exit 137", "after_script")
        self.assertEqual(job.code(), "137\n")
        self.assertNotIn("out of memory", result.err, "that was an earlier script's")
        # By its exit code that may be anything: nobody waits for news of the kernel, which must have come.
        began = time.time()
        run = job.start_run(EAT + " || { until [ -e /tmp/heard ]; do sleep 0.1; done; exit 2; }", "after_script")
        wait_for(lambda: self.has_news(job, began), "the daemon hears of it")
        docker("exec", job.container(), "touch", "/tmp/heard")
        result = Result(run)
        self.assertEqual(job.code(), "2\n")
        self.assertIn(said, result.err)

    def has_news(self, job, since):
        """Whether the daemon has heard from the kernel."""
        return docker("events", "--since", f"{since:.3f}", "--until", f"{time.time():.3f}", "--filter", "event=oom", "--filter",
                      f"container={job.container()}")

    def test_a_script_that_lives_with_it(self):
        job = self.prepared("kinds: {build: {memory: 64m, memory_swap: 64m}}\n")
        result = job.run(f"{EAT} || echo lives")
        self.assertEqual(result.code, 0, result)
        self.assertNotIn("out of memory", result.err)

    def test_the_container_itself_is_killed(self):
        """The kernel may choose its first process as well: then all of it ends."""
        job = self.prepared("kinds: {build: {memory: 64m, memory_swap: 64m}}\n")
        result = job.run(f"echo 1000 > /proc/1/oom_score_adj; {EAT}; sleep 600")
        self.assertEqual((result.code, job.code()), (1, "137\n"), result)
        self.assertIn("out of memory", result.err)
        self.assertEqual(job.run("echo after", "after_script").out, "after\n", "it comes back")

    def test_another_failure(self):
        job = self.prepared()
        result = job.run("kill -KILL $$; sleep 1")
        self.assertEqual((result.code, job.code()), (1, "137\n"), result)
        self.assertNotIn("out of memory", result.err)


if __name__ == "__main__":
    unittest.main()
