"""A project like a WordPress site, and the example, on a staging and a production server: two Docker daemons of their own.

Each test quotes the heading of Factory's page whose rule it looks at; docs/deploy.md lists them. What one can see in the
file alone is in tests/unit/test_compose_page.c. Images come from a registry with a password, as the page has it; busybox
stands in for what is in them.
"""
import contextlib
import functools
import http.client
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import tempfile
import unittest

import images
import proxy
from hooks import ATELIER, ROOT, docker, wait_for
from registries import Authority, Network, Registry
from target_daemons import PROXY_NETWORK, Target
import test_dind
import wordpress_like

WORDPRESS = (ROOT / "tests/cases/deploy/wordpress-like.yml").read_text()
PYTHON = "atelier/python:3"
ENVIRONMENTS = {"staging": "http://shop.staging.example", "production": "https://www.shop.example/"}
DOMAINS = {"staging": "shop.staging.example", "production": "www.shop.example"}
NAME_OF_ENVIRONMENT = "            ENV: ${CI_ENVIRONMENT_NAME}\n"
CHAT = """
services:
    web:
        image: ${CI_REGISTRY_IMAGE}/chat:one
        command: httpd -f -p 8000 -h /srv/web
        labels:
            traefik.frontend.rule: Host:${CI_ENVIRONMENT_DOMAIN}
            # 2
    ws:
        image: ${CI_REGISTRY_IMAGE}/chat:one
        command: httpd -f -p 8000 -h /srv/ws
        labels:
            traefik.frontend.rule: Host:${CI_ENVIRONMENT_DOMAIN};PathPrefix:/ws/
            # 1
"""


class Done:
    def __init__(self, process):
        self.code, self.output = process.returncode, process.stdout

    def __repr__(self):
        return f"exit {self.code}:\n{self.output}"


