"""Deploys under a steady load, through a proxy that follows the containers: no request fails."""
import collections
import unittest

from deploys import HOST, DeployCase
from load import Load
import proxy

RELEASES = 10

SITE = """
version: "3"
services:
  web:
    image: ${X_IMAGE}
    command: ["sh", "-c", "mkdir /tmp/www && echo release-$$VERSION >/tmp/www/index.html && exec httpd -f -p 8000 -h /tmp/www"]
    environment: {VERSION: "${X_VERSION}"}
    expose: [8000]
    healthcheck: {test: ["CMD", "/bin/busybox", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8000/"], interval: 1s}
    labels: {traefik.enable: "true", traefik.frontend.rule: "Host:site.example"}
"""


@unittest.skipUnless(proxy.HAPROXY, "needs haproxy")
class Traffic(DeployCase):
    def check_routing(self, routing):
        d = self.deployment(routing, routing=routing, entrypoints=["web"], drain="4s")
        with proxy.Proxy(HOST, d.network) as through:
            d.variables["X_VERSION"] = "0"
            d.up(SITE)
            through.wait_for(bool)
            with Load(through.address, through.port, "site.example") as load:
                for release in range(1, RELEASES + 1):
                    d.variables["X_VERSION"] = str(release)
                    d.up(SITE)
                    with self.subTest("a failed deploy, too", release=release):
                        if release == RELEASES // 2:
                            done = d.fails(SITE.replace("exec httpd", "exec false"))
                            self.assertIn("goes on serving", done.output)
        answers = collections.Counter(answer.body.strip() for answer in load.answers)
        self.assertEqual(load.failures(), [], answers)
        self.assertEqual(set(answers), {f"release-{n}" for n in range(RELEASES + 1)})
        self.assertGreater(len(load.answers), 100)

    def test_no_request_fails_with_traefik_1(self):
        self.check_routing("traefik1")

    def test_no_request_fails_with_traefik_3(self):
        self.check_routing("traefik3")


del DeployCase

if __name__ == "__main__":
    unittest.main()
