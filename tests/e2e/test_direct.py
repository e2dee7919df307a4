"""The direct way into a job's containers: as the daemon's exec in all that a script can see, and safe from the job."""
import hashlib
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time
import unittest

import images
from hooks import ATELIER, Job, JobTest, docker, has_docker, processes_in, terminate
from scripted_daemon import Daemon

SOCKET = "/run/atelier/init/socket"
LOOK = r"""
set +e; id; umask; pwd; echo "$0 $-"; ulimit -a; trap; env | grep -v -e ^SHLVL= -e ^_= | sort
grep -e ^Cap -e ^Uid -e ^Gid -e ^Groups -e ^NoNewPrivs -e ^Seccomp: -e ^SigPnd -e ^SigBlk -e ^SigIgn -e ^SigCgt /proc/self/status
cat /proc/self/oom_score_adj /proc/self/cgroup; readlink /proc/self/ns/* | sort
ls /proc/self/fd | wc -l; tty; cat; read -r line || echo no input
echo out >/dev/stdout
"""


def eventually(test, what, probe, seconds=60):
    end = time.monotonic() + seconds
    while not probe():
        test.assertLess(time.monotonic(), end, what)
        time.sleep(0.05)


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class Direct(JobTest):
    def prepared(self, config="", **options):
        job = super().prepared("direct: on\n" + config, **options)
        self.assertEqual(job.said.err, "")
        return job

    def folder(self, job, role="build"):
        return job.state / "builds/.direct" / job.label / role

    def assert_by(self, job, way, substage="build_script"):
        """A script's parent is process 1 when it was started by that."""
        result = job.run("echo parent $PPID", substage)
        self.assertEqual(result.code, 0, result)
        self.assertEqual("init" if result.out.endswith("parent 1\n") else "daemon", way, result)


class Same(Direct):
    """What a script finds is what it finds by the daemon's exec."""

    def check(self, config="", look=LOOK, **options):
        job = self.prepared(config, **options)
        direct = job.run(look)
        self.assert_by(job, "init")
        job.config_file.write_text(job.config_file.read_text().replace("direct: on", "direct: off"))
        daemon = job.run(look)
        self.assert_by(job, "daemon")
        self.assertEqual((direct.code, direct.err), (0, ""), direct)
        self.maxDiff = None
        self.assertEqual(direct.out, daemon.out)

    def test_of_root(self):
        self.check()

    def test_of_another_user(self):
        self.check(user="1000:1000")

    def test_of_a_user_by_name_in_more_groups(self):
        self.check("kinds: {build: {group_add: [staff, '4242']}}\n", user="www-data")

    def test_with_other_limits_and_rights(self):
        """One number for soft and hard limit: runc 1.1 sometimes gives its execs the hard one for both."""
        self.check("kinds: {build: {cap_drop: [ALL], cap_add: [CHOWN], ulimits: {nofile: '1000:1000'}, "
                   "security_opt: [no-new-privileges], oom_score_adjust: 300, pids: 200}}\n")

    def test_with_a_read_only_root(self):
        self.check("kinds: {build: {read_only: true, tmpfs: {/run: rw, /tmp: rw}}}\n")

    def test_under_an_init(self):
        job = self.prepared("kinds: {build: {init: true}}\n")
        self.assertEqual(job.run("cat /proc/1/comm; cat /proc/$PPID/comm").out, "docker-init\natelier-init\n")

    def test_in_the_images_folder_with_its_variables(self):
        image = images.busybox("atelier-test/direct-folder", ("sh", "env", "pwd", "ls", "sort", "grep", "cat", "id", "readlink"),
                               changes=["WORKDIR /some/where", "ENV ONE='1 2' HOME=/nowhere", "USER 7:8"])
        self.addCleanup(images.remove, image)
        job = self.prepared(image=image)
        look = "pwd; echo $0; env | grep -v -e ^SHLVL= | sort; id; trap; cat"
        direct = job.run(look)
        job.config_file.write_text(job.config_file.read_text().replace("direct: on", "direct: off"))
        self.assertEqual(direct.out, job.run(look).out)
        self.assertIn("/some/where\n/bin/sh\n", direct.out)

    def test_behind_an_entrypoint(self):
        enter = ["sh", "-c", 'export FROM_ENTRYPOINT="$CI_PROJECT_PATH"; echo entered; exec "$@"', "sh"]
        self.check(entrypoint=enter)

    def test_behind_an_entrypoint_that_leaves_root(self):
        """But for /dev/stdout, which is only here that user's too."""
        self.check(entrypoint=["setpriv", "--reuid=2345", "--regid=3456", "--clear-groups", "--"],
                   look=LOOK.replace("echo out >/dev/stdout", ""))

    def test_entrypoint_that_cannot_be_started(self):
        job = self.prepared(entrypoint=["/no/such/program"])
        result = job.run("echo never")
        self.assertEqual((result.code, result.out), (1, ""), result)
        self.assertIn("cannot be started in the container: No such file or directory", result.err)

    def test_entrypoint_that_ignores_the_script(self):
        job = self.prepared(entrypoint=["true"])
        result = job.run("echo never")
        self.assertEqual((result.code, result.out), (1, ""), result)
        self.assertIn("the image's ENTRYPOINT 'true' ended without running the script", result.err)


