"""The helper's smaller commands, its options, and what it says of itself."""

from __future__ import annotations

import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from helper import Done, HelperCase  # noqa: E402


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


class Others(HelperCase):
    def test_version_and_help(self) -> None:
        done = self.run_helper("--version")
        self.assertEqual((done.code, done.log), (0, ""))
        self.assertRegex(done.out, r"\AVersion:      \S+ \(atelier-helper\)\nOS/Arch:      linux/\w+\nLibraries:    libarchive .*zstd")
        for args in (["--help"], ["-h"], ["help"], []):
            self.assertRegex(self.run_helper(*args).out, r"\AUsage: .*\n(?s:.*)\n  cache-archiver ")
        self.assertRegex(self.run_helper("cache-archiver", "--help").out, r"--alternate-file +where it may still be\n")

    def test_unknown(self) -> None:
        done = self.run_helper("no-such\ncommand")
        self.assert_ends(done, 1, r"FATAL: Command no-such\\ncommand not found: .*")
        self.write("a")
        done = self.run_helper("--new-global=1", "cache-archiver", "--newer", "x", "--path", "a", "--file", self.cache)
        self.assertEqual(done.code, 0, done.log)
        self.assert_line(done, "WARNING: Unknown option --new-global: .*")
        self.assert_line(done, "WARNING: Unknown option --newer: .*")
        done = self.run_helper("cache-archiver", "--timeout", "soon")
        self.assert_ends(done, 1, 'FATAL: invalid value "soon" for --timeout: .*')

    def test_cache_init(self) -> None:
        folder = self.project / "folder"
        folder.mkdir(0o700)
        done = self.run_helper("cache-init", folder, "/no/such/folder")
        self.assert_ends(done, 0, "ERROR: failed to chmod path  error=No such file or directory path=/no/such/folder")
        self.assertEqual(folder.stat().st_mode & 0o777, 0o777)
        self.assert_ends(self.run_helper("cache-init"), 1, "FATAL: No arguments passed, at least 1 path is required.")

    # --- health-check

    def test_health_of_ports(self) -> None:
        with listener() as one, listener() as two:
            ports = [str(s.getsockname()[1]) for s in (one, two)]
            done = self.run_helper("health-check", "--port", ports[0], "--port", ports[1])
        self.assertEqual(done.code, 0, done.log)
        self.assertEqual(done.out.splitlines(), [f"waiting for TCP connection to localhost on [{' '.join(ports)}]..."] + [
            line for port in ports for line in (f"dialing localhost:{port}...", f"dial succeeded on localhost:{port}. Exiting...")])

    def test_health_of_a_service(self) -> None:
        """Any port will do; a value with `=` is none."""
        with listener() as one:
            port = str(one.getsockname()[1])
            done = self.run_helper("health-check", env={"DB_TCP_ADDR": "127.0.0.1", "DB_1_TCP_PORT": port,
                                                        "DB_2_TCP_PORT": "a=b"})
        self.assertEqual(done.code, 0, done.log)
        self.assertEqual(done.out.splitlines()[0], f"waiting for TCP connection to 127.0.0.1 on [{port}]...")
        self.assert_ends(self.run_helper("health-check"), 1, "FATAL: No HOST or PORT found")

    def test_health_of_what_comes_later(self) -> None:
        with listener() as free:
            address = free.getsockname()
        process = self.start("health-check", "--port", address[1])
        seen = b""
        while seen.count(b"dialing") < 2:
            seen += os.read(process.stdout.fileno(), 4096)
        with socket.create_server(address, reuse_port=False):
            self.assertEqual(self.finish(process).code, 0)

    def test_health_ends_with_a_signal(self) -> None:
        process = self.start("health-check", "--port", "1")
        os.read(process.stdout.fileno(), 4096)
        process.terminate()
        self.assert_ends(self.finish(process), 1, "FATAL: told to stop before anything answered")

    # --- read-logs

    def read(self, process: subprocess.Popen, length: int) -> bytes:
        seen = b""
        while len(seen) < length and select.select([process.stdout], [], [], 180)[0]:
            seen += os.read(process.stdout.fileno(), 65536)
        return seen

    def test_read_logs(self) -> None:
        path = self.write("log", b"one\n\0two\nhalf")
        process = self.start("read-logs", "--path", path)
        self.assertEqual(self.read(process, 13), b"4 one\n9 \0two\n")
        with path.open("ab") as file:
            file.write(b" done\n" + b"x" * 16384 + b"end\n")
        wanted = b"19 half done\n" + b"16403 " + b"x" * 16384 + b"\n16407 end\n"
        self.assertEqual(self.read(process, len(wanted)), wanted)
        path.unlink()
        self.assertEqual(self.finish(process).code, 100)

    def test_read_logs_from_an_offset(self) -> None:
        path = self.write("log", "one\ntwo\n")
        process = self.start("read-logs", "--path", path, "--offset", "4")
        self.assertEqual(self.read(process, 6), b"8 two\n")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).code, 0)

    def test_read_logs_of_nothing(self) -> None:
        self.assertEqual(self.run_helper("read-logs", "--path", "missing", "--wait-file-timeout", "100ms").code, 100)
        self.assert_ends(self.run_helper("read-logs", "--path", self.project), 1, "FATAL: error reading logs from .*: Is a directory")
        self.assert_ends(self.run_helper("read-logs"), 1, "FATAL: Missing --path")

    def test_read_logs_waits(self) -> None:
        process = self.start("read-logs", "--path", self.project / "late", "--wait-file-timeout", "30s")
        time.sleep(0.2)
        self.write("late", "here\n")
        self.assertEqual(self.read(process, 7), b"5 here\n")
        (self.project / "late").unlink()
        self.assertEqual(self.finish(process).code, 100)

    # --- proxy-exec

    def proxy(self, script: str, *options: object, **more) -> Done:
        return self.run_helper("proxy-exec", *options, "--", "sh", "-c", script, **more)

    def test_proxy_exec(self) -> None:
        """Output and errors alike, and so do later commands that have the same folder."""
        keeps = {"RUNNER_TEMP_PROJECT_DIR": str(self.folder)}
        done = self.proxy("echo early s3cret; echo ::add-mask::s3cret; until [ -e $RUNNER_TEMP_PROJECT_DIR/masking.db ]; do sleep 0.05; done; "
                          "echo s3cret; echo no s3cret >&2; exit 7", env=keeps)
        self.assertEqual((done.code, done.out), (7, "early s3cret\n::add-mask::[MASKED]\n[MASKED]\n"))
        self.assertEqual(done.log, "no [MASKED]")
        self.assertEqual((self.folder / "masking.db").stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.proxy("echo a s3cret", "--temp-dir", self.folder).out, "a [MASKED]\n")
        self.assertEqual(self.proxy("echo a s3cret").out, "a s3cret\n")

    def test_proxy_exec_of_a_process_in_the_background(self) -> None:
        done = self.proxy("yes & echo $! $$; exec sh -c 'kill -USR1 $$'")
        self.assertEqual(done.code, 128 + signal.SIGUSR1)
        self.assertRegex(done.out, r"\A(y\n)*\d+ \d+\n")

    def test_proxy_exec_passes_signals_on(self) -> None:
        process = self.start("proxy-exec", "sh", "-c", "trap 'echo told; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
        self.assertEqual(self.read(process, 6), b"ready\n")
        process.terminate()
        done = self.finish(process)
        self.assertEqual((done.code, done.out), (3, "told\n"))

    def test_proxy_exec_copies_itself(self) -> None:
        place = self.folder / "tmp"
        done = self.proxy("echo done", "--bootstrap", "--temp-dir", place)
        self.assertEqual((done.code, done.out), (0, "done\n"), done.log)
        copied = subprocess.run([place / "gitlab-runner-helper", "--version"], capture_output=True, text=True)
        self.assertIn("(atelier-helper)", copied.stdout)

    def test_proxy_exec_of_nothing(self) -> None:
        self.assert_ends(self.run_helper("proxy-exec"), 1, "FATAL: no command: .*")
        self.assert_ends(self.run_helper("proxy-exec", "--", "no-such-program"), 1, "FATAL: .*no-such-program.*")
        self.assert_ends(self.proxy("true", "--bootstrap"), 1, "FATAL: --bootstrap needs --temp-dir")

    def test_proxy_exec_where_nothing_can_be_kept(self) -> None:
        (self.folder / "masking.db").symlink_to(self.project / "elsewhere")
        done = self.proxy("echo ::add-mask::s3cret; echo s3cret", "--temp-dir", self.folder)
        self.assertEqual((done.code, done.out), (0, "::add-mask::[MASKED]\n[MASKED]\n"))
        self.assert_ends(done, 0, "WARNING: a secret cannot be kept in '.*/masking.db': later commands will show it")
        self.assertFalse((self.project / "elsewhere").exists())


if __name__ == "__main__":
    unittest.main()
