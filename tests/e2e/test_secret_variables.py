"""Variables SV_*, secrets of deployed applications: no container of a job has them (script_secrets: remove)."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import hooks  # noqa: E402
from pipelines import Checkout  # noqa: E402

SECRET = "hunter-2000-'x'"


def exports(variables, files=()):
    """What gitlab-runner begins a script with."""
    lines = []
    for key, value in variables.items():
        word = "$'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
        if key in files:
            lines += ['mkdir -p "/tmp/p.tmp"', f"printf '%s' {word} > \"/tmp/p.tmp/{key}\"",
                      f'export {key}="/tmp/p.tmp/{key}"']
        else:
            lines.append(f"export {key}={word}")
    return "\n".join(lines) + "\ncd /\n"


@unittest.skipUnless(hooks.has_docker(), "no Docker")
class SecretVariables(unittest.TestCase):
    def job(self, **options):
        job = hooks.Job(SV_PROD_KEY=SECRET, SV_PROD_CERT="line one\nline two\n", SHOWN="shown", **options)
        self.addCleanup(job.__exit__)
        return job

    def prepared(self, **options):
        job = self.job(**options)
        done = job.hook("prepare")
        self.assertEqual(done.code, 0, done)
        return job

    def body(self, job, script):
        names = ("SV_PROD_KEY", "SHOWN", "SV_PROD_CERT")
        return exports({key: job.variables[key] for key in names}, files=("SV_PROD_CERT",)) + script

    def assert_untold(self, done):
        self.assertNotIn("hunter-2000", done.out + done.err)

    def test_script(self):
        """Neither its environment nor its files, nor what it was read from, know them; it runs all the same."""
        job = self.prepared()
        look = "env; ls /tmp/p.tmp; cat /tmp/p.tmp/* /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n' || true\n"
        for substage in ("build_script", "get_sources", "after_script"):
            done = job.run(self.body(job, look + "echo \"key is '$SV_PROD_KEY'.\"\n"), substage)
            self.assertIn("SHOWN=shown", done.out, done)
            self.assertIn("key is ''.", done.out, done)
            self.assertEqual(done.code, 0, done)
            self.assert_untold(done)
            for told in ("SV_PROD", "line one"):
                self.assertNotIn(told, done.out.replace("key is", ""), done)

    def test_values_in_others(self):
        """A copy of the value in another variable, or in what a helper is called with, fails the job."""
        job = self.prepared()
        copy = exports({"SV_PROD_KEY": SECRET, "SV_PROD_CERT": "line one\nline two\n", "URL": f"mysql://u:{SECRET}@db"})
        done = job.run(copy + "touch /tmp/ran\n")
        self.assertEqual(done.code, 1, done)
        self.assertIn("the variable URL holds the value of SV_PROD_KEY", done.err)
        self.assert_untold(done)
        done = job.run(self.body(job, "gitlab-runner cache-extractor --file $'hunter-2000-\\'x\\''\n"), "restore_cache")
        self.assertEqual(done.code, 1, done)
        self.assertIn("holds the value of SV_PROD_KEY", done.err)
        self.assert_untold(done)
        self.assertEqual(job.run(self.body(job, "test ! -e /tmp/ran\n")).code, 0)

    def test_scripts_of_another_form(self):
        job = self.prepared()
        path = pathlib.Path(job.script(""))
        path.write_text("export SV_PROD_KEY='x'\necho ran-$((40 + 2))\n")
        done = job.hook("run", str(path), "build_script")
        self.assertEqual(done.code, 2, done)
        self.assertNotIn("ran-42", done.out)
        self.assertIn("the job's SV_ variables cannot be taken out of this script", done.err)

    def test_entrypoint(self):
        """An image's ENTRYPOINT has the job's other variables alone."""
        job = self.job()
        job.response["image"]["entrypoint"] = ["sh", "-c", 'env; exec "$@"', "entry"]
        done = job.hook("prepare")
        self.assertEqual(done.code, 0, done)
        done = job.run(self.body(job, "true\n"))
        self.assertEqual(done.code, 0, done)
        self.assertIn("SHOWN=shown", done.out)
        self.assertNotIn("SV_PROD", done.out)
        self.assert_untold(done)

    def test_names_and_services(self):
        """What the daemon is told, it shows to everybody: images' names, and services' variables."""
        service = {"name": hooks.IMAGE, "alias": "db", "entrypoint": ["sh", "-c"], "command": ["sleep 60"]}
        cases = {
            "image": {"image": {"name": f"registry.invalid/{SECRET}"}},
            "service": {"services": [{**service, "name": f"registry.invalid/{SECRET}"}]},
            "alias": {"services": [{**service, "alias": SECRET}]},
            "command": {"services": [{**service, "command": [SECRET]}]},
            "variable": {"services": [{**service, "variables": [{"key": "PASSWORD", "value": "$SV_PROD_KEY"}]}]},
            "braces": {"services": [{**service, "variables": [{"key": "PASSWORD", "value": "a${SV_PROD_KEY}"}]}]},
        }
        for name, members in cases.items():
            with self.subTest(name):
                job = self.job()
                job.response = {**job.payload(hooks.IMAGE, "build"), **members}
                done = job.hook("prepare")
                self.assertEqual(done.code, 1, done)
                self.assertIn("SV_", done.err)
                self.assert_untold(done)
                self.assertEqual(job.left(), [])
        job = self.job()
        job.response = {**job.payload(hooks.IMAGE, "build"), "services": [service]}
        done = job.hook("prepare", "--dry-run")
        self.assertEqual(done.code, 0, done)
        self.assertIn("SHOWN", done.out)
        self.assertNotIn("SV_PROD", done.out)

    def test_kept(self):
        """The owner may leave them in scripts."""
        job = self.prepared(config="script_secrets: keep\n")
        done = job.run(self.body(job, "echo \"key is '$SV_PROD_KEY'.\"\n"))
        self.assertEqual(done.code, 0, done)
        self.assertIn(f"key is '{SECRET}'.", done.out)


@unittest.skipUnless(hooks.has_docker(), "no Docker")
class Pipeline(unittest.TestCase):
    def test_pipeline(self):
        """`atelier pipeline` writes its own scripts, and they pass through the same hook."""
        checkout = Checkout(f"""
image: {hooks.IMAGE}
job:
  script: ['env', 'ls -a $CI_PROJECT_DIR.tmp', 'echo "key is <$SV_PROD_KEY>"']
  cache: {{key: k, paths: [x/]}}
copy:
  variables: {{COPY: "a $SV_PROD_KEY"}}
  script: echo ran-$((40 + 2))
""")
        self.addCleanup(checkout.remove)
        variables = checkout.root / "vars"
        variables.write_text(f"SV_PROD_KEY={SECRET}\nSHOWN=shown\n")
        done = checkout.run("--variables", str(variables), "job")
        self.assertEqual(done.code, 0, done)
        self.assertIn("SHOWN=shown", done.text)
        self.assertIn("key is <>", done.text)
        self.assertNotIn("SV_PROD_KEY=", done.text)
        done = checkout.run("--variables", str(variables), "copy")
        self.assertEqual(done.code, 1, done)
        self.assertIn("the variable COPY holds the value of SV_PROD_KEY", done.text)
        self.assertNotIn("ran-42", done.text)
        self.assertNotIn("hunter-2000", done.text)


if __name__ == "__main__":
    unittest.main()