class Stream(Direct):
    def test_exit_codes(self):
        job = self.prepared()
        for code in (0, 1, 2, 77, 126, 127, 255):
            result = job.run(f"exit {code}")
            self.assertEqual((result.code, job.code()), (0, None) if code == 0 else (1, f"{code}\n"))
        job.run("kill -SEGV $$; sleep 600")
        self.assertEqual(job.code(), "139\n")

    def test_every_byte_and_much_of_it(self):
        """100 MB, into a pipe that is read slowly at first, and into a file that is appended to."""
        job = self.prepared()
        write = ("import sys\nblock = bytes(range(256)) * 4096\nfor i in range(100): sys.stdout.buffer.write(block[i:] + block[:i])")
        script = job.script(f"python3 -c '{write}'")
        want = hashlib.sha256()
        block = bytes(range(256)) * 4096
        for i in range(100):
            want.update(block[i:] + block[:i])
        run = job.start("run", script, "build_script")
        time.sleep(0.5)
        got = hashlib.sha256()
        while data := run.stdout.buffer.read1(1 << 16):
            got.update(data)
        run.communicate()
        self.assertEqual((run.returncode, got.hexdigest()), (0, want.hexdigest()))
        with open(job.state / "log", "ab") as log:
            done = subprocess.run([ATELIER, "--config", job.config_file, "run", script, "build_script"], cwd=job.folder,
                                  env=job.environment(), stdout=log, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(hashlib.sha256((job.state / "log").read_bytes()).hexdigest(), want.hexdigest())

    def test_a_script_of_many_lines(self):
        job = self.prepared()
        result = job.run("\n".join(f"v{i}='{'x' * 100}'" for i in range(5000)) + "\necho ${#v4999}")
        self.assertEqual((result.out, result.code), ("100\n", 0))

    def test_a_reader_that_goes_away(self):
        job = self.prepared()
        run = job.start_run("while :; do echo line; done")
        run.stdout.readline()
        run.stdout.close()
        self.assertEqual(run.wait(timeout=60), 2)
        eventually(self, "its processes end", lambda: processes_in(job.container()) == [])

    def test_libcurl_is_not_loaded(self):
        job = self.prepared()
        run = job.start_run("echo ready; sleep 600")
        run.stdout.readline()
        maps = pathlib.Path(f"/proc/{run.pid}/maps").read_text()
        terminate(run)
        run.communicate(timeout=120)
        self.assertIn("libjansson", maps)
        self.assertNotIn("libcurl", maps)

    def test_nothing_is_asked_of_the_daemon(self):
        job = self.prepared(env={"DOCKER_HOST": ""})
        job.config_file.write_text(job.config_file.read_text() + "docker_host: unix:///no/such/socket\n")
        self.assertEqual(job.run("echo on").out, "on\n")
        job.run("exit 5")
        self.assertEqual(job.code(), "5\n", "the code is true, though nobody can be asked about memory")
        job.config_file.write_text(job.config_file.read_text().replace("docker_host: unix:///no/such/socket\n", ""))


class Ends(Direct):
    def test_cancel(self):
        for entrypoint in (None, ["sh", "-c", 'exec "$@"', "sh"], ["sh", "-c", '"$@"; exit', "sh"]):
            job = self.prepared(entrypoint=entrypoint)
            run = job.start_run("secret=canary; trap 'echo trapped; exit 0' TERM; echo ready; sleep 604 & wait; sleep 605")
            run.stdout.readline()
            terminate(run)
            out, err = run.communicate(timeout=120)
            self.assertEqual((run.returncode, out.replace("Killed\n", "")), (2, "trapped\n"), err)
            self.assertNotIn("canary", err)
            self.assertEqual(processes_in(job.container()), [])
            self.assertEqual(job.run("echo after", "after_script").out, "after\n")

    def test_cancel_kills_what_does_not_end(self):
        job = self.prepared("cancel_grace: 1s\n")
        run = job.start_run("trap '' TERM; echo ready; while :; do sleep 1 & wait; done")
        run.stdout.readline()
        terminate(run)
        _, err = run.communicate(timeout=120)
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("killing what did not end in time", err)
        self.assertEqual(job.run("echo after", "after_script").out, "after\n", "it comes back")
        self.assert_by(job, "init", "after_script")

    def test_a_run_that_is_killed_takes_its_script_along(self):
        job = self.prepared()
        run = job.start_run("setsid sleep 600 & echo ready; trap '' TERM HUP PIPE; sleep 601")
        run.stdout.readline()
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        eventually(self, "its processes end", lambda: processes_in(job.container()) == [])
        self.assert_by(job, "init")

    def test_what_others_started_stays(self):
        job = self.prepared()
        docker("exec", "-d", job.container(), "sleep", "700")
        job.run("sleep 600 & exit 0")
        self.assertEqual(processes_in(job.container()), ["sleep 700"])

    def test_a_container_that_was_stopped_comes_back(self):
        job = self.prepared()
        docker("stop", "-t", "60", job.container())
        self.assertEqual(job.run("echo back").out, "back\n")
        self.assert_by(job, "init")

    def test_a_container_that_is_killed_while_its_script_runs(self):
        job = self.prepared()
        run = job.start_run("echo ready; sleep 600")
        run.stdout.readline()
        docker("kill", job.container())
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("the job's build container was stopped from outside while its script ran", err)

    def test_one_that_is_killed_while_the_daemon_is_busy(self):
        """It still says for a while that the container runs."""
        job = self.prepared()
        container = job.container()
        listed = {"Id": container, "State": "running", "Labels": {"atelier.job": job.label, "atelier.role": "build"}}
        state = f'GET /containers/{container}/json\n  200 {{"State":{{"Running":%s}}}}\n'
        script = (f">> GET /containers/json\n  200 {json.dumps([listed])}\n"
                  '>> GET /events\n  200 chunked\n' + ("> " + state % "true") * 40 + ">> " + state % "false")
        with Daemon(str(job.state / "docker.sock"), script) as daemon:
            job.extra = {"DOCKER_HOST": f"unix://{daemon.path}"}
            run = job.start_run("echo ready; sleep 600")
            run.stdout.readline()
            docker("kill", container)
            _, err = run.communicate(timeout=120)
            self.assertEqual((run.returncode, daemon.complaints()), (2, []), err)
            self.assertIn("the job's build container was stopped from outside while its script ran", err)
        job.extra = {}

    def test_a_folder_that_is_left_is_gone_with_the_job(self):
        job = self.prepared()
        self.assertEqual(os.stat(job.state / "builds/.direct").st_mode & 0o777, 0o700)
        job.run(f"mkdir -p /run/atelier/init/a/b; ln -s / /run/atelier/init/a/link; chmod 0 /run/atelier/init/a")
        self.assertEqual(job.hook("cleanup").code, 0)
        self.assertFalse(self.folder(job).parent.exists())
        self.assertTrue(pathlib.Path("/etc").exists())


    def test_gc_takes_the_folder_of_a_job_that_is_gone(self):
        job = self.prepared()
        docker("rm", "-f", *job.container().split(), *job.container("helper").split())
        folder = self.folder(job).parent
        gc = [ATELIER, "--config", str(job.config_file), "gc", "--job", job.label]
        self.assertNotIn("folder", subprocess.run(gc, capture_output=True, text=True, check=True).stdout)
        os.utime(folder, (0, 0))
        docker("network", "rm", *docker("network", "ls", "-q", "--filter", f"label=atelier.job={job.label}").split())
        self.assertIn("1 folder of jobs that are gone removed\n", subprocess.run(gc, capture_output=True, text=True, check=True).stdout)
        self.assertFalse(folder.exists())


class Without(Direct):
    """Where it cannot be, the daemon's exec does as well."""

    def test_a_daemon_that_does_not_see_this_hosts_files(self):
        job = Job("direct: on\n")
        self.addCleanup(job.__exit__)
        builds = job.state / "builds"
        builds.mkdir()
        hidden = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none "$1"; shift; exec "$@"', "sh", str(builds)]
        done = subprocess.run([*hidden, ATELIER, "--config", str(job.config_file), "prepare"], cwd=job.folder,
                              env=job.environment(), capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertIn("the daemon does not see this host's files", done.stderr)
        self.assert_by(job, "daemon", "get_sources")
        self.assert_by(job, "daemon")

    def test_a_daemon_behind_tcp_or_volumes(self):
        for config in ("storage: volumes\n", "docker_host: tcp://127.0.0.1:1\n"):
            job = Job("direct: on\n" + config)
            self.addCleanup(job.__exit__)
            plan = json.loads(job.hook("prepare", "--dry-run").out)
            for container in plan["containers"]:
                self.assertEqual(container["create"]["Entrypoint"][:2], ["sh", "-c"])
            job.config_file.write_text(job.config_file.read_text().replace(config, ""))

    def test_switched_off_and_on_again_between_hooks(self):
        job = self.prepared()
        on = job.config_file.read_text()
        for text, way in ((on.replace("direct: on", "direct: off"), "daemon"), (on, "init")):
            job.config_file.write_text(text)
            self.assert_by(job, way)
            self.assert_by(job, way, "get_sources")


class Hostile(Direct):
    """What a job does to its first process and to its socket, it does to itself."""

    HELLO = struct.pack("5I", 1, 0, 0, 0, 1)

    def test_who_connects_from_inside_is_sent_away(self):
        job = self.prepared()
        ask = (f"import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect('{SOCKET}'); "
               "s.settimeout(60); print(s.recv(100))")
        self.assertEqual(docker("exec", job.container(), "python3", "-c", ask), "b''")
        result = job.run(f"timeout 2 python3 -c \"{ask}\" || echo nothing; echo on")
        self.assertEqual(result.out, "nothing\non\n", "nobody answers while a script runs")
        self.assert_by(job, "init")

    def test_signals_to_the_first_process(self):
        job = self.prepared()
        for user in (None, "1000:1000"):
            result = job.run("for s in $(seq 1 64); do kill -$s 1 2>/dev/null || :; done; echo on")
            self.assertEqual(result.out, "on\n", result)
            self.assert_by(job, "init")

    def test_what_it_shows_of_itself_is_the_containers_own(self):
        for user in (None, "1000:1000"):
            job = self.prepared(**({"user": user} if user else {}))
            names = job.run("tr '\\0' '\\n' </proc/1/environ | sed 's/=.*//'").out.split()
            self.assertIn("PATH", names)
            self.assertEqual([name for name in names if name.startswith(("CI_JOB", "CUSTOM_ENV"))], [])

    def test_the_socket_is_deleted(self):
        job = self.prepared()
        self.assertEqual(job.run(f"rm {SOCKET}; echo gone").out, "gone\n")
        self.assert_by(job, "daemon", "after_script")

    def test_a_link_to_another_containers_socket(self):
        """Who followed it would run this job's script in the other's container, or ask the daemon."""
        other = self.prepared()
        job = self.prepared()
        for target in (self.folder(other) / "socket", "/var/run/docker.sock"):
            job.run(f"rm -f {SOCKET}; ln -s {target} {SOCKET}")
            result = job.run("echo $CI_BUILD_NETWORK_NAME; echo parent $PPID", "after_script")
            self.assertIn(job.id, result.out.splitlines()[0])
            self.assertNotIn("parent 1\n", result.out)

    def served(self, job, answer):
        """A stranger in the place of the first process, who got to stay."""
        place = self.folder(job) / "socket"
        place.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(listener.close)
        listener.bind(str(place))
        listener.listen()
        run = job.start_run("echo real")
        conn, _ = listener.accept()
        self.addCleanup(conn.close)
        answer(conn)
        return run

    def test_a_stranger_that_speaks_nonsense(self):
        job = self.prepared()
        for nonsense in (b"x", b"", b"y" * 20, b"z" * 4000):
            run = self.served(job, lambda conn: conn.send(nonsense))
            out, err = run.communicate(timeout=120)
            self.assertEqual((run.returncode, out), (0, "real\n"), err)

    def test_a_stranger_that_goes_away_after_the_script_was_handed_over(self):
        job = self.prepared()

        def answer(conn):
            conn.send(self.HELLO)
            conn.recv(100)
            conn.close()
        _, err = (run := self.served(job, answer)).communicate(timeout=120)
        self.assertEqual(run.returncode, 2, err)
        self.assertIn("the container's first process went away while the script ran", err)
        self.assertIsNone(job.code())

    def test_a_stranger_that_never_ends_can_be_cancelled(self):
        job = self.prepared("cancel_grace: 1s\n")
        run = self.served(job, lambda conn: (conn.send(self.HELLO), conn.recv(100)))
        terminate(run)
        _, err = run.communicate(timeout=120)
        self.assertEqual(run.returncode, 2, err)

    def test_codes_that_no_process_ends_with(self):
        job = self.prepared()
        for code in (-1, 256, 1 << 30):
            def answer(conn):
                conn.send(self.HELLO)
                conn.recv(100)
                conn.send(struct.pack("IiI", ord("e"), code, 0))
            _, err = (run := self.served(job, answer)).communicate(timeout=120)
            self.assertEqual(run.returncode, 2, err)

    def test_flood_of_connections(self):
        job = self.prepared()
        flood = (f"import socket, time\nheld = []\nwhile True:\n s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
                 f" s.setblocking(False)\n try:\n  s.connect('{SOCKET}'); held = held[-50:] + [s]\n except OSError: time.sleep(0.001)")
        docker("exec", "-d", job.container(), "python3", "-c", flood)
        for _ in range(5):
            self.assertEqual(job.run("echo on").out, "on\n")

    def test_output_that_is_held_by_somebody_who_stays(self):
        """Handed over a socket to a process that no script of this job started."""
        job = self.prepared()
        hold = ("import os, socket, time\ns = socket.socket(socket.AF_UNIX); s.bind('/tmp/new'); s.listen()\n"
                "os.rename('/tmp/new', '/tmp/s'); c, _ = s.accept()\n"
                "kept = socket.recv_fds(c, 1, 1)\nc.send(b'x'); time.sleep(600)")
        give = ("import socket; s = socket.socket(socket.AF_UNIX); s.connect('/tmp/s'); socket.send_fds(s, [b'x'], [1]); s.recv(1)")
        docker("exec", "-d", job.container(), "python3", "-c", hold)
        result = job.run(f"until [ -S /tmp/s ]; do sleep 0.1; done; python3 -c \"{give}\"; echo end")
        self.assertEqual((result.out, result.code), ("end\n", 0), result)

    def test_output_that_is_made_narrow(self):
        job = self.prepared()
        narrow = "import fcntl; fcntl.fcntl(1, 1031, 4096)"
        result = job.run(f"python3 -c '{narrow}'; seq 1 20000 | while read -r n; do echo $n; done")
        self.assertEqual(result.code, 0, result.err)
        self.assertEqual(result.out.split(), [str(n) for n in range(1, 20001)])

    def test_a_fork_bomb_ends_with_its_script(self):
        """Which starts nothing more itself: it could not."""
        job = self.prepared("kinds: {build: {pids: 100}}\n")
        result = job.run("sleep 1 & end=$!; (bomb() { bomb & bomb & wait; }; bomb) 2>/dev/null & wait $end; exit 3")
        self.assertEqual(job.code(), "3\n", result)
        eventually(self, "it ends", lambda: processes_in(job.container()) == [])
        self.assert_by(job, "init")


if __name__ == "__main__":
    unittest.main()
