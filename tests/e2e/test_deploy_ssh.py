"""Targets whose daemon is reached by ssh: the system's ssh, and an sshd of the test's own on this machine."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import unittest

from hooks import terminate, wait_for
from test_deploy_job import Deploying, SERVE, UP

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Sshd:
    """On a port and with keys of its own; its user is whom the test runs as."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-test-sshd-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for name in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        self.write("authorized", (self.folder / "user.pub").read_text())
        self.write("known", f"[127.0.0.1]:{self.port} {(self.folder / 'host.pub').read_text()}")
        self.write("sshd_config", f"""Port {self.port}
ListenAddress 127.0.0.1
HostKey {self.folder}/host
AuthorizedKeysFile {self.folder}/authorized
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
PidFile none
""")
        # ssh reads the configuration of whom it runs as, and no variable says otherwise.
        self.write("ssh_config", f"IdentityFile {self.folder}/user\nIdentitiesOnly yes\nUserKnownHostsFile {self.folder}/known\n")
        self.write("bin/ssh", f"#!/bin/sh\nexec {shutil.which('ssh')} -F {self.folder}/ssh_config \"$@\"\n").chmod(0o755)
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)
        self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.folder / "sshd_config"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=(self.folder / "log").open("wb"))
        wait_for(self.answers)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=60) as there:
                return there.recv(4) == b"SSH-"
        except OSError:
            return False

    def sessions(self):
        """The connections that it serves now: its children."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return path.read_text().split()

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


@unittest.skipUnless(SSHD and shutil.which("ssh"), "no sshd: apt-get install openssh-server")
@unittest.skipUnless(os.geteuid() == 0, "needs root, as sshd does")
class Ssh(Deploying):
    def setUp(self):
        super().setUp()
        self.sshd = Sshd()
        self.addCleanup(self.sshd.stop)

    def at(self, user=None, path=""):
        return f"ssh://{user or pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1:{self.sshd.port}{path}"

    def ready(self, **more):
        return super().ready(docker_host=more.pop("docker_host", self.at()), **more)

    def prepared(self, *args, **options):
        return super().prepared(*args, env={"PATH": f"{self.sshd.folder}/bin:{os.environ['PATH']}"}, **options)

    def assert_no_tunnel_is_left(self):
        wait_for(lambda: self.sshd.sessions() == [])
        self.assertEqual(list(pathlib.Path("/tmp").glob("atelier-ssh-*")), [])

    def test_a_deploy_by_ssh_leaves_nothing_open(self):
        job = self.ready()
        result = job.run(self.app(SERVE) + UP)
        self.assertEqual(result.code, 0, result)
        self.assertEqual(len(self.running()), 1)
        self.assert_no_tunnel_is_left()

    def test_a_job_that_is_cancelled_is_undone_by_ssh(self):
        job = self.ready()
        running, before = self.interrupted(job, UP)
        terminate(running)  # the whole process group, as gitlab-runner does
        out, err = running.communicate(timeout=300)
        self.assertEqual(running.returncode, 2, out + err)
        self.assertEqual(self.running(), before)
        self.assert_no_tunnel_is_left()
        self.assert_old_release(job, before)

    def failing(self, where):
        job = self.ready(docker_host=where)
        result = job.run(self.app(SERVE) + UP)
        self.assertEqual(job.code(), "3\n", result)
        self.assert_no_tunnel_is_left()
        return result.out

    def test_what_ssh_says_is_told_in_one_line(self):
        self.assertRegex(self.failing("ssh://127.0.0.1:1"), r"ERROR: target 'here': ssh://127.0.0.1:1: ssh: connect to host "
                         r"127.0.0.1 port 1: Connection refused\n")
        self.assertIn("Permission denied (publickey)", self.failing(self.at(user="nobody")))
        (self.sshd.folder / "known").write_text("")
        self.assertIn("Host key verification failed", self.failing(self.at()))

    def test_a_machine_without_docker(self):
        self.assertIn("is there, but not to Docker behind it", self.failing(self.at(path="/nowhere/docker.sock")))


if __name__ == "__main__":
    unittest.main()
