"""Deploys of compose projects to a target: the host's daemon, by its socket."""
import json
import os
import unittest

import images
import password_registry
from deploys import APP, DeployCase, docker, wait_until


class Rollout(DeployCase):
    def test_what_is_new_is_made_and_what_is_unchanged_is_kept(self):
        d = self.deployment("new")
        first = d.up(APP)
        self.assertLess(first.output.index("worker: starting"), first.output.index("app: starting"))
        self.assertIn("Release 1 of", first.output)
        ids = d.ids()
        self.assertEqual(d.running(), ["app", "worker"])
        env = d.container("app")["Config"]["Env"]
        self.assertIn("KEY=key-of-staging-1", env)
        self.assertFalse([e for e in env if e.startswith("SV_")])

        again = d.up(APP)
        self.assertIn("Nothing changed: release 1 goes on serving", again.output)
        self.assertEqual(d.ids(), ids)
        self.assertEqual(list(d.records()), [1])
        self.assertEqual(d.locks() + d.volumes("lease"), [])

    def test_a_dry_run_says_and_does_nothing(self):
        d = self.deployment("dry")
        done = d.run("deploy", "--dry-run", compose=APP)
        self.assertIn("app: create (it is new)", done.output)
        self.assertEqual(d.containers() + d.volumes("release"), [])
        d.up(APP)
        ids = d.ids()
        d.variables["X_WORD"] = "bye"
        done = d.run("deploy", "--dry-run", compose=APP.replace("worker", "labourer"))
        self.assertIn("app: keep (nothing changed)", done.output)
        self.assertIn("labourer: create", done.output)
        self.assertIn("worker: remove", done.output)
        self.assertEqual(d.ids(), ids)

    def test_a_rotated_secret_touches_the_service_that_uses_it(self):
        d = self.deployment("rotate")
        d.up(APP)
        before = d.ids()
        d.secrets["API_KEY"] = "key-of-staging-2"
        done = d.up(APP)
        after = d.ids()
        self.assertEqual(after["worker"], before["worker"])
        self.assertNotEqual(after["app"], before["app"])
        self.assertIn("app: starting beside the old one (its configuration changed)", done.output)
        self.assertIn("KEY=key-of-staging-2", d.container("app")["Config"]["Env"])

    def test_no_secret_on_the_target_but_in_the_environment(self):
        d = self.deployment("secret")
        d.up(APP)
        on_target = json.dumps([d.volumes("release"), [c["Config"]["Labels"] for c in d.containers()],
                                [c["Name"] for c in d.containers()]])
        self.assertNotIn("key-of-staging-1", on_target)
        self.assertEqual(d.records()[1]["secrets"], ["API_KEY"])
        self.assertEqual(d.records()[1]["variables"]["X_WORD"], "hello")

    def test_what_the_file_has_no_more_is_removed(self):
        d = self.deployment("gone")
        d.up(APP)
        d.up(f'services: {{worker: {{image: "{self.image}", environment: {{WORD: "${{X_WORD}}"}}}}}}')
        self.assertEqual(d.running(), ["worker"])

    def test_the_old_one_serves_until_the_new_one_is_healthy(self):
        d = self.deployment("beside")
        gated = APP.replace('test: ["CMD", "true"]', 'retries: 99, test: ["CMD", "test", "-e", "/data/well"]').replace(
            "    depends_on: [worker]", "    depends_on: [worker]\n    volumes: [./data/app:/data]")
        well = d.folder / "data" / d.project / d.environment / "data/app/well"
        process = d.start(compose=gated)
        wait_until(well.parent.exists, "the volume's folder is there")
        well.touch()
        self.assertEqual(process.wait(300), 0, process.stdout.read())
        process.stdout.close()
        old = d.container("app")["Id"]

        well.unlink()
        d.secrets["API_KEY"] = "key-of-staging-2"
        process = d.start(compose=gated)
        both = wait_until(lambda: len([c for c in d.containers() if c["State"]["Running"]]) == 3, "both run")
        self.assertTrue(both)
        self.assertEqual(list(d.records()), [1])
        well.touch()
        self.assertEqual(process.wait(300), 0, process.stdout.read())
        process.stdout.close()
        self.assertNotEqual(d.container("app")["Id"], old)
        self.assertEqual(list(d.records()), [1, 2])

    def test_a_killed_container_comes_back_with_the_next_deploy(self):
        d = self.deployment("back")
        d.up(APP)
        ids = d.ids()
        docker("stop", "-t", "0", ids["worker"])
        docker("rm", "-f", ids["app"])
        done = d.up(APP)
        self.assertIn("app: starting (its container is gone)", done.output)
        self.assertEqual(d.running(), ["app", "worker"])
        self.assertEqual(d.ids()["worker"], ids["worker"])


