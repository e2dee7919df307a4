"""Containers that stand by: the slot's next job takes them when they are just what it is to have, and nobody else does."""
import json
import os
import signal
import subprocess
import time
import unittest

import images
from hooks import IMAGE, docker, has_docker, left_in_the_end, left_of, wait_for
from job_series import JobSeries
from relay import PausingRelay

SLOT = "tEsT_0123.0"
SECRET = "glpat-never-to-be-seen"


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Standby(JobSeries):
    """Jobs of one slot."""

    def job(self, config="", **options):
        return super().job("standby: 1\n" + config, CI_CONCURRENT_PROJECT_ID="0", **options)

    def gc(self, *words, **environment):
        """Of their runner alone: it says how much there was."""
        return super().gc("--runner", "tEsT_0123", *words, **environment)

    def doctor(self):
        return " ".join(line for line in self.atelier("doctor").out.splitlines() if "  standby  " in line)

    def image(self, name, applets=("sh",)):
        made = images.busybox(f"atelier-test/{name}", applets)
        self.addCleanup(images.remove, made)
        return made

    @property
    def folder(self):
        return self.first.state / "builds/.standby"

    def key(self, name=SLOT):
        link = self.folder / name
        return os.readlink(link).split()[0] if link.is_symlink() else None

    def waiting(self):
        """The key of the pair that waits, when it does."""
        return wait_for(self.key, "a pair stands by: " + self.problem())

    def problem(self):
        path = self.folder / f"{SLOT}.problem"
        return path.read_text() if path.exists() else "no problem"

    def containers(self, key):
        rows = docker("ps", "-a", "--no-trunc", "--filter", f"label=atelier.job={key}", "--format",
                      '{{.Label "atelier.role"}} {{.ID}}')
        return dict(row.split() for row in rows.splitlines())

    def ended(self, **options):
        """A job has run; the key of what waits for the next one."""
        job = self.prepared(**options)
        self.succeeds(job.hook("cleanup"))
        return self.waiting()

    def assert_own(self, job):
        """It has containers that were made for it."""
        self.assertEqual(set(self.containers(job.label)), {"build", "helper"})
        self.assertEqual(self.succeeds(job.run("echo works")).out, "works\n")

    def assert_taken(self, job, key):
        self.assertEqual(self.key(job.label), key)
        self.assertEqual(self.containers(job.label), {})
        self.assertEqual(self.succeeds(job.run("echo works")).out, "works\n")


class Taken(Standby):
    def test_by_the_next_job_and_by_no_other(self):
        key = self.ended()
        pair = self.containers(key)
        self.assertEqual(set(pair), {"build", "helper"})
        seen = []
        for _ in range(3):
            job = self.prepared()
            self.assert_taken(job, key)
            self.assertIsNone(self.key(), "it waits for another one, too")
            container = docker("ps", "-q", "--no-trunc", "--filter", f"id={pair['build']}")
            self.assertEqual(container, pair["build"])
            self.succeeds(job.hook("cleanup"))
            self.assertEqual(left_in_the_end(key), [])
            self.assertEqual(left_of(job.label), [])
            seen.append(key)
            key = self.waiting()
            pair = self.containers(key)
            self.assertNotIn(key, seen)
            self.assertFalse((self.folder / job.label).is_symlink())

    def test_is_told_nothing_before(self):
        key = self.ended(MY_TOKEN=SECRET, CI_JOB_TOKEN=SECRET)
        for container in self.containers(key).values():
            told = docker("inspect", container)
            self.assertNotIn(SECRET, told)
            self.assertNotIn("MY_TOKEN", told)
            argv = docker("top", container, "-eo", "pid,args").splitlines()[1:]
            self.assertEqual([line.split(None, 1)[1] for line in argv], ["/run/atelier/atelier-init"])

    def test_with_services(self):
        self.ended()
        key = self.key()
        job = self.job()
        job.response["services"] = [{"name": IMAGE, "alias": "web", "command": ["sh", "-c", "sleep 600"],
                                     "variables": [{"key": "HEALTHCHECK_TCP_PORT", "value": ""}]}]
        self.succeeds(job.hook("prepare"))
        self.assertEqual(set(self.containers(key)), {"build", "helper", "service"})
        self.assertIn("web", self.succeeds(job.run("getent hosts web")).out)
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(left_in_the_end(key), [])

    def test_by_one_of_two(self):
        key = self.ended()
        jobs = [self.job() for _ in range(2)]
        both = [job.start("prepare") for job in jobs]
        self.assertEqual([(each.communicate(), each.returncode)[1] for each in both], [0, 0])
        self.assertEqual(sorted(key == self.key(job.label) for job in jobs), [False, True])
        for job in jobs:
            self.assertEqual(self.succeeds(job.run("echo works")).out, "works\n")
            self.succeeds(job.hook("cleanup"))
            self.assertEqual(left_in_the_end(job.label), [])

    def test_when_cleanup_waits(self):
        job = self.prepared("cleanup: wait\n")
        self.succeeds(job.hook("cleanup"))
        key = self.waiting()
        job = self.prepared("cleanup: wait\n")
        self.assert_taken(job, key)
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(left_of(key), [])

    def test_people_know_the_job_by_its_own_id(self):
        key = self.ended()
        job = self.prepared("keep_failed: 10m\n")
        listed = self.succeeds(self.atelier("shell")).out
        self.assertIn(job.label + " ", listed)
        self.assertNotIn(key, listed)
        self.assertEqual(self.succeeds(self.atelier("shell", job.id, "--", "echo", "in", "it")).out, "in it\n")
        self.assertIn(job.label, self.succeeds(self.atelier("trace", job.id)).out)
        result = job.run("exit 3")
        self.assertIn(f"shell {job.id}`; they go with `atelier --config {job.config_file} gc --job {job.label} ", result.err)
        job.variables["CI_JOB_STATUS"] = "failed"
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(set(self.containers(key)), {"build", "helper"})
        self.gc("--job", job.label, "--older-than", "0s")
        self.assertEqual(left_of(key), [])
        self.gc("--older-than", "0s")
        self.assertFalse((self.folder / job.label).is_symlink())


