"""The proxy that other tests send requests through (tests/support/proxy.py) reads labels as Traefik does, and loses none."""
import collections
import http.client
import os
import subprocess
import unittest

import images
import proxy
from hooks import docker, has_docker, wait_for
from load import Load
from test_dind import BASE as DIND, privileges

SOCKET = "unix:///var/run/docker.sock"


def container(labels, address="10.0.0.1", status="Up 3 seconds", ports=(9000, 80), name="c"):
    return {"Id": name + address, "Labels": labels, "Status": status,
            "Ports": [{"PrivatePort": port, "Type": "tcp"} for port in ports],
            "NetworkSettings": {"Networks": {"net": {"IPAddress": address}}}}


FIRST = {"traefik.frontend.rule": "Host:a.io"}
LATER = {"traefik.http.routers.r.rule": "Host(`a.io`)"}
HOST = ((("host", "a.io"),),)


class Labels(unittest.TestCase):
    def routes(self, *containers):
        return [tuple(route) for route in proxy.routes_of(containers, "net")]

    def test_one_container(self):
        for labels, want in (
                (FIRST, [(9, HOST, (), (("10.0.0.1", 80),))]),
                ({**FIRST, "traefik.port": "81"}, [(9, HOST, (), (("10.0.0.1", 81),))]),
                ({**FIRST, "traefik.frontend.priority": "5"}, [(5, HOST, (), (("10.0.0.1", 80),))]),
                ({**FIRST, "traefik.enable": "false"}, []),
                ({}, []),
                (LATER, [(12, HOST, (), (("10.0.0.1", 80),))]),
                ({**LATER, "traefik.http.routers.r.priority": "7000004", "traefik.http.services.s.loadbalancer.server.port": "81"},
                 [(7000004, HOST, (), (("10.0.0.1", 81),))]),
                ({**LATER, "traefik.http.routers.r.tls": "true"}, []),
                ({"traefik.frontend.rule": "Host:a.io,b.io;PathPrefixStrip:/x"},
                 [(33, ((("host", "a.io"), ("prefix", "/x")), (("host", "b.io"), ("prefix", "/x"))), ("/x",), (("10.0.0.1", 80),))]),
                ({"traefik.http.routers.r.rule": "(Host(`a.io`) || Host(`b.io`)) && PathPrefix(`/x`)",
                  "traefik.http.routers.r.middlewares": "m", "traefik.http.middlewares.m.stripprefix.prefixes": "/x"},
                 [(50, ((("host", "a.io"), ("prefix", "/x")), (("host", "b.io"), ("prefix", "/x"))), ("/x",), (("10.0.0.1", 80),))])):
            with self.subTest(labels):
                self.assertEqual(self.routes(container(labels)), want)

    def test_health(self):
        for status, count in (("Up 1 second", 1), ("Up 1 second (healthy)", 1), ("Up 1 second (unhealthy)", 0),
                              ("Up 1 second (health: starting)", 0), ("Up 1 second (Paused)", 0)):
            with self.subTest(status):
                self.assertEqual(len(self.routes(container(FIRST, status=status))), count)

    def test_several_containers(self):
        higher = {**FIRST, "traefik.frontend.priority": "12"}
        two = self.routes(container(FIRST), container(higher, "10.0.0.2"), container(higher, "10.0.0.3"))
        self.assertEqual([(priority, servers) for priority, _, _, servers in two],
                         [(12, (("10.0.0.2", 80), ("10.0.0.3", 80))), (9, (("10.0.0.1", 80),))])


