"""When cleanup returns, no process of the job runs any more; all else goes soon, and nobody gets in anybody's way."""
import contextlib
import fcntl
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

from hooks import ATELIER, Job, JobTest, await_detached, docker, has_docker
from relay import Relay

SECONDS = 60


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class CleanupTest(JobTest):
    def succeeds(self, result):
        self.assertEqual(result.code, 0, result)
        return result

    def lock_file(self, job):
        return job.state / "builds/.cleanup" / job.label

    def wait_until(self, condition, what):
        deadline = time.monotonic() + SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.05)


class Detached(CleanupTest):
    def writer(self, job, role="build"):
        """A process of the job that no script of it ends, and the file that it writes to."""
        inside = job.hook("config").out.split('"builds_dir":"')[1].split('"')[0]
        name = f"{inside}/written-by-{role}"
        docker("exec", "-d", job.container(role), "sh", "-c", f"while :; do echo x >>{name}; done")
        path = pathlib.Path(name)
        self.wait_until(path.exists, "it does not write")
        return path

    def assert_still(self, path):
        size = path.stat().st_size
        time.sleep(0.3)
        self.assertEqual(path.stat().st_size, size, "something still writes to the build folder")

    def test_no_process_is_left_when_it_returns(self):
        job = self.prepared()
        paths = [self.writer(job, role) for role in ("build", "helper")]
        self.succeeds(job.hook("cleanup"))
        for path in paths:
            self.assert_still(path)
        self.assertEqual(job.left_in_the_end(), [])
        self.wait_until(lambda: not self.lock_file(job).exists(), "nobody says that all is done")

    def test_nor_one_that_is_paused(self):
        job = self.prepared()
        path = self.writer(job)
        docker("pause", job.container())
        self.succeeds(job.hook("cleanup"))
        self.assert_still(path)
        self.assertEqual(job.left_in_the_end(), [])

    def test_with_a_configuration_that_was_broken_meanwhile(self):
        job = self.prepared()
        good = job.config_file.read_text()
        job.config_file.write_text("kinds: [")
        result = self.succeeds(job.hook("cleanup"))
        job.config_file.write_text(good)
        self.assertIn("cleaning up with the defaults", result.err)
        self.assertEqual(job.left(), [])
        self.assertEqual([path.name for path in job.folder.iterdir() if path.name.startswith("(")], [])

    def test_waits_when_it_is_told_to(self):
        job = self.prepared("cleanup: wait\n")
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(job.left(), [])
        self.assertFalse(self.lock_file(job).exists())

    def test_two_at_once_and_one_more(self):
        job = self.prepared()
        both = [job.start("cleanup") for _ in range(2)]
        self.assertEqual([(each.communicate(), each.returncode)[1] for each in both], [0, 0])
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(job.left_in_the_end(), [])

    def test_the_next_try_keeps_what_it_makes(self):
        """gitlab-runner prepares the same job again, at once."""
        job = self.prepared("kinds: {build: {mounts: [/scratch]}}\n")
        for _ in range(3):
            self.succeeds(job.hook("cleanup"))
            self.succeeds(job.hook("prepare"))
            self.assertFalse(self.lock_file(job).exists(), "nobody removes anything any more")
            self.assertEqual(len(job.left()), 4, "two containers, a network and a volume")
            self.assertEqual(self.succeeds(job.run("touch /scratch/file && echo here")).out, "here\n")

    def test_the_next_try_waits_for_its_end(self):
        job = Job()
        self.addCleanup(job.__exit__)
        self.lock_file(job).parent.mkdir(parents=True)
        with self.lock_file(job).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            prepare = job.start("prepare")
            with self.assertRaises(subprocess.TimeoutExpired):
                prepare.wait(1)
            self.assertEqual(job.left(), [])
            self.lock_file(job).unlink()
        prepare.communicate()
        self.assertEqual(prepare.returncode, 0)

    def test_so_many_at_work_that_the_hook_waits(self):
        job = self.prepared()
        self.lock_file(job).parent.mkdir(exist_ok=True)
        with contextlib.ExitStack() as others:
            for number in range(16):
                held = others.enter_context((self.lock_file(job).parent / f"other-{number}").open("w"))
                fcntl.flock(held, fcntl.LOCK_EX)
            self.succeeds(job.hook("cleanup"))
            self.assertEqual(job.left(), [])


