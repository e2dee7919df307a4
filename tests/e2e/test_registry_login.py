"""A job's registry logins in its Docker client's configuration, against a registry with a password."""
import base64
import json
import subprocess
import unittest

import images
import password_registry
from hooks import Job, docker, has_docker

ASKED = "kinds: {build: {docker: socket, registry_login: true}}\n"
SHOW = 'cat "$DOCKER_CONFIG/config.json"'


@password_registry.needed
@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class RegistryLogin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        registry = password_registry.PasswordRegistry()
        cls.user, cls.password, cls.registry, cls.port = registry.user, registry.password, registry.host, registry.port
        cls.pair = base64.b64encode(f"{cls.user}:{cls.password}".encode()).decode()
        cls.local = images.busybox("atelier-test/login", ("sh",))

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.local)

    def job(self, config=ASKED, credentials=True, **options):
        job = Job(config, **options)
        self.addCleanup(job.__exit__)
        if credentials:
            job.response["credentials"] = [
                {"type": "registry", "url": self.registry, "username": self.user, "password": self.password}]
        return job

    def prepared(self, *args, **options):
        job = self.job(*args, **options)
        self.succeeds(job.hook("prepare"))
        return job

    def succeeds(self, result):
        self.assertEqual(result.code, 0, result)
        return result

    def assert_unseen(self, text):
        self.assertNotIn(self.password, text)
        self.assertNotIn(self.pair, text)

    def push(self, name):
        """Lines of a job that pushes the local image under a name of its own."""
        self.addCleanup(images.remove, name)
        return f"docker tag {self.local} {name}; docker push {name}"

    def test_push_without_login(self):
        job = self.job()
        prepared = self.succeeds(job.hook("prepare"))
        pushed = job.run(self.push(f"{self.registry}/atelier-test/login/app:{job.id}"))
        self.succeeds(pushed)
        for said in (prepared, pushed):
            self.assert_unseen(said.out + said.err)

    def test_it_lies_in_memory_alone(self):
        job = self.prepared()
        container = job.container()
        self.assertIn(self.pair, self.succeeds(job.run(SHOW)).out)
        self.assert_unseen(docker("inspect", container))
        self.assert_unseen(docker("diff", container))
        self.assertNotIn("config.json", docker("diff", container), "nothing of it in the container's own layer")
        self.assertEqual(docker("exec", container, "stat", "-fc", "%T", "/run/atelier/docker"), "tmpfs")
        found = subprocess.run(["grep", "-rlF", self.pair, str(job.state)], capture_output=True, text=True, check=False)
        self.assertEqual(found.stdout, "", "in no file of the host")
        self.succeeds(job.hook("cleanup"))
        self.assertEqual(job.left_in_the_end(), [])

    def test_the_jobs_variable_counts_first(self):
        job = self.prepared(DOCKER_AUTH_CONFIG=json.dumps({"auths": {
            self.registry: {"auth": base64.b64encode(b"other:words").decode()}, "r.test": {"auth": self.pair}}}))
        auths = json.loads(self.succeeds(job.run(SHOW)).out)["auths"]
        self.assertEqual(base64.b64decode(auths[self.registry]["auth"]), b"other:words")
        self.assertEqual(auths["r.test"], {"auth": self.pair})

    def test_only_where_the_owner_says_so(self):
        job = self.prepared("kinds: {build: {docker: socket}}\n")
        self.assertEqual(job.run('echo "[$DOCKER_CONFIG]"; ls -d /run/atelier/docker 2>/dev/null || true').out, "[]\n")
        refused = job.run(self.push(f"{self.registry}/atelier-test/login/no:{job.id}"))
        self.assertNotEqual(refused.code, 0, refused)

    def test_nothing_without_credentials(self):
        job = self.prepared(credentials=False)
        self.assertEqual(job.run('echo "[$DOCKER_CONFIG]"').out, "[]\n")
        self.assertNotIn("/run/atelier/docker", docker("inspect", job.container()))

    def test_none_of_the_hosts(self):
        job = self.job(credentials=False)
        folder = job.state / "client"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"auths": {self.registry: {"auth": self.pair}}}))
        job.extra["DOCKER_CONFIG"] = str(folder)
        self.succeeds(job.hook("prepare"))
        self.assertNotIn(self.pair, self.succeeds(job.run("env; cat /root/.docker/config.json || true")).out)

    def test_dry_run_shows_the_place_and_no_secret(self):
        result = self.succeeds(self.job().hook("prepare", "--dry-run"))
        build = next(c for c in json.loads(result.out)["containers"] if c["role"] == "build")["create"]
        self.assertIn("/run/atelier/docker", build["HostConfig"]["Tmpfs"])
        self.assertIn("DOCKER_CONFIG=/run/atelier/docker", build["Env"])
        self.assert_unseen(result.out + result.err)

    def test_beside_the_jobs_own_login(self):
        job = self.prepared()
        self.succeeds(job.run(f'echo "$SECRET" | docker login -u {self.user} --password-stdin localhost:{self.port}'
                              .replace("$SECRET", self.password)))
        auths = json.loads(self.succeeds(job.run(SHOW, "after_script")).out)["auths"]
        self.assertEqual(set(auths), {self.registry, f"localhost:{self.port}"})
        self.succeeds(job.run(self.push(f"{self.registry}/atelier-test/login/beside:{job.id}")))

    def test_read_only_root_and_a_tmpfs_around_it(self):
        job = self.prepared('kinds: {build: {registry_login: true, read_only: true, tmpfs: {/run: "size=1m"}}}\n')
        self.assertIn(self.pair, self.succeeds(job.run(SHOW)).out)

    def test_a_user_who_is_not_root(self):
        job = self.job()
        job.response["image"]["executor_opts"] = {"docker": {"user": "1234:1234"}}
        self.succeeds(job.hook("prepare"))
        said = self.succeeds(job.run(f'id -u; stat -c %a "$DOCKER_CONFIG/config.json"; {SHOW}; cd "$DOCKER_CONFIG"; '
                                     'echo "{}" >config.json1; mv -f config.json1 config.json'))
        self.assertEqual(said.out.splitlines()[:2], ["1234", "600"])
        self.assertIn(self.pair, said.out)

    def test_an_entrypoint_that_drops_root(self):
        job = self.job()
        job.response["image"]["entrypoint"] = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"]
        self.succeeds(job.hook("prepare"))
        said = self.succeeds(job.run(f'id -u; {SHOW}; cd "$DOCKER_CONFIG"; echo "{{}}" >config.json1; '
                                     'mv -f config.json1 config.json'))
        self.assertEqual(said.out.splitlines()[0], "1234")
        self.assertIn(self.pair, said.out)

    def test_an_image_with_only_sh(self):
        job = self.prepared(image=self.local)
        self.assertIn(self.pair, self.succeeds(job.run('read -r line <"$DOCKER_CONFIG/config.json"; echo "$line"')).out)

    def test_again_when_the_container_was_killed(self):
        job = self.prepared()
        docker("kill", job.container())
        self.assertIn(self.pair, self.succeeds(job.run(SHOW, "after_script")).out)

    def test_a_variable_that_is_no_configuration(self):
        job = self.job(DOCKER_AUTH_CONFIG=f"{{'auths': {self.password}")
        result = job.hook("prepare")
        self.assertEqual(result.code, 1, result)
        self.assertIn("registry login: $DOCKER_AUTH_CONFIG", result.err)
        self.assert_unseen(result.out + result.err)

    def test_helpers_are_left_out(self):
        job = self.job(DOCKER_AUTH_CONFIG=json.dumps({"credsStore": "pass"}))
        result = self.succeeds(job.hook("prepare"))
        self.assertIn("WARNING: registry login: credsStore and credHelpers of $DOCKER_AUTH_CONFIG are left out", result.err)
        self.assertNotIn("credsStore", self.succeeds(job.run(SHOW)).out)


if __name__ == "__main__":
    unittest.main()
