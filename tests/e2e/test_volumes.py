"""Builds and caches in volumes of the daemon, and a daemon that is reached by TCP alone."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from hooks import ATELIER, Job, docker, has_docker
from relay import Relay, TcpRelay


def volumes_of(project):
    """The lasting volumes of a project: name and role."""
    lines = docker("volume", "ls", "--filter", f"label=atelier.project={project}", "--format",
                   '{{.Name}} {{.Label "atelier.role"}} {{.Label "atelier.job"}}').splitlines()
    return sorted(tuple(line.split()) for line in lines)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class VolumesTest(unittest.TestCase):
    config = "storage: volumes\n"

    def setUp(self):
        self.number = str(int.from_bytes(os.urandom(4), "big"))
        self.project = f"atelier-test/volumes-{self.number}"
        self.addCleanup(self.remove_volumes)

    def remove_volumes(self):
        names = [name for name, *_ in volumes_of(self.project)]
        if names:
            docker("volume", "rm", *names)

    def prepared(self, slot, config="", protected=False, services=()):
        job = Job(self.config + config, CI_PROJECT_ID=self.number, CI_PROJECT_PATH=self.project,
                  CI_CONCURRENT_PROJECT_ID=slot)
        self.addCleanup(job.__exit__)
        job.response["job_info"]["project_id"] = int(self.number)
        job.response["git_info"]["protected"] = protected
        job.response["services"] = list(services)
        result = job.hook("prepare")
        self.assertEqual(result.code, 0, result)
        job.place = json.loads(job.hook("config").out)
        return job

    def clean(self, job):
        result = job.hook("cleanup")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(job.left_in_the_end(), [])

    def both(self, job):
        """What is in the job's folders for builds and for caches, asked in the helper."""
        result = job.run(f"cat {job.place['builds_dir']}/work {job.place['cache_dir']}/kept 2>/dev/null || :", "get_sources")
        self.assertEqual(result.code, 0, result)
        return result.out.split()

    @staticmethod
    def folders_of(job):
        """Of this host, for jobs; what hooks tell each other has a dot."""
        return [path for root in ("builds", "cache") for path in (job.state / root).glob("[!.]*")]


class Volumes(VolumesTest):
    def test_later_jobs_of_the_slot_find_them(self):
        first = self.prepared("0")
        builds, cache = first.place["builds_dir"], first.place["cache_dir"]
        result = first.run(f"echo tree >{builds}/work; echo kept >{cache}/kept", "get_sources")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(first.run(f"cat {builds}/work; echo built >>{builds}/work").out, "tree\n")
        self.clean(first)
        self.assertEqual(self.folders_of(first), [], "folders of this host")

        second = self.prepared("0")
        self.assertNotEqual(second.place["builds_dir"], builds, "mounted where this job's configuration says")
        self.assertEqual(self.both(second), ["tree", "built", "kept"])
        other_slot = self.prepared("1")
        self.assertEqual(self.both(other_slot), ["kept"])
        protected = self.prepared("0", protected=True)
        self.assertEqual(self.both(protected), [])
        for job in (second, other_slot, protected):
            self.clean(job)

        name = f"tEsT_0123.{self.number}"
        self.assertEqual(volumes_of(self.project), sorted([
            (f"atelier-builds-{name}.0", "builds"), (f"atelier-builds-{name}.1", "builds"),
            (f"atelier-builds-{name}.0.protected", "builds"),
            (f"atelier-cache-{name}", "cache"), (f"atelier-cache-{name}.protected", "cache")]))

    def test_services_see_what_the_job_is_built_in(self):
        image = "atelier/helper:" + subprocess.run([ATELIER, "--version"], capture_output=True, text=True,
                                                   check=True).stdout.split()[1]
        job = self.prepared("0", services=[{"name": image, "alias": "db", "entrypoint": ["sh", "-c"],
                                            "command": ["sleep 1000"]}])
        job.run(f"echo shared >{job.place['builds_dir']}/work", "get_sources")
        self.assertEqual(docker("exec", job.container("service"), "cat", f"{job.place['builds_dir']}/work"), "shared")
        self.clean(job)

    def test_garbage_collection_leaves_them(self):
        job = self.prepared("0", "kinds: {build: {mounts: [/scratch]}}\n")
        job.run(f"echo tree >{job.place['builds_dir']}/work", "get_sources")
        gc = ["gc", "--older-than", "0", "--runner", "tEsT_0123"]
        shown = job.hook(*gc, "--dry-run")
        self.assertEqual(shown.code, 0, shown)
        self.assertIn(f"atelier-{job.label}-volume-0", shown.out)
        self.assertNotIn("atelier-builds-", shown.out)
        self.assertNotIn("atelier-cache-", shown.out)

    def test_no_pipeline_from_a_folder_that_jobs_do_not_see(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "c.yml"
            config.write_text("storage: volumes\n")
            done = subprocess.run([ATELIER, "--config", config, "pipeline"], cwd=folder, capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn("storage: folders", done.stderr)


class Remote(VolumesTest):
    """By a real TCP connection; `storage` is what follows from it."""

    def setUp(self):
        super().setUp()
        relay = TcpRelay()
        self.addCleanup(relay.close)
        self.config = f"docker_host: {relay.url}\n"

    def test_jobs_run_and_leave_what_later_ones_need(self):
        first = self.prepared("0")
        builds = first.place["builds_dir"]
        first.run(f"echo tree >{builds}/work; echo kept >{first.place['cache_dir']}/kept", "get_sources")
        result = first.run(f"cat {builds}/work; cat; exit 3")
        self.assertEqual((result.code, result.out, first.code()), (1, "tree\n", "3\n"), result)
        self.clean(first)
        self.assertEqual(self.folders_of(first), [])
        second = self.prepared("0")
        self.assertEqual(self.both(second), ["tree", "kept"])
        self.clean(second)
        self.assertEqual([role for _, role in volumes_of(self.project)], ["builds", "cache"])

    def test_the_socket_of_the_daemons_machine(self):
        job = self.prepared("0", "kinds: {build: {docker: socket}}\n")
        self.assertEqual(job.run("docker info -f '{{.ID}}'").out.strip(), docker("info", "-f", "{{.ID}}"))
        self.clean(job)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Socket(unittest.TestCase):
    def test_one_that_is_not_there_is_said_and_not_made(self):
        with tempfile.TemporaryDirectory() as folder, Job("kinds: {build: {docker: socket}}\n") as job:
            path = pathlib.Path(folder) / "docker.sock"
            with Relay(path, "/containers/create", after=1 << 30):
                job.extra = {"DOCKER_HOST": f"unix://{path}"}
                result = job.hook("prepare")
                job.extra = {}
            self.assertEqual(result.code, 2, result)
            self.assertIn("(kinds: build: docker: socket)", result.err)
            self.assertIn(f"does not exist: {path}", result.err)
            self.assertFalse(path.exists(), "the daemon makes folders of what it binds")


if __name__ == "__main__":
    unittest.main()
