"""Jobs of one host, one after the other: what one of them leaves is there for the next."""
import os
import shutil
import subprocess
import unittest

from hooks import ATELIER, Job, Result, await_detached


class JobSeries(unittest.TestCase):
    """Tests of such jobs. The first one's folders are those of all, and so is its configuration, which each may change."""

    ALWAYS = ""  # what the configuration has in any case
    first = None

    def job(self, config="", **options):
        """The next one. What it is configured with holds for those after it, too."""
        job = Job(**options)
        if self.first:
            shutil.rmtree(job.state)
            job.state, job.config_file = self.first.state, self.first.config_file
        else:
            self.first = job
            self.addCleanup(self.clear)  # after what comes to be cleaned up from now on
        self.addCleanup(shutil.rmtree, job.folder, ignore_errors=True)
        self.configure(config)
        return job

    def prepared(self, *args, **options):
        """The next one, ready for scripts."""
        job = self.job(*args, **options)
        self.succeeds(job.hook("prepare"))
        job.wait_for_start()
        return job

    def configure(self, config):
        state = self.first.state
        self.first.config_file.write_text(f"builds: {state}/builds\ncache: {state}/cache\n{self.ALWAYS}{config}")

    def atelier(self, *words, cwd=None, **environment):
        """A command that somebody types on this host."""
        return Result(subprocess.Popen(
            [ATELIER, "--config", str(self.first.config_file), *words], cwd=cwd, env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))

    def gc(self, *words, **environment):
        return self.succeeds(self.atelier("gc", *words, **environment)).out

    def succeeds(self, result):
        self.assertEqual(result.code, 0, result)
        return result

    def idle_networks(self):
        """The names of those that wait for a job."""
        folder = self.first.state / "builds/.networks.idle"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def clear(self):
        """What waits at the end is garbage once nobody wants it."""
        await_detached(self.first.config_file)
        self.configure("standby: 0\nidle_networks: 0\n")
        self.succeeds(self.atelier("gc"))
        self.assertEqual(self.idle_networks(), [])
        shutil.rmtree(self.first.state, ignore_errors=True)