class Refused(Standby):
    """What does not fit to the last detail goes, and the job gets its own."""

    def assert_refused(self, config="", before=None, **options):
        key = self.ended(**(options if before else {}))
        if before:
            before(key)
        job = self.prepared(config, **options)
        self.assert_own(job)
        self.assertEqual(left_in_the_end(key), [])
        wait_for(lambda: not (self.folder / key).exists(), "its record is gone")
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(left_in_the_end(job.label), [])

    def test_another_image(self):
        self.assert_refused(image=self.image("standby-other"))

    def test_another_image_of_that_name(self):
        name = self.image("standby-again")
        self.assert_refused(before=lambda _key: self.image("standby-again", ("sh", "ls")), image=name)

    def test_other_limits(self):
        self.assert_refused("kinds: {build: {memory: 200m}}\n")

    def test_another_kind(self):
        self.assert_refused("kinds: {test: {cap_add: [NET_ADMIN]}}\n", stage="test")

    def test_a_protected_branch(self):
        self.assert_refused(CI_COMMIT_REF_PROTECTED="true")

    def test_another_project(self):
        self.assert_refused(CI_PROJECT_PATH="group/other", CI_PROJECT_ID="8")

    def test_a_build_folder_that_was_replaced(self):
        def replace(_key):
            for path in (self.first.state / "builds/tEsT_0123").glob("*/*"):
                path.rename(f"{path}-before")
        self.assert_refused(before=replace)

    def test_one_that_was_killed(self):
        for role in ("build", "helper"):
            with self.subTest(role):
                self.assert_refused(before=lambda key, role=role: docker("kill", self.containers(key)[role]))

    def test_one_that_was_removed(self):
        self.assert_refused(before=lambda key: docker("rm", "-f", *self.containers(key).values()))

    def test_a_record_that_is_none(self):
        self.assert_refused(before=lambda key: (self.folder / key).write_text("{\"until\": 99999999999"))

    def test_one_whose_time_is_over(self):
        def age(key):
            path = self.folder / key
            path.write_text(json.dumps({**json.loads(path.read_text()), "until": int(time.time()) - 1}))
        self.assert_refused(before=age)