class Images(DeployCase):
    def test_an_image_whose_user_is_root_is_refused(self):
        d = self.deployment("root")
        for user in ("root", "0:5", ""):
            d.variables["X_IMAGE"] = self.make_image(f"root{len(user)}", changes=(f"USER {user}",) if user else ())
            done = d.fails(APP)
            self.assertIn("is root", done.output)
        self.assertEqual(d.containers(), [])
        d.target["allow_root_user"] = True
        d.up(APP)

    def test_an_image_with_a_volume_is_refused(self):
        d = self.deployment("volume")
        d.variables["X_IMAGE"] = self.make_image("volume", changes=("USER 1001", "VOLUME /var/www"))
        done = d.fails(APP)
        self.assertIn("VOLUME", done.output)
        self.assertIn("./data/", done.output)

    def test_an_image_with_labels_of_ours_is_refused(self):
        d = self.deployment("labels")
        d.variables["X_IMAGE"] = self.make_image("labels", changes=("USER 1001", "LABEL atelier.job=x atelier.role=build"))
        self.assertIn("has the label atelier.", d.fails(APP).output)
        self.assertEqual(d.containers(), [])

    def test_an_image_that_is_nowhere_is_named(self):
        d = self.deployment("nowhere")
        d.variables["X_IMAGE"] = "sha256:" + "0" * 64
        self.assertIn("is not on target", d.fails(APP).output)
        self.assertEqual(d.containers(), [])


@password_registry.needed
class Registry(DeployCase):
    """Images behind a login that the target has and the target's daemon has not."""

    def test_pulled_and_known_by_digest(self):
        registry = password_registry.PasswordRegistry()
        d = self.deployment("registry")
        name = f"{registry.host}/{registry.user}/deploy:{os.getpid()}"
        registry.push(self.image, name)
        self.addCleanup(images.remove, name)
        d.variables["X_IMAGE"] = name
        self.assertIn("it wants a login, and there is none for its registry", d.fails(APP).output)

        d.target["registries"] = registry.for_target(d.folder)
        done = d.up(APP)
        self.assertIn(f"Pulled {name}", done.output)
        self.assertRegex(d.container("app")["Config"]["Image"], rf"^{name.rsplit(':', 1)[0]}@sha256:")
        registry.push(self.other, name)  # the same tag, another image
        done = d.up(APP)
        self.assertIn("app: starting beside the old one (its image changed)", done.output)
        done = d.run("rollback")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(d.container("app")["Image"], self.image)
        self.assertNotIn(registry.password, done.output)


