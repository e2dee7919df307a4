"""A real HTTP proxy that follows a daemon's containers as Traefik does: HAProxy, with a configuration made of labels.

    with Proxy("unix:///var/run/docker.sock", "my-network") as proxy:
        http.client.HTTPConnection(proxy.address, proxy.port)

It reads the labels of Traefik 1 (Host, PathPrefix, PathPrefixStrip) and of Traefik 2 and 3 (Host, PathPrefix, &&, ||,
stripprefix), leaves out containers with a HEALTHCHECK that are not healthy, and gives the higher priority the request;
routers with the same rule and priority share it. A request is tried once, so that it hides nothing. Routers for TLS are
left out: it has no certificate.

Containers are reached by their addresses on the network. Those of a daemon that is itself in a container of this host
are not: `beside` names that container, and HAProxy runs in its network (needs root).
"""
import collections
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
EVENTS = {"container": ["start", "die", "health_status", "destroy", "pause", "unpause"], "network": ["connect", "disconnect"]}

Server = collections.namedtuple("Server", "address port")
# `rule` is any of all of matchers: ((("host", "a.io"), ("prefix", "/x")), …)
Route = collections.namedtuple("Route", "priority rule strip servers")


# --- the daemon

class Connection(http.client.HTTPConnection):
    """To unix:///PATH, tcp://HOST:PORT, or that with TLS when there is a folder of certificates."""

    def __init__(self, docker_host, cert_path=None, timeout=180):
        self.where, self.cert_path = urllib.parse.urlsplit(docker_host), cert_path
        super().__init__(self.where.hostname or "docker", self.where.port, timeout=timeout)

    def connect(self):
        if self.where.scheme == "unix":
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(self.timeout)
            self.sock.connect(self.where.path)
            return
        super().connect()
        if self.cert_path:
            folder = pathlib.Path(self.cert_path)
            context = ssl.create_default_context(cafile=folder / "ca.pem")
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def get(self, path):
        self.request("GET", path)
        answer = self.getresponse()
        if answer.status != 200:
            raise OSError(f"GET {path}: {answer.status} {answer.read()!r}")
        return answer


# --- rules

def product(left, right):
    return tuple(a + b for a in left for b in right)


class RuleReader:
    """``Host(`a`) && (PathPrefix(`/x`) || PathPrefix(`/y`))``"""

    def __init__(self, text):
        self.words = re.findall(r"&&|\|\||[(),]|`[^`]*`|\w+", text)

    def take(self, *wanted):
        if self.words and (not wanted or self.words[0] in wanted):
            return self.words.pop(0)
        return None

    def either(self):
        found = self.both()
        while self.take("||"):
            found += self.both()
        return found

    def both(self):
        found = self.one()
        while self.take("&&"):
            found = product(found, self.one())
        return found

    def one(self):
        if self.take("("):
            found = self.either()
            self.take(")")
            return found
        kind = {"Host": "host", "PathPrefix": "prefix"}[self.take()]
        self.take("(")
        values = []
        while (word := self.take()) not in (")", None):
            values += [word.strip("`")] if word != "," else []
        return tuple(((kind, value),) for value in values)


def first_rule(text):
    """A rule of Traefik 1, and the prefixes that it strips."""
    found, strip = ((),), ()
    for part in filter(None, text.split(";")):
        name, _, values = part.partition(":")
        values = [value.strip() for value in values.split(",")]
        kind = {"Host": "host", "PathPrefix": "prefix", "PathPrefixStrip": "prefix"}[name.strip()]
        found = product(found, tuple(((kind, value),) for value in values))
        strip = tuple(sorted(values, key=len, reverse=True)) if name.strip() == "PathPrefixStrip" else strip
    return found, strip


# --- labels

def lowest_port(container):
    return min((port["PrivatePort"] for port in container["Ports"] if port.get("Type", "tcp") == "tcp"), default=None)


def first_routers(container, labels):
    """(router, service, port) of Traefik 1's labels; a router is (rule, strip, priority, service)."""
    text = labels["traefik.frontend.rule"]
    rule, strip = first_rule(text)
    service = labels.get("traefik.backend", container["Id"])
    priority = max(int(labels.get("traefik.frontend.priority", 0)), 0) or len(text)
    port = int(labels.get("traefik.port", 0)) or lowest_port(container)
    return [(rule, strip, priority, service)], {service: port}


