"""How a deploy pulls: several images at a time, and again when the registry stumbles. The target is a stand-in."""
import collections
import pathlib
import re
import signal
import tempfile
import unittest

from deploys import PATIENCE, Deployment, wait_until
from hooks import has_docker
from image_daemon import ImageDaemon

STUMBLE = (500, {"message": 'Get "https://r.example/v2/": net/http: TLS handshake timeout'})
REFUSED = (404, {"message": "manifest unknown"})
PULLED = (200, {"status": "Pull complete", "id": "layer"})


class Target(ImageDaemon):
    """A pull is answered when `together` have been asked for."""

    def __init__(self, path, together=1, answers=None):
        super().__init__(path)
        self.together, self.answers = together, answers or {}
        self.asked, self.active, self.peak = collections.Counter(), 0, 0

    def inspect(self, image):
        return {"User": "root"}  # there, and refused by the target: the deploy ends before it does anything

    def pull(self, image):
        name = image.rpartition("/")[2].partition(":")[0]
        with self.changed:
            self.asked[name] += 1
            self.active += 1
            self.peak = max(self.peak, self.active)
            self.changed.notify_all()
            came = self.changed.wait_for(lambda: self.asked.total() >= self.together, PATIENCE)
            self.active -= 1
            script = self.answers.get(name, [])
            return (500, {"message": "too few came"}) if not came else script.pop(0) if script else PULLED


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Pulls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atelier-target-")
        self.addCleanup(folder.cleanup)
        self.path = str(pathlib.Path(folder.name) / "docker.sock")

    def deploy(self, names, code=1, **target):
        with Target(self.path, **target) as daemon:
            d = Deployment(self, "pull", docker_host=f"unix://{self.path}")
            services = "".join(f"  {name}: {{image: 'r.example/{name}:1'}}\n" for name in names)
            done = d.fails("services:\n" + services + f"  twice: {{image: 'r.example/{names[0]}:1'}}\n", code=code)
            return daemon, done.output

    def test_four_at_a_time_and_each_image_once(self):
        daemon, output = self.deploy("abcdef", together=4)
        self.assertEqual(daemon.asked, dict.fromkeys("abcdef", 1))
        self.assertEqual(daemon.peak, 4)
        self.assertIn("Pulled r.example/a:1, r.example/b:1, r.example/c:1, r.example/d:1 in ", output)
        self.assertIn("Pulled r.example/e:1, r.example/f:1 in ", output)
        self.assertIn("service 'a': the user of image 'r.example/a:1' is root", output)

    def test_one_that_stumbles_is_asked_again_alone(self):
        daemon, output = self.deploy("ab", answers={"b": [STUMBLE, STUMBLE]})
        self.assertEqual(daemon.asked, {"a": 1, "b": 3})
        self.assertEqual(len(re.findall(r"r\.example/b:1.*TLS handshake timeout; try [23] of 3 in \d+\.\d s", output)), 2, output)
        self.assertIn("Pulled r.example/b:1 in ", output)

    def test_a_signal_ends_all_that_are_under_way(self):
        with Target(self.path, together=5) as daemon:  # nothing is ever answered
            d = Deployment(self, "pull", docker_host=f"unix://{self.path}")
            services = "".join(f"  {name}: {{image: 'r.example/{name}:1'}}\n" for name in "abcdef")
            process = d.start(compose="services:\n" + services)
            wait_until(lambda: daemon.peak == 4, "four pulls")
            process.send_signal(signal.SIGTERM)
            output = process.communicate(timeout=PATIENCE)[0]
            self.assertNotEqual(process.returncode, 0)
            self.assertIn("ended by a signal (Terminated)", output)
            with daemon.changed:
                self.assertEqual(daemon.asked.total(), 4)
                daemon.together = 0
                daemon.changed.notify_all()

    def test_three_times_and_no_more(self):
        daemon, output = self.deploy("ab", code=2, answers={"b": [STUMBLE] * 3})
        self.assertEqual(daemon.asked, {"a": 1, "b": 3})
        self.assertRegex(output, "ERROR: service 'b': image 'r.example/b:1': .*TLS handshake timeout")

    def test_one_that_is_refused_is_not_asked_again(self):
        daemon, output = self.deploy("ab", answers={"b": [REFUSED]})
        self.assertEqual(daemon.asked, {"a": 1, "b": 1})
        self.assertIn("service 'b': image 'r.example/b:1' is not there, or it wants a login", output)


if __name__ == "__main__":
    unittest.main()