class Failures(DeployCase):
    """In each of them the old release goes on serving, and the log shows why."""

    def before(self, name, **target):
        d = self.deployment(name, **target)
        d.up(APP)
        self.ids = d.ids()
        d.variables["X_IMAGE"] = self.other
        return d

    def assert_as_before(self, d, done):
        self.assertEqual(d.ids(), self.ids)
        self.assertEqual(d.running(), ["app", "worker"])
        self.assertIn("release 1 goes on serving", done.output)
        self.assertIn("failed: ", d.records()[2]["result"])
        self.assertEqual(d.locks(), [])
        d.up(APP)
        self.assertEqual(d.records()[3]["result"], "deployed")

    def test_a_migration_that_fails(self):
        d = self.before("migration")
        done = d.fails(APP + """
  migrate:
    image: ${X_IMAGE}
    command: ["sh", "-c", "echo no such table $$KEY; echo cut; exit 3"]
    environment: {KEY: "${API_KEY}"}
    restart: "no"
""")
        self.assertIn("service 'migrate' ended with exit code 3", done.output)
        self.assertIn("migrate | no such table [MASKED]", done.output)
        self.assertNotIn("key-of-staging-1", done.output + json.dumps(d.records()))
        self.assertNotIn("app: starting", done.output)
        self.assert_as_before(d, done)

    def test_a_health_check_that_never_passes(self):
        d = self.before("health")
        done = d.fails(APP.replace('["CMD", "true"], interval: 1s',
                                   '["CMD-SHELL", "echo still $$KEY ill; false"], interval: 1s, retries: 2'))
        self.assertIn("service 'app' is not well: its HEALTHCHECK says 'unhealthy'", done.output)
        self.assertIn("app | still [MASKED] ill", done.output)
        self.assert_as_before(d, done)

    def test_a_health_check_that_takes_too_long(self):
        d = self.before("slow")
        d.target["health_wait"] = "3s"
        done = d.fails(APP.replace('["CMD", "true"], interval: 1s', '["CMD", "false"], interval: 1s, retries: 99'))
        self.assertIn("service 'app' was not ready within 3.0 s: its HEALTHCHECK says 'starting'", done.output)
        del d.target["health_wait"]
        self.assert_as_before(d, done)

    def test_a_container_that_dies_at_once(self):
        d = self.before("dies")
        done = d.fails(APP.replace('environment: {WORD: "${X_WORD}"}', 'command: ["sh", "-c", "echo cannot bind >&2; exit 9"]'))
        self.assertIn("service 'worker' ended with exit code 9", done.output)
        self.assertIn("worker | cannot bind", done.output)
        self.assert_as_before(d, done)

    def test_a_program_that_is_not_there(self):
        d = self.before("program")
        done = d.run(compose=APP.replace('environment: {WORD: "${X_WORD}"}', "command: /bin/nosuch"))
        self.assertNotEqual(done.code, 0)
        self.assertIn("/bin/nosuch", done.output)
        self.assert_as_before(d, done)

    def test_a_missing_secret_is_named(self):
        d = self.before("missing")
        del d.secrets["API_KEY"]
        self.assertIn("API_KEY", d.fails(APP).output)
        self.assertEqual(d.ids(), self.ids)


class Once(DeployCase):
    MIGRATION = APP + """
  migrate:
    image: ${X_IMAGE}
    command: ["sh", "-c", "echo ran >>/data/runs"]
    restart: "no"
    volumes: ["./data/shared:/data"]
"""

    def test_a_migration_runs_once_before_the_others(self):
        d = self.deployment("once")
        done = d.up(self.MIGRATION)
        runs = d.folder / "data" / d.project / d.environment / "data/shared/runs"
        self.assertEqual(runs.read_text(), "ran\n")
        self.assertLess(done.output.index("migrate: is done"), done.output.index("worker: starting"))
        owner = os.stat(runs.parent)
        self.assertEqual((owner.st_uid, owner.st_gid), (1001, 1001))

        d.variables["X_WORD"] = "bye"
        d.up(self.MIGRATION)  # nothing of the migration changed
        self.assertEqual(runs.read_text(), "ran\n")
        d.variables["X_IMAGE"] = self.other
        d.up(self.MIGRATION)
        self.assertEqual(runs.read_text(), "ran\nran\n")
        d.run("rollback")
        self.assertEqual(runs.read_text(), "ran\nran\n")

    def test_folders_that_are_there_stay_as_they_are(self):
        d = self.deployment("folder")
        place = d.folder / "data" / d.project / d.environment / "data"
        place.mkdir(parents=True)
        (place / "shared").mkdir(mode=0o777)
        os.chmod(place / "shared", 0o777)
        d.up(self.MIGRATION)
        self.assertEqual(os.stat(place / "shared").st_uid, os.getuid())

    def test_a_folder_that_is_a_link_is_refused(self):
        d = self.deployment("link")
        place = d.folder / "data" / d.project / d.environment / "data"
        place.mkdir(parents=True)
        (place / "shared").symlink_to("/etc")
        done = d.fails(self.MIGRATION)
        self.assertIn("is a link on the target", done.output)


