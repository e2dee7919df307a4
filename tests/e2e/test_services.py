"""A job's services, against the real Docker daemon: found, waited for, and complained about."""
import json
import os
import random
import signal
import time
import unittest

import images
from hooks import Job, Result, docker, has_docker, terminate, wait_for

APPLETS = ("sh", "httpd", "wget", "sleep", "touch", "env", "echo", "test")
SERVE = "exec httpd -f -p 8080 -h /tmp"
# In the job, by bash: GET HOST PORT PATH
GET = ("get() { exec 3<>/dev/tcp/$1/$2 && printf 'GET /%s HTTP/1.0\\r\\n\\r\\n' \"$3\" >&3 && cat <&3; }\n")


def sh(script):
    """A service's command: a script of busybox."""
    return {"entrypoint": ["/bin/sh", "-c"], "command": [script]}


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class ServiceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        def make(name, *changes):
            return images.busybox(f"atelier-test/{name}", applets=APPLETS, files={"tmp/index.html": (b"hello", 0o644)},
                                  changes=changes)
        cls.web = make("web", "EXPOSE 8080", 'CMD ["/bin/httpd","-f","-p","8080","-h","/tmp"]')
        cls.two = make("two", "EXPOSE 8080", "EXPOSE 8081")
        cls.docker = make("docker", "EXPOSE 2375", "EXPOSE 2376")
        cls.plain = make("plain", 'CMD ["/bin/sleep","1000"]')

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.web, cls.two, cls.docker, cls.plain)

    def checked(self):
        """An image with a HEALTHCHECK, which Podman does not import."""
        image = images.busybox("atelier-test/checked", applets=APPLETS,
                               changes=["EXPOSE 8080", "HEALTHCHECK CMD test -e /tmp/ready"])
        self.addCleanup(images.remove, image)
        return image

    def job(self, *services, config="", **options):
        job = Job(config, **options)
        self.addCleanup(job.__exit__)
        job.response["services"] = list(services)
        for variable in job.response["variables"]:
            if variable["key"] == "CI_JOB_TOKEN":
                variable |= {"public": False, "masked": True}
        return job

    def prepared(self, *services, **options):
        job = self.job(*services, **options)
        result = job.hook("prepare")
        self.assertEqual(result.code, 0, result)
        return job, result

    def refused(self, *services, code=1, **options):
        """A job whose prepare fails; what it said. Nothing is left of it."""
        job = self.job(*services, **options)
        result = job.hook("prepare")
        self.assertEqual(result.code, code, result)
        self.assert_clean(job)
        return result

    def prepare_when_ended(self, job):
        """How its prepare ends that finds all services ended: what lives a moment and has no port is taken to be up."""
        hook, out = job.start("prepare"), ""
        for line in hook.stdout:
            out += line
            if line.startswith("Waiting for services"):
                hook.send_signal(signal.SIGSTOP)
                wait_for(lambda: not docker("ps", "-q", "--filter", f"label=atelier.job={job.label}", "--filter",
                                            "label=atelier.role=service"), "they have ended")
                hook.send_signal(signal.SIGCONT)
        result = Result(hook)
        result.out = out
        return result

    def assert_clean(self, job):
        result = job.hook("cleanup")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(job.left_in_the_end(), [])

    def assert_runs(self, job, script):
        result = job.run(GET + script)
        self.assertEqual(result.code, 0, result)
        return result.out