class Left(Standby):
    """Whatever is killed, nothing stays for ever."""

    def test_a_prepare_that_was_killed(self):
        for pause in (0.005, 0.01, 0.02, 0.03, 0.05, 0.1):
            with self.subTest(pause=pause):
                key = self.ended()
                job = self.job()
                process = job.start("prepare")
                time.sleep(pause)
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                self.succeeds(job.hook("cleanup"))
                self.assertEqual(left_in_the_end(job.label), [])
                wait_for(lambda key=key: self.key() == key or not left_of(key), "it waits, or is gone")

    def test_a_second_try_has_its_own(self):
        key = self.ended()
        job = self.prepared()
        self.assert_taken(job, key)
        self.succeeds(job.hook("prepare"))
        self.assertEqual(left_of(key), [])
        self.assertFalse((self.first.state / "builds/.direct" / key).exists())
        self.assert_own(job)
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(left_in_the_end(job.label), [])

    def test_what_nobody_has_is_garbage(self):
        key = self.ended()
        (self.folder / SLOT).unlink()
        self.gc()
        self.assertEqual(len(left_of(key)), 2, "it may be in the making")
        long_ago = time.time() - 600
        os.utime(self.folder / key, (long_ago, long_ago))
        self.assertIn("Removed 2 of 2", self.gc())
        self.assertEqual(left_of(key), [])
        self.assertFalse((self.folder / key).exists())
        self.assertFalse((self.first.state / "builds/.direct" / key).exists())

    def test_what_a_job_has_is_none(self):
        key = self.ended()
        time.sleep(2)
        job = self.prepared()
        self.gc("--older-than", "1m")
        self.gc()
        self.assertEqual(len(left_of(key)), 2)
        self.assert_taken(job, key)
        self.succeeds(job.hook("cleanup"))

    def test_what_a_job_takes_meanwhile_is_none(self):
        """Between the look at who has it and the look at how old it is."""
        key = self.ended()
        waiting, taken = self.folder / SLOT, self.folder / "tEsT_0123-77"
        with PausingRelay("/containers/json", lambda: waiting.rename(taken)) as relay:
            self.assertIn("Nothing to remove", self.gc("--job", key, "--older-than", "0s", DOCKER_HOST=relay.url))
        self.assertEqual(len(left_of(key)), 2)
        taken.rename(waiting)
        self.assertIn("Removed 2 of 2", self.gc("--job", key, "--older-than", "0s"))
        self.assertIsNone(self.key())

    def test_what_nobody_wants_any_more(self):
        key = self.ended()
        self.configure("standby: 0\n")
        self.assertIn("2 would be removed", self.gc("--dry-run"))
        self.assertEqual(self.key(), key)
        self.assertIn("Removed 2 of 2", self.gc())
        self.assertEqual(left_of(key), [])
        self.assertEqual([path.name for path in self.folder.iterdir()], [])

    def test_or_the_next_job_finds_that(self):
        key = self.ended()
        job = self.job()
        self.configure("standby: 0\n")
        self.succeeds(job.hook("prepare"))
        self.assert_own(job)
        self.assertEqual(left_in_the_end(key), [])
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(left_in_the_end(job.label), [])
        self.assertIsNone(self.key())


class Seen(Standby):
    """`atelier doctor` says what it costs."""

    def test_memory(self):
        job = self.job()
        self.assertIn("no job has ended", self.doctor())
        self.succeeds(job.hook("prepare"))
        self.succeeds(job.hook("cleanup"))
        self.waiting()
        self.assertRegex(self.doctor(), r"ok +standby +1 pair of containers waits for a job, with \d+\.\d MB of memory")
        self.configure("standby: 0\n")
        self.assertRegex(self.doctor(), r"warning +standby +1 pair of containers waits")
        self.gc()
        self.assertIn("no containers wait for jobs (standby: 0)", self.doctor())

    def test_why_there_is_none(self):
        image = self.image("standby-gone")
        job = self.prepared(image=image)
        docker("rmi", "-f", image)
        self.succeeds(job.hook("cleanup"))
        wait_for(lambda: self.problem() != "no problem", "the problem is written down")
        self.assertIn(f"none for slot {SLOT}: ", self.doctor())
        self.assertIn(image, self.doctor())
        self.ended()
        self.assertNotIn("none for slot", self.doctor())

    def test_none_where_volumes_are_a_jobs_own(self):
        job = self.prepared("kinds: {build: {mounts: [/scratch]}}\n")
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(left_in_the_end(job.label), [])
        wait_for(lambda: not list((self.first.state / "builds/.cleanup").iterdir()), "the removal has ended")
        self.assertIsNone(self.key())

    def test_none_when_a_pipeline_has_ended(self):
        self.job()
        checkout = self.first.state / "checkout"
        checkout.mkdir()
        (checkout / ".gitlab-ci.yml").write_text("works:\n  variables: {GIT_CLEAN_FLAGS: -ffd}\n  script: echo works\n")
        for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"]):
            subprocess.run(["git", *words], cwd=checkout, check=True)
        self.succeeds(self.atelier("pipeline", cwd=checkout))
        wait_for(lambda: not list((self.first.state / "builds/.cleanup").iterdir()), "the removals have ended")
        self.assertFalse(self.folder.exists())


if __name__ == "__main__":
    unittest.main()
