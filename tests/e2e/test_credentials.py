"""Credentials, pull policies and retries, against a real registry with a password and a scripted daemon."""
import base64
import json
import os
import pathlib
import re
import shutil
import tempfile
import time
import unittest

import images
import password_registry
from hooks import IMAGE, Job, docker, has_docker, terminate, wait_for
from scripted_daemon import Daemon

FROM_JOB = "Authenticating with credentials from job payload (GitLab Registry)"
FROM_VARIABLE = "Authenticating with credentials from $DOCKER_AUTH_CONFIG"


@password_registry.needed
@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Credentials(unittest.TestCase):
    """One private image; each test says who knows the password, and who only thinks so."""

    @classmethod
    def setUpClass(cls):
        registry = password_registry.PasswordRegistry()
        cls.user, cls.password, cls.registry = registry.user, registry.password, registry.host
        cls.image = f"{cls.registry}/atelier-test/private/app:{os.getpid()}"
        local = images.busybox("atelier-test/credentials", ("sh", "cat", "mkdir", "rm"))
        registry.push(local, cls.image)
        images.remove(local)

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="atelier-home-"))
        self.addCleanup(shutil.rmtree, self.home)
        self.addCleanup(images.remove, self.image)

    def config(self, password=None, registry=None, **more):
        """A Docker client's configuration with a login, as text."""
        pair = base64.b64encode(f"{self.user}:{password or self.password}".encode()).decode()
        return json.dumps({"auths": {registry or self.registry: {"auth": pair}}, **more})

    def on_host(self, text, name=".docker/config.json"):
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def helper(self, name, body):
        """A program docker-credential-NAME on a PATH of its own; what it was asked is in HOME/asked."""
        path = self.home / "bin" / f"docker-credential-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\n{{ echo "$*"; cat; echo; }} >>"{self.home}/asked"\n{body}\n')
        path.chmod(0o755)

    def job(self, variable=None, sent=None, config="pull_policy: always\n", env=None):
        variables = {"DOCKER_AUTH_CONFIG": variable} if variable else {}
        paths = f"{self.home}/bin:{os.environ['PATH']}"
        job = Job(config, image=self.image, env={"HOME": str(self.home), "PATH": paths, "DOCKER_CONFIG": "",
                                                 **(env or {})}, **variables)
        self.addCleanup(job.__exit__)
        if sent:
            job.response["credentials"] = [
                {"type": "registry", "url": self.registry, "username": self.user, "password": sent}]
        return job

    def prepare(self, *says, code=0, **options):
        result = self.job(**options).hook("prepare")
        self.assertEqual(result.code, code, result)
        for word in says:
            self.assertIn(word, result.out + result.err)
        self.assertNotIn(self.password, result.out + result.err)
        self.assertNotIn("Sanitizer", result.err)
        return result

    def test_sent_by_gitlab(self):
        self.prepare(FROM_JOB, sent=self.password)

    def test_in_the_variable(self):
        self.prepare(FROM_VARIABLE, variable=self.config())

    def test_on_the_host(self):
        self.on_host(self.config())
        self.prepare(f"credentials from {self.home}/.docker/config.json")

    def test_in_another_folder_of_the_host(self):
        self.on_host(self.config("wrong"))
        self.on_host(self.config(), "other/config.json")
        self.prepare(f"credentials from {self.home}/other/config.json",
                     env={"DOCKER_CONFIG": f"{self.home}/other"})

    def test_in_the_hosts_old_file(self):
        self.on_host(json.dumps(json.loads(self.config())["auths"]), ".dockercfg")
        self.prepare(f"credentials from {self.home}/.dockercfg")

    def test_the_first_place_wins(self):
        self.on_host(self.config("wrong-host"))
        self.prepare(FROM_VARIABLE, variable=self.config(), sent="wrong-job")
        images.remove(self.image)
        self.on_host(self.config())
        self.prepare(f"{self.home}/.docker/config.json", sent="wrong-job")
        result = self.prepare("with the credentials from $DOCKER_AUTH_CONFIG", code=2,
                              variable=self.config("wrong-variable"), sent=self.password)
        self.assertNotIn("wrong-variable", result.out + result.err)

    def test_an_entry_for_another_registry_blocks_nothing(self):
        other = self.config("wrong", registry="registry.example.com")
        self.on_host(other)
        self.prepare(FROM_JOB, variable=other, sent=self.password)

    def test_the_longest_path_counts(self):
        text = json.loads(self.config("wrong"))
        text["auths"].update(json.loads(self.config(registry=f"{self.registry}/atelier-test/private"))["auths"])
        self.prepare(FROM_VARIABLE, variable=json.dumps(text))

    def test_nobody_knows_it(self):
        result = self.prepare("no credentials for its registry were found", code=2)
        self.assertIn(f'failed to pull image "{self.image}" with specified policies [always]', result.err)

    def test_a_variable_that_is_no_json(self):
        result = self.prepare("$DOCKER_AUTH_CONFIG is not JSON: line 1", code=1, variable='{"auths": secret-text')
        self.assertNotIn("secret-text", result.out + result.err)

    def test_a_credential_helper(self):
        answer = json.dumps({"ServerURL": self.registry, "Username": self.user, "Secret": self.password})
        self.helper("test", f"echo '{answer}'")
        self.prepare(FROM_VARIABLE, variable=json.dumps({"credHelpers": {self.registry: "test"}}))
        self.assertEqual((self.home / "asked").read_text(), f"get\n{self.registry}\n")
        images.remove(self.image)
        self.on_host(json.dumps({"credsStore": "test"}))
        self.prepare(f"{self.home}/.docker/config.json")

    def test_helpers_that_do_not_help(self):
        self.helper("broken", "echo out-secret; echo err-secret >&2; exit 4")
        self.on_host(json.dumps({"credsStore": "broken"}))
        variable = json.dumps({"credHelpers": {self.registry: "no-such-helper"}})
        result = self.prepare(FROM_JOB, "WARNING: credentials: start 'docker-credential-no-such-helper'",
                              "WARNING: credentials: 'docker-credential-broken' ended with 4", variable=variable,
                              sent=self.password)
        self.assertNotIn("-secret", result.out + result.err)

    def test_a_helper_with_a_path(self):
        variable = json.dumps({"credsStore": "../../bin/sh"})
        self.prepare("has a path separator", code=1, variable=variable, sent=self.password)

    def test_cancelled_while_a_helper_thinks(self):
        self.helper("slow", "exec sleep 600")
        hook = self.job(variable=json.dumps({"credsStore": "slow"})).start("prepare")
        wait_for((self.home / "asked").exists, "the helper is asked")
        terminate(hook)
        _, err = hook.communicate(timeout=300)
        self.assertEqual(hook.returncode, 2, err)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class PullPolicies(unittest.TestCase):
    def prepare(self, config="", policy=None, image=IMAGE):
        with Job(config, image=image) as job:
            job.response["image"]["pull_policy"] = policy
            return job.hook("prepare")

    def assert_refused(self, result, code, where, policy, allowed):
        self.assertEqual(result.code, code, result)
        self.assertIn(f"pull_policy ([{policy}]) defined in {where} is not one of the allowed_pull_policies "
                      f"([{allowed}])", result.err)

    def test_a_jobs_own_must_be_allowed(self):
        refused = self.prepare("pull_policy: if-not-present\n", ["always"])
        self.assert_refused(refused, 1, "GitLab pipeline config", "always", "if-not-present")
        allowed = self.prepare("allowed_pull_policies: [always, never]\npull_policy: always\n", ["never"])
        self.assertEqual(allowed.code, 0, allowed)
        self.assertIn(f"Using effective pull policy of [never] for container {IMAGE}", allowed.out)

    def test_so_must_the_owners(self):
        refused = self.prepare("pull_policy: always\nallowed_pull_policies: never\n")
        self.assert_refused(refused, 2, "Runner config", "always", "never")

    def test_one_after_the_other(self):
        result = self.prepare("pull_policy: [never, if-not-present, always]\n", image="127.0.0.1:9/no/such:image")
        self.assertEqual(result.code, 2, result)
        self.assertIn('WARNING: Failed to pull image with policy "never": it is not on this host', result.err)
        self.assertIn('Attempt #2: Trying "if-not-present" pull policy', result.out)

    def test_what_is_here_is_said_to_be(self):
        result = self.prepare("pull_policy: if-not-present\n")
        self.assertIn('Using locally found image version due to "if-not-present" pull policy', result.out)

    def test_an_id_is_not_pulled(self):
        image = docker("inspect", "-f", "{{.Id}}", IMAGE)
        result = self.prepare("pull_policy: always\n", image=image)
        self.assertEqual(result.code, 0, result)
        self.assertNotIn("Pulling", result.out)


