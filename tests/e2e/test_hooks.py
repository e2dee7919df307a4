"""The four hooks, one by one, against the real Docker daemon."""
import json
import os
import pathlib
import random
import subprocess
import time
import unittest

import images
import password_registry
from hooks import ATELIER, IMAGE, PATIENCE, Job, JobTest, Result, docker, has_docker, remains_in, terminate


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class HookTest(JobTest):
    @classmethod
    def setUpClass(cls):
        cls.images = {
            "sh": images.busybox("atelier-test/sh"),
            "none": images.busybox("atelier-test/noshell", applets=("true",)),
            "entry": images.busybox("atelier-test/entry", applets=("sh", "id"), files={
                "entry.sh": (b"#!/bin/sh\necho entered as $CI_JOB_STAGE\nexport FROM_ENTRY=yes\nexec \"$@\"\n", 0o755)},
                changes=['ENTRYPOINT ["/entry.sh"]']),
            "ignores": images.busybox("atelier-test/ignores", changes=['ENTRYPOINT ["/bin/busybox", "echo", "I am the app"]']),
            "user": images.busybox("atelier-test/user", applets=("sh", "id", "sleep"), changes=["USER 1234"]),
        }

    @classmethod
    def tearDownClass(cls):
        images.remove(*cls.images.values())

    def assert_clean(self, job):
        result = job.hook("cleanup")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(job.left_in_the_end(), [])


class ConfigHook(HookTest):
    def test_answers_one_json_object(self):
        with Job() as job:
            result = job.hook("config")
            answer = json.loads(result.out)
            self.assertEqual(result.err, "")
            self.assertEqual(answer["driver"]["name"], "atelier")
            self.assertEqual(answer["builds_dir"], f"{job.state}/builds/tEsT_0123/7/{job.id}")
            self.assertEqual(answer["cache_dir"], f"{job.state}/cache/tEsT_0123/7")
            self.assertIs(answer["builds_dir_is_shared"], False)
            self.assertEqual(answer["shell"], "bash")
            self.assertTrue(answer["hostname"])
            self.assertTrue(all(isinstance(v, str) for v in answer["job_env"].values()))

    def test_protected_refs_build_apart(self):
        with Job(CI_COMMIT_REF_PROTECTED="true") as job:
            answer = json.loads(job.hook("config").out)
            self.assertTrue(answer["builds_dir"].endswith(".protected"))
            self.assertTrue(answer["cache_dir"].endswith(".protected"))


    def test_a_job_cannot_say_that_it_is_another(self):
        with Job() as job:
            honest = json.loads(job.hook("config").out)
            job.variables |= {"CI_JOB_ID": "1", "CI_PROJECT_ID": "8", "CI_COMMIT_REF_PROTECTED": "true"}
            self.assertEqual(json.loads(job.hook("config").out), honest)