class Found(ServiceTest):
    def test_by_all_its_names(self):
        job, said = self.prepared({"name": self.web, "alias": "db, store"})
        self.assertIn("Waiting for services to be up and running (timeout 30 seconds)...", said.out)
        for name in ("db", "store", "atelier-test__web", "atelier-test-web"):
            self.assertIn("hello", self.assert_runs(job, f"get {name} 8080 index.html"))
        self.assertEqual(len(job.left()), 4, "three containers and a network")
        self.assert_clean(job)

    def test_by_another_service(self):
        script = f"until wget -q -O /tmp/from http://first:8080/index.html; do sleep 0.1; done; {SERVE}"
        job, _ = self.prepared({"name": self.web, "alias": "first"}, {"name": self.web, "alias": "second", **sh(script)})
        self.assertIn("hello", self.assert_runs(job, "get second 8080 from"))
        self.assert_clean(job)

    def test_a_name_that_is_taken(self):
        job, said = self.prepared({"name": self.web, "alias": "db"}, {"name": self.plain, "alias": "db other"})
        self.assertIn(f'WARNING: Skipping alias "db" for service "{self.plain}" (services[1]): alias is already in use '
                      "by another service.", said.err)
        self.assertIn("hello", self.assert_runs(job, "get db 8080 index.html"))
        self.assertEqual(len(job.container("service").split()), 2)

    def test_one_without_a_name_is_not_started(self):
        job, said = self.prepared({"name": self.web}, {"name": self.web})
        self.assertIn("is not started", said.err)
        self.assertEqual(len(job.container("service").split()), 1)

    def test_a_service_called_build(self):
        job, _ = self.prepared({"name": self.web, "alias": "build"})
        for _ in range(5):
            self.assertIn("hello", self.assert_runs(job, "get build 8080 index.html"))

    def test_variables_of_older_runners_in_names(self):
        repository, tag = self.web.split(":")
        job, _ = self.prepared({"name": f"{repository}:$TAG", "alias": "${NAME}"}, TAG=tag, NAME="db")
        self.assertIn("hello", self.assert_runs(job, "get db 8080 index.html"))


class Given(ServiceTest):
    def test_public_variables_and_its_own(self):
        own = [{"key": "OWN", "value": "made of $SEEN", "public": True}]
        job, _ = self.prepared({"name": self.web, "alias": "db", "variables": own, **sh("env >/tmp/env; " + SERVE)},
                               SEEN="by all")
        env = self.assert_runs(job, "get db 8080 env")
        self.assertIn("SEEN=by all\n", env)
        self.assertIn("OWN=made of by all\n", env)
        self.assertNotIn(job.token, env)
        self.assertNotIn(job.token, docker("inspect", job.container("service")))

    def test_the_jobs_folder(self):
        job, _ = self.prepared({"name": self.web, "alias": "db", **sh("exec httpd -f -p 8080 -h $FOLDER")},
                               FOLDER="/tmp")
        folder = f"{job.state}/builds/tEsT_0123/7/{job.id}"
        service = job.container("service")
        self.assert_runs(job, f"echo shared >{folder}/file")
        self.assertEqual(docker("exec", service, "sh", "-c", f"read -r word <{folder}/file; echo $word"), "shared")

    def test_limits_and_neither_socket_nor_privileges(self):
        config = "kinds: {build: {docker: socket, memory: 64m, pids: 50}}\n"
        job, _ = self.prepared({"name": self.plain}, config=config)
        host = json.loads(docker("inspect", job.container("service")))[0]["HostConfig"]
        self.assertEqual((host["Memory"], host["PidsLimit"], host["Privileged"]), (64 << 20, 50, False))
        self.assertNotIn("docker.sock", str(host["Binds"]))

    def test_privileges_for_the_image_that_the_owner_names_alone(self):
        config = 'kinds: {build: {privileged_services: "atelier-test/web:*"}}\n'
        job = self.job({"name": self.web, "alias": "db"}, {"name": self.plain}, config=config)
        said = job.hook("prepare")  # where this machine may give no privileges itself, only the start fails
        self.assertRegex(said.out, rf"Using service image {self.web} \(.*\) as db, privileged\n")
        self.assertRegex(said.out, rf"Using service image {self.plain} \(.*\) as atelier-test__plain\n")
        containers = docker("ps", "-aq", "--filter", f"label=atelier.job={job.label}").split()
        privileged = [c["Config"]["Image"] for c in json.loads(docker("inspect", *containers))
                      if c["HostConfig"]["Privileged"]]
        self.assertEqual(len(containers), 4)
        self.assertEqual(privileged, [self.web])

    def test_the_owners_mounts_and_a_volume_for_all(self):
        job = self.job({"name": self.web, "alias": "db", **sh("echo made >/certs/client/key; echo 2 >/keep/it; " + SERVE)},
                       {"name": self.plain, "alias": "other"})
        (job.state / "keep").mkdir()
        with job.config_file.open("a") as config:
            config.write(f"kinds: {{build: {{mounts: [/certs/client, '{job.state}/keep:/keep']}}}}\n")
        result = job.hook("prepare")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.assert_runs(job, "cat /certs/client/key /keep/it; echo back >/certs/client/job").split(),
                         ["made", "2"])
        other = docker("ps", "-q", "--filter", f"label=atelier.job={job.label}", "--filter", "label=atelier.service=other")
        self.assertEqual(docker("exec", other, "sh", "-c", "read -r word </certs/client/job; echo $word"), "back")
        self.assertEqual(job.hook("prepare").code, 0, "a second try")
        self.assertNotIn("job", self.assert_runs(job, "ls /certs/client"), "begins with a new volume")
        self.assert_clean(job)

    def test_entrypoint_and_command(self):
        job, _ = self.prepared({"name": self.web, "alias": "db", "entrypoint": ["/bin/httpd", "-f"],
                                "command": ["-p", "8080", "-h", "/bin"]})
        self.assertIn("404 Not Found", self.assert_runs(job, "get db 8080 index.html"), "another folder")