class Retries(unittest.TestCase):
    """A scripted daemon: its registry stumbles when the script says so."""

    LISTED = (">> GET /containers/json\n  200 []\n>> GET /networks\n  200 []\n>> GET /images/*/json\n"
              '  200 {"Id":"sha256:1","Config":{}}\n')
    STUMBLES = ('> POST /images/create\n  500 {"message":"Get \\"https://r.example.com/v2/\\": net/http: TLS handshake '
                'timeout"}\n')
    REFUSES = '> POST /images/create\n  404 {"message":"pull access denied for x"}\n'
    NOBODY = ('> POST /images/create\n  500 {"message":"Get \\"https://r.example.com/v2/\\": dial tcp 192.0.2.1:443: connect: '
              'connection refused"}\n')
    FAILS = '> POST /images/create\n  200 chunked\n  json {"error":"no space left on device"}\n'

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="atelier-daemon-")
        self.addCleanup(self.folder.cleanup)
        self.path = f"{self.folder.name}/docker.sock"

    def job(self):
        job = Job("pull_policy: always\n", image="r.example.com/app:1",
                  env={"DOCKER_HOST": f"unix://{self.path}", "HOME": self.folder.name})
        self.addCleanup(job.__exit__)
        return job

    def pulls(self, daemon):
        return sum(method == "POST" and "/images/create" in target for method, target, _, _ in daemon.requests)

    def prepare(self, script):
        with Daemon(self.path, self.LISTED + script) as daemon:
            result = self.job().hook("prepare")
            self.assertEqual(result.code, 2, result)
            return result, self.pulls(daemon)

    def test_again_when_the_registry_stumbled(self):
        result, pulls = self.prepare(self.STUMBLES + self.REFUSES)
        self.assertEqual(pulls, 2)
        lines = [line for line in result.err.splitlines() if "TLS handshake timeout" in line]
        self.assertEqual(len(lines), 1, result)
        self.assertRegex(lines[0], r"^WARNING: .*; try 2 of 3 in \d+\.\d s$")
        self.assertIn("pull access denied", result.err)

    def test_three_times_and_no_more(self):
        start = time.monotonic()
        result, pulls = self.prepare(self.STUMBLES * 3)
        took = time.monotonic() - start
        self.assertEqual(pulls, 3)
        waits = [float(wait) for wait in re.findall(r"; try [23] of 3 in (\d+\.\d) s", result.err)]
        self.assertEqual(len(waits), 2, result)
        self.assertGreater(took, sum(waits) - 0.2, "it waited as long as it said")
        self.assertIn("TLS handshake timeout", result.err.splitlines()[-1])

    def test_once_when_it_was_refused_or_the_host_is_at_fault(self):
        for script, words in ((self.REFUSES, "pull access denied"), (self.FAILS, "no space left on device"),
                              (self.NOBODY, "connection refused")):
            with self.subTest(words):
                result, pulls = self.prepare(script)
                self.assertEqual(pulls, 1)
                self.assertIn(words, result.err)

    def cancel_in_its_wait(self):
        """Whether the signal came before the wait can have ended: this machine may stand still for longer."""
        with Daemon(self.path, self.LISTED + self.STUMBLES.replace("\n  500", "\n  together 2\n  500")) as daemon:
            hook = self.job().start("prepare")
            wait_for(lambda: self.pulls(daemon) == 1, "it pulls")
            asked = time.monotonic()
            daemon.meet(2)
            while not (wait := re.search(r"; try 2 of 3 in (\d+\.\d) s", line := hook.stderr.readline())):
                self.assertTrue(line, "the hook ended before its wait")
            terminate(hook)
            in_time = time.monotonic() - asked < float(wait[1]) - 0.1
            _, err = hook.communicate(timeout=300)
            self.assertEqual(hook.returncode, 2, err)
            if in_time:
                self.assertIn("cancelled", err)
                self.assertEqual(self.pulls(daemon), 1, "after its whole wait it would have tried again")
            return in_time

    def test_a_wait_ends_when_the_job_is_cancelled(self):
        wait_for(self.cancel_in_its_wait, "a signal within the wait")


if __name__ == "__main__":
    unittest.main()
