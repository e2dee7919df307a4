"""Podman's socket instead of Docker's: ATELIER_TEST_PODMAN=unix:///run/podman/podman.sock (docs/podman.md)."""
import os
import subprocess
import unittest
from unittest import mock

import images
from hooks import ATELIER, IMAGE, Job, docker, terminate

SOCKET = os.environ.get("ATELIER_TEST_PODMAN", "")
GET = "exec 3<>/dev/tcp/$1/$2 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"


def copy_image(name):
    """Give Podman an image that Docker has."""
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0:
        return
    others = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}
    with subprocess.Popen(["docker", "save", name], stdout=subprocess.PIPE, env=others) as save:
        subprocess.run(["docker", "load"], stdin=save.stdout, stdout=subprocess.DEVNULL, check=True)


@unittest.skipUnless(SOCKET, "no Podman: ATELIER_TEST_PODMAN names no socket")
class PodmanTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(mock.patch.dict(os.environ, {"DOCKER_HOST": SOCKET}))  # of the client that tests use
        version = subprocess.run([ATELIER, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
        for name in (IMAGE, f"atelier/helper:{version}"):
            copy_image(name)
        cls.web = images.busybox(
            "atelier-test/podman-web", applets=("sh", "httpd", "sleep"), files={"tmp/index.html": (b"hello", 0o644)},
            changes=["EXPOSE 8080", 'CMD ["/bin/httpd","-f","-p","8080","-h","/tmp"]'])
        cls.user = images.busybox("atelier-test/podman-user", applets=("sh", "id", "touch"), changes=["USER 1234"])
        cls.addClassCleanup(images.remove, cls.web, cls.user)

    def prepared(self, *services, code=0, **options):
        job = Job(f"docker_host: {SOCKET}\n", **options)
        self.addCleanup(job.__exit__)
        job.response["services"] = list(services)
        self.said = job.hook("prepare")
        self.assertEqual(self.said.code, code, self.said)
        return job

    def assert_runs(self, job, script, substage="build_script"):
        result = job.run(script, substage)
        self.assertEqual(result.code, 0, result)
        return result.out

    def assert_clean(self, job):
        result = job.hook("cleanup")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(job.left_in_the_end(), [])


class Plain(PodmanTest):
    def test_output_exact_code_and_the_build_folder(self):
        job = self.prepared()
        folder = f"{job.state}/builds/tEsT_0123/7/{job.id}"
        self.assert_runs(job, f"git --version >{folder}/fetched", "get_sources")
        self.assertIn("git version", self.assert_runs(job, f"cat {folder}/fetched; touch /tmp/kept"))
        self.assertEqual(self.assert_runs(job, "ls /tmp/kept", "after_script"), "/tmp/kept\n")
        result = job.run("echo out; echo err >&2; exit 42")
        self.assertEqual((result.code, result.out, job.code()), (1, "out\nerr\n", "42\n"), result)
        self.assert_clean(job)

    def test_image_whose_user_is_not_root(self):
        job = self.prepared(image=self.user)
        folder = f"{job.state}/builds/tEsT_0123/7/{job.id}/group/proj"
        job.variables["CI_PROJECT_DIR"] = folder
        self.assert_runs(job, "echo begins", "prepare_script")
        self.assert_runs(job, f"mkdir -p {folder}; echo fetched >{folder}/file", "get_sources")
        self.assertEqual(self.assert_runs(job, f"id -u; touch {folder}/mine; echo more >>{folder}/file"), "1234\n")
        self.assert_clean(job)

    def test_garbage_of_another_runner_is_left_alone(self):
        job = self.prepared()
        gc = ["gc", "--dry-run", "--older-than", "0", "--runner"]
        self.assertIn(job.label, job.hook(*gc, "tEsT_0123").out)
        self.assertNotIn(job.label, job.hook(*gc, "another").out)
        self.assert_clean(job)

    def test_a_background_process_does_not_hold_the_job(self):
        job = self.prepared()
        self.assertEqual(self.assert_runs(job, "sleep 600 & setsid sleep 601 & echo done"), "done\n")
        self.assertEqual(docker("exec", job.container(), "sh", "-c", "pgrep -f 'sleep 60[01]$' || echo none"), "none")
        self.assert_clean(job)


class Service(PodmanTest):
    def test_is_waited_for_and_found_by_each_alias(self):
        job = self.prepared({"name": self.web, "alias": "db store"})
        self.assertIn("Waiting for services", self.said.out)
        for name in ("db", "store"):
            self.assertIn("hello", self.assert_runs(job, f"set -- {name} 8080; {GET}"))
        self.assertEqual(len(job.left()), 4, "three containers and a network")
        self.assert_clean(job)

    def test_one_that_ends_fails_the_job_with_its_last_words(self):
        job = self.prepared({"name": self.web, "alias": "db", "entrypoint": ["/bin/sh", "-c"],
                             "command": ["echo no data; echo really >&2; exit 3"]}, code=1)
        self.assertIn("(db) ended with exit code 3", self.said.err)
        for words in ("no data", "really"):
            self.assertIn(f"[service:db] {words}\n", self.said.out)
        self.assert_clean(job)


class Cancelled(PodmanTest):
    def test_traps_run_and_after_script_follows(self):
        job = self.prepared()
        run = job.start_run("trap 'echo trapped; exit 0' TERM; echo ready; sleep 600 & wait; sleep 600")
        run.stdout.readline()
        terminate(run)
        out, err = run.communicate(timeout=300)
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("trapped", out)
        self.assertEqual(self.assert_runs(job, "echo after", "after_script"), "after\n")
        self.assert_clean(job)

    def test_what_ignores_term_is_killed_and_the_container_comes_back(self):
        job = self.prepared()
        with job.config_file.open("a") as config:
            config.write("cancel_grace: 1s\n")
        run = job.start_run("trap '' TERM; echo ready; while :; do sleep 1; done")
        run.stdout.readline()
        terminate(run)
        self.assertEqual(run.wait(timeout=300), 2)
        run.communicate()
        self.assertEqual(self.assert_runs(job, "echo after", "after_script"), "after\n")
        self.assert_clean(job)


if __name__ == "__main__":
    unittest.main()
