"""`atelier compose check`: what a developer is told of a compose file before it is deployed. Needs no Docker."""
import pathlib
import subprocess
import tempfile
import unittest

from hooks import ATELIER, Result

CASES = pathlib.Path(__file__).resolve().parents[1] / "cases/deploy"
# As the page has it under "Docker Compose": what stands in for GitLab's variables.
ENV = "CI_REGISTRY_IMAGE=factory_hello\nCI_COMMIT_SHA=dev\nCI_ENVIRONMENT_NAME=dev\nCI_ENVIRONMENT_DOMAIN=dev.factory\n"


class ComposeCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atelier-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, text, name="docker-compose.yml"):
        (self.folder / name).write_text(text)
        return name

    def check(self, *args):
        return Result(subprocess.Popen([ATELIER, "compose", "check", *args], cwd=self.folder, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def test_a_good_file(self):
        self.write(ENV, ".env")
        self.write((CASES / "page-docker-compose.yml").read_text())
        for args in ([], ["--strict"]):
            result = self.check(*args)
            self.assertEqual((result.code, result.out, result.err), (0, "docker-compose.yml: good, 1 service\n", ""), result)
        self.assertEqual((self.check("-q").out, self.check("--quiet").code), ("", 0))

    def test_the_env_file_is_the_one_beside_it(self):
        (self.folder / "project").mkdir()
        self.write(ENV, "project/.env")
        self.write((CASES / "page-docker-compose.yml").read_text(), "project/compose.yml")
        self.write((CASES / "page-docker-compose.yml").read_text())
        self.assertEqual(self.check("--strict", "project/compose.yml").code, 0)
        self.assertEqual(self.check("--strict").code, 1)

    def test_every_problem_is_a_line(self):
        self.write("services:\n  app:\n    image: i\n    privileged: true\n    env_file: .env\n    volumes: ['/etc:/etc']\n")
        result = self.check()
        self.assertEqual((result.code, result.out), (1, ""), result)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 3, result)
        self.assertTrue(lines[0].startswith("docker-compose.yml:4:5: `privileged` is not allowed: "), result)
        self.assertTrue(lines[1].startswith("docker-compose.yml:5:5: `env_file` is not allowed: "), result)
        self.assertTrue(lines[2].startswith("docker-compose.yml:6:15: the volume `/etc` is a folder of the host; "), result)

    def test_variables_that_only_the_deploy_has(self):
        self.write("services:\n  app:\n    image: ${CI_REGISTRY_IMAGE}\n    environment: {A: $API_KEY, B: $API_KEY, C: $X_C, D: $D}\n")
        result = self.check()
        self.assertEqual((result.code, result.out), (0, "docker-compose.yml: good, 1 service\n"), result)
        self.assertEqual(result.err.splitlines(), [
            "note: docker-compose.yml:3:12: variable `CI_REGISTRY_IMAGE` is not set; the deploy's job gives it",
            "note: docker-compose.yml:4:22: variable `API_KEY` is not set; create SV_<ENVIRONMENT>_API_KEY in the project's "
            "CI/CD variables",
            "note: docker-compose.yml:4:48: variable `X_C` is not set; write it into `variables` of the deploy's job",
            "note: docker-compose.yml:4:57: variable `D` is not set; create SV_<ENVIRONMENT>_D in the project's CI/CD "
            "variables, or call it X_D if it is no secret",
        ])
        self.assertEqual(self.check("--quiet").err, "")
        named = self.check("--environment", "review/my-app")
        self.assertIn("create SV_REVIEW_MY_APP_API_KEY in the project", named.err)
        strict = self.check("--strict", "--quiet")
        self.assertEqual((strict.code, len(strict.err.splitlines())), (1, 5), strict)

    def test_a_secret_without_a_value_is_one(self):
        self.write("services:\n  app:\n    image: i\n    command: 'run --key $API_KEY'\n    environment: {K: $API_KEY}\n")
        result = self.check()
        self.assertEqual(result.code, 1)
        self.assertIn("docker-compose.yml:4:14: `run --key $API_KEY` puts a secret into `command`", result.err)
        self.assertIn("note: docker-compose.yml:4:14: variable `API_KEY` is not set", result.err)

    def test_an_environments_secrets(self):
        """"Ajouter des variables secrètes": each environment has its own, and they are for `environment` alone."""
        self.write("SV_PROD_API_KEY=key-of-prod\nSV_PREPROD_API_KEY=key-of-preprod\n", "variables")
        self.write("services:\n  app:\n    image: i:$CI_ENVIRONMENT_NAME\n    environment: {API_KEY: $API_KEY}\n", "good.yml")
        self.write("services:\n  app:\n    image: i\n    labels: {key: $API_KEY}\n", "public.yml")
        self.write("services:\n  app:\n    image: i\n    environment: {KEY: $SV_PROD_API_KEY}\n", "long.yml")
        arguments = ["--strict", "--variables", "variables", "--environment"]
        self.assertEqual(self.check(*arguments, "prod", "good.yml").code, 0)
        self.assertIn("create SV_STAGING_API_KEY", self.check(*arguments, "staging", "good.yml").err)
        public = self.check(*arguments, "preprod", "public.yml")
        self.assertEqual(public.code, 1)
        self.assertIn("public.yml:4:19: `$API_KEY` puts a secret into `labels`", public.err)
        self.assertNotIn("key-of", public.err)
        self.assertIn("a secret variable is named without SV_<ENVIRONMENT>_", self.check(*arguments, "prod", "long.yml").err)

    def test_variables_win_over_the_env_file(self):
        self.write("WHERE=./elsewhere\n", ".env")
        self.write("WHERE=./data\n", "variables")
        self.write("services: {app: {image: i, volumes: ['${WHERE}/x:/x']}}\n")
        self.assertEqual(self.check().code, 1)
        self.assertEqual(self.check("--variables", "variables").code, 0)

    def test_several_files(self):
        self.write("services: {app: {image: i}}\n", "one.yml")
        self.write("services: {app: {image: i, pid: host}}\n", "two.yml")
        both = self.check("two.yml", "one.yml")
        self.assertEqual((both.code, both.out), (1, "one.yml: good, 1 service\n"), both)
        missing = self.check("none.yml", "two.yml")
        self.assertEqual(missing.code, 2, missing)
        self.assertIn("none.yml", missing.err)
        self.assertIn("two.yml:1:28: `pid` is not allowed", missing.err)

    def test_warnings(self):
        self.write("services: {app: {image: i, ports: ['80:8080']}}\n")
        result = self.check()
        self.assertEqual(result.code, 0)
        self.assertTrue(result.err.startswith("WARNING: docker-compose.yml:1:28: `ports` is deprecated: "), result)
        self.assertEqual(self.check("-q").err, "")

    def test_labels_are_judged(self):
        """As the deploy judges them: "Cronjob" and "Routage"."""
        self.write("services:\n  app:\n    image: i\n    labels:\n      traefik.enable: 'true'\n"
                   "      traefik.frontend.rule: Hots:a.io\n  job:\n    image: i\n    command: /bin/false\n    restart: 'no'\n"
                   "    labels:\n      sh.factory.cronjob.schedule: 0 25 * * *\n")
        result = self.check()
        self.assertEqual((result.code, result.out), (1, ""), result)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 3, result)
        self.assertTrue(lines[0].startswith("docker-compose.yml:6: service 'app': traefik.frontend.rule: `Hots` is no matcher"), result)
        self.assertTrue(lines[1].startswith("docker-compose.yml:12: service 'job': label sh.factory.cronjob.schedule: "), result)
        self.assertIn("without sh.factory.cronjob.command", lines[2])

    def test_what_cannot_be_read(self):
        self.assertEqual(self.check().code, 2)
        self.write("services: {app: {image: i}}\n")
        self.assertEqual(self.check("--variables", "none").code, 2)
        self.write("no assignment\n", ".env")
        wrong = self.check()
        self.assertEqual(wrong.code, 2)
        self.assertIn(".env:1: no '=' in this line", wrong.err)
        word = Result(subprocess.Popen([ATELIER, "compose", "up"], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        self.assertEqual(word.code, 2)
        self.assertIn("unknown word 'compose up'; there is: check", word.err)

    def test_the_cases(self):
        """Files of the page, and one like a WordPress project, as a developer has them."""
        good = {"page-basic-auth", "page-cdn", "page-cronjob", "page-docker-compose", "page-domains", "page-migration",
                "page-mysql", "page-priority", "wordpress-like"}
        for path in sorted(CASES.glob("*.yml")):
            with self.subTest(path.stem):
                self.assertEqual(self.check(str(path)).code, 0 if path.stem in good else 1)


if __name__ == "__main__":
    unittest.main()