class Cron(DeployCase):
    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        docker("volume", "rm", "atelier-cron", check=False)  # kept where another one runs a cron job

    FILE = """
services:
  job:
    image: ${X_IMAGE}
    command: /bin/false
    restart: "no"
    environment: {WORD: "${X_WORD}"}
    read_only: true
    labels:
      sh.factory.cronjob.schedule: "@reboot"
      sh.factory.cronjob.command: echo word is $$WORD
      traefik.enable: "true"
"""

    def test_a_cron_job_is_registered_and_not_started(self):
        d = self.deployment("cron")
        d.variables["X_IMAGE"] = self.make_image("cron", files={"bin/bash": (b"#!/bin/sh\nshift; eval $1\n", 0o755)})
        done = d.up(self.FILE)
        self.assertIn("job: registering (it is new)", done.output)
        made = d.container("job")
        self.assertEqual(made["Config"]["User"], "1001")
        self.assertEqual(made["Config"]["Labels"]["traefik.enable"], "false")
        self.assertTrue(made["State"]["Running"])
        wait_until(lambda: "word is hello" in docker("logs", made["Id"]), "the job's output")
        self.assertIn("Nothing changed", d.up(self.FILE).output)

    def test_the_first_ones_image_gives_the_others_nothing(self):
        docker("volume", "rm", "atelier-cron", check=False)
        d = self.deployment("planted")
        files = {"bin/bash": (b"#!/bin/sh\n", 0o755), "atelier-place/planted": (b"x", 0o644), ".atelier/planted": (b"x", 0o644)}
        d.variables["X_IMAGE"] = self.make_image("planted", files=files)
        d.up(self.FILE.replace("@reboot", "@hourly"))
        self.assertEqual(docker("exec", d.container("job")["Id"], "sh", "-c", "echo /.atelier/*"), "/.atelier/atelier-cron")

    def test_a_schedule_that_is_wrong(self):
        d = self.deployment("wrong")
        self.assertRegex(d.fails(self.FILE.replace("@reboot", "0 25 * * *")).output,
                         r"yml:10: service 'job': label sh\.factory\.cronjob\.schedule: ")

    def test_one_that_would_run_as_a_service(self):
        d = self.deployment("service")
        self.assertRegex(d.fails(self.FILE.replace("    command: /bin/false\n", "")).output,
                         r"yml:9: service 'job': it has the labels of a cron job, .*write `command: /bin/false`")


class Managed(DeployCase):
    FILE = """
services:
  app:
    image: ${X_IMAGE}
    environment: {WORD: "${X_WORD}"}
    depends_on: [redis]
  redis:
    image: ${X_REDIS}
    command: ["sh", "-c", "echo started >>/data/log; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
"""

    def test_a_jobs_container_is_not_taken_for_it(self):
        d = self.deployment("jobs", managed={"redis": "container"})
        d.variables["X_REDIS"] = self.make_image("redis", changes=())
        labels = {"job": "other-1", "unit": d.unit, "duty": "managed", "service": "redis", "reference": d.variables["X_REDIS"]}
        other = docker("create", *(f"--label=atelier.{k}={v}" for k, v in labels.items()), d.variables["X_REDIS"])
        self.assertIn("redis: starting", d.up(self.FILE).output)
        self.assertEqual(docker("inspect", "-f", "{{.State.Status}}", other), "created")

    def test_its_container_and_its_data_outlive_releases(self):
        d = self.deployment("managed", managed={"redis": "container"})
        server = self.make_image("redis", changes=())  # root, as such images are
        d.variables["X_REDIS"] = server
        d.up(self.FILE)
        kept = d.container("redis")["Id"]
        d.variables |= {"X_IMAGE": self.other, "X_WORD": "bye"}
        done = d.up(self.FILE)
        self.assertIn("redis: managed, keep (the target manages it)", done.output)
        self.assertEqual(d.container("redis")["Id"], kept)
        d.variables["X_REDIS"] = self.make_image("redis2", files={"etc/two": (b"2", 0o644)}, changes=())
        d.up(self.FILE)
        self.assertNotEqual(d.container("redis")["Id"], kept)
        second = d.container("redis")["Id"]
        wait_until(lambda: docker("exec", second, "cat", "/data/log") == "started\nstarted", "both have written to it")


