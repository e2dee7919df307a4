"""A job's images are pulled side by side. The daemon is a stand-in that answers pulls when enough have been asked for."""
import pathlib
import tempfile
import unittest

from hooks import Job
from image_daemon import ImageDaemon

SECONDS = 60


class Daemon(ImageDaemon):
    def __init__(self, path, together, refused=()):
        super().__init__(path)
        self.together, self.refused, self.images, self.asked = together, refused, set(), []

    def inspect(self, image):
        return {} if image.startswith("atelier/helper") or image in self.images else None

    def pull(self, image):
        with self.changed:
            self.asked.append(image)
            self.changed.notify_all()
            if not self.changed.wait_for(lambda: len(set(self.asked)) >= self.together, SECONDS):
                return 500, {"message": f"only {self.asked} were asked for"}
            if image in self.refused:
                return 404, {"message": "manifest unknown"}
            self.images.add(image)
        return 200, {"status": "Pull complete"}


class Together(unittest.TestCase):
    def prepare(self, together, images, policy, **options):
        folder = tempfile.TemporaryDirectory(prefix="atelier-daemon-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "docker.sock"
        daemon = self.enterContext(Daemon(str(path), together, **options))
        job = Job(f"docker_host: unix://{path}\npull_policy: {policy}\n", image=images[0])
        job.response = {**job.payload(images[0], "build"), "services": [
            {"name": image, "alias": f"service-{i}"} for i, image in enumerate(images[1:])]}
        return daemon, job.hook("prepare")

    def test_all_that_are_missing_each_once(self):
        for policy in ("if-not-present", "always"):
            with self.subTest(policy):
                daemon, result = self.prepare(3, ["a:1", "b:1", "c:1", "b:1"], policy)
                self.assertIn("enough", result.err, result)
                self.assertEqual(sorted(daemon.asked), ["a:1", "b:1", "c:1"])

    def test_one_that_is_refused_is_told_as_ever(self):
        daemon, result = self.prepare(2, ["a:1", "b:1"], "always", refused=("b:1",))
        self.assertEqual(result.code, 2, result)
        self.assertIn('failed to pull image "b:1"', result.err)
        self.assertEqual(daemon.asked.count("a:1"), 1)
        self.assertRegex(result.err, r"WARNING: .*b:1.*manifest unknown; it is pulled again, alone")


if __name__ == "__main__":
    unittest.main()