class Awaited(ServiceTest):
    def test_its_healthcheck(self):
        began = time.monotonic()
        job, _ = self.prepared({"name": self.checked(), "alias": "db", **sh("sleep 2; touch /tmp/ready; sleep 1000")})
        self.assertGreater(time.monotonic() - began, 2)
        health = docker("inspect", "-f", "{{.State.Health.Status}}", job.container("service"))
        self.assertEqual(health, "healthy", "though nothing answers on the port that is exposed")

    def test_all_its_ports(self):
        script = f"httpd -p 8081 -h /tmp; sleep 2; {SERVE}"
        job, _ = self.prepared({"name": self.two, "alias": "db", **sh(script)})
        self.assertIn("hello", self.assert_runs(job, "get db 8080 index.html"))

    def test_the_port_that_it_names(self):
        job, said = self.prepared({"name": self.two, "alias": "db", **sh(SERVE), "variables": [
            {"key": "HEALTHCHECK_TCP_PORT", "value": "8080"}]})
        self.assertNotIn("WARNING", said.err)

    def test_some_ports_are_enough_in_the_end(self):
        _, said = self.prepared({"name": self.two, "alias": "db", **sh(SERVE)}, config="services: {wait: 10s}\n")
        self.assertIn("port 8081 does not answer", said.err)
        self.assertIn("HEALTHCHECK_TCP_PORT", said.err)

    def test_one_of_dockers_two_ports(self):
        for port in ("2375", "2376"):
            _, said = self.prepared({"name": self.docker, "alias": "docker", **sh(f"exec httpd -f -p {port} -h /tmp")})
            self.assertNotIn("WARNING", said.err)
        said = self.refused({"name": self.docker, "alias": "docker", **sh(SERVE)}, config="services: {wait: 2s}\n")
        self.assertIn("ports 2375, 2376 do not answer", said.err)

    def test_nothing_to_ask(self):
        self.prepared({"name": self.plain})

    def test_nobody_waits(self):
        _, said = self.prepared({"name": self.web, **sh("sleep 1000")}, config="services: {wait: 0}\n")
        self.assertNotIn("Waiting", said.out)


