"""A connection to the daemon that is lost while a script runs, by the daemon's exec."""
import itertools
import unittest

from hooks import JobTest, Result, docker, has_docker, terminate
from relay import CuttingRelay

LOST = "was lost while the script ran"
WAYS = list(itertools.product((True, False), (True, False)))


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class LostConnection(JobTest):
    def setUp(self):
        self.job = self.prepared("direct: off\n")

    def run_cut(self, body, reset, stays, beyond=1, then=None):
        """Run a script that prints `UNMISTAKABLE`: then the connection is lost."""
        with CuttingRelay("UNMISTAKABLE", reset, stays, beyond) as relay:
            self.job.extra = {"DOCKER_HOST": relay.url}
            process = self.job.start_run(body)
            self.assertTrue(relay.cut.wait(60))
            if then:
                then(process)
            result = Result(process)
        self.job.extra = {}
        return result

    def assert_lost(self, result, *words):
        self.assertEqual((result.code, self.job.code()), (2, None), result)
        for word in ("build_script: the connection to the daemon at 'tcp://127.0.0.1:", LOST, "and try again", *words):
            self.assertIn(word, result.err)

    def test_in_the_middle(self):
        for reset, stays in WAYS:
            with self.subTest(reset=reset, stays=stays):
                result = self.run_cut("echo UNMISTAKABLE; sleep 600", reset, stays)
                self.assert_lost(result, "it runs on, unheard" if stays else "connection refused")

    def test_within_a_frame(self):
        result = self.run_cut("echo UNMISTAKABLE; sleep 600", False, True, beyond=0)
        self.assert_lost(result, "it runs on, unheard")

    def test_at_the_end(self):
        """What the daemon knows counts."""
        for reset, stays in WAYS:
            with self.subTest(reset=reset, stays=stays):
                result = self.run_cut("echo UNMISTAKABLE; exit 3", reset, stays)
                if stays:
                    self.assertEqual((result.code, self.job.code()), (1, "3\n"), result)
                    self.assertNotIn(LOST, result.err)
                else:
                    self.assert_lost(result, "connection refused")

    def test_a_little_before_the_end(self):
        """It counts as well, and that something may be missing is said."""
        result = self.run_cut("echo UNMISTAKABLE; sleep 6; exit 3", False, True)
        self.assertEqual((result.code, self.job.code()), (1, "3\n"), result)
        self.assertIn("the end of its output may be missing", result.err)

    def test_more_output(self):
        """The daemon cannot write it, and says of the script, which runs on, that it ended with 126."""
        for body in ("echo UNMISTAKABLE; sleep 1; echo more; sleep 600", "echo UNMISTAKABLE; while :; do echo more; done"):
            for reset in (True, False):
                with self.subTest(body, reset=reset):
                    self.assert_lost(self.run_cut(body, reset, True))

    def test_its_own_126(self):
        for reset in (True, False):
            result = self.run_cut("echo UNMISTAKABLE; exit 126", reset, True)
            self.assertEqual((result.code, self.job.code()), (1, "126\n"), result)
        result = self.job.run("exit 126")
        self.assertEqual((result.code, self.job.code()), (1, "126\n"), result)

    def test_told_to_end(self):
        """A job that is cancelled then is no failure of the daemon's."""
        result = self.run_cut("trap 'exit 4' TERM; echo UNMISTAKABLE; while :; do sleep 0.1; done", False, True, then=terminate)
        self.assertEqual((result.code, self.job.code()), (2, None), result)
        self.assertIn("told to end this script", result.err)
        self.assertNotIn(LOST, result.err)

    def test_the_container_is_gone_too(self):
        """As by a restart of the daemon."""
        result = self.run_cut("echo UNMISTAKABLE; sleep 600", True, True, then=lambda _: docker("kill", self.job.container()))
        self.assertEqual((result.code, self.job.code()), (2, None), result)
        self.assertIn("container was stopped from outside while its script ran (a restart of the daemon", result.err)


if __name__ == "__main__":
    unittest.main()
