"""The build container's start, which goes on when prepare has returned."""
import fcntl
import time
import unittest

import images
from hooks import Job, JobTest, await_handlers, docker, has_docker, terminate


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class LateStart(JobTest):
    def prepared(self, config="", **options):
        """A job whose build container may not run yet."""
        job = Job("direct: on\n" + config, **options)
        self.addCleanup(job.__exit__)
        said = job.hook("prepare")
        self.assertEqual((said.code, said.err), (0, ""), said)
        return job

    def state(self, job):
        return docker("inspect", "-f", "{{.State.Status}}", job.container())

    def lock(self, job):
        """What whoever starts the container holds."""
        file = open(job.state / "builds/.direct" / job.label / "build.starting", "r+", encoding="ascii")
        self.addCleanup(file.close)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def test_script_waits_for_it(self):
        job = self.prepared()
        file = self.lock(job)
        self.assertEqual(self.state(job), "running")
        self.assertEqual(job.run("echo helper", "get_sources").out, "helper\n")
        script = job.start_run("echo parent $PPID")
        time.sleep(0.3)
        self.assertIsNone(script.poll())
        file.close()
        self.assertEqual((script.communicate(timeout=60)[0], script.returncode), ("parent 1\n", 0))

    def test_script_that_waits_can_be_cancelled(self):
        job = self.prepared()
        self.lock(job)
        script = job.start_run("echo never")
        await_handlers(script)
        time.sleep(0.3)
        terminate(script)
        out, err = script.communicate(timeout=60)
        self.assertEqual((out, script.returncode), ("", 2), err)
        self.assertIn("cancelled", err)

    def test_one_that_nobody_started_is_started_by_the_script(self):
        job = self.prepared()
        self.lock(job).close()
        docker("kill", job.container())
        self.assertEqual(self.state(job), "exited")
        result = job.run("echo parent $PPID")
        self.assertEqual((result.code, result.out, result.err), (0, "parent 1\n", ""))

    def test_helper_that_ended_takes_the_network_along_and_both_come_back(self):
        job = self.prepared()
        self.lock(job).close()
        docker("kill", job.container("helper"))
        result = job.run("ls /sys/class/net; echo parent $PPID")
        self.assertEqual((result.code, result.err), (0, ""), result)
        self.assertIn("eth0\n", result.out)
        self.assertIn("parent 1\n", result.out)
        self.assertIn("eth0\n", job.run("ls /sys/class/net", "upload_artifacts_on_success").out)

    def test_they_have_one_place_in_the_network_and_one_name(self):
        job = self.prepared()
        look = "hostname; readlink /proc/self/ns/net; cat /etc/hosts /etc/resolv.conf"
        self.assertEqual(job.run(look).out, job.run(look, "get_sources").out)

    def test_what_the_daemon_refuses_is_said_by_the_script(self):
        job = self.prepared("kinds: {build: {devices: [/dev/no-such-device]}}\n")
        self.assertEqual(job.run("echo helper", "get_sources").code, 0)
        result = job.run("echo never")
        self.assertEqual((result.code, result.out), (2, ""), result)
        self.assertIn("start the job's build container", result.err)
        self.assertIn("/dev/no-such-device", result.err)

    def test_cleanup_at_once_leaves_nothing(self):
        for _ in range(5):
            with Job("direct: on\n") as job:
                self.assertEqual(job.hook("prepare").code, 0)
                self.assertEqual(job.hook("cleanup").code, 0)
                self.assertEqual(job.left_in_the_end(), [])
                self.assertFalse((job.state / "builds/.direct" / job.label).exists())

    def test_image_without_a_shell(self):
        image = images.busybox("atelier-test/late-noshell", applets=("true",))
        self.addCleanup(images.remove, image)
        job = self.prepared(image=image)
        result = job.run("echo never")
        self.assertEqual((result.code, result.out), (1, ""), result)
        self.assertIn(f"image '{image}' has no 'sh'", result.err)


if __name__ == "__main__":
    unittest.main()