class Missed(ServiceTest):
    def test_one_that_ends(self):
        began = time.monotonic()
        said = self.refused({"name": self.web, "alias": "db", **sh("echo no data folder; echo really >&2; exit 3")},
                            config="services: {wait: 300s}\n")
        self.assertLess(time.monotonic() - began, 120, "before the wait was over")
        self.assertIn(f"service '{self.web}' (db) ended with exit code 3", said.err)
        self.assertIn("[service:db] no data folder\n", said.out)
        self.assertIn("[service:db] really\n", said.out, "of both its streams")
        self.assertNotIn("privileges", said.out)

    def test_one_that_wants_privileges(self):
        said = self.refused({"name": self.web, **sh("echo 'mount: permission denied (are you root?)'; exit 1")})
        self.assertIn("has no privileges: on this host an owner gives them by kinds: build: privileged_services", said.out)

    def test_one_that_ends_without_a_port(self):
        job = self.job({"name": self.plain, **sh("exit 4")})
        said = self.prepare_when_ended(job)
        self.assertEqual(said.code, 1, said)
        self.assertIn("ended with exit code 4", said.err)
        self.assert_clean(job)

    def test_one_that_ends_well_but_promised_a_port(self):
        said = self.refused({"name": self.web, **sh("exit 0")})
        self.assertIn("ended with exit code 0 before it was ready", said.err)

    def test_one_that_has_done_its_work(self):
        job = self.job({"name": self.plain, "alias": "seed", **sh("exit 0")})
        said = self.prepare_when_ended(job)
        self.assertEqual(said.code, 0, said)
        self.assertIn("(seed) ended with exit code 0", said.out)
        self.assert_runs(job, "true")

    def test_one_that_is_never_ready(self):
        said = self.refused({"name": self.web, "alias": "db", **sh("echo thinking; sleep 1000")},
                            config="services: {wait: 5s}\n")
        self.assertIn(f"service '{self.web}' (db) was not ready within 5", said.err)
        self.assertIn("port 8080 does not answer", said.err)
        self.assertIn("[service:db] thinking", said.out)

    def test_one_whose_healthcheck_fails(self):
        said = self.refused({"name": self.checked(), **sh("sleep 1000")}, config="services: {wait: 2s}\n")
        self.assertIn("HEALTHCHECK says", said.err)

    def test_only_a_warning_where_the_owner_says_so(self):
        job, said = self.prepared({"name": self.web, "alias": "bad", **sh("echo alas; exit 1")},
                                  {"name": self.web, "alias": "good"}, config="services: {on_unready: warn}\n")
        self.assertIn(f"WARNING: service '{self.web}' (bad) ended with exit code 1", said.err)
        self.assertIn("[service:bad] alas", said.out)
        self.assertIn("hello", self.assert_runs(job, "get good 8080 index.html"))

    def test_one_that_cannot_be_started(self):
        said = self.refused({"name": self.web, "alias": "db", "entrypoint": ["/no/such/program"]})
        self.assertIn(f"service '{self.web}' (db)", said.err)

    def test_an_image_that_is_not_there(self):
        said = self.refused({"name": "127.0.0.1:1/no/such:image"}, code=2)
        self.assertIn("127.0.0.1:1/no/such:image", said.err)

    def test_an_image_that_is_not_allowed(self):
        said = self.refused({"name": self.web}, config="kinds: {build: {services: [postgres:*]}}\n")
        self.assertIn("postgres:*", said.err)

    def test_no_network_to_find_it_on(self):
        said = self.refused({"name": self.web}, config="kinds: {build: {network: host}}\n")
        self.assertIn("network: host", said.err)


class Cancelled(ServiceTest):
    def waiting(self):
        """A prepare that waits for a service, and its job."""
        job = self.job({"name": self.web, **sh("sleep 1000")}, config="services: {wait: 300s}\n")
        hook = job.start("prepare")
        self.addCleanup(hook.communicate)
        for line in hook.stdout:
            if line.startswith("Waiting for services"):
                return job, hook
        self.fail("it did not wait")

    def test_while_it_waits(self):
        job, hook = self.waiting()
        terminate(hook)
        self.assertEqual(hook.wait(120), 2, "before the wait for the service was over")
        self.assert_clean(job)

    def test_killed_while_it_waits(self):
        job, hook = self.waiting()
        os.killpg(hook.pid, signal.SIGKILL)
        hook.wait(60)
        self.assert_clean(job)

    def test_killed_at_any_moment(self):
        services = {"name": self.web, "alias": "a"}, {"name": self.web, "alias": "b"}, {"name": self.plain}
        begin = time.monotonic()
        self.prepared(*services)
        whole = time.monotonic() - begin
        cleanups = []
        for i in range(12):
            job = self.job(*services)
            hook = job.start("prepare")
            time.sleep(whole * (i + random.random()) / 12)
            os.killpg(hook.pid, signal.SIGKILL)
            hook.communicate()
            cleanups.append((job, job.start("cleanup")))
        for job, cleanup in cleanups:
            result = Result(cleanup)
            self.assertEqual(result.code, 0, result)
            self.assertEqual(job.left_in_the_end(), [], "one whose prepare was quicker than that goes meanwhile")


if __name__ == "__main__":
    unittest.main()