class PrepareHook(HookTest):
    def test_makes_what_cleanup_removes(self):
        job = self.prepared()
        self.assertEqual(len(job.left()), 3, "two containers and a network")
        self.assertNotEqual(job.container("build"), job.container("helper"))
        self.assert_clean(job)

    def test_again_and_again(self):
        job = self.prepared()
        first = job.container()
        self.assertEqual(job.hook("prepare").code, 0)
        self.assertNotEqual(job.container(), first)
        self.assertEqual(len(job.left()), 3)
        self.assert_clean(job)
        self.assertEqual(job.hook("cleanup").code, 0, "nothing to do is fine")

    def test_missing_image_is_named(self):
        with Job(image="127.0.0.1:1/no/such:image") as job:
            result = job.hook("prepare")
            self.assertEqual(result.code, 2, result)
            self.assertIn("127.0.0.1:1/no/such:image", result.err)
            self.assert_clean(job)

    def test_never_pulls_where_it_is_forbidden(self):
        with Job("pull_policy: never\n", image="no/such:image") as job:
            result = job.hook("prepare")
            self.assertEqual(result.code, 2, result)
            self.assertIn("no/such:image", result.err)
            self.assertIn("never", result.err)

    def test_missing_helper_says_what_to_type(self):
        with Job("helper_image: atelier/helper:missing\n") as job:
            result = job.hook("prepare")
            self.assertEqual(result.code, 2, result)
            self.assertIn("packaging/images/make helper", result.err)

    def test_image_without_a_shell_is_the_jobs_failure(self):
        with Job(image=self.images["none"]) as job:
            result = job.hook("prepare")
            if result.code == 0: # then nobody has waited for the container
                result = job.run("echo never")
            self.assertEqual((result.code, "never" in result.out), (1, False), result)
            self.assertIn("has no 'sh'", result.err)
            self.assert_clean(job)

    def test_image_that_is_not_allowed(self):
        with Job("kinds: {build: {images: [registry.example.com/**]}}\n") as job:
            result = job.hook("prepare")
            self.assertEqual(result.code, 1, result)
            self.assertIn("registry.example.com/**", result.err)

    def test_least_by_default_and_the_socket_where_it_is_granted(self):
        job = self.prepared(stage="unheard-of")
        self.assertNotIn("docker.sock", docker("inspect", job.container()))
        granted = self.prepared("kinds: {build: {docker: socket, memory: 64m, cpus: 0.5, pids: 50}}\n")
        described = json.loads(docker("inspect", granted.container()))[0]["HostConfig"]
        host = os.environ.get("DOCKER_HOST", "")
        socket = host.removeprefix("unix://") if host.startswith("unix://") else "/var/run/docker.sock"
        self.assertEqual([(m["Source"], m["Target"]) for m in described["Mounts"] if "/atelier" not in m["Target"]],
                         [(socket, "/var/run/docker.sock")])
        self.assertEqual((described["Memory"], described["NanoCpus"], described["PidsLimit"]),
                         (64 << 20, 500000000, 50))

    def test_settings_reach_the_container(self):
        """Of the limits not that of open files: runc's exec gives the hard one for both now and then, as Go raises it."""
        job = self.prepared("""kinds:
  build:
    read_only: true
    tmpfs: {/tmp: "size=1m"}
    ulimits: {cpu: "100:200"}
    cap_drop: ALL
    security_opt: no-new-privileges
    extra_hosts: ["db.test:10.1.2.3"]
    hostname: builder
    shm_size: 1m
    labels: {team: web}
    mounts: [/scratch]
""")
        result = job.run("hostname; ulimit -St; ulimit -Ht; grep db.test /etc/hosts; touch /tmp/x /scratch/y; "
                         "grep CapEff /proc/self/status; touch /nowhere || echo read-only")
        self.assertEqual(result.code, 0, result)
        for line in ("builder", "100", "200", "10.1.2.3\tdb.test", "CapEff:\t0000000000000000", "read-only"):
            self.assertIn(line, result.out.splitlines())
        self.assertEqual(docker("inspect", "-f", "{{index .Config.Labels \"team\"}}", job.container()), "web")
        self.assert_clean(job)


    @password_registry.needed
    def test_pulls_with_the_jobs_credentials(self):
        registry = password_registry.PasswordRegistry()
        name = f"{registry.host}/atelier-test/pull:{os.getpid()}"
        registry.push(self.images["sh"], name)
        with Job("pull_policy: always\n", image=name) as job:
            result = job.hook("prepare")
            self.assertEqual(result.code, 2, "without credentials it is refused")
            self.assertIn(name, result.err)
            job.response["credentials"] = [
                {"type": "registry", "url": registry.host, "username": registry.user, "password": registry.password}]
            result = job.hook("prepare")
            self.assertEqual(result.code, 0, result)
            self.assertNotIn(registry.password, result.out + result.err)
            self.assertEqual(job.run("echo pulled").out, "pulled\n")
        images.remove(name)

    def test_a_strangers_container_of_our_name_is_left_alone(self):
        for role in ("build", "helper"):
            with self.subTest(role), Job() as job:
                name = f"atelier-{job.label}-{role}"
                stranger = docker("run", "-d", "--name", name, IMAGE, "sleep", "600")
                self.addCleanup(docker, "rm", "-f", stranger)
                result = job.hook("prepare")
                self.assertEqual(result.code, 0, result)
                self.assertIn(f"a container of another owner is called {name}", result.err)
                self.assertEqual(job.run("echo works").out.count("works"), 1)
                self.assertNotIn(stranger, docker("inspect", "-f", "{{.HostConfig.NetworkMode}}", job.container()))
                self.assert_clean(job)
                self.assertEqual(docker("inspect", "-f", "{{.Name}}", stranger), "/" + name)

    def test_no_secret_in_what_docker_shows(self):
        job = self.prepared(SECRET_VALUE="do-not-show-me")
        shown = docker("inspect", job.container("build"), job.container("helper"))
        self.assertNotIn(job.token, shown)
        self.assertNotIn("do-not-show-me", shown)

    def test_dry_run_makes_nothing(self):
        with Job() as job:
            plan = json.loads(job.hook("prepare", "--dry-run").out)
            self.assertEqual(plan["kind"], "build")
            self.assertEqual(job.left(), [])


