"""Networks that wait: a job's goes to the next one, with nothing of the job in it."""
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import unittest

import images
from test_dind import privileges
from hooks import IMAGE, ROOT, await_detached, docker, has_docker, wait_for
from job_series import JobSeries

HELPER = os.environ.get("ATELIER_TEST_HELPER_IMAGE", "atelier/helper:" + (ROOT / "VERSION").read_text().strip())


def remove_bridge(name):
    """The daemon goes on telling of its network."""
    down = struct.pack("16sH14x", name.encode(), 0)
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, down)  # SIOCSIFFLAGS
        fcntl.ioctl(any_socket, 0x89a1, struct.pack("16s", name.encode()))  # SIOCBRDELBR


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class IdleNetworks(JobSeries):
    """Jobs whose networks wait for the next ones."""

    ALWAYS = "cleanup: wait\n"

    def job(self, config="idle_networks: 10\n", **options):
        job = super().job(config, **options)
        self.addCleanup(job.hook, "cleanup")
        return job

    def ended(self, *args, **options):
        """A job has run; the name of the network that it had."""
        job = self.prepared(*args, **options)
        name = self.network(job)
        self.succeeds(job.hook("cleanup"))
        self.assertIsNone(self.network(job))
        return name

    def network(self, job, key=None):
        link = self.first.state / "builds/.networks" / (key or job.label)
        return os.readlink(link) if link.is_symlink() else None

    def is_there(self, name):
        return docker("network", "ls", "--format", "{{.ID}}", "--filter", f"name=^{name}$")

    def network_of(self, job):
        """What the daemon says of its helper, whose place in the network both containers have."""
        return docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", job.container("helper"))


class Taken(IdleNetworks):
    def test_by_the_next_job(self):
        first = self.ended()
        number = self.is_there(first)
        self.assertTrue(number)
        self.assertEqual(self.idle_networks(), [first])
        for _ in range(2):
            job = self.prepared()
            self.assertEqual(self.network_of(job), first)
            self.assertEqual(self.is_there(first), number, "it was made anew")
            self.assertEqual(self.idle_networks(), [])
            self.assertEqual(self.succeeds(job.run("echo $CI_BUILD_NETWORK_NAME")).out, f"{first}\n")
            self.succeeds(job.hook("cleanup"))

    def test_by_one_at_a_time(self):
        first = self.ended()
        one, two = self.prepared(), self.prepared()
        self.assertEqual(self.network_of(one), first)
        self.assertNotEqual(self.network_of(two), first)
        self.succeeds(one.hook("cleanup"))
        self.succeeds(two.hook("cleanup"))
        self.assertEqual(len(self.idle_networks()), 2)

    def test_by_jobs_that_begin_at_once(self):
        first = self.ended()
        jobs = [self.job() for _ in range(6)]
        for process in [job.start("prepare") for job in jobs]:
            out, err = process.communicate()
            self.assertEqual(process.returncode, 0, out + err)
        names = {self.network_of(job) for job in jobs}
        self.assertEqual(len(names), len(jobs), "two jobs have the same network")
        self.assertIn(first, names)

    def test_with_none_of_the_names_that_were_in_it(self):
        image = images.busybox("atelier-test/names", ("sh", "sleep", "nc", "echo"))
        self.addCleanup(images.remove, image)
        first = self.job()
        first.response["services"] = [{"name": image, "alias": "neighbour", "command": ["sleep", "600"], "entrypoint": None}]
        self.succeeds(first.hook("prepare"))
        self.assertEqual(self.succeeds(first.run("getent hosts neighbour >/dev/null && echo known")).out, "known\n")
        name = self.network(first)
        self.succeeds(first.hook("cleanup"))
        job = self.prepared()
        self.assertEqual(self.network_of(job), name)
        self.assertEqual(self.succeeds(job.run("getent hosts neighbour || echo unknown; getent hosts helper >/dev/null && "
                                               "echo the helper")).out, "unknown\nthe helper\n")

    def test_by_what_stands_by(self):
        first = self.ended("idle_networks: 10\nstandby: 1\n", CI_CONCURRENT_PROJECT_ID="0")
        slot = self.first.state / "builds/.standby/tEsT_0123.0"
        await_detached(self.first.config_file)
        wait_for(slot.is_symlink, "a pair stands by")
        key = os.readlink(slot).split()[0]
        self.assertEqual(self.network(None, key), first)
        job = self.prepared("idle_networks: 10\nstandby: 1\n", CI_CONCURRENT_PROJECT_ID="0")
        self.assertEqual(self.succeeds(job.run("echo $CI_BUILD_NETWORK_NAME")).out, f"{first}\n")
        self.assertEqual(self.idle_networks(), [])
        self.configure("standby: 0\n")
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(self.idle_networks(), [first])