def later_routers(container, labels):
    """The same of Traefik 2's and 3's."""
    trees = collections.defaultdict(lambda: collections.defaultdict(dict))
    for label, value in labels.items():
        words = label.split(".", 4)
        if label.lower().startswith("traefik.http.") and len(words) == 5:
            trees[words[2].lower()][words[3]][words[4].lower()] = value
    services = {name: int(options.get("loadbalancer.server.port", 0)) or lowest_port(container)
                for name, options in trees["services"].items()} or {container["Id"]: lowest_port(container)}
    routers = []
    for options in trees["routers"].values():
        if options.get("tls", "false") == "true":
            continue
        strip = ()
        for name in filter(None, options.get("middlewares", "").split(",")):
            prefixes = trees["middlewares"].get(name, {}).get("stripprefix.prefixes", "")
            strip += tuple(filter(None, prefixes.split(",")))
        priority = int(options.get("priority", 0)) or len(options["rule"])
        routers.append((RuleReader(options["rule"]).either(), strip, priority, options.get("service", next(iter(services)))))
    return routers, services


def is_out(container, labels, network):
    """Not asked for, not on the network, or not (yet) healthy."""
    health = re.search(r"\((healthy|unhealthy|health: starting)\)|\(Paused\)", container["Status"])
    return (labels.get("traefik.enable", "true") != "true" or network not in container["NetworkSettings"]["Networks"]
            or not container["NetworkSettings"]["Networks"][network]["IPAddress"]
            or (health is not None and health[1] != "healthy"))


def routes_of(containers, network):
    """The routes by falling priority, of what `GET /containers/json` says."""
    routers, servers = [], collections.defaultdict(set)
    for container in containers:
        labels = container["Labels"] or {}
        if is_out(container, labels, network):
            continue
        if "traefik.frontend.rule" in labels:
            found, services = first_routers(container, labels)
        elif any(label.lower().startswith("traefik.http.routers.") for label in labels):
            found, services = later_routers(container, labels)
        else:
            continue
        routers += found
        address = container["NetworkSettings"]["Networks"][network]["IPAddress"]
        for service, port in services.items():
            if port:
                servers[service].add(Server(address, port))
    together = collections.defaultdict(set)
    for rule, strip, priority, service in routers:
        together[priority, rule, strip] |= servers[service]
    return [Route(*key, tuple(sorted(found))) for key, found in sorted(together.items(), key=lambda item: (-item[0][0], item[0]))]


# --- HAProxy

HEAD = """\
global
    stats socket {folder}/worker.sock mode 600 level admin expose-fd listeners
    hard-stop-after 60s
defaults
    mode http
    option idle-close-on-response
    timeout connect 60s
    timeout client 60s
    timeout server 60s
    timeout http-request 60s
    retries 0
frontend http
    bind {address}:{port}
"""
MATCHERS = {"host": "{{ req.hdr(host),field(1,:),lower -m str {} }}", "prefix": "{{ path -m beg {} }}"}


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def configuration(routes, folder, address, port):
    lines, backends = [HEAD.format(folder=folder, address=address, port=port)], []
    for number, route in enumerate(routes):
        conditions = " or ".join(" ".join(MATCHERS[kind].format(quoted(value)) for kind, value in every) or "TRUE"
                                 for every in route.rule)
        lines.append(f"    use_backend b{number} if {conditions}\n")
        backends.append(f"backend b{number}\n    balance roundrobin\n")
        for prefix in route.strip:
            backends.append(f"    http-request set-path %[path,regsub(^{re.escape(prefix.rstrip('/'))}/*,/)] "
                            f"if {{ path -m beg {quoted(prefix)} }}\n")
        for server in route.servers:
            backends.append(f"    server s{server.address}-{server.port} {server.address}:{server.port}\n")
    return "".join(lines + backends)


