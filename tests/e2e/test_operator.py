"""What operators type: `atelier gc` and `atelier doctor`, with the real Docker daemon.

Other jobs may run on the same daemon: every gc here that removes is confined to a runner of its own.
"""
import json
import os
import pathlib
import secrets
import signal
import subprocess
import tempfile
import time
import unittest

import images
from hooks import ATELIER, Job, Result, docker, has_docker, left_of, wait_for
from proxy import Connection
from scripted_daemon import Daemon

NOBODY = 65534
PAST, FUTURE = "1000000000", "9000000000"


def start(*args, env=None, **options):
    return subprocess.Popen([ATELIER, *args], env={**os.environ, "NO_COLOR": "1", **(env or {})}, text=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def atelier(*args, **options):
    return Result(start(*args, **options))


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Gc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = images.busybox("atelier-test/gc", applets=("sh", "sleep"))

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.image)

    def setUp(self):
        self.runner = "gc" + secrets.token_hex(4)

    def gc(self, *args, **options):
        return atelier("gc", "--runner", self.runner, *args, **options)

    def labels(self, job, expires):
        labels = {"managed": "0.0.0", "job": job, "project": "group/proj", "runner": self.runner, "expires": expires}
        return [word for key, value in labels.items() if value for word in ("--label", f"atelier.{key}={value}")]

    def make(self, number, expires, running=True):
        """A container in a network, with a volume: what a job leaves. Its key."""
        job = f"{self.runner}-{number}"
        labels = self.labels(job, expires)
        self.addCleanup(self.remove, job)
        docker("network", "create", *labels, job)
        docker("volume", "create", *labels, job)
        docker("run" if running else "create", *(["-d"] if running else []), *labels, "--name", job, "--network", job,
               "-v", f"{job}:/data", self.image, "sleep", "600")
        return job

    def remove(self, job):
        docker("rm", "-fv", job, check=False)
        docker("network", "rm", job, check=False)
        docker("volume", "rm", job, check=False)

    def test_removes_what_has_expired_and_nothing_else(self):
        old, stopped, young, undated = (self.make(1, PAST), self.make(2, PAST, running=False), self.make(3, FUTURE),
                                        self.make(4, None))
        result = self.gc()
        self.assertEqual((result.code, result.err), (0, ""), result)
        self.assertEqual(left_of(old) + left_of(stopped), [])
        self.assertEqual((len(left_of(young)), len(left_of(undated))), (3, 3))
        lines = result.out.splitlines()
        self.assertEqual(lines[0].split(), ["KIND", "NAME", "JOB", "PROJECT", "AGE", "RESULT"])
        self.assertEqual([line.split()[0] for line in lines[1:7]], 2 * ["container"] + 2 * ["network"] + 2 * ["volume"])
        self.assertTrue(all(line.endswith(" removed") and " group/proj " in line for line in lines[1:7]), result)
        self.assertEqual(lines[7:], ["Removed 6 of 6; 6 that may still be needed stay"])
        again = self.gc()
        self.assertEqual((again.code, again.out), (0, "Nothing to remove; 6 that may still be needed stay\n"))

    def test_dry_run_removes_nothing(self):
        old = self.make(1, PAST)
        result = self.gc("--dry-run")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(len(left_of(old)), 3)
        self.assertEqual(result.out.count(" would go\n"), 3, result)
        self.assertIn("3 would be removed", result.out)

    def test_what_is_not_ours_stays(self):
        name = f"{self.runner}-foreign"
        self.addCleanup(self.remove, name)
        docker("network", "create", "--label", f"atelier.runner={self.runner}", "--label", f"atelier.expires={PAST}", name)
        self.assertEqual(self.gc().out, "Nothing to remove\n")
        self.assertTrue(docker("network", "ls", "-q", "--filter", f"name={name}"))

    def test_by_job(self):
        one, two = self.make(1, PAST), self.make(2, PAST)
        result = atelier("gc", "--job", one)
        self.assertEqual(result.code, 0, result)
        self.assertEqual((left_of(one), len(left_of(two))), ([], 3))

    def test_by_age(self):
        young, undated = self.make(1, FUTURE), self.make(2, None)
        self.assertIn("Nothing to remove", self.gc("--older-than", "1h").out)
        time.sleep(2)
        result = self.gc("--older-than", "1s")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(left_of(young) + left_of(undated), [])
        wrong = self.gc("--older-than", "soon")
        self.assertEqual(wrong.code, 2)
        self.assertIn("'soon' is no duration", wrong.err)

    def test_labels_that_no_text_of_c_can_hold(self):
        """One container like that must not hide all the others."""
        job = f"{self.runner}-1"
        self.addCleanup(self.remove, job)
        connection = Connection(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
        connection.request("POST", f"/v1.41/containers/create?name={job}", json.dumps({"Image": self.image, "Cmd": ["sh"], "Labels": {
            "atelier.managed": "0", "atelier.job": job, "atelier.runner": self.runner, "atelier.expires": PAST,
            "a\0b": "c\0d"}}), {"Content-Type": "application/json"})
        self.assertEqual(connection.getresponse().status, 201)
        result = self.gc()
        self.assertEqual(result.code, 0, result)
        self.assertIn("Removed 1 of 1", result.out)

    def test_a_crashed_job(self):
        """The runner was killed after prepare. Its time is not over, and then it is."""
        with Job(image=self.image, CI_RUNNER_SHORT_TOKEN=self.runner) as job:
            job.label = f"{self.runner}-{job.id}"
            self.assertEqual(job.hook("prepare").code, 0)
            made = len(job.left())
            self.assertIn("Nothing to remove", self.gc().out)
            self.assertEqual(job.run("echo it still works").code, 0, "the job was not touched")
            time.sleep(2)
            result = self.gc("--older-than", "1s")
            self.assertEqual(result.code, 0, result)
            self.assertIn(f"Removed {made} of {made}", result.out)
            self.assertEqual(job.left(), [])
            self.assertEqual(job.hook("cleanup").code, 0)

    def test_beside_a_running_job_and_others_of_its_kind(self):
        old = [self.make(number, PAST) for number in range(1, 4)]
        with Job(image=self.image, CI_RUNNER_SHORT_TOKEN=self.runner) as job:
            job.label = f"{self.runner}-{job.id}"
            self.assertEqual(job.hook("prepare").code, 0)
            job.wait_for_start()
            script = job.start_run("until [ -e /tmp/go ]; do sleep 0.05; done; echo finished")
            results = [Result(process) for process in [start("gc", "--runner", self.runner) for _ in range(4)]]
            self.assertEqual([result.code for result in results], [0, 0, 0, 0], results)
            self.assertEqual([left_of(each) for each in old], [[], [], []])
            docker("exec", job.container(), "sh", "-c", ">/tmp/go")
            self.assertIn("finished", Result(script).out)

    def test_what_stays_is_named_and_the_rest_goes(self):
        """A volume that a container of somebody else holds."""
        old, other = self.make(1, PAST), f"{self.runner}-holder"
        self.addCleanup(docker, "rm", "-f", other, check=False)
        docker("create", "--name", other, "-v", f"{old}:/data", self.image, "true")
        result = self.gc()
        self.assertEqual(result.code, 2, result)
        self.assertIn(f"ERROR: remove volume '{old}': ", result.err)
        self.assertIn("Removed 2 of 3", result.out)
        self.assertEqual(left_of(old), [old])
        docker("rm", "-f", other)
        self.assertEqual(self.gc().code, 0)

    def test_without_a_daemon(self):
        result = self.gc(env={"DOCKER_HOST": "unix:///nowhere"})
        self.assertEqual((result.code, result.out), (2, ""))
        self.assertIn("there is no such socket", result.err)


class Interrupted(unittest.TestCase):
    def test_a_signal_ends_what_waits_for_a_daemon(self):
        with tempfile.TemporaryDirectory(prefix="atelier-operator-") as folder:
            socket = f"{folder}/docker.sock"
            with Daemon(socket, ">> GET /info\n  hang\n>> GET /containers/json\n  hang\n") as daemon:
                for number, command in enumerate(("gc", "doctor"), 1):
                    process = start(command, env={"DOCKER_HOST": f"unix://{socket}"})
                    wait_for(lambda: len([target for _, target, *_ in daemon.requests if "_ping" not in target])
                             == number, "a request")  # pylint: disable=W0640
                    process.send_signal(signal.SIGINT)
                    self.assertEqual(Result(process).code, -signal.SIGINT)


class Doctor(unittest.TestCase):
    """Each test finds one thing wrong with a host that is good otherwise."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atelier-doctor-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)
        self.builds = self.folder / "builds"
        self.builds.mkdir(mode=0o700)

    def doctor(self, more="", env=None, **options):
        """Findings as (verdict, check, text, what to type)."""
        config = self.folder / "config.yml"
        config.write_text(f"builds: {self.builds}\ncache: {self.folder}/cache\n{more}")
        self.result = atelier("doctor", "--config", str(config), env=env, **options)
        self.assertEqual(self.result.err, "")
        found = []
        for line in self.result.out.split("\n\n")[0].splitlines():
            if line.startswith(" "):
                found[-1][3] = line.strip().removeprefix("type: ")
            else:
                found.append([*line.split(None, 2), None])
        return found

    def problems(self, *args, **options):
        found = self.doctor(*args, **options)
        self.assertEqual(self.result.code, 1, self.result)
        bad = [finding for finding in found if finding[0] == "problem"]
        self.assertTrue(all(finding[3] for finding in bad), "each says what to type")
        return bad

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_a_good_host(self):
        found = self.doctor()
        self.assertEqual(self.result.code, 0, self.result)
        self.assertNotIn("problem ", self.result.out)
        self.assertEqual(list(dict.fromkeys(finding[1] for finding in found)),
                         ["configuration", "docker", "storage", "limits", "images", "folders", "disk", "cache", "standby",
                          "leftovers", "runner"])
        self.assertFalse((self.folder / "cache").exists(), "nothing is changed")
        self.assertNotIn("\033", self.result.out)

    def test_no_daemon(self):
        [[_, check, text, fix]] = self.problems(env={"DOCKER_HOST": "unix:///nowhere"})
        self.assertEqual((check, fix), ("docker", "systemctl start docker"))
        self.assertIn("there is no such socket", text)
        self.assertIn("skipped  images         Docker cannot be asked", self.result.out)

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_no_helper_image(self):
        [[_, check, text, fix]] = self.problems("helper_image: atelier-test/nowhere:1\n")
        self.assertEqual((check, fix), ("images", "sh packaging/images/make helper"))
        self.assertIn("atelier-test/nowhere:1", text)

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_no_default_image_is_a_warning(self):
        found = self.doctor("image: atelier-test/nowhere:1\n")
        self.assertEqual(self.result.code, 0)
        [[_, check, _, fix]] = [finding for finding in found if "nowhere" in finding[2]]
        self.assertEqual((check, fix), ("images", "docker pull atelier-test/nowhere:1"))

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_a_folder_that_others_can_read(self):
        for mode in (0o755, 0o750, 0o701):
            with self.subTest(oct(mode)):
                self.builds.chmod(mode)
                [[_, check, text, fix]] = self.problems()
                self.assertEqual((check, fix), ("folders", f"chmod 700 {self.builds}"))
                self.assertIn(f"mode {mode:04o}", text)

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_a_folder_that_is_none(self):
        self.builds.rmdir()
        self.builds.write_text("")
        self.assertIn("is no folder", self.problems()[0][2])

    @unittest.skipUnless(has_docker() and os.getuid() == 0, "needs a Docker daemon, and root to become another user")
    def test_a_user_without_permission(self):
        os.chown(self.builds, NOBODY, NOBODY)
        [[_, check, text, fix]] = self.problems(user=NOBODY, group=NOBODY, extra_groups=[])
        self.assertEqual(check, "docker")
        self.assertIn("no permission", text)
        self.assertIn("usermod -aG docker", fix)

    @unittest.skipUnless(has_docker() and os.getuid() == 0, "needs a Docker daemon, and root to give a folder away")
    def test_a_folder_of_another_user(self):
        os.chown(self.builds, NOBODY, NOBODY)
        found = self.doctor()
        self.assertEqual(self.result.code, 0, self.result)
        self.assertIn(["warning", "folders"], [finding[:2] for finding in found])

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_a_wrong_configuration(self):
        [[_, check, text, fix]] = self.problems("memroy: 1g\n")
        self.assertEqual((check, fix), ("configuration", "atelier check"))
        self.assertIn("config.yml:3:", text)

    @unittest.skipUnless(has_docker(), "needs a Docker daemon")
    def test_leftovers_are_counted(self):
        name = "doctor" + secrets.token_hex(4)
        docker("volume", "create", "--label", "atelier.managed=0", "--label", f"atelier.job={name}",
               "--label", f"atelier.expires={PAST}", name)
        self.addCleanup(docker, "volume", "rm", name, check=False)
        found = self.doctor()
        self.assertEqual(self.result.code, 0, self.result)
        self.assertIn(["warning", "leftovers", "atelier gc"], [[f[0], f[1], f[3]] for f in found])

    def test_runners_old_and_new(self):
        for version, verdict in (("19.3.0", "ok"), ("17.9.0", "ok"), ("17.8.3", "warning"), ("14.7.0", "warning"),
                                 ("13.12.0", "problem")):
            with self.subTest(version):
                program = self.folder / "gitlab-runner"
                program.write_text(f"#!/bin/sh\nprintf 'Version:      {version}\\nGit revision: 0\\n'\n")
                program.chmod(0o755)
                found = self.doctor(env={"PATH": f"{self.folder}:{os.environ['PATH']}"})
                self.assertEqual([f[0] for f in found if f[1] == "runner"][0], verdict)

    def test_what_a_daemon_warns_of(self):
        info = {"ServerVersion": "99.0", "Driver": "vfs", "Warnings": ["WARNING: No swap limit support", "\033[2J\nodd"]}
        script = (f">> GET /info\n  200 {json.dumps(info)}\n>> GET /images/*\n  200 {{}}\n"
                  '>> GET /containers/json\n  200 []\n>> GET /networks\n  200 []\n>> GET /volumes\n  200 {"Volumes":null}\n')
        socket = self.folder / "docker.sock"
        with Daemon(str(socket), script):
            found = self.doctor(env={"DOCKER_HOST": f"unix://{socket}"})
        self.assertEqual(self.result.code, 0, self.result)
        swap, odd = [finding for finding in found if finding[1] == "limits"]
        self.assertEqual(swap[2], "Docker says: No swap limit support")
        self.assertIn("swapaccount=1", swap[3])
        self.assertEqual(odd[2], "Docker says: \\x1b[2J")
        self.assertIn(["warning", "storage"], [finding[:2] for finding in found])


if __name__ == "__main__":
    unittest.main()
