"""What a target's owner lets a deploy have, and what a deploy leaves on the target."""
import json
import os
import subprocess
import unittest

import images
import password_registry
from deploys import Deployment, docker, image_id

SERVER = "trap 'exit 0' TERM; while :; do sleep 0.1; done"
FILE = "services:\n  worker:\n    image: ${X_IMAGE}\n"


def make(name, content=b"x", changes=("USER 1001",)):
    return images.busybox(f"atelier-test-owner-{name}", ("sh", "sleep"), {"etc/what": (content, 0o644)},
                          (*changes, f"CMD {json.dumps(['sh', '-c', SERVER])}"))


@unittest.skipUnless(images.BUSYBOX, "needs busybox-static")
class Allowed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = make("any")
        cls.id = image_id(cls.image)

    @classmethod
    def tearDownClass(cls):
        images.remove(cls.image)

    def deployment(self, name, **target):
        d = Deployment(self, name, **target)
        d.variables["X_IMAGE"] = self.id
        return d

    def test_host_names(self):
        d = self.deployment("domains", domains=["*.a.example"])
        text = FILE + "    labels:\n      traefik.port: '80'\n      traefik.frontend.rule: Host:%s\n"
        done = d.fails(text % "www.b.example")
        self.assertIn("docker-compose.yml:6: service 'worker': traefik.frontend.rule: the host name 'www.b.example' is not for "
                      "this project; this target routes *.a.example to a project", done.output)
        self.assertEqual(d.containers(), [])
        d.up(text % "www.a.example")
        self.assertEqual(d.container("worker")["Config"]["Labels"]["traefik.frontend.rule"], "Host:www.a.example")

    def test_images_of_managed_services(self):
        d = self.deployment("managedimages", managed={"redis": "container"}, managed_images=["redis:*"])
        text = "services:\n  redis:\n    image: %s\n"
        done = d.fails(text % self.id)
        self.assertIn("docker-compose.yml:2: service 'redis', which target 'here' keeps, may not have image "
                      f"'{self.id}'; it allows: redis:* (`managed_images` of its configuration)", done.output)
        self.assertEqual(d.containers(), [])
        d.target["managed_images"] = ["redis:*", "sha256:*"]
        d.up(text % self.id)

    def test_the_owner_hears_that_no_job_may(self):
        d = self.deployment("owner")
        self.assertNotIn("WARNING", d.up(FILE).output)
        d.target["projects"] = ["others/*"]
        d.variables["X_IMAGE"] = self.image
        done = d.run("deploy", "--dry-run")
        self.assertEqual((done.code, done.output.count("WARNING")), (0, 1), done)
        self.assertIn(f"WARNING: no job of project '{d.project}' in environment 'staging' may deploy to here", done.output)


@password_registry.needed
@unittest.skipUnless(images.BUSYBOX, "needs busybox-static")
class Superseded(unittest.TestCase):
    """Images that nothing needs any more."""

    def setUp(self):
        self.registry = password_registry.PasswordRegistry()
        self.pushed = []  # ids; they go last, when no container of a deployment needs them
        self.addCleanup(lambda: images.remove(*self.pushed))

    def deployment(self, name, **target):
        d = Deployment(self, name, **target)
        d.target["registries"] = self.registry.for_target(d.folder)
        return d

    def push(self, d, number):
        """An image that the registry has and the target has not: its name and its id."""
        local = make("push", os.urandom(8))
        name = f"{self.registry.host}/{self.registry.user}/owner-{d.unit}:{number}"
        number = image_id(local)
        self.registry.push(local, name)
        docker("rmi", local)
        self.assertEqual(docker("image", "inspect", number, check=False), "[]")
        self.pushed.append(number)
        return name, number

    def up(self, d, pushed):
        d.variables["X_IMAGE"] = pushed[0]
        return d.up(FILE)

    def there(self, *pushed):
        return [docker("image", "inspect", "-f", "{{.Id}}", number, check=False) == number for _, number in pushed]

    def test_they_go_with_the_last_release_that_has_them(self):
        d = self.deployment("superseded", keep_releases=2)
        one, two, three = (self.push(d, n) for n in (1, 2, 3))
        self.up(d, one)
        self.assertEqual(d.records()[1]["images"], [one[1]])
        self.up(d, two)
        self.assertEqual(self.there(one, two), [True, True])
        done = self.up(d, three)
        self.assertIn("1 image of releases that are no longer kept removed", done.output)
        self.assertEqual(self.there(one, two, three), [False, True, True])
        done = d.run("rollback")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(d.container("worker")["Image"], two[1])

    def test_what_somebody_else_has_stays(self):
        d = self.deployment("others", keep_releases=1)
        pulled, named, shared, used, last = (self.push(d, n) for n in range(5))
        other = Deployment(self, "othersunit", registries=d.target["registries"])
        with self.registry.client() as environment:
            subprocess.run(["docker", "pull", "-q", pulled[0]], check=True, capture_output=True, env=environment)
        self.up(d, pulled)
        self.up(d, named)
        docker("tag", named[1], f"atelier-test-owner-mine:{os.getpid()}")
        self.up(d, shared)
        self.up(other, shared)
        self.up(d, used)
        container = docker("create", used[1])
        self.addCleanup(docker, "rm", container, check=False)
        self.up(d, last)
        self.assertEqual(self.there(pulled, named, shared, used, last), [True] * 5)

    def test_the_owner_may_keep_all(self):
        d = self.deployment("keepimages", keep_releases=1, keep_images=True)
        one, two = self.push(d, 1), self.push(d, 2)
        self.up(d, one)
        self.up(d, two)
        self.assertEqual((sorted(d.records()), self.there(one, two)), ([2], [True, True]))


if __name__ == "__main__":
    unittest.main()
