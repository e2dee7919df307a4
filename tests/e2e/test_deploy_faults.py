"""Deploys that are killed, or whose target fails them: the old release serves, and the next deploy heals."""
import os
import pathlib
import random
import subprocess
import tempfile
import time
import unittest

from deploys import APP, HOST, DeployCase, docker, kill, wait_until
from relay import Relay

KILLS = 20  # each in its own twentieth of a deploy


class Killed(DeployCase):
    def serving(self, d, release):
        """The routed service's container of that release runs, and is well."""
        found = [c for c in d.containers() if c["Config"]["Labels"]["atelier.service"] == "app" and
                 c["Config"]["Labels"]["atelier.release"] == str(release)]
        return len(found) == 1 and found[0]["State"]["Running"] and found[0]["State"]["Health"]["Status"] == "healthy"

    def live(self, d):
        return max(number for number, record in d.records().items() if record["result"] == "deployed")

    def test_kill_at_any_moment(self):
        d = self.deployment("kill", drain="500ms")
        began = time.monotonic()
        d.up(APP)
        whole = time.monotonic() - began
        seed = int(os.environ.get("ATELIER_TEST_SEED", random.randrange(1 << 30)))
        dice = random.Random(seed)
        for i in range(KILLS):
            d.variables["X_IMAGE"] = self.other if i % 2 == 0 else self.image
            d.secrets["API_KEY"] = f"key-of-staging-{i}"
            moment = whole * (i + dice.random()) / KILLS
            process = d.start()
            try:
                process.wait(moment)
            except subprocess.TimeoutExpired:
                pass
            kill(process)
            with self.subTest(seed=seed, kill=i, moment=moment):
                self.assertTrue(self.serving(d, self.live(d)))
                done = d.up(APP)
                self.assertTrue(self.serving(d, self.live(d)), done)
                self.assertEqual(sorted(d.ids()), ["app", "worker"])
                self.assertEqual(d.running(), ["app", "worker"])
                self.assertIn(f"KEY=key-of-staging-{i}", d.container("app")["Config"]["Env"])
        self.assertEqual(d.locks() + d.volumes("lease"), [])

    def test_a_signal_undoes_what_was_begun(self):
        d = self.deployment("signal")
        d.up(APP)
        before = d.ids()
        d.variables["X_IMAGE"] = self.other
        process = d.start(compose=APP.replace('["CMD", "true"], interval: 1s', '["CMD", "false"], interval: 1s, retries: 99'))
        wait_until(lambda: len([c for c in d.containers() if c["State"]["Running"]]) == 3, "the new one runs")
        process.terminate()
        output = process.communicate(timeout=300)[0]
        self.assertIn("ended by a signal (Terminated); release 1 goes on serving", output)
        self.assertEqual(d.ids(), before)
        self.assertEqual(d.running(), ["app", "worker"])
        self.assertEqual(d.locks() + d.volumes("lease"), [])

    def test_a_lock_of_another_host_ends_with_its_lease(self):
        d = self.deployment("lease", lock_wait="90s")
        docker("create", "--name", f"atelier-lock-{d.unit}", "--label", f"atelier.unit={d.unit}", "--label", "atelier.duty=lock",
               "--label", "atelier.token=gone", "--label", "atelier.who=somebody else", "--label",
               "atelier.holder=other-host/pid:[1]/7/7", self.image)
        done = d.up(APP)
        self.assertIn("Waiting: somebody else deploys this environment", done.output)
        self.assertIn("The deploy of somebody else ended before it was done", done.output)


class Target(DeployCase):
    def break_at(self, name, cue):
        """A deploy whose daemon is gone once it was asked for `cue`."""
        d = self.deployment(name)
        d.up(APP)
        before = d.ids()
        d.variables["X_IMAGE"] = self.other
        with tempfile.TemporaryDirectory() as folder:
            relay = Relay(pathlib.Path(folder) / "docker.sock", cue)
            d.target["docker_host"] = f"unix://{relay.path}"
            done = d.run(compose=APP)
            d.target["docker_host"] = HOST
        return d, before, done

    def test_the_daemon_goes_away_in_the_middle(self):
        for i, cue in enumerate(("/start", "/containers/create?name=tests-")):
            d, before, done = self.break_at(f"away{i}", cue)
            self.assertEqual(done.code, 2, done)
            self.assertIn("release 1 goes on serving", done.output)
            self.assertIn(before["app"], [c["Id"] for c in d.containers() if c["State"]["Running"]])
            healed = d.up(APP)
            self.assertIn("ended before it was done", healed.output)
            self.assertEqual(d.running(), ["app", "worker"])

    def test_the_record_that_was_written_counts(self):
        d, _, done = self.break_at("record", '"Name":"atelier-release-')  # a lease is a volume too
        self.assertEqual(d.running().count("app"), 2 if done.code else 1, done)
        d.up(APP)
        self.assertEqual(d.running(), ["app", "worker"])

    def test_a_full_disk(self):
        d = self.deployment("full")
        d.up(APP)
        before = d.ids()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=2", "tmpfs", d.folder / "data"], check=False)
        if mounted.returncode:
            self.skipTest("cannot mount")
        self.addCleanup(subprocess.run, ["umount", d.folder / "data"], check=False)
        done = d.run(compose=APP.replace("depends_on: [worker]", "volumes: [./data/a/b:/data]"))
        self.assertEqual(done.code, 2, done)
        self.assertIn("no space left on device", done.output)
        self.assertIn("release 1 goes on serving", done.output)
        self.assertEqual(d.ids(), before)


del DeployCase

if __name__ == "__main__":
    unittest.main()
