"""A deploy job's way to its host: deploy-master, the socket of this job alone, and who may ask for what."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest

import images
from deploys import remove_unit
from hooks import ATELIER, IMAGE, PATIENCE, Job, docker, has_docker, terminate, wait_for
from pipelines import Checkout

SECRET = "hush-%s-hush" % os.urandom(6).hex()
DAEMON = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
ALLOWED = f"{{docker_host: '{DAEMON}', projects: [group/proj], environments: [staging]}}"
ASK = "deploy-master elsewhere -f /etc/hosts"  # is refused, by the host
REFUSED = "ERROR: this host has no target 'elsewhere'; this job may deploy to: here"
LISTENS = "until [ -S /run/atelier/deploy/socket ]; do sleep 0.05; done\n"  # for who is no deploy-master, which waits itself


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class DeployTest(unittest.TestCase):
    """Jobs of a project that deploys to this machine's own daemon."""

    def targets(self, **targets):
        """The configuration of targets: what is given of them as YAML, in one line each."""
        return "targets:\n" + "".join(f"  {name.replace('_', '-')}: {text}\n" for name, text in targets.items())

    def job(self, config=None, environment="staging", user=None, **options):
        variables = {"CI_COMMIT_SHA": "f0rged", "CI_COMMIT_REF_NAME": "main", "GITLAB_USER_LOGIN": "eve",
                     "CI_JOB_URL": "https://gitlab.example/job", "SV_STAGING_TOKEN": SECRET}
        if environment:
            variables |= {"CI_ENVIRONMENT_NAME": environment, "CI_ENVIRONMENT_SLUG": environment,
                          "CI_ENVIRONMENT_URL": f"https://{environment}.example"}
        job = Job(self.targets(here=ALLOWED) if config is None else config, stage="deploy", **variables, **options)
        self.addCleanup(job.__exit__)
        job.response["git_info"] |= {"sha": "c0ffee", "ref": "main"}
        for variable in job.response["variables"]:
            if variable["key"].startswith("SV_"):
                variable |= {"public": False, "masked": True}
        if user:
            job.response["image"]["executor_opts"] = {"docker": {"user": user}}
        return job

    def prepared(self, *args, **options):
        job = self.job(*args, **options)
        result = job.hook("prepare")
        self.assertEqual(result.code, 0, result)
        return job

    def folder(self, job):
        return job.state / "builds/.deploy" / job.label

    def mounts(self, job, role="build"):
        return {m["Destination"]: m for m in json.loads(docker("inspect", job.container(role)))[0]["Mounts"]}

    def refused(self, job, *args):
        """What a deploy-master that is refused says."""
        exports = "".join(f"{name}={job.variables[name]} " for name in ("CI_ENVIRONMENT_NAME", "CI_PROJECT_PATH"))
        result = job.run(f"{exports}deploy-master {' '.join(args)} -f /etc/hosts")
        self.assertEqual(job.code(), "1\n", result)
        return result.out