class RunHook(HookTest):
    def test_both_outputs_and_the_exact_code(self):
        job = self.prepared()
        job.code_file.write_text("77\n")
        result = job.run("echo to-out; echo to-err >&2")
        self.assertEqual((result.code, result.out, result.err), (0, "to-out\nto-err\n", ""))
        self.assertIsNone(job.code(), "an earlier sub-stage's code must not count again")
        for code in (1, 3, 42, 255):
            result = job.run(f"exit {code}")
            self.assertEqual((result.code, job.code()), (1, f"{code}\n"), result)

    def test_output_is_not_held_back(self):
        job = self.prepared()
        run = job.start_run("printf first; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo second")
        self.assertEqual(run.stdout.read(5), "first")
        docker("exec", job.container(), "touch", "/tmp/go")
        self.assertEqual(run.communicate()[0], " second".strip() + "\n")
        self.assertEqual(run.returncode, 0)

    def test_big_script_and_big_output(self):
        job = self.prepared()
        result = job.run("x='" + "y" * 1_000_000 + "'; echo ${#x}; head -c 5000000 /dev/zero | tr '\\0' a")
        self.assertEqual(result.code, 0)
        self.assertTrue(result.out.startswith("1000000\n"))
        self.assertEqual(len(result.out), 5000008)

    def test_script_of_old_runners_without_a_last_newline(self):
        job = self.prepared()
        path = job.folder / "old"
        path.write_text("#!/usr/bin/env bash\n\nset -eo pipefail\nset +o noclobber\n: | eval $'echo old; exit 5'\nexit 0")
        result = job.hook("run", str(path), "build_script")
        self.assertEqual((result.code, result.out, job.code()), (1, "old\n", "5\n"), result)

    def test_where_each_substage_runs(self):
        job = self.prepared(image=self.images["sh"])
        for substage in ("get_sources", "restore_cache", "archive_cache_on_failure", "cleanup_file_variables"):
            self.assertIn("git version", job.run("git --version", substage).out)
        for substage in ("build_script", "step_release", "after_script"):
            self.assertEqual(job.run("[ -e /bin/busybox ] && echo mine", substage).out, "mine\n")

    def test_container_outlives_the_script_and_shares_the_build_folder(self):
        job = self.prepared()
        builds = json.loads(job.hook("config").out)["builds_dir"]
        self.assertEqual(job.run(f"echo fetched > {builds}/file", "get_sources").code, 0)
        self.assertEqual(job.run(f"cat {builds}/file; touch /tmp/kept").out, "fetched\n")
        self.assertEqual(job.run("ls /tmp/kept", "after_script").out, "/tmp/kept\n")
        self.assertEqual(pathlib.Path(builds, "file").read_text(), "fetched\n", "the same path on the host")

    def test_image_with_only_sh(self):
        job = self.prepared(image=self.images["sh"])
        result = job.run("echo $((6 * 7)); exit 9")
        self.assertEqual((result.out, job.code()), ("42\n", "9\n"), result)

    def test_user_of_the_image(self):
        job = self.prepared(image=self.images["user"])
        self.assertEqual(job.run("id -u").out, "1234\n")

    def test_entrypoint_runs_before_each_script(self):
        job = self.prepared(image=self.images["entry"])
        for substage in ("build_script", "after_script"):
            result = job.run("echo $FROM_ENTRY; exit 4", substage)
            self.assertEqual((result.out, job.code()), ("entered as build\nyes\n", "4\n"), result)

    def test_entrypoint_that_ignores_its_command_is_no_green_job(self):
        job = self.prepared(image=self.images["ignores"])
        result = job.run("echo never")
        self.assertEqual(result.code, 1, result)
        self.assertIn("ENTRYPOINT", result.err)

    def test_entrypoint_cleared_by_the_job(self):
        job = Job(image=self.images["ignores"])
        self.addCleanup(job.__exit__)
        job.response["image"]["entrypoint"] = [""]
        self.assertEqual(job.hook("prepare").code, 0)
        self.assertEqual(job.run("echo now").out, "now\n")

    def test_background_processes_do_not_hold_the_job(self):
        job = self.prepared()
        start = time.monotonic()
        result = job.run("sleep 600 & setsid sleep 600 & echo done")
        self.assertEqual((result.code, result.out), (0, "done\n"))
        self.assertLess(time.monotonic() - start, 120)
        self.assertEqual(remains_in(job.container()), [])

    def test_docker_run_of_the_job_sees_the_same_folder(self):
        job = self.prepared("kinds: {build: {docker: socket}}\n")
        builds = json.loads(job.hook("config").out)["builds_dir"]
        result = job.run(f"cd {builds}; echo here > file; docker run --rm -v \"$PWD:/x\" {IMAGE} cat /x/file")
        self.assertEqual(result.out, "here\n", result)

    def test_network_of_the_job_is_named(self):
        job = self.prepared()
        self.assertEqual(job.run("echo $CI_BUILD_NETWORK_NAME").out, f"atelier-{job.label}\n")

    def test_unknown_substage(self):
        job = self.prepared()
        result = job.run("echo no", "make_coffee")
        self.assertEqual((result.code, result.out), (2, ""))
        self.assertIn("unknown sub-stage 'make_coffee'", result.err)

    def test_without_prepare(self):
        with Job() as job:
            result = job.run("echo no")
            self.assertEqual(result.code, 2)
            self.assertIn("gone", result.err)