class NotTaken(IdleNetworks):
    def test_when_somebody_is_in_it(self):
        first = self.ended()
        stranger = docker("run", "-d", "--rm", "--network", first, IMAGE, "sleep", "600")
        self.addCleanup(docker, "rm", "-f", stranger)
        job = self.prepared()
        self.assertNotIn(self.network_of(job), (first, None))
        self.assertEqual(self.network_of(job), self.network(job))
        self.assertEqual(self.succeeds(job.run("echo $CI_BUILD_NETWORK_NAME")).out, f"{self.network(job)}\n")
        self.assertEqual(docker("inspect", "-f", "{{.State.Running}}", stranger), "true")

    def test_when_it_is_not_like_those_that_are_made(self):
        first = self.ended()
        docker("network", "rm", first)
        docker("network", "create", "--label", "atelier.managed=0", "--label", "atelier.role=network", first)
        number = self.is_there(first)
        job = self.prepared()
        self.assertEqual(self.network_of(job), first)
        self.assertNotEqual(self.is_there(first), number)
        labels = json.loads(docker("network", "inspect", "-f", "{{json .Labels}}", first))
        self.assertNotEqual(labels["atelier.managed"], "0")

    def test_when_it_is_a_strangers(self):
        first = self.ended()
        docker("network", "rm", first)
        docker("network", "create", first)
        self.addCleanup(docker, "network", "rm", first)
        number = self.is_there(first)
        job = self.prepared()
        self.assertNotEqual(self.network_of(job), first)
        self.assertEqual(self.is_there(first), number)

    def test_when_it_was_removed(self):
        first = self.ended()
        docker("network", "rm", first)
        job = self.prepared()
        self.assertEqual(self.network_of(job), first)
        self.assertTrue(self.is_there(first))

    def test_with_the_daemons_socket(self):
        self.ended()
        for access in ("docker: socket", "mounts: ['/var/run/docker.sock:/docker.sock']", "mounts: ['/run/:/host:ro']"):
            with self.subTest(access):
                job = self.prepared(f"idle_networks: 10\nkinds: {{build: {{{access}}}}}\n")
                own = f"atelier-{job.label}"
                self.assertEqual(docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", job.container()), own)
                self.succeeds(job.hook("cleanup"))
                self.assertFalse(self.is_there(own))

    @unittest.skipUnless(os.geteuid() == 0, "needs root")
    def test_when_a_job_could_not_be_prepared_in_it(self):
        first = self.ended()
        number = self.is_there(first)
        bridge = "br-" + number
        remove_bridge(bridge)
        job = self.job()
        result = job.hook("prepare")
        self.assertEqual(result.code, 2, result)
        self.assertIn(bridge, result.err)
        self.succeeds(job.hook("cleanup"))
        self.assertFalse(self.is_there(first))
        self.assertNotEqual(self.network_of(self.prepared()), first)

    def test_when_none_may_wait(self):
        job = self.prepared("idle_networks: 0\n")
        own = f"atelier-{job.label}"
        self.assertEqual(self.network_of(job), own)
        self.succeeds(job.hook("cleanup"))
        self.assertFalse(self.is_there(own))
        self.assertEqual(self.idle_networks(), [])


class FewAddresses(IdleNetworks):
    """A daemon of its own, with addresses for its bridge and three networks."""

    def setUp(self):
        runtime, why_not = privileges()
        if why_not:
            self.skipTest(why_not)
        daemon = docker("run", "-d", "--privileged", *(["--runtime", runtime] if runtime else []), "-v", "/var/lib/docker",
                        "atelier/dind:latest", "dockerd", "--host=unix:///var/run/docker.sock", "--host=tcp://0.0.0.0:2375",
                        "--tls=false", "--default-address-pool=base=10.213.0.0/26,size=28")
        self.addCleanup(docker, "rm", "-f", "-v", daemon)
        address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", daemon)
        self.host = f"tcp://{address}:2375"
        wait_for(lambda: self.inside("version", check=False).returncode == 0, "its daemon")
        with subprocess.Popen(["docker", "save", IMAGE, HELPER], stdout=subprocess.PIPE) as saved:
            self.inside("load", "-q", stdin=saved.stdout)

    def inside(self, *args, check=True, **options):
        return subprocess.run(["docker", "--host", self.host, *args], capture_output=True, check=check, **options)

    def clear(self):
        """The daemon goes with all that it has."""
        shutil.rmtree(self.first.state, ignore_errors=True)

    def test_those_that_wait_make_room(self):
        config = f"docker_host: {self.host}\nhelper_image: {HELPER}\nidle_networks: 10\n"
        first = self.job(config)
        self.succeeds(first.hook("prepare"))
        self.succeeds(first.hook("cleanup"))
        self.assertEqual(len(self.idle_networks()), 1)
        full = [self.inside("network", "create", f"other-{i}", check=False).returncode != 0 for i in range(4)]
        self.assertEqual(full, [False, False, True, True])
        job = self.job(config + "kinds: {build: {docker: socket}}\n")
        self.succeeds(job.hook("prepare"))
        self.assertEqual(self.idle_networks(), [])
        self.assertEqual(self.succeeds(job.run("echo works")).out, "works\n")


class Removed(IdleNetworks):
    def test_above_the_number(self):
        one, two = self.prepared("idle_networks: 1\n"), self.prepared("idle_networks: 1\n")
        names = [self.network(one), self.network(two)]
        self.succeeds(one.hook("cleanup"))
        self.succeeds(two.hook("cleanup"))
        self.assertEqual(len(self.idle_networks()), 1)
        self.assertEqual([name for name in names if self.is_there(name)], self.idle_networks())

    def test_when_the_number_is_none_by_now(self):
        first = self.ended()
        self.ended("idle_networks: 0\n")
        self.assertEqual(self.idle_networks(), [first], "pipelines have none, and leave the runner's alone")
        self.gc()
        self.assertEqual(self.idle_networks(), [])
        self.assertFalse(self.is_there(first))

    def test_after_an_hour(self):
        first = self.ended()
        link = self.first.state / "builds/.networks.idle" / first
        os.utime(link, (1, 1), follow_symlinks=False)
        self.assertIn("1 network that waited for jobs would go", self.gc("--dry-run"))
        self.assertTrue(self.is_there(first))
        self.assertIn("1 network that waited for jobs removed", self.gc())
        self.assertFalse(self.is_there(first))

    def test_not_while_somebody_is_in_it(self):
        first = self.ended()
        stranger = docker("run", "-d", "--rm", "--network", first, IMAGE, "sleep", "600")
        self.configure("idle_networks: 0\n")
        self.gc()
        self.assertEqual(docker("inspect", "-f", "{{.State.Running}}", stranger), "true")
        self.assertTrue(self.is_there(first))
        docker("rm", "-f", stranger)
        docker("network", "rm", first)

    def test_when_nobody_is_in_it_any_more(self):
        first = self.ended()
        stranger = docker("run", "-d", "--rm", "--network", first, IMAGE, "sleep", "600")
        self.ended()
        self.assertTrue(self.is_there(first))
        docker("rm", "-f", stranger)
        self.gc()
        self.assertFalse(self.is_there(first))

    def test_of_a_kept_job(self):
        job = self.prepared("idle_networks: 10\nkeep_failed: 1h\n", CI_JOB_STATUS="failed")
        name = self.network(job)
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(self.network(job), name)
        self.gc("--job", job.label, "--older-than", "0s")
        self.assertIsNone(self.network(job))
        self.assertEqual(self.idle_networks(), [name])

    def test_of_a_prepare_that_was_killed(self):
        job = self.job()
        process = job.start("prepare")
        wait_for(lambda: self.network(job), "it has taken one")
        process.kill()
        process.communicate()
        name = self.network(job)
        self.succeeds(job.hook("cleanup"))
        self.assertIsNone(self.network(job))
        self.assertEqual(self.idle_networks(), [name])

    def test_of_a_job_that_never_came_to_cleanup(self):
        job = self.prepared()
        name = self.network(job)
        link = self.first.state / "builds/.networks" / job.label
        os.utime(link, (1, 1), follow_symlinks=False)
        self.gc()
        self.assertEqual(self.network(job), name, "a job is at work in it")
        self.gc("--job", job.label, "--older-than", "0s")
        self.assertIsNone(self.network(job))
        self.assertEqual(self.idle_networks(), [name])


if __name__ == "__main__":
    unittest.main()
