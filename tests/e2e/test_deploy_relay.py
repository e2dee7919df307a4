"""deploy-master where no socket of the host's reaches the job: through a relay in the job's container."""
import os
import pathlib
import signal
import subprocess
import unittest

import images
import test_deploy_job as by_socket
from hooks import docker, has_docker
from relay import TcpRelay
from test_deploy_job import ASK, LISTENS, REFUSED, SERVE, UNDER_WAY, UP, wait_for

FIND = ("relay() { for p in /proc/[0-9]*; do [ \"$(tr '\\0' ' ' <$p/cmdline)\" = '/usr/local/bin/deploy-master --relay ' ] "
        "&& echo ${p#/proc/}; done 2>/dev/null || :; }; until [ \"$(relay)\" ]; do sleep 0.05; done\n")
TOLD = "until [ -e /tmp/told ]; do sleep 0.05; done"  # told() says so


class Relayed:
    """Jobs whose builds are in the daemon's volumes, so nothing of the host's is mounted."""

    def job(self, config=None, **options):
        config = self.targets(here=by_socket.ALLOWED) if config is None else config
        job = super().job(config="storage: volumes\n" + config, **options)
        self.addCleanup(self.remove_volumes, job)
        return job

    def remove_volumes(self, job):
        job.hook("cleanup")
        wait_for(lambda: not docker("ps", "-aq", "--filter", f"label=atelier.job={job.label}"))
        names = docker("volume", "ls", "-q", "--filter", "label=atelier.project=group/proj", "--filter",
                       f"name={job.id}").split()
        names += [name for name in docker("volume", "ls", "-q", "--filter", "name=atelier-builds-tEsT_0123").split()
                  if name.endswith("." + job.id)]
        docker("volume", "rm", "-f", *names, check=False) if names else None

    def told(self, job, running):
        """The first line that `run` says, for which the script waits; at the script's end nobody asks how a relay ends."""
        line = running.stderr.readline()
        docker("exec", job.container(), "touch", "/tmp/told")
        return line

    def relays(self, job):
        return [line for line in docker("top", job.container(), "-eo", "pid,args").splitlines() if "--relay" in line]


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Way(Relayed, by_socket.DeployTest):
    def test_nothing_is_mounted_and_the_program_is_there(self):
        job = self.prepared()
        self.assertFalse([path for path in self.mounts(job) if "deploy" in path])
        self.assertFalse(self.folder(job).exists())
        result = job.run("id -u; stat -c '%n %A %U' /usr/local/bin/deploy-master /run/atelier /run/atelier/deploy; " + ASK + " || echo code $?")
        self.assertIn("/usr/local/bin/deploy-master -rwxr-xr-x root\n/run/atelier drwxr-xr-x root\n"
                      "/run/atelier/deploy drwxr-xr-x root\n", result.out)
        self.assertIn(REFUSED, result.out)
        self.assertIn("code 1", result.out)

    def test_prepare_has_nothing_to_warn_of(self):
        result = self.job().hook("prepare")
        self.assertEqual((result.code, result.err), (0, ""))

    def test_a_job_that_may_not_deploy_is_told_so_and_costs_no_relay(self):
        job = self.prepared(environment="production")
        self.assertIn("this job may not deploy: no target of its host allows project 'group/proj' in environment "
                      "'production'", self.refused(job, "here"))
        result = job.run("ls -d /run/atelier; tr '\\0' ' ' </proc/[0-9]*/cmdline; cat /proc/*/cmdline | tr '\\0' ' '")
        self.assertNotIn("--relay ", result.out)

    def test_a_job_without_environment_has_neither(self):
        image = images.busybox("atelier-test/plain", applets=("sh", "ls", "mkdir", "cat", "id", "chmod"))
        self.addCleanup(images.remove, image)
        result = self.prepared(environment=None, image=image).run("ls -d /run/atelier || ls /usr/local/bin/deploy-master || echo neither")
        self.assertIn("neither", result.out)

    def test_a_read_only_root_is_said(self):
        job = self.job(config="kinds: {deploy: {read_only: true, tmpfs: {/tmp: rw}}}\n" + self.targets(here=by_socket.ALLOWED))
        result = job.hook("prepare")
        self.assertEqual(result.code, 0, result)
        self.assertIn("deploy-master cannot be put into the job's container, whose root must not be read-only", result.err)
        result = job.run("echo works")
        self.assertEqual(result.code, 0, result)
        self.assertIn("works", result.out)

    def test_a_read_only_root_with_an_image_that_has_the_program(self):
        program = pathlib.Path(by_socket.ATELIER).parents[1] / "stages/deploy/deploy-master"
        image = images.busybox("atelier-test/brings", applets=("sh", "mkdir", "cat", "id", "chmod"),
                               files={"usr/local/bin/deploy-master": (program.read_bytes(), 0o755)})
        self.addCleanup(images.remove, image)
        job = self.prepared(config="kinds: {deploy: {read_only: true, tmpfs: {/tmp: rw, /run: rw}}}\n" +
                            self.targets(here=by_socket.ALLOWED), image=image)
        self.assertEqual(job.run("true").code, 0)
        self.assertIn(REFUSED, job.run("until [ -d /run/atelier/deploy ]; do :; done; deploy-master elsewhere -f /etc/hosts").out)

    def test_a_daemon_that_is_reached_by_tcp(self):
        with TcpRelay() as daemon:
            job = self.job(env={"DOCKER_HOST": daemon.url}, config=self.targets(here=by_socket.ALLOWED))
            self.assertEqual(job.hook("prepare").code, 0)
            self.assertIn(REFUSED, job.run(ASK).out)
            self.remove_volumes(job)  # while the daemon can be reached
            job.extra = {}


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Hostile(Relayed, by_socket.DeployTest):
    """What a job may do to its relay, or through it."""

    test_after_script_may_ask_too = by_socket.Socket.test_after_script_may_ask_too
    test_any_user_of_the_container_and_any_image = by_socket.Socket.test_any_user_of_the_container_and_any_image

    def test_it_does_not_outlive_the_script_and_leaves_nothing(self):
        job = self.prepared()
        result = job.run(FIND + "sleep 1000 & echo relay: $(relay)")
        self.assertRegex(result.out, r"relay: \d+")
        self.assertEqual((result.code, result.err), (0, ""))
        self.assertEqual(self.relays(job), [])
        self.assertNotIn("socket", docker("exec", job.container(), "ls", "/run/atelier/deploy"))

    def test_it_goes_when_run_is_killed(self):
        job = self.prepared()
        running = job.start_run("sleep 1000")
        wait_for(lambda: self.relays(job))
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
        wait_for(lambda: not self.relays(job))

    def test_one_that_is_killed_is_named_and_the_next_script_has_another(self):
        job = self.prepared()
        killed = f"p=$(relay); kill -9 $p; while [ -e /proc/$p ]; do sleep 0.05; done; {TOLD}; {ASK}"
        running = job.start_run(FIND + LISTENS + killed)
        self.assertIn("its relay in the job's container: it was killed (status 137); this script cannot deploy any more",
                      self.told(job, running))
        out, err = running.communicate(timeout=300)
        self.assertIn("the job's host does not answer on /run/atelier/deploy/socket: Connection refused", out)
        self.assertEqual(err, "")
        self.assertIn(REFUSED, job.run(ASK, "after_script").out)

    def test_one_that_is_stopped_holds_nobody_up(self):
        job = self.prepared()
        look = "stat -c '%i %z' /run/atelier/deploy/socket"
        result = job.run(FIND + LISTENS + look + "; kill -STOP $(relay); echo went on")
        self.assertEqual(result.code, 0, result)
        old = result.out.splitlines()[0]
        # The old socket is there until the next relay has put its own in its place.
        self.assertIn(REFUSED, job.run(f'until [ "$({look})" != "{old}" ]; do sleep 0.05; done 2>/dev/null\n{ASK}').out)

    def test_who_waits_for_one_that_is_stopped_asks_the_next(self):
        job = self.prepared()
        self.assertEqual(job.run(FIND + LISTENS + "kill -STOP $(relay)").code, 0)
        container = job.container()
        ask = f"exec 2>&1; {ASK}; echo code $?; touch /tmp/answered"  # the daemon keeps no order between two streams
        client = subprocess.Popen(["docker", "exec", container, "sh", "-c", ask], stdout=subprocess.PIPE, text=True)
        # The listener, and who waits for it to accept.
        wait_for(lambda: docker("exec", container, "cat", "/proc/net/unix").count("/run/atelier/deploy/.socket") == 2)
        wait_script = "for i in $(seq 600); do [ -e /tmp/answered ] && echo was answered && break; sleep 0.1; done"
        self.assertIn("was answered", job.run(wait_script).out)
        self.assertEqual(client.communicate(timeout=300)[0], f"{REFUSED}\ncode 1\n")

    def test_what_a_job_writes_into_its_stream_ends_it(self):
        for nonsense, why in (("garbage%s", "too long"), ("x\\0\\0\\0\\0%s", "no known kind"), ("=\\0\\0\\0\\1x%s", "nobody is there to say something"),
                              ("(\\0\\0\\0\\0(\\0\\0\\0\\0%s", "before the last one has gone"), ("=\\377\\377\\377\\377%s", "too long")):
            with self.subTest(why):
                job = self.prepared()
                result = job.run(FIND + LISTENS + f"printf '{nonsense}' '' >/proc/$(relay)/fd/1; while [ \"$(relay)\" ]; do sleep 0.1; done\necho went on")
                self.assertIn("went on", result.out)
                self.assertIn("its relay in the job's container: ", result.err)
                self.assertIn(why, result.err)
                self.assertEqual(result.err.count("\n"), 1, result)

    def test_who_asks_without_end_is_stopped(self):
        job = self.prepared()
        result = job.run(FIND + LISTENS + f"touch x; for i in $(seq 200); do deploy-master elsewhere -f x || true; done 2>&1 | sort | uniq -c; {ASK} || echo code $?")
        self.assertIn(f"200 {REFUSED}", result.out)
        self.assertIn("code 3", result.out)
        self.assertIn("its relay in the job's container: this script has asked too often", result.err)

    def test_nonsense_is_refused_and_the_next_request_is_served(self):
        job = self.prepared()
        result = job.run(LISTENS + "curl -s --max-time 30 --unix-socket /run/atelier/deploy/socket http://x/ --http0.9 | tr -d '\\0'; echo\n" + ASK)
        self.assertIn("ERROR: the request was not understood: a field is too long", result.out)
        self.assertIn(REFUSED, result.out)

    def test_a_request_without_end(self):
        job = self.prepared()
        result = job.run(LISTENS + "{ printf 'c\\0\\20\\0\\0'; head -c 5000000 /dev/zero; } | timeout 60 curl -s --max-time 50 --unix-socket "
                         f"/run/atelier/deploy/socket telnet://x -o - | tr -d '\\0' || echo\n{ASK}")
        self.assertIn("the request was not understood", result.out)
        self.assertIn(REFUSED, result.out)

    def test_two_clients_at_once_and_one_that_says_nothing(self):
        job = self.prepared()
        result = job.run(LISTENS + "sleep 1000 | curl -s --unix-socket /run/atelier/deploy/socket telnet://x -o /dev/null &\n"
                         f"set +e; {ASK} & {ASK}; wait $!; {ASK}")
        self.assertEqual(result.out.count(REFUSED), 3, result)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Deploy(Relayed, by_socket.Deploy):
    """All that works through a socket works here; and what is the relay's alone."""

    def test_two_deploys_in_one_job_and_one_after_it(self):
        job = self.ready()
        result = job.run(self.app(SERVE) + UP + "\n" + self.app("true; " + SERVE) + UP)
        self.assertEqual(result.code, 0, result)
        self.assertIn("Release 2 of", result.out)
        result = job.run("deploy-master --rollback here", "after_script")
        self.assertIn("Release 3 of", result.out)
        self.assertEqual((result.code, result.err), (0, ""))

    def test_a_client_that_is_killed_calls_it_off(self):
        job = self.ready()
        running, before = self.interrupted(job, UP + f" & p=$!; {UNDER_WAY}; kill -KILL $p; wait $p || echo code $?; sleep 1")
        out, err = running.communicate(timeout=300)
        self.assertIn("code 137", out)
        self.assert_old_release(job, before)

    def test_a_relay_that_is_killed_in_the_middle(self):
        job = self.ready()
        running, before = self.interrupted(job, FIND + UP + f" & p=$!; {UNDER_WAY}; kill -KILL $(relay); wait $p || echo code $?; {TOLD}")
        self.assertIn("it was killed (status 137); this script cannot deploy any more, and what was not yet switched over is undone",
                      self.told(job, running))
        out, err = running.communicate(timeout=300)
        self.assertIn("the job's host went away in the middle", out)
        self.assertIn("code 3", out)
        self.assert_old_release(job, before)

    def test_a_stream_that_is_spoiled_in_the_middle(self):
        job = self.ready()
        running, before = self.interrupted(job, FIND + UP + f" & p=$!; {UNDER_WAY}; echo spoiled >/proc/$(relay)/fd/1; wait $p || echo code $?")
        out, err = running.communicate(timeout=300)
        self.assertIn("code 3", out)
        self.assertIn("what comes from it is not its own", err)
        self.assert_old_release(job, before)


if __name__ == "__main__":
    unittest.main()