class History(DeployCase):
    def three_releases(self, name, **target):
        d = self.deployment(name, **target)
        for word in ("one", "two", "three"):
            d.variables |= {"X_WORD": word, "CI_COMMIT_SHA": word * 5}
            d.up(APP)
        return d

    def word(self, d):
        return [e for e in d.container("worker")["Config"]["Env"] if e.startswith("WORD=")]

    def test_back_to_the_one_before_and_to_a_number(self):
        d = self.three_releases("rollback")
        d.secrets["API_KEY"] = "key-of-staging-2"
        done = d.run("rollback")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.word(d), ["WORD=two"])
        self.assertIn("KEY=key-of-staging-2", d.container("app")["Config"]["Env"])
        self.assertEqual(d.records()[4]["result"], "rolled back to 2")
        self.assertEqual(d.records()[4]["commit"], "two" * 5)
        d.run("rollback")
        self.assertEqual(self.word(d), ["WORD=one"])
        d.run("rollback", 3)
        self.assertEqual(self.word(d), ["WORD=three"])
        self.assertIn("there is no release 77", d.run("rollback", 77).output)

        del d.secrets["API_KEY"]
        done = d.run("rollback", 1)
        self.assertEqual(done.code, 1)
        self.assertIn("API_KEY", done.output)
        self.assertEqual(self.word(d), ["WORD=three"])

    def test_history_outlives_containers(self):
        d = self.three_releases("history", keep_releases=2)
        self.assertEqual(list(d.records()), [2, 3])
        docker("rm", "-f", *d.ids().values())
        lines = d.run("releases").output.splitlines()
        self.assertRegex(lines[0], r"^\*    3  .*  threethr  .* deployed$")
        self.assertEqual(len(lines), 2)
        service = d.records()[3]["services"]["app"]
        self.assertEqual(service["digest"], self.image)
        self.assertRegex(service["hash"], "^[0-9a-f]{64}$")


class Locks(DeployCase):
    def blocked(self, d):
        """A deploy that waits for a migration which ends when its file is there."""
        compose = APP + """
  migrate:
    image: ${X_IMAGE}
    command: ["sh", "-c", "until test -e /data/go; do sleep 0.1; done"]
    restart: "no"
    volumes: ["./data/shared:/data"]
"""
        go = d.folder / "data" / d.project / d.environment / "data/shared/go"
        process = d.start(compose=compose)
        wait_until(lambda: d.running() == ["migrate"], "the migration runs")
        return process, go

    def test_the_second_waits(self):
        d = self.deployment("waits")
        first, go = self.blocked(d)
        second = d.start()
        self.assertIn("Waiting: tester", second.stdout.readline())
        go.touch()
        self.assertEqual(first.wait(300), 0, first.stdout.read())
        output = second.stdout.read()
        self.assertEqual(second.wait(300), 0, output)
        self.assertIn("Nothing changed", output)
        for process in (first, second):
            process.stdout.close()

    def test_the_second_says_who_has_it(self):
        d = self.deployment("who", lock_wait="1s")
        first, go = self.blocked(d)
        done = d.run()
        self.assertEqual(done.code, 2, done)
        self.assertIn("tester deploys this environment", done.output)
        go.touch()
        self.assertEqual(first.wait(300), 0, first.stdout.read())
        first.stdout.close()


if __name__ == "__main__":
    unittest.main()