class Way(DeployTest):
    """What reaches the host, and what does not."""

    def test_a_job_without_environment_has_neither_socket_nor_program(self):
        job = self.prepared(environment=None)
        self.assertFalse([path for path in self.mounts(job) if "deploy" in path])
        self.assertFalse(self.folder(job).exists())

    def test_a_host_without_targets_gives_none(self):
        job = self.prepared(config="")
        self.assertFalse([path for path in self.mounts(job) if "deploy" in path])

    def test_a_job_that_may_not_deploy_is_told_so(self):
        job = self.prepared(environment="production")
        self.assertIn("this job may not deploy: no target of its host allows project 'group/proj' in environment "
                      "'production'", self.refused(job, "here"))
        self.assertFalse(self.folder(job).exists())

    def test_a_target_that_is_not_allowed_refuses(self):
        job = self.prepared(config=self.targets(here=ALLOWED, production_server=ALLOWED.replace("staging", "production")))
        self.assertRegex(self.refused(job, "production-server"), "ERROR: .*'staging' may not deploy to production-server")
        self.assertIn(REFUSED, self.refused(job, "elsewhere"))

    def test_who_the_job_is_is_not_its_own_word(self):
        job = self.job(config=self.targets(here=ALLOWED.replace("proj]", "other]")))
        job.variables["CI_PROJECT_PATH"] = "group/other"  # as a job's own `variables:` say it
        job.response["variables"].append({"key": "CI_PROJECT_PATH", "value": "group/other", "public": True})
        self.assertEqual(job.hook("prepare").code, 0)
        self.assertIn("this job may not deploy", self.refused(job, "here"))
        self.assertFalse(self.folder(job).exists())

    def test_two_jobs_do_not_see_each_others_socket(self):
        first, second = self.prepared(), self.prepared()
        self.assertNotEqual(self.folder(first), self.folder(second))
        for job in first, second:
            mount = self.mounts(job)["/run/atelier/deploy"]
            self.assertEqual(mount["Source"], str(self.folder(job)))
            self.assertFalse(mount["RW"])
            self.assertNotIn("/run/atelier/deploy", self.mounts(job, "helper"))
        running = second.start_run("sleep 1000")
        try:
            wait_for((self.folder(second) / "socket").exists)
            result = first.run(LISTENS + "set +e; ls /run/atelier/deploy; touch /run/atelier/deploy/x; find / -path /proc -prune "
                               "-o -path /run/atelier/init -prune -o -type s -print; exit 0")
            self.assertIn("Read-only file system", result.out)
            self.assertEqual(re.findall(r"^/.*$", result.out, re.M), ["/run/atelier/deploy/socket"], result)
        finally:
            terminate(running)
            running.communicate()

    def test_the_folder_is_closed_to_the_hosts_users_and_goes_with_the_job(self):
        job = self.prepared()
        self.assertEqual(stat.S_IMODE(self.folder(job).parent.stat().st_mode), 0o700)
        self.assertEqual(job.run("true").code, 0)
        self.assertEqual(list(self.folder(job).iterdir()), [], "nobody listens between scripts")
        self.assertEqual(job.hook("cleanup").code, 0)
        self.assertFalse(self.folder(job).exists())


class Left(DeployTest):
    """The folders of jobs that are gone."""

    def setUp(self):
        self.runner = "gc" + os.urandom(4).hex()

    def started(self, more=""):
        job = self.prepared(config=more + self.targets(here=ALLOWED), CI_RUNNER_SHORT_TOKEN=self.runner)
        job.label = f"{self.runner}-{job.id}"
        self.assertTrue(self.folder(job).exists())
        return job

    def gc(self, job, *args):
        done = subprocess.run([ATELIER, "--config", str(job.config_file), "gc", "--runner", self.runner, *args],
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done)
        return done.stdout

    def test_gc_takes_the_folder_of_a_job_whose_things_are_gone(self):
        job = self.started()
        containers = docker("ps", "-aq", "--filter", f"label=atelier.job={job.label}").split()
        other = self.folder(job).parent / f"{self.runner}x-1"  # of another runner
        other.mkdir()
        for folder in other, self.folder(job):
            os.utime(folder, (1, 1))
        self.assertNotIn("folder", self.gc(job), "its job is there")
        docker("rm", "-fv", *containers)
        docker("network", "rm", *docker("network", "ls", "-q", "--filter", f"label=atelier.job={job.label}").split())
        self.assertIn("1 folder of jobs that are gone would go\n", self.gc(job, "--dry-run"))
        os.utime(self.folder(job))
        self.assertNotIn("folder", self.gc(job), "its containers may be yet to come")
        self.assertTrue(self.folder(job).exists())
        os.utime(self.folder(job), (1, 1))
        self.assertIn("1 folder of jobs that are gone removed\n", self.gc(job))
        self.assertFalse(self.folder(job).exists())
        self.assertTrue(other.exists())

    def test_gc_by_age_takes_it_with_the_job(self):
        job = self.started()
        time.sleep(2)
        self.assertIn("1 folder of jobs that are gone removed\n", self.gc(job, "--older-than", "1s"))
        self.assertFalse(self.folder(job).exists())

    def test_that_of_a_kept_job_goes_when_its_time_is_over(self):
        job, other = self.started("keep_failed: 1s\n"), self.started("keep_failed: 1s\n")
        other.config_file.write_text(job.config_file.read_text())  # the same folders
        job.variables["CI_JOB_STATUS"] = "failed"
        self.assertEqual(job.hook("cleanup").code, 0)
        self.assertTrue(self.folder(job).exists(), "atelier shell can start its container")
        time.sleep(3)
        self.assertEqual(other.hook("cleanup").code, 0)
        self.assertFalse(self.folder(job).exists())