class Cancel(HookTest):
    def test_traps_run_and_nothing_is_left(self):
        job = self.prepared("cancel_grace: 300s\n")
        run = job.start_run("trap 'echo trapped; exit 0' TERM; echo ready; sleep 600 & wait; sleep 600")
        run.stdout.readline()
        start = time.monotonic()
        terminate(run)
        out, err = run.communicate()
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("trapped", out)
        self.assertLess(time.monotonic() - start, 120, "before the grace was over")
        self.assertEqual(remains_in(job.container()), [])
        self.assertEqual(job.run("echo after", "after_script").out, "after\n")

    def test_a_plain_sleep_ends_at_once_and_the_script_is_not_printed(self):
        job = self.prepared("cancel_grace: 300s\n")
        run = job.start_run("export SECRET=hush; echo ready; sleep 600")
        run.stdout.readline()
        start = time.monotonic()
        terminate(run)
        out, err = run.communicate()
        self.assertNotEqual(run.returncode, 0)
        self.assertLess(time.monotonic() - start, 120, "before the grace was over")
        self.assertNotIn("hush", out + err)

    def test_what_ignores_term_is_killed_after_the_grace(self):
        job = self.prepared("cancel_grace: 1s\n")
        run = job.start_run("trap '' TERM; echo ready; while :; do sleep 1; done")
        run.stdout.readline()
        terminate(run)
        self.assertEqual(run.wait(timeout=120), 2)
        self.assertEqual(job.run("echo after", "after_script").out, "after\n", "the container comes back")

    def test_prepare_that_is_cancelled_never_exits_0(self):
        for delay in (0, 0.02, 0.05, 0.1, 0.2):
            with Job() as job:
                prepare = job.start("prepare")
                time.sleep(delay)
                terminate(prepare)
                out, err = prepare.communicate()
                if "cancel" in err.lower() or prepare.returncode != 0:
                    self.assertNotEqual(prepare.returncode, 0, out + err)
                self.assert_clean(job)


