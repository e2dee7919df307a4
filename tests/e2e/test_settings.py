"""What the host's owner may set of a job's containers, where the daemon's own answer counts."""
import json
import time
import unittest

import images
from hooks import Job, docker, has_docker, processes_in, terminate, wait_for


def inspect(container):
    return json.loads(docker("inspect", container))[0]


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class SettingsTest(unittest.TestCase):
    def prepared(self, settings, *services, more=""):
        job = Job("kinds: {build: {%s}}\n" % settings + more)
        self.addCleanup(job.__exit__)
        job.response["services"] = list(services)
        result = job.hook("prepare")
        self.assertEqual(result.code, 0, result)
        return job


class Settings(SettingsTest):
    def test_user_and_groups(self):
        job = self.prepared("user: '1234:1235', group_add: 4321")
        self.assertEqual(job.run("id -u; id -G").out.split(), ["1234", "1235", "4321"])
        self.assertEqual(job.run("id -u", "get_sources").out, "0\n")

    def test_address_in_the_network(self):
        job = self.prepared("mac_address: '02:42:aa:bb:cc:0D'")
        address = "02:42:aa:bb:cc:0d"
        self.assertEqual(job.run("cat /sys/class/net/eth0/address").out.strip(), address)
        self.assertEqual(job.run("cat /sys/class/net/eth0/address", "get_sources").out.strip(), address, "the same place")

    def test_a_job_that_may_change_the_network_has_a_place_of_its_own(self):
        job = self.prepared("cap_add: NET_ADMIN, mac_address: '02:42:aa:bb:cc:0D'")
        self.assertNotIn("02:42:aa:bb:cc:0d", job.run("cat /sys/class/net/eth0/address", "get_sources").out)

    def test_weights(self):
        job = self.prepared("cpu_shares: 512, cpuset_mems: 0, oom_score_adjust: 500, cgroup_parent: /atelier-test")
        for role in ("build", "helper"):
            host = inspect(job.container(role))["HostConfig"]
            self.assertEqual((host["CpuShares"], host["CpusetMems"], host["OomScoreAdj"], host["CgroupParent"]),
                             (512, "0", 500, "/atelier-test"))
        self.assertEqual(job.run("cat /proc/self/oom_score_adj").out, "500\n")

    def test_log_options_of_services_alone(self):
        image = images.busybox("atelier-test/says", applets=("sh", "sleep"))
        self.addCleanup(images.remove, image)
        job = self.prepared("log_options: {env: SEEN, labels: atelier.job}",
                            {"name": image, "entrypoint": ["/bin/sh", "-c"], "command": ["echo hello; exec sleep 1000"],
                             "variables": [{"key": "SEEN", "value": "yes"}]})
        service = job.container("service")
        said = wait_for(lambda: docker("logs", "--details", service), "the service says something")
        self.assertEqual(said, f"SEEN=yes,atelier.job={job.label} hello")
        config = inspect(service)["HostConfig"]["LogConfig"]["Config"]
        self.assertEqual(config["max-size"], "10m", "still bounded")
        self.assertEqual(inspect(job.container())["HostConfig"]["LogConfig"], {"Type": "none", "Config": {}})


class Init(SettingsTest):
    """Process 1 is the daemon's init: what ends a script's processes must spare our keeper all the same."""

    def setUp(self):
        self.job = self.prepared("init: true", more="cancel_grace: 300s\n")

    def alive(self):
        """The processes of the build container, but for init and keeper."""
        return [row for row in processes_in(self.job.container()) if "sleep 3600" not in row]

    def test_it_is_there(self):
        self.assertEqual(self.job.run("cat /proc/1/comm").out, "docker-init\n")
        self.assertEqual(self.job.run("cat /proc/1/comm", "get_sources").out, "docker-init\n")

    def test_background_processes_end_with_the_script(self):
        result = self.job.run("sleep 600 & setsid sleep 600 & echo done")
        self.assertEqual((result.code, result.out), (0, "done\n"))
        self.assertEqual(self.alive(), [])
        self.assertEqual(self.job.run("echo after", "after_script").out, "after\n")

    def test_orphans_do_not_pile_up(self):
        result = self.job.run("for i in 1 2 3; do (sleep 0.1 & echo $! >>/tmp/orphans); done; "
                              "for i in $(cat /tmp/orphans); do while [ -e /proc/$i ]; do sleep 0.05; done; done; echo buried")
        self.assertEqual(result.out, "buried\n", result)

    def test_cancelled_scripts_run_their_traps(self):
        run = self.job.start_run("trap 'echo trapped; exit 0' TERM; echo ready; sleep 600 & wait; sleep 600")
        run.stdout.readline()
        start = time.monotonic()
        terminate(run)
        out, err = run.communicate()
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("trapped", out)
        self.assertLess(time.monotonic() - start, 120, "before the grace was over")
        self.assertEqual(self.alive(), [])
        self.assertEqual(self.job.run("echo after", "after_script").out, "after\n")


if __name__ == "__main__":
    unittest.main()