@unittest.skipUnless(images.BUSYBOX, "needs busybox-static")
class NoSocket(unittest.TestCase):
    """The client that an image brings itself, where the host could neither mount nor put anything."""

    @classmethod
    def setUpClass(cls):
        program = pathlib.Path(ATELIER).parents[1] / "stages/deploy/deploy-master"
        cls.image = images.busybox("atelier-test/client", files={"usr/local/bin/deploy-master": (program.read_bytes(), 0o755)})

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.image)

    def ask(self, **env):
        options = [option for name, value in env.items() for option in ("-e", f"{name}={value}")]
        return subprocess.run(["docker", "run", "--rm", "--network", "none", *options, self.image, "deploy-master",
                               "--releases", "here"], capture_output=True, text=True, timeout=300)

    def test_both_reasons_are_named_and_what_to_do(self):
        done = self.ask(CI_ENVIRONMENT_NAME="staging", CI_PROJECT_PATH="group/proj")
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        allowed, elsewhere = done.stderr.splitlines()
        self.assertIn("no target of its host allows project 'group/proj' in environment 'staging'; ", allowed)
        self.assertIn("`targets` in its configuration", allowed)
        self.assertIn("the root of this container is read-only", elsewhere)
        self.assertIn("atelier deploy --project 'group/proj' --environment 'staging' TARGET", elsewhere)

    def test_a_job_without_environment(self):
        done = self.ask(CI_PROJECT_PATH="group/proj")
        self.assertEqual(done.returncode, 1)
        self.assertIn("it has no environment; give it one in .gitlab-ci.yml", done.stderr)


class Socket(DeployTest):
    """What a job may send."""

    def test_nonsense_is_refused_and_the_next_request_is_served(self):
        job = self.prepared()
        result = job.run(
            LISTENS + "curl -s --max-time 30 --unix-socket /run/atelier/deploy/socket http://x/ --http0.9 | tr -d '\\0'; echo\n"
            f"{ASK}; echo code $?")
        self.assertIn("ERROR: the request was not understood: a field is too long", result.out)
        self.assertIn(REFUSED, result.out)

    def say(self, job, *frames, close=True):
        """A client of our own, at the host's side of the socket."""
        s = socket.socket(socket.AF_UNIX)
        self.addCleanup(s.close)
        s.settimeout(PATIENCE)
        s.connect(str(self.folder(job) / "socket"))
        s.sendall(b"".join(kind.encode() + struct.pack(">I", len(data)) + data for kind, data in frames))
        if not close:
            return s
        answer = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        s.close()
        return answer

    def test_clients_that_say_nothing_or_half_of_it_hold_nobody_up_for_long(self):
        asked = (("v", b"1"), ("a", b"releases"), ("t", b"elsewhere"))
        job = self.prepared()
        running = job.start_run("sleep 1000")
        try:
            wait_for((self.folder(job) / "socket").exists)
            for frames in (), asked[:2], (("c", b"x" * 100000),):
                self.say(job, *frames, close=False).close()
            self.assertIn(REFUSED, self.say(job, *asked, (".", b"")))
            self.assertIn("a field is there twice", self.say(job, *asked, ("t", b"here"), (".", b"")))
            self.assertIn("different versions", self.say(job, ("v", b"0"), *asked[1:], (".", b"")))
            self.say(job, *asked, (".", b""), close=False)  # never reads its answer
            silent = self.say(job, *asked, close=False)
            self.assertIn(REFUSED, self.say(job, *asked, (".", b"")))
            self.assertIn(b"it did not come in time", silent.recv(65536))
        finally:
            terminate(running)
            running.communicate()

    def test_any_user_of_the_container_and_any_image(self):
        image = images.busybox("atelier-test/job", applets=("sh", "mkdir", "cat", "id", "chmod"))
        self.addCleanup(images.remove, image)
        job = self.prepared(image=image, user="1234:1234")
        result = job.run(f"id -u; echo x >/tmp/x; /usr/local/bin/deploy-master elsewhere -f /tmp/x")
        self.assertIn("1234\n", result.out)
        self.assertIn(REFUSED, result.out)

    def test_after_script_may_ask_too(self):
        job = self.prepared()
        self.assertEqual(job.run("true").code, 0)
        result = job.run("deploy-master --releases elsewhere", "after_script")
        self.assertIn(REFUSED, result.out)

    def test_a_call_that_is_wrong(self):
        job = self.prepared()
        result = job.run("set +e; cd /tmp; deploy-master here; echo code $?\n"
                         "head -c 1048577 /dev/zero >big; deploy-master here -f big; echo code $?\n"
                         "deploy-master; echo code $?; deploy-master --rollback 0 here; echo code $?")
        self.assertIn("open 'docker-compose.yml': No such file or directory", result.out)
        self.assertIn("'big' is larger than 1 MiB", result.out)
        self.assertEqual(re.findall(r"code (\d)", result.out), ["1", "1", "2", "2"])