class Killed(HookTest):
    def test_run_killed_then_cleanup(self):
        job = self.prepared()
        run = job.start_run("echo ready; sleep 600")
        run.stdout.readline()
        run.kill()
        run.communicate()
        self.assert_clean(job)

    def test_prepare_killed_at_any_moment_then_cleanup(self):
        begin = time.monotonic()
        self.prepared()
        whole = time.monotonic() - begin
        cleanups = []
        for i in range(12):
            job = Job()
            self.addCleanup(job.__exit__)
            prepare = job.start("prepare")
            time.sleep(whole * (i + random.random()) / 12)
            prepare.kill()
            prepare.communicate()
            cleanups.append((job, job.start("cleanup")))
        for job, cleanup in cleanups:
            result = Result(cleanup)
            self.assertEqual(result.code, 0, result)
            self.assertEqual(job.left_in_the_end(), [], "one whose prepare was quicker than that goes meanwhile")

    def test_cleanup_while_run_is_alive(self):
        job = self.prepared()
        run = job.start_run("echo ready; sleep 600")
        run.stdout.readline()
        self.assert_clean(job)
        _, err = run.communicate(timeout=300)
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("container", err)

    def test_container_killed_from_outside(self):
        job = self.prepared()
        run = job.start_run("echo ready; sleep 600")
        run.stdout.readline()
        docker("kill", job.container())
        _, err = run.communicate(timeout=300)
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("from outside", err)
        self.assert_clean(job)

    def test_cleanup_takes_the_network_though_strangers_are_on_it(self):
        job = self.prepared()
        stranger = docker("run", "-d", "--network", f"atelier-{job.label}", IMAGE, "sleep", "600")
        self.addCleanup(docker, "rm", "-f", stranger)
        self.assert_clean(job)


class BadInput(HookTest):
    def prepare_with(self, response=None, config="", env=None):
        with Job(config, response=response, env=env) as job:
            return job.hook("prepare")

    def test_no_socket(self):
        result = self.prepare_with(env={"DOCKER_HOST": "unix:///nonexistent/docker.sock"})
        self.assertEqual(result.code, 2)
        self.assertIn("/nonexistent/docker.sock", result.err)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become somebody else")
    def test_no_permission_on_the_socket(self):
        with Job() as job:
            os.chmod(job.folder, 0o755)
            environment = job.environment()
            os.chmod(job.state, 0o755)
            (job.folder / "response.json").chmod(0o644)
            result = subprocess.run([ATELIER, "--config", job.config_file, "prepare"], env=environment, user=65534,
                                    group=65534, extra_groups=[], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn("no permission", result.stderr)

    def test_empty_response(self):
        for response in ("", "{}", "null", "[]"):
            result = self.prepare_with(response=response)
            self.assertEqual(result.code, 2, response)
            self.assertIn("job response", result.err)

    def test_response_cut_short(self):
        result = self.prepare_with(response='{"id": 1, "image": {"na')
        self.assertEqual(result.code, 2)
        self.assertIn("job response", result.err)

    def test_configuration_with_a_typo(self):
        result = self.prepare_with(config="kinds:\n  build:\n    dokcer: socket\n")
        self.assertEqual(result.code, 2)
        self.assertRegex(result.err, r"config\.yml:[567]:5: .*dokcer.*did you mean 'docker'")

    def test_broken_yaml(self):
        result = self.prepare_with(config="kinds: [\n")
        self.assertEqual(result.code, 2)
        self.assertRegex(result.err, r"config\.yml:\d+:\d+")

    def test_not_started_by_a_runner(self):
        result = subprocess.run([ATELIER, "prepare"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("CI_JOB_ID", result.stderr)

    def test_no_script(self):
        job = self.prepared()
        result = job.hook("run", str(job.folder / "none"), "build_script")
        self.assertEqual(result.code, 2)
        self.assertIn("none", result.err)


class SideBySide(HookTest):
    def test_two_jobs_do_not_see_each_other(self):
        one, two = self.prepared(), self.prepared()
        first = one.start_run("echo ready; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo one")
        first.stdout.readline()
        self.assertEqual(two.run("echo two").out, "two\n")
        self.assert_clean(two)
        docker("exec", one.container(), "touch", "/tmp/go")
        self.assertEqual(first.communicate()[0], "one\n")
        self.assertEqual(first.returncode, 0)

    def test_jobs_started_together(self):
        jobs = [Job() for _ in range(4)]
        for job in jobs:
            self.addCleanup(job.__exit__)
        started = [job.start("prepare") for job in jobs]
        self.assertEqual([p.wait(timeout=PATIENCE) for p in started], [0] * 4)
        runs = [job.start_run(f"sleep 0.3; echo {job.id}") for job in jobs]
        self.assertEqual([r.communicate()[0].strip() for r in runs], [job.id for job in jobs])
        for job in jobs:
            self.assert_clean(job)


if __name__ == "__main__":
    unittest.main()