class Abandoned(CleanupTest):
    def gc(self, job, *args):
        return subprocess.run([ATELIER, "--config", job.config_file, "gc", "--job", job.label, *args],
                              capture_output=True, text=True, check=True).stdout

    def test_gc_and_doctor_know_one_that_was_killed(self):
        job = self.prepared()
        self.lock_file(job).parent.mkdir(exist_ok=True)
        self.lock_file(job).touch()
        doctor = subprocess.run([ATELIER, "--config", job.config_file, "doctor"], capture_output=True, text=True, check=False)
        self.assertIn("1 jobs' cleanup did not come to its end", doctor.stdout)
        self.assertIn("3 would be removed", self.gc(job, "--dry-run"))
        self.assertEqual(len(job.left()), 3)
        self.assertIn("Removed 3 of 3", self.gc(job))
        self.assertEqual(job.left(), [])
        self.assertFalse(self.lock_file(job).exists())

    def test_gc_leaves_one_that_is_at_work(self):
        job = self.prepared()
        self.lock_file(job).parent.mkdir(exist_ok=True)
        with self.lock_file(job).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.assertIn("Nothing to remove", self.gc(job))
        self.assertEqual(len(job.left()), 3)

    def test_a_daemon_that_goes_away_meanwhile(self):
        job = self.prepared()
        folder = tempfile.TemporaryDirectory(prefix="atelier-relay-")
        self.addCleanup(folder.cleanup)
        socket = pathlib.Path(folder.name) / "docker.sock"
        with Relay(socket, "DELETE /v1.41/containers/", 0):
            job.extra = {"DOCKER_HOST": f"unix://{socket}"}
            self.succeeds(job.hook("cleanup"))
            self.wait_until(lambda: self.lock_file(job).exists() and self.lock_file(job).read_text(), "no reason is told")
        job.extra = {}
        await_detached(job.config_file)  # which has the lock until then
        self.assertIn(f"clean up job {job.label}", self.lock_file(job).read_text())
        self.gc(job)
        self.assertEqual(job.left_in_the_end(), [])
        self.assertFalse(self.lock_file(job).exists())


class Trace(CleanupTest):
    def test_a_waterfall_of_all_hooks(self):
        job = Job()
        self.addCleanup(job.__exit__)
        for hook in (("config",), ("prepare",), ("run", job.script("true"), "build_script"), ("cleanup",)):
            self.succeeds(job.hook(*hook))
        self.assertEqual(job.left_in_the_end(), [])

        def shown(*args):
            return subprocess.run([ATELIER, "--config", job.config_file, "trace", *args], capture_output=True, text=True,
                                  check=True).stdout
        self.wait_until(lambda: "\nremoval " in shown(job.id), "the detached process writes down what it took")
        for name in ("config", "prepare", "  images", "  start", "build_script", "cleanup", "  end its processes"):
            self.assertRegex(shown(), rf"(?m)^{name} +[0-9.]+ +[0-9.]+ +#+$")
        self.assertNotIn(job.token, (job.state / "builds/.trace" / job.label).read_text())
        await_detached(job.config_file)
        self.assertNotIn("standby", shown(), "nothing is to stand by")

    def test_off(self):
        job = self.prepared("trace: 0\n")
        self.assertFalse((job.state / "builds/.trace").exists())


class SharedNetwork(CleanupTest):
    """The helper has the build container's place in the network, whatever becomes of that container."""

    ADDRESS = "cat /sys/class/net/eth0/address"

    def test_it_is_one_place(self):
        job = self.prepared()
        self.assertEqual(job.run(self.ADDRESS).out, self.succeeds(job.run(self.ADDRESS, "get_sources")).out)

    def test_the_build_container_ends_and_the_helper_goes_on(self):
        job = self.prepared()
        docker("kill", job.container())
        self.succeeds(job.run(self.ADDRESS, "upload_artifacts_on_failure"))
        self.succeeds(job.run(self.ADDRESS))

    def test_the_build_container_runs_again_first(self):
        job = self.prepared()
        docker("kill", job.container())
        address = self.succeeds(job.run(self.ADDRESS, "after_script")).out
        self.assertEqual(self.succeeds(job.run(self.ADDRESS, "upload_artifacts_on_failure")).out, address)

    def test_a_name_that_somebody_else_has(self):
        job = Job()
        self.addCleanup(job.__exit__)
        other = docker("run", "-d", "--name", f"atelier-{job.label}-build", "--entrypoint", "sleep",
                       os.environ.get("ATELIER_TEST_IMAGE", "atelier/ci:latest"), "600")
        self.addCleanup(docker, "rm", "-f", other)
        self.assertIn("a container of another owner", self.succeeds(job.hook("prepare")).err)
        self.assertEqual(job.run(self.ADDRESS).out, self.succeeds(job.run(self.ADDRESS, "get_sources")).out)


if __name__ == "__main__":
    unittest.main()