APP = """cat >/tmp/compose.yml <<'END'
version: "3"
services:
  app:
    image: %s
    command: ["sh", "-c", "%s"]
    environment: {TOKEN: "${TOKEN}", WHERE: "${CI_ENVIRONMENT_NAME}"}
    healthcheck: {test: ["CMD", "test", "-e", "/tmp/up"], interval: 1s, retries: 99}
END
"""
SERVE = "trap 'exit 0' TERM; touch /tmp/up; while :; do sleep 0.1; done"
NEVER_UP = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
BROKEN = "echo the token is $$TOKEN; exit 3"
UP = "deploy-master here -f /tmp/compose.yml"
UNDER_WAY = "until [ -e /tmp/under-way ]; do sleep 0.05; done"  # interrupted() says so


class Deploying(DeployTest):
    """Jobs that really deploy."""

    @classmethod
    def setUpClass(cls):
        cls.image = images.busybox("atelier-test/app", ("sh", "sleep", "touch", "test", "echo"), changes=("USER 1001",))
        cls.id = docker("image", "inspect", "-f", "{{.Id}}", cls.image)

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.image)

    def setUp(self):
        self.project = f"group/job{os.urandom(4).hex()}"
        self.unit = self.project.replace("/", "-") + "-staging"
        self.addCleanup(remove_unit, self.unit)

    def target(self, **more):
        folder = tempfile.mkdtemp(prefix="atelier-test-target-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        key = pathlib.Path(folder) / "key"
        key.write_text(os.urandom(32).hex())
        key.chmod(0o600)
        return json.dumps({"docker_host": DAEMON, "projects": [self.project], "environments": ["staging"], "data": folder, "key_file": str(key),
                           "drain": "100ms", "stop_grace": "1s", **more})

    def ready(self, **more):
        return self.prepared(config=self.targets(here=self.target(**more)), CI_PROJECT_PATH=self.project)

    def app(self, what):
        return APP % (self.id, what)

    def running(self):
        return docker("ps", "-q", "--no-trunc", "--filter", f"label=atelier.unit={self.unit}", "--filter",
                      "label=atelier.service=app").split()

    def interrupted(self, job, script):
        """A deploy that waits for its app to become healthy; the first release serves meanwhile."""
        self.assertEqual(job.run(self.app(SERVE) + UP).code, 0)
        before = self.running()
        self.assertEqual(len(before), 1)
        running = job.start_run(self.app(NEVER_UP) + script)
        wait_for(lambda: len(docker("ps", "-aq", "--filter", f"label=atelier.unit={self.unit}", "--filter",
                                    "label=atelier.service=app").split()) > 1 or not self.running() == before)
        docker("exec", job.container(), "touch", "/tmp/under-way")
        return running, before

    def assert_old_release(self, job, before):
        """It serves, nothing else of the unit does, and the next deploy works."""
        self.assertEqual(len(self.running()), 1)
        self.assertEqual(json.loads(docker("inspect", self.running()[0]))[0]["Config"]["Cmd"][-1], SERVE)
        result = job.run(self.app(SERVE) + UP)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.running(), before)


