"""examples/hello, the project that the README leads with, through its whole pipeline: with a real registry."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import urllib.request

import images
from hooks import ATELIER, IMAGE, ROOT, has_docker, listed_in_the_end

VARIABLES = os.environ.get("ATELIER_TEST_VARIABLES")  # CI_REGISTRY and so on: packaging/quickstart writes it
KINDS = "".join(f"  {kind}: {{docker: socket}}\n" for kind in ("pull", "build", "push", "test"))


def git(folder, *args):
    return subprocess.run(["git", "-c", "user.name=e2e", "-c", "user.email=e2e@localhost", *args], cwd=folder,
                          check=True, capture_output=True, text=True).stdout.strip()


def read_variables():
    lines = pathlib.Path(VARIABLES).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


@unittest.skipUnless(has_docker() and VARIABLES, "needs a registry that packaging/quickstart set up (ATELIER_TEST_VARIABLES)")
class Example(unittest.TestCase):
    def setUp(self):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="atelier-example-"))
        self.addCleanup(shutil.rmtree, self.state, ignore_errors=True)
        self.checkout = self.state / "hello"
        shutil.copytree(ROOT / "examples/hello", self.checkout)
        git(self.checkout, "init", "-q", "-b", "main")
        git(self.checkout, "add", "-A")
        git(self.checkout, "commit", "-q", "-m", "hello")
        self.sha = git(self.checkout, "rev-parse", "HEAD")
        self.addCleanup(images.remove, f"{read_variables()['CI_REGISTRY_IMAGE']}/app:{self.sha}")
        self.config = self.state / "config.yml"
        helper = os.environ.get("ATELIER_TEST_HELPER_IMAGE")  # another helper image than this version's
        more = f"helper_image: {helper}\n" if helper else ""
        self.config.write_text(f"{more}builds: {self.state}/builds\ncache: {self.state}/cache\nimage: {IMAGE}\nkinds:\n{KINDS}")

    def pushed_tags(self):
        v = read_variables()
        login = base64.b64encode(f"{v['CI_REGISTRY_USER']}:{v['CI_REGISTRY_PASSWORD']}".encode()).decode()
        path = v["CI_REGISTRY_IMAGE"].partition("/")[2]
        request = urllib.request.Request(f"http://{v['CI_REGISTRY']}/v2/{path}/app/tags/list",
                                         headers={"Authorization": "Basic " + login})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["tags"]

    def test_pull_build_push_test(self):
        done = subprocess.run([ATELIER, "--config", self.config, "pipeline", "--variables", VARIABLES],
                              cwd=self.checkout, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("4 passed", done.stdout.splitlines()[-1])
        self.assertIn("it runs as user 1001", done.stdout)
        self.assertIn("Successfully extracted cache", done.stdout.partition("] test / test: running")[2])
        self.assertIn("/junit/junit.xml.gz\n", done.stdout)
        self.assertIn(self.sha, self.pushed_tags())
        self.assertNotIn(read_variables()["CI_REGISTRY_PASSWORD"], done.stdout + done.stderr)
        for what in ("label=atelier.project=local/hello", "name=hello-atelier-local-"):
            self.assertEqual(listed_in_the_end("ps", "-aq", "--filter", what), [], "neither the jobs nor what they started is left")


if __name__ == "__main__":
    unittest.main()
