"""A daemon that goes away half-way, that lies, or that stops in the middle of a word."""
import json
import pathlib
import tempfile
import unittest

from hooks import Job, has_docker
from relay import Relay
from scripted_daemon import Daemon


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class DaemonGoesAway(unittest.TestCase):
    """The real daemon behind a socket that disappears: then it is back, and cleanup leaves nothing."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="atelier-relay-")
        self.addCleanup(folder.cleanup)
        self.socket = pathlib.Path(folder.name) / "docker.sock"
        self.job = Job()
        self.addCleanup(self.job.__exit__)

    def through_relay(self, cue, after, *hook):
        with Relay(self.socket, cue, after):
            self.job.extra = {"DOCKER_HOST": f"unix://{self.socket}"}
            result = self.job.hook(*hook)
        self.job.extra = {}
        return result

    def assert_cleaned(self):
        self.assertEqual(self.job.hook("cleanup").code, 0)
        self.assertEqual(self.job.left_in_the_end(), [])

    def test_during_prepare(self):
        for cue in ("GET /v1.41/containers/json", "GET /v1.41/images/", "POST /v1.41/networks/create",
                    "POST /v1.41/containers/create", "/start"):
            with self.subTest(cue):
                result = self.through_relay(cue, 0, "prepare")
                self.assertEqual(result.code, 2, result)
                self.assertIn("ERROR: prepare job", result.err)
                self.assertEqual(len(result.err.splitlines()), 1, "one line says it")
                self.assert_cleaned()

    def test_during_a_script(self):
        """By the daemon's exec: the direct way does not need the daemon."""
        text = self.job.config_file.read_text().replace("direct: off\n", "")
        self.job.config_file.write_text(text + "direct: off\n")
        self.assertEqual(self.job.hook("prepare").code, 0)
        script = self.job.script("echo first; sleep 600")
        result = self.through_relay("/exec/", 600, "run", script, "build_script")
        self.assertEqual(result.code, 2, result)
        self.assertIn("build_script", result.err)
        self.assertIsNone(self.job.code())
        self.assert_cleaned()

    def test_during_cleanup(self):
        with self.job.config_file.open("a") as config:
            config.write("cleanup: wait\n")
        self.assertEqual(self.job.hook("prepare").code, 0)
        result = self.through_relay("DELETE /v1.41/containers/", 0, "cleanup")
        self.assertEqual(result.code, 2, result)
        self.assert_cleaned()


class DaemonMisbehaves(unittest.TestCase):
    """A scripted daemon, for what a real one does not do on request."""

    LISTED = '>> GET /containers/json\n  200 [{"Id":"c1","State":"running","Labels":@LABELS@}]\n'

    def run_against(self, script, *hook, **job_options):
        with tempfile.TemporaryDirectory(prefix="atelier-daemon-") as folder:
            path = f"{folder}/docker.sock"
            job = Job(env={"DOCKER_HOST": f"unix://{path}"}, **job_options)
            labels = json.dumps({"atelier.job": job.label, "atelier.role": "build"})
            with Daemon(path, script.replace("@LABELS@", labels)), job:
                if hook == ("run",):
                    hook = ("run", job.script("echo hi"), "build_script")
                return job.hook(*hook)

    def assert_refused(self, result, *words):
        self.assertEqual(result.code, 2, result)
        for word in words:
            self.assertIn(word, result.err)
        self.assertNotIn("Sanitizer", result.err)

    def test_json_cut_short(self):
        self.assert_refused(self.run_against('>> GET /containers/json\n  200 [{"Id":"c1","Sta\n', "run"), "build_script")

    def test_listing_of_another_shape(self):
        for answer in ("{}", "null", '"text"', "[1,2,3]", "[[]]"):
            self.assert_refused(self.run_against(f">> GET /containers/json\n  200 {answer}\n", "run"))

    def test_daemon_too_old(self):
        script = ">> GET /_ping\n  header Api-Version: 1.30\n  200 OK\n"
        self.assert_refused(self.run_against(script, "prepare"), "1.30")

    def test_the_daemons_own_words_are_shown(self):
        script = '>> GET /containers/json\n  500 {"message":"no space left on device"}\n'
        self.assert_refused(self.run_against(script, "prepare"), "no space left on device")

    def test_its_control_characters_are_not(self):
        script = '>> GET /containers/json\n  500 {"message":"evil \\u001b[31mred"}\n'
        result = self.run_against(script, "prepare")
        self.assert_refused(result, "red")
        self.assertNotIn("\x1b", result.err)

    def test_stream_cut_within_a_frame(self):
        script = (self.LISTED + '> POST /containers/c1/exec\n  201 {"Id":"e1"}\n'
                  '> POST /exec/e1/start\n  200 stream\n  raw "\\u0001\\u0000\\u0000\\u0000\\u0000\\u0000\\u0000\\u0009par"\n'
                  '>> GET /exec/e1/json\n  200 {"Running":false,"ExitCode":0}\n'
                  '>> GET /containers/c1/json\n  200 {"State":{"Running":true}}\n')
        result = self.run_against(script, "run")
        self.assertEqual((result.code, result.out), (0, "par"), "the script's end counts, and what came is shown")
        self.assertIn("the end of its output may be missing", result.err)

    def test_stream_cut_and_the_process_forgotten(self):
        script = (self.LISTED + '> POST /containers/c1/exec\n  201 {"Id":"e1"}\n'
                  '> POST /exec/e1/start\n  200 stream\n  stdout "hello\\n"\n'
                  '>> GET /exec/e1/json\n  404 {"message":"No such exec instance"}\n'
                  '>> GET /containers/c1/json\n  200 {"State":{"Running":true}}\n')
        self.assert_refused(self.run_against(script, "run"), "lost while the script ran", "No such exec instance")

    def test_exit_code_that_never_comes(self):
        script = (self.LISTED + '> POST /containers/c1/exec\n  201 {"Id":"e1"}\n'
                  '> POST /exec/e1/start\n  200 stream\n  stdout "hello\\n"\n'
                  '>> GET /exec/e1/json\n  cut\n>> GET /containers/c1/json\n  200 {"State":{"Running":true}}\n')
        self.assert_refused(self.run_against(script, "run"), "exit code")

    def test_image_without_a_shell_in_the_words_of_crun(self):
        script = ('>> GET /containers/json\n  200 []\n>> GET /networks\n  200 []\n'
                  '>> GET /images/*/json\n  200 {"Id":"sha256:1","Config":{}}\n'
                  '>> POST /networks/create\n  201 {"Id":"n1"}\n>> POST /containers/create\n  201 {"Id":"c1"}\n'
                  '>> POST /containers/c1/start\n  500 {"message":"crun: executable file `sh` not found in $PATH: '
                  'No such file or directory: OCI runtime attempted to invoke a command that was not found"}\n')
        result = self.run_against(script, "prepare")
        self.assertEqual(result.code, 1, result)
        self.assertIn("has no 'sh'", result.err)

    def test_out_of_memory_is_named(self):
        script = (self.LISTED + '> POST /containers/c1/exec\n  201 {"Id":"e1"}\n'
                  '> POST /exec/e1/start\n  200 stream\n'
                  '>> GET /exec/e1/json\n  200 {"Running":false,"ExitCode":137}\n'
                  '>> GET /containers/c1/json\n  200 {"State":{"Running":false,"OOMKilled":true}}\n')
        result = self.run_against(script, "run")
        self.assertEqual(result.code, 1, result)
        self.assertIn("out of memory", result.err)


if __name__ == "__main__":
    unittest.main()