def is_alive(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Proxy:
    def __init__(self, docker_host, network, cert_path=None, beside=None):
        self.docker_host, self.network, self.cert_path, self.beside = docker_host, network, cert_path, beside
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-proxy-"))
        self.address, self.routes, self.text = "127.0.0.1", None, None
        self.closing, self.changed = threading.Event(), threading.Condition()
        self.process = self.stream = self.follower = None
        self.before = []  # process ids of workers that another has followed

    # following

    def containers(self):
        connection = Connection(self.docker_host, self.cert_path)
        try:
            return json.load(connection.get("/containers/json"))
        finally:
            connection.close()

    def look(self):
        """Ask the daemon, and tell HAProxy if something is different."""
        routes = routes_of(self.containers(), self.network)
        text = configuration(routes, self.folder, self.address, self.port)
        if text != self.text:
            self.load(text)
        with self.changed:
            self.routes = routes
            self.changed.notify_all()

    def follow(self):
        filters = {"type": list(EVENTS), "event": [event for events in EVENTS.values() for event in events]}
        path = "/events?filters=" + urllib.parse.quote(json.dumps(filters))
        while not self.closing.is_set():
            try:
                self.stream = Connection(self.docker_host, self.cert_path, timeout=None)
                answer = self.stream.get(path)
                self.look()  # what came before the first event
                while answer.readline() and not self.closing.is_set():
                    self.look()
            except (OSError, http.client.HTTPException, ValueError, AttributeError):
                pass  # a daemon that is gone: what runs goes on, as its containers do
            self.closing.wait(0.2)

    def wait_for(self, condition, seconds=180):
        """Until `condition(routes)` is true of what HAProxy goes by."""
        with self.changed:
            if not self.changed.wait_for(lambda: condition(self.routes), seconds):
                raise AssertionError(f"the proxy's routes after {seconds} s: {self.routes}")

    def settle(self, seconds=180):
        """Until no request is under way by an older configuration: then those who took them have ended."""
        deadline = time.monotonic() + seconds
        while any(is_alive(worker) for worker in self.before):
            if time.monotonic() > deadline:
                raise AssertionError(f"after {seconds} s HAProxy's old workers still run: {self.before}")
            time.sleep(0.02)

    # HAProxy

    def command(self):
        command = [HAPROXY, "-W", "-S", str(self.folder / "master.sock"), "-f", str(self.folder / "haproxy.cfg")]
        return ["nsenter", "--net", "--target", self.host_field("{{.State.Pid}}"), "--", *command] if self.beside else command

    def host_field(self, template):
        return subprocess.run(["docker", "inspect", "--format", template, self.beside], capture_output=True, text=True,
                              check=True).stdout.strip()

    def worker(self):
        """The process id of the HAProxy that takes requests now; None while there is none."""
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(30)
                client.connect(str(self.folder / "worker.sock"))
                client.sendall(b"show info\n")
                said = b""
                while data := client.recv(65536):
                    said += data
        except OSError:
            return None
        found = re.search(rb"^Pid: (\d+)", said, re.M)
        return int(found[1]) if found else None

    def load(self, text):
        """A new worker takes the old one's listening sockets; the old one ends with its last request."""
        before = self.worker() if self.process else None
        (self.folder / "haproxy.cfg").write_text(text)
        if self.process:
            self.process.send_signal(signal.SIGUSR2)
        else:
            with open(self.folder / "stderr", "wb") as err:
                self.process = subprocess.Popen(self.command(), stdout=err, stderr=err)
        deadline, again = time.monotonic() + 180, time.monotonic() + 3
        while (pid := self.worker()) is None or pid == before:
            if before and time.monotonic() > again:  # the signal came while HAProxy was still at the one before
                self.process.send_signal(signal.SIGUSR2)
                again += 3
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("HAProxy: " + (self.folder / "stderr").read_text()[-2000:])
            time.sleep(0.01)
        self.text = text
        self.before += [before] if before else []

    def __enter__(self):
        if self.beside:
            self.address = self.host_field("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}").split()[0]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        try:
            self.look()
        except BaseException:
            self.__exit__()
            raise
        self.follower = threading.Thread(target=self.follow, daemon=True)
        self.follower.start()
        return self

    def __exit__(self, *_):
        # First nobody reloads any more: a HAProxy that is told to end within a reload does not.
        self.closing.set()
        while self.follower and self.follower.is_alive():
            try:
                self.stream.sock.shutdown(socket.SHUT_RDWR)
            except (OSError, AttributeError):
                pass  # between two connections
            self.follower.join(0.2)
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()  # its workers end with it
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