class Deploy(Deploying):
    """To this machine's own daemon."""

    def test_a_job_deploys_and_goes_back(self):
        job = self.ready()
        result = job.run(self.app(SERVE) + UP + " --dry-run; echo ---; " + UP)
        self.assertEqual(result.code, 0, result)
        self.assertIn("Release 1 of", result.out.partition("---")[2])
        self.assertNotIn("Release 1 of", result.out.partition("---")[0], "a dry run deploys nothing")
        [first] = self.running()
        env = json.loads(docker("inspect", first))[0]["Config"]["Env"]
        self.assertIn("TOKEN=" + SECRET, env)
        self.assertIn("WHERE=staging", env)
        result = job.run(self.app("true; " + SERVE) + UP + "; deploy-master --rollback here; deploy-master --releases here")
        self.assertEqual(result.code, 0, result)
        self.assertIn("c0ffee", result.out)
        self.assertIn("eve", result.out)
        [last] = self.running()
        self.assertNotEqual(first, last)
        self.assertEqual(json.loads(docker("inspect", last))[0]["Config"]["Cmd"][-1], SERVE)

    def test_no_secret_is_anywhere_in_the_job(self):
        job = self.ready()
        result = job.run(self.app(BROKEN) + f"set +e; {UP} & sleep 0.5; env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; "
                         "wait $!; echo code $?; ls -laR /run/atelier /tmp")
        self.assertIn("the token is [MASKED]", result.out)
        self.assertIn("code 1", result.out)
        said = result.out + result.err + "".join(docker("inspect", job.container(role)) for role in ("build", "helper"))
        self.assertNotIn(SECRET, said)
        self.assertNotIn("key_file", said)
        self.assertEqual(self.running(), [])

    def test_a_job_that_is_cancelled_cancels_its_deploy(self):
        job = self.ready()
        running, before = self.interrupted(job, UP)
        terminate(running)
        out, err = running.communicate(timeout=300)
        self.assertEqual(running.returncode, 2, out + err)
        self.assert_old_release(job, before)

    def test_a_deploy_master_that_is_ended_calls_it_off(self):
        job = self.ready()
        running, before = self.interrupted(job, UP + f" & p=$!; {UNDER_WAY}; kill -TERM $p; wait $p")
        out, err = running.communicate(timeout=300)
        self.assertIn("told to end (Terminated): the deploy is called off", out)
        self.assertEqual(job.code(), "143\n", out + err)
        self.assert_old_release(job, before)

    def test_a_host_that_is_killed_in_the_middle(self):
        job = self.ready()
        running, before = self.interrupted(job, UP)
        children = subprocess.run(["pgrep", "-P", str(running.pid)], capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(len(children), 1)
        os.kill(int(children[0]), signal.SIGKILL)
        out, err = running.communicate(timeout=300)
        self.assertIn("the job's host went away in the middle", out)
        self.assertEqual(job.code(), "3\n", out + err)
        result = job.run(self.app(SERVE) + UP)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.running(), before)


PIPELINE = f"""
stages: [test, staging]
image: {IMAGE}
test: {{stage: test, script: [echo tested]}}
staging:
  stage: staging
  environment: {{name: staging, url: "http://$CI_PROJECT_NAME.example"}}
  script:
    - deploy-master here
    - env
  when: manual
"""
PROJECT = """
services:
  app:
    image: %s
    command: ["sh", "-c", "trap 'exit 0' TERM; touch /tmp/up; while :; do sleep 0.1; done"]
    environment: {DSN: "${DSN}", WHERE: "${CI_ENVIRONMENT_DOMAIN}"}
"""


class Pipeline(Deploying):
    """`atelier pipeline`, by the same hooks."""

    def test_a_manual_job_deploys_when_it_is_named(self):
        name = self.project.partition("/")[2]
        self.project = "local/" + name
        self.unit = f"local-{name}-staging"
        self.addCleanup(remove_unit, self.unit)
        c = Checkout(PIPELINE, {"docker-compose.yml": PROJECT % self.id}, name=name)
        self.addCleanup(c.remove)
        with c.config.open("a") as config:
            config.write(self.targets(here=self.target()))
        (c.root / "variables").write_text(f"SV_STAGING_DSN={SECRET}\n")
        result = c.run("--variables", str(c.root / "variables"))
        self.assertEqual(result.summary(), {"test": ("passed", ""), "staging": ("manual", "runs when it is named")})
        self.assertEqual(self.running(), [])
        result = c.run("--variables", str(c.root / "variables"), "staging")
        self.assertEqual(result.code, 0, result)
        self.assertIn("Release 1 of", result.text)
        self.assertIn("CI_ENVIRONMENT_NAME=staging", result.text)
        self.assertNotIn("DSN", result.text.partition("Release 1 of")[2], "no script has it, masked or not")
        self.assertNotIn(SECRET, result.text)
        [app] = self.running()
        env = json.loads(docker("inspect", app))[0]["Config"]["Env"]
        self.assertIn("DSN=" + SECRET, env)
        self.assertIn(f"WHERE={name}.example", env)


if __name__ == "__main__":
    unittest.main()