@unittest.skipUnless(has_docker() and proxy.HAPROXY, "needs a Docker daemon and haproxy")
class Following(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.image = images.busybox("atelier-test-proxy", ("sh", "httpd", "sleep", "test"), changes=["EXPOSE 80"])
        cls.network = f"atelier-test-proxy-{os.getpid()}"
        docker("network", "create", cls.network)

    @classmethod
    def tearDownClass(cls):
        docker("network", "rm", cls.network)
        images.remove(cls.image)

    def start(self, says, labels, health=()):
        """A web server whose every page is `says`; healthy as soon as it answers."""
        script = f"mkdir -p /www/sub; echo {says} >/www/index.html; echo {says}-sub >/www/sub/index.html; exec httpd -f -h /www"
        script = script.replace("mkdir -p", "/bin/busybox mkdir -p")
        made = docker("run", "-d", "--network", self.network, *health, *(f"--label={k}={v}" for k, v in labels.items()),
                      self.image, "sh", "-c", script)
        self.addCleanup(docker, "rm", "-f", made, check=False)
        return made

    def ask(self, through, host, path="/"):
        connection = http.client.HTTPConnection(through.address, through.port, timeout=180)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.read().decode().strip() if answer.status == 200 else answer.status
        finally:
            connection.close()

    def answer(self, through, host, path="/"):
        """As ask(), but of a server that may be on its way."""
        return wait_for(lambda: (said := self.ask(through, host, path)) != 503 and (said,), f"{host}{path} answers")[0]

    def test_rules(self):
        with proxy.Proxy(SOCKET, self.network) as through:
            self.assertEqual(self.ask(through, "a.io"), 503)
            self.start("web", {"traefik.frontend.rule": "Host:a.io"})
            self.start("api", {"traefik.frontend.rule": "Host:a.io;PathPrefixStrip:/api"})
            self.start("later", {"traefik.http.routers.r.rule": "Host(`b.io`) && (PathPrefix(`/`) || PathPrefix(`/x`))"})
            through.wait_for(lambda routes: len(routes) == 3)
            for host, path, want in (("a.io", "/", "web"), ("A.io:80", "/sub/", "web-sub"), ("a.io", "/api/", "api"),
                                     ("a.io", "/api/sub/", "api-sub"), ("b.io", "/", "later")):
                with self.subTest(host + path):
                    self.assertEqual(self.answer(through, host, path), want)
            self.assertEqual(self.ask(through, "c.io"), 503)

    def test_no_request_is_lost(self):
        """Releases come by a higher priority when they are healthy, and the one before goes: v1 and v3 labels by turns."""
        health = ("--health-cmd", "/bin/busybox wget -q -O /dev/null http://127.0.0.1/", "--health-interval", "1s",
                  "--health-retries", "99")
        with proxy.Proxy(SOCKET, self.network) as through:
            before = None
            for release in range(1, 7):
                labels = {"traefik.frontend.rule": "Host:a.io", "traefik.frontend.priority": str(9000000 + release)} if release % 2 else {
                    f"traefik.http.routers.r{release}.rule": "Host(`a.io`)",
                    f"traefik.http.routers.r{release}.priority": str(9000000 + release)}
                made = self.start(f"release-{release}", labels, health)
                through.wait_for(lambda routes: routes and routes[0].priority == 9000000 + release)  # pylint: disable=W0640
                if release == 1:
                    load = Load(through.address, through.port, "a.io").__enter__()
                    self.addCleanup(load.__exit__)
                through.settle()  # requests that are underway
                wait_for(lambda: any(answer.body.strip() == f"release-{release}" for answer in list(load.answers)),  # pylint: disable=W0640
                         f"release {release} answers")
                if before:
                    docker("rm", "-f", before)
                before = made
            load.__exit__()
        answers = collections.Counter(answer.body.strip() for answer in load.answers)
        self.assertEqual(load.failures(), [], answers)
        self.assertEqual(set(answers), {f"release-{release}" for release in range(1, 7)})
        self.assertGreater(len(load.answers), 100)

    def test_what_is_not_healthy_leaves(self):
        with proxy.Proxy(SOCKET, self.network) as through:
            made = self.start("sick", {"traefik.frontend.rule": "Host:a.io", "traefik.frontend.priority": "50"},
                              ("--health-cmd", "test ! -f /tmp/sick", "--health-interval", "1s", "--health-retries", "1"))
            self.start("well", {"traefik.frontend.rule": "Host:a.io"})
            through.wait_for(lambda routes: len(routes) == 2)
            self.assertEqual(self.answer(through, "a.io"), "sick")
            docker("exec", made, "sh", "-c", ">/tmp/sick")
            through.wait_for(lambda routes: len(routes) == 1)
            self.assertEqual(self.answer(through, "a.io"), "well")

    def test_a_daemon_in_a_container(self):
        """Its containers have addresses in its own network alone."""
        runtime, why_not = privileges()
        if why_not:
            self.skipTest(why_not)
        daemon = docker("run", "-d", "--privileged", *(["--runtime", runtime] if runtime else []), "-v", "/var/lib/docker",
                        DIND, "dockerd", "--host=unix:///var/run/docker.sock", "--host=tcp://0.0.0.0:2375", "--tls=false")
        self.addCleanup(docker, "rm", "-f", "-v", daemon)
        address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", daemon)
        inside = ["docker", "--host", f"tcp://{address}:2375"]
        wait_for(lambda: subprocess.run([*inside, "version"], capture_output=True, check=False).returncode == 0, "its daemon")
        saved = subprocess.run(["docker", "save", self.image], capture_output=True, check=True).stdout
        subprocess.run([*inside, "load"], input=saved, capture_output=True, check=True)
        subprocess.run([*inside, "network", "create", "inner"], capture_output=True, check=True)
        with proxy.Proxy(f"tcp://{address}:2375", "inner", beside=daemon) as through:
            subprocess.run([*inside, "run", "-d", "--network", "inner", "--label", "traefik.frontend.rule=Host:a.io", self.image,
                            "sh", "-c", ">/tmp/inner; exec httpd -f -h /tmp"], capture_output=True, check=True)
            through.wait_for(lambda routes: len(routes) == 1)
            self.assertEqual(self.answer(through, "a.io", "/inner"), "")


if __name__ == "__main__":
    unittest.main()