class Place:
    """A project in one environment on its server."""

    def __init__(self, platform, environment, project="shop/wordpress"):
        self.platform, self.environment, self.project = platform, environment, project
        self.target = platform.targets[environment]
        self.unit = f"{project.replace('/', '-')}-{environment}"
        # What the project's CI/CD settings hold for all jobs, and what this job has.
        self.variables = {
            **platform.variables, "CI_REGISTRY_IMAGE": f"{platform.registry.address}/{project}", "CI_COMMIT_SHA": "one",
            "CI_ENVIRONMENT_NAME": environment, "CI_ENVIRONMENT_URL": ENVIRONMENTS[environment],
            "X_CONFIG_FILE": f"{environment}.yml"}

    def deploy(self, compose, file="docker-compose.yml", server=None):
        with tempfile.TemporaryDirectory(dir=self.platform.folder) as checkout:
            variables, path = pathlib.Path(checkout) / "variables", pathlib.Path(checkout) / file
            variables.write_text("".join(f"{name}={value}\n" for name, value in self.variables.items()))
            path.write_text(compose)
            return Done(subprocess.run(
                [ATELIER, "deploy", "--config", self.platform.config, "--project", self.project, "--environment",
                 self.environment, "--variables", variables, "--file", path, server or f"{self.environment}-server"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300))

    def containers(self):
        """service -> what Docker says of its only container"""
        ids = self.target.docker("ps", "-aq", "--filter", f"label=atelier.unit={self.unit}").split()
        found = {}
        for container in json.loads(self.target.docker("inspect", *ids)) if ids else []:
            service = container["Config"]["Labels"].get("atelier.service")
            assert service not in found, f"two containers of {service}"
            if service:
                found[service] = container
        return found

    def variables_of(self, service):
        return dict(line.split("=", 1) for line in self.containers()[service]["Config"]["Env"])

    def execute(self, service, *command):
        """(exit code, output) of a command in the service's container."""
        done = subprocess.run(["docker", "--host", self.target.socket, "exec", self.containers()[service]["Id"], *command],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def owner(self, path):
        return self.target.execute("stat", "-c", "%u:%g", f"/srv/atelier/{self.project}/{self.environment}/{path}")


class Platform:
    """What the owner of the servers sets up: a registry, two servers with their proxies, the configuration."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-test-page-"))
        with contextlib.ExitStack() as undo:  # what was set up goes, unless all of it was
            undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.set_up(undo)
            self.undo = undo.pop_all()

    def set_up(self, undo):
        authority = Authority(self.folder)
        network = Network("atelier-test-page", 0)
        undo.callback(network.remove)
        self.registry = Registry(authority, ["registry.example"], network.address, "ci")
        undo.callback(self.registry.stop)
        self.targets = {}
        for name in ENVIRONMENTS:
            self.targets[name] = Target(name, network.name, test_dind.privileges()[0], self.registry, authority)
            undo.callback(self.targets[name].remove)
        cdn = wordpress_like.cdn()
        for service, tag, image in (("web", "one", wordpress_like.web("one")), ("web", "two", wordpress_like.web("two")),
                                    ("cdn", "one", cdn), ("cdn", "two", cdn), ("chat", "one", wordpress_like.chat())):
            undo.callback(images.remove, image)
            self.registry.put_image(image, f"shop/wordpress/{service}", tag)
        self.mysql = wordpress_like.mysql()
        undo.callback(images.remove, self.mysql)
        for target in self.targets.values():
            target.set_up()
            target.load(self.mysql, "mariadb:10.1")
        self.configure()
        self.proxies = {name: undo.enter_context(proxy.Proxy(target.socket, PROXY_NETWORK, beside=target.container))
                        for name, target in self.targets.items()}

    def secret_file(self, name, text):
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)

    def configure(self):
        self.variables = {f"SV_{name.upper()}_API_KEY": f"key-of-{name}-{secrets.token_hex(4)}" for name in ENVIRONMENTS}
        login = {"username": self.registry.user, "password_file": self.secret_file("registry", self.registry.password)}
        targets = {f"{name}-server": {
            "docker_host": target.socket, "projects": ["shop/*"], "environments": [name], "data": "/srv/atelier",
            "routing": "traefik1", "network": PROXY_NETWORK, "managed": {"mysql": "container"},
            "drain": "1s", "stop_grace": "2s", "registries": {self.registry.address: login},
            "key_file": self.secret_file(f"key-{name}", secrets.token_hex(32)),
            "mails": {"domain": f"mx.{name}.example", "port": 587, "user": "shop",
                      "token_file": self.secret_file(f"mails-{name}", f"token-of-{name}")},
        } for name, target in self.targets.items()}
        production = targets["production-server"]  # as a server elsewhere is reached: by TCP and TLS
        production |= {"docker_host": f"tcp://{self.targets['production'].address}:2376", "docker_tls_verify": True,
                       "docker_cert_path": str(self.targets["production"].certificates)}
        self.config = self.folder / "config.yml"
        self.config.write_text(json.dumps({"targets": targets}))  # JSON is YAML

    def get(self, environment, host, path="/"):
        """(status, text) of a request, as a browser would send it that finds the server by the host's name."""
        at = self.proxies[environment]
        connection = http.client.HTTPConnection(at.address, at.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode().strip()
        finally:
            connection.close()

    def wait_for_route(self, environment, host, address, all_there):
        """Until the proxy leads requests for the host there, and to no container of an older release."""
        def is_so(routes):
            found = {server.address for route in routes or () for every in route.rule if ("host", host) in every
                     for server in route.servers}
            return address in found <= all_there
        self.proxies[environment].wait_for(is_so)

    def tear_down(self):
        self.undo.close()


def reason_to_skip():
    return test_dind.reason_to_skip() or ("" if images.BUSYBOX else "needs busybox-static") or (
        "" if proxy.HAPROXY else "needs haproxy")


def in_each_environment(test):
    @functools.wraps(test)
    def each(self):
        for name, place in self.places.items():
            with self.subTest(name):
                test(self, name, place)
    return each


class Page(unittest.TestCase):
    """The site is on both servers before any test."""
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        reason = reason_to_skip()
        if reason:
            raise unittest.SkipTest(reason)
        cls.platform = Platform()
        cls.addClassCleanup(cls.platform.tear_down)
        cls.places = {name: Place(cls.platform, name) for name in ENVIRONMENTS}
        cls.first = {name: cls.deploy(place) for name, place in cls.places.items()}

    @staticmethod
    def deploy(place):
        """The site, with the variables that the page's other chapters add to it; it has to succeed."""
        asks = ("API_KEY", "MAILS_DOMAIN", "MAILS_PORT", "MAILS_USER", "MAILS_TOKEN")
        more = "".join(f"            {name}: ${{{name}}}\n" for name in asks) + "            CONFIG_FILE: ${X_CONFIG_FILE}\n"
        done = place.deploy(WORDPRESS.replace(NAME_OF_ENVIRONMENT, NAME_OF_ENVIRONMENT + more))
        if done.code != 0:
            raise AssertionError(done)
        return done

    def answer(self, place, service, host, path="/"):
        """What that service says to a request for the host."""
        networks = {name: container["NetworkSettings"]["Networks"] for name, container in place.containers().items()}
        addresses = {name: found[PROXY_NETWORK]["IPAddress"] for name, found in networks.items() if PROXY_NETWORK in found}
        self.platform.wait_for_route(place.environment, host, addresses[service], set(addresses.values()))
        status, text = self.platform.get(place.environment, host, path)
        self.assertEqual(status, 200, text)
        return text

    # --- Docker

    def test_users(self):
        """« Construire l’image de son service » : les images utilisant l’user root sont bannies de Factory."""
        for name, changes in (("nobody", ()), ("root", ("USER root",)), ("zero", ("USER 0:1001",))):
            with self.subTest(name):
                self.assert_refused(name, changes, "is root; give its Dockerfile a user")
        for place in self.places.values():
            for service, container in place.containers().items():
                with self.subTest(place.environment, service=service):
                    self.assertEqual(container["Config"]["User"], "" if service == "mysql" else "1001")

    def test_volumes_of_images(self):
        """« Exemple d’image Docker: un CDN » : l’utilisation du mot clé VOLUMES est à proscrire dans les Dockerfile."""
        self.assert_refused("volume", ("USER 1001", "VOLUME /var/www/html"), "declares a VOLUME, whose data nobody would save")

    def assert_refused(self, name, changes, why):
        image = images.busybox(f"atelier-test-page-{name}", ("sh", "httpd"), changes=changes)
        self.addCleanup(images.remove, image)
        place = Place(self.platform, "staging", "shop/refused")
        self.platform.registry.put_image(image, "shop/refused/web", name)
        place.variables["CI_COMMIT_SHA"] = name
        done = place.deploy("services: {web: {image: '${CI_REGISTRY_IMAGE}/web:${CI_COMMIT_SHA}'}}")
        self.assertEqual(done.code, 1, done)
        self.assertIn(why, done.output)
        self.assertEqual(place.containers(), {})

    @in_each_environment
    def test_volumes(self, name, place):
        """« Exemple d’image Docker: un CDN » : les points de montages sont créé avec cet uid, 1001."""
        self.assertEqual(place.owner("data/uploads"), "1001:1001")
        said = self.answer(place, "web", DOMAINS[name], f"/cgi-bin/post?photo-of-{name}")
        self.assertNotIn("no upload", said)
        self.assertEqual(self.answer(place, "cdn", f"cdn.{DOMAINS[name]}", f"/uploads/photo-of-{name}"), f"photo-of-{name}")
        self.assertEqual(place.owner(f"data/uploads/photo-of-{name}").partition(":")[0], "1001")

    # --- Docker-Compose

    @in_each_environment
    def test_migration(self, name, place):
        """« Migration de base de donnée » : un conteneur dédié, qui ne redémarre pas."""
        said = self.first[name].output
        self.assertLess(said.index("migrate_db: is done"), said.index("web: starting"))
        migration = place.containers()["migrate_db"]
        self.assertEqual((migration["State"]["Status"], migration["State"]["ExitCode"]), ("exited", 0))
        self.assertEqual(migration["HostConfig"]["RestartPolicy"]["Name"], "no")
        self.assertEqual(migration["Config"]["Labels"]["traefik.enable"], "false")  # « we do not want to route this service »
        self.assertNotIn("traefik.frontend.rule", migration["Config"]["Labels"])

    # --- Déploiement

    @in_each_environment
    def test_environments(self, name, place):
        """« Environnements » : la cible, ainsi qu’un ensemble de variables relatives à celui-ci."""
        other = self.places["production" if name == "staging" else "staging"]
        here = place.target.docker("ps", "-aq").split() + place.target.docker("volume", "ls", "-q").split()
        everything, own = place.target.docker("inspect", *here), place.variables_of("web")
        self.assertEqual(own["ENV"], name)
        for variable, value in own.items():
            self.assertTrue(value in everything, variable)
        for variable, value in {**other.variables_of("web"), "the unit's name": other.unit}.items():
            if own.get(variable) != value:
                self.assertFalse(value in everything, f"{variable} of {other.environment}")

    def test_names_are_short(self):
        """« Environnements » : le nom de votre groupe/projet ne dépasse pas 32 caractères."""
        place = Place(self.platform, "staging", "shop/" + "x" * 28)
        done = place.deploy(WORDPRESS)
        self.assertEqual(done.code, 1, done)
        self.assertIn("has 33 characters, and what is deployed may have 32 in its GROUP/PROJECT", done.output)

    @in_each_environment
    def test_more_variables(self, name, place):
        """« Ajouter des variables d’environnement supplémentaires » : ces variables doivent être préfixées par X_."""
        self.assertEqual(place.variables_of("web")["CONFIG_FILE"], f"{name}.yml")

    @in_each_environment
    def test_secret_variables(self, name, place):
        """« Ajouter des variables secrètes » : SV_${CI_ENVIRONMENT_NAME}_${VAR_NAME}"""
        secret = self.platform.variables[f"SV_{name.upper()}_API_KEY"]
        self.assertEqual(place.variables_of("web")["API_KEY"], secret)
        labels = [container["Config"]["Labels"] for container in place.containers().values()]
        releases = place.target.docker("volume", "ls", "-q", "--filter", "label=atelier.duty=release").split()
        shown = json.dumps(labels) + place.target.docker("volume", "inspect", *releases) + self.first[name].output
        for value in [*self.platform.variables.values(), place.variables_of("web")["MYSQL_PASSWORD"]]:
            self.assertNotIn(value, shown)

    def test_another_file(self):
        """« Configuration de la CI » : un autre fichier à l’aide de l’option -f de deploy-master."""
        done = self.places["staging"].deploy("services: {web: {image: i, env_file: .env}}", file="dev-compose.yml")
        self.assertEqual(done.code, 1, done)
        self.assertIn("dev-compose.yml:1:", done.output)

    @in_each_environment
    def test_domains(self, name, place):
        """« Gestion des noms de domaine » : CI_ENVIRONMENT_DOMAIN est basée sur l’url déclarée dans l’environnement."""
        domain, other = DOMAINS[name], "production" if name == "staging" else "staging"
        self.assertEqual(place.variables_of("web")["CDN"], f"cdn.{domain}")
        self.assertEqual(self.answer(place, "web", domain), f"web of {name}, its CDN is cdn.{domain}")
        self.assertEqual(self.platform.get(other, domain)[0], 503)

    @in_each_environment
    def test_routing(self, name, place):
        """« Routage » : Host : le nom de domaine du site web."""
        domain = DOMAINS[name]
        self.assertIn(f"web of {name}", self.answer(place, "web", domain))
        self.assertEqual(self.answer(place, "cdn", f"cdn.{domain}"), "the CDN")
        self.assertEqual(self.platform.get(name, "mysql")[0], 503)
        labels = place.containers()["web"]["Config"]["Labels"]
        self.assertEqual(labels["traefik.frontend.rule"], f"Host:{domain}")

    def test_paths(self):
        """« Routage » : matcher un Host ET un PathPrefix ; vous devez ajuster la priorité de ces règles."""
        place, host = Place(self.platform, "staging", "shop/chat"), "chat.example"
        place.variables["CI_REGISTRY_IMAGE"] = self.places["staging"].variables["CI_REGISTRY_IMAGE"]
        place.variables["CI_ENVIRONMENT_URL"] = "http://" + host
        self.assertEqual(place.deploy(CHAT).code, 0)
        self.assertEqual(self.answer(place, "web", host), "web")
        self.assertEqual(self.answer(place, "ws", host, "/ws/"), "ws")
        # Of the two numbers that the page has here, the higher wins, as it does in Traefik: they are the wrong way round.
        numbers = CHAT.replace("# 2", "traefik.frontend.priority: '2'").replace("# 1", "traefik.frontend.priority: '1'")
        self.assertEqual(place.deploy(numbers).code, 0)
        self.assertEqual(self.answer(place, "web", host, "/ws/"), "web")

    @in_each_environment
    def test_mails(self, name, place):
        """« Courriel » : les paramètres sont fournis aux conteneurs via les variables d’environnements."""
        given = {k: v for k, v in place.variables_of("web").items() if k.startswith("MAILS_")}
        self.assertEqual(given, {"MAILS_DOMAIN": f"mx.{name}.example", "MAILS_PORT": "587", "MAILS_USER": "shop",
                                 "MAILS_TOKEN": f"token-of-{name}"})

    # --- Prise en main

    def test_example(self):
        """« Docker Compose » : this file is good to go for production; examples/hello, the file as it is."""
        image = f"atelier-test-page-hello:{os.getpid()}"
        docker("build", "-q", "-t", image, "--build-arg", f"base={PYTHON}", str(ROOT / "examples/hello"))
        self.addCleanup(images.remove, image)
        self.platform.registry.put_image(image, "shop/hello/app", "one")
        for name in ENVIRONMENTS:
            with self.subTest(name):
                place = Place(self.platform, name, "shop/hello")
                place.variables["CI_ENVIRONMENT_URL"] = f"http://hello.{name}.example"
                done = place.deploy((ROOT / "examples/hello/docker-compose.yml").read_text())
                self.assertEqual(done.code, 0, done)
                self.assertEqual(self.answer(place, "app", f"hello.{name}.example"), f"Hello from {name}!")
                self.assertEqual(place.containers()["app"]["Config"]["User"], "factory_hello")

    # --- Services infogérés, Cronjob

    @in_each_environment
    def test_managed_services(self, name, place):
        """« Services infogérés » : les déploiements suivants n’affecteront pas le contenu de la base."""
        domain = DOMAINS[name]
        post = f"/cgi-bin/post?before-{secrets.token_hex(4)}-{name}"
        self.assertIn(post.partition("?")[2], self.answer(place, "web", domain, post))
        before = {service: container["Id"] for service, container in place.containers().items()}
        place.variables["CI_COMMIT_SHA"] = "two" if place.variables["CI_COMMIT_SHA"] == "one" else "one"
        said = self.deploy(place).output
        after = {service: container["Id"] for service, container in place.containers().items()}
        self.assertIn("mysql: managed, keep", said)
        self.assertEqual(after["mysql"], before["mysql"])
        self.assertNotEqual(after["web"], before["web"])
        rows = self.answer(place, "web", domain, "/cgi-bin/post?after").splitlines()
        self.assertIn(post.partition("?")[2], rows)
        self.assertIn(f"schema-{place.variables['CI_COMMIT_SHA']}", rows)

    @in_each_environment
    def test_connection(self, name, place):
        """« Résolution de nom » : le nom mysql sera résolu par votre conteneur."""
        given = place.variables_of("web")
        self.assertEqual({key: given[key] for key in given if key.startswith("MYSQL")},
                         {key: value for key, value in place.variables_of("mysql").items()
                          if key.startswith("MYSQL") and key != "MYSQL_ROOT_PASSWORD"})
        login = f"/cgi-bin/sql?{given['MYSQL_USER']}:{given['MYSQL_PASSWORD']}@{given['MYSQL_DATABASE']}/"
        code, rows = place.execute("web", "ask", "mysql", "3306", login)
        self.assertEqual(code, 0, rows)
        self.assertIn("schema-one", rows)
        self.assertEqual(place.execute("web", "ask", "mysql", "3306", login.replace("@", "x@")), (0, "access denied\n"))

    @in_each_environment
    def test_cron_job(self, name, place):
        """« Cronjob » : ces deux labels sont requis pour que votre service soit traité comme cronjob."""
        self.assertIn("cleanup: registering", self.first[name].output)
        job = place.containers()["cleanup"]
        self.assertTrue(job["State"]["Running"])
        self.assertIn("*/15 * * * *", job["Config"]["Cmd"])
        self.assertEqual(job["Config"]["Labels"]["traefik.enable"], "false")
        by_hand = ("cleanup", "/.atelier/atelier-cron", "--once")
        code, said = wait_for(lambda: (done := place.execute(*by_hand))[0] != 75 and done, "its run at a quarter has ended")
        self.assertEqual(code, 0, said)
        self.assertIn(f"wp-cron.php runs as 1001 in {name}\n", said)
        self.assertIn("wp-cron.php", self.answer(place, "web", DOMAINS[name], "/cgi-bin/post?x"))


if __name__ == "__main__":
    unittest.main()
