"""Whom the build folder belongs to, against the real Docker daemon."""
import json
import os
import pathlib
import stat
import unittest

import images
from hooks import Job, docker, has_docker, terminate

DROP = ["setpriv", "--reuid=2345", "--regid=3456", "--clear-groups", "--"]  # an ENTRYPOINT that leaves root
FETCH = """cd "$CI_PROJECT_DIR" 2>/dev/null || { mkdir -p "$CI_PROJECT_DIR"; cd "$CI_PROJECT_DIR"; }
git init -q . 2>/dev/null; git config user.email a@b; git config user.name a
mkdir -p sub; echo fetched > sub/file; git add .; git commit -qm one || :; mkdir -p "$CI_PROJECT_DIR.tmp"
(umask 077; echo secret > "$CI_PROJECT_DIR.tmp/VARIABLE")"""


@unittest.skipUnless(has_docker(), "needs a Docker daemon")
class BuildFolder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.user = images.busybox("atelier-test/folder-user", applets=("sh", "id", "touch", "mkdir"),
                                  changes=["USER 1234:4321"])
        cls.addClassCleanup(images.remove, cls.user)

    def prepared(self, slot=None, user=None, entrypoint=None, config="", **options):
        """A job that has fetched its sources, in its own slot or in that of an earlier job."""
        job = Job(config, **options, **({"CI_CONCURRENT_PROJECT_ID": slot.id} if slot else {}))
        self.addCleanup(job.__exit__)
        if slot:
            job.config_file = slot.config_file
        job.folder_of_builds = json.loads(job.hook("config").out)["builds_dir"]
        job.project = pathlib.Path(job.folder_of_builds, "group/proj")
        job.variables["CI_PROJECT_DIR"] = str(job.project)
        if entrypoint:
            job.response["image"]["entrypoint"] = entrypoint
        if user:
            job.response["image"]["executor_opts"] = {"docker": {"user": user}}
        self.assertEqual(job.hook("prepare").code, 0)
        self.run_in(job, "echo begins", "prepare_script")
        return job

    def run_in(self, job, body, substage="build_script"):
        result = job.run(f"CI_PROJECT_DIR={job.project}\n{body}", substage)
        self.assertEqual(result.code, 0, result)
        return result.out

    def owners(self, job):
        """The owners of all that the job has in the folder, links as themselves."""
        found = set()
        for folder, folders, files in os.walk(job.folder_of_builds):
            for name in folders + files:
                if name.startswith(".owner-"):
                    continue
                status = os.lstat(os.path.join(folder, name))
                found.add((status.st_uid, status.st_gid))
                if not stat.S_ISLNK(status.st_mode):
                    self.assertFalse(status.st_mode & stat.S_IWOTH, f"{name} is open to everybody")
        return found

    def test_of_a_root_image_it_stays_roots(self):
        job = self.prepared()
        self.run_in(job, FETCH, "get_sources")
        self.run_in(job, "cd $CI_PROJECT_DIR; git status; echo more >> sub/file")
        self.assertEqual(self.owners(job), {(0, 0)})
        self.assertEqual(os.stat(job.project / "sub/file").st_mode & 0o777, 0o644)

    def test_becomes_the_user_s_of_the_image(self):
        job = self.prepared(image=self.user)
        self.run_in(job, FETCH, "get_sources")
        write = "cd $CI_PROJECT_DIR; echo more >> sub/file; touch sub/new; mkdir -p d $CI_PROJECT_DIR/../../x; id -u"
        self.assertEqual(self.run_in(job, write), "1234\n")
        self.assertEqual(self.run_in(job, 'read -r word < "$CI_PROJECT_DIR.tmp/VARIABLE"; echo $word'), "secret\n")
        self.assertEqual(self.run_in(job, write, "after_script"), "1234\n")
        self.assertEqual(self.owners(job), {(1234, 4321)})
        self.assertEqual(os.stat(job.project / "sub/file").st_mode & 0o777, 0o644)
        self.assertEqual(os.stat(job.folder_of_builds).st_uid, os.geteuid(), "the folder itself is the host's user's")

    def test_links_that_lead_outside_are_not_followed(self):
        """A restored cache may have some, and they lead to the helper's own files there."""
        job = self.prepared(image=self.user)
        self.run_in(job, FETCH + """
mkdir -p /outside/folder; cp .git/config /outside; touch /outside/folder/file; rm -rf .git
ln -s /outside .git; ln -s /outside/folder sub/folder; ln -s /outside/folder/file sub/link""", "get_sources")
        look = "cd /outside; find . -exec stat -c '%n %u %g %z' {} +; cat config"
        before = self.run_in(job, look, "restore_cache")
        self.run_in(job, "echo mine > $CI_PROJECT_DIR/sub/new")
        self.assertEqual(self.run_in(job, look, "archive_cache"), before)
        self.assertEqual(os.lstat(job.project / "sub/folder").st_uid, 1234)
        other = self.prepared(job)
        self.assertEqual(os.lstat(other.project / "sub/folder").st_uid, 0, "taken back")

    def test_becomes_theirs_whom_the_entrypoint_drops_to(self):
        job = self.prepared(entrypoint=DROP)
        self.run_in(job, FETCH, "get_sources")
        for substage in ("build_script", "after_script"):
            out = self.run_in(job, "cd $CI_PROJECT_DIR; git status 2>&1 >/dev/null | grep -v /root/.config || :; echo more >> sub/file; id -u",
                              substage)
            self.assertEqual(out, "2345\n")
        self.assertEqual(self.owners(job), {(2345, 3456)})

    def test_what_is_no_folder_on_the_way_goes(self):
        """A job that puts links there would break its slot for ever, or have the helper work in /etc."""
        job = self.prepared()
        self.run_in(job, FETCH, "get_sources")
        for path in ("$CI_PROJECT_DIR", "$CI_PROJECT_DIR.tmp", "$(dirname $CI_PROJECT_DIR)"):
            for put in ("ln -s /etc", "ln -s /nowhere", "echo text >"):
                with self.subTest(path=path, put=put):
                    self.run_in(job, f"cd /; rm -rf {path}; {put} {path}")
                    self.run_in(job, "true", "prepare_script")
                    self.run_in(job, FETCH, "get_sources")
                    self.assertTrue((job.project / "sub/file").is_file())
                    self.assertFalse(job.project.is_symlink() or job.project.parent.is_symlink())

    def test_git_finds_nothing_changed(self):
        """Its index notes owners and times, which are others when the folder is given away."""
        for options in ({"user": "1000:1000"}, {"entrypoint": DROP}):
            job = self.prepared(**options)
            self.run_in(job, FETCH, "get_sources")
            self.assertEqual(self.run_in(job, "cd $CI_PROJECT_DIR; git diff-index --quiet HEAD -- 2>/dev/null && echo clean"), "clean\n")

    def test_next_job_of_another_user_has_it_too(self):
        one = self.prepared(user="1000:1000")
        self.run_in(one, FETCH, "get_sources")
        self.run_in(one, "cd $CI_PROJECT_DIR; git status; echo mine > mine")
        git = "cd $CI_PROJECT_DIR; git status --short; echo more >> mine"
        for user, owner in ((None, 0), ("1001:1001", 1001), ("1000:1000", 1000), (None, 0)):
            job = self.prepared(slot=one, user=user)
            self.assertEqual(self.run_in(job, git), "?? mine\n")
            self.assertEqual(self.owners(job), {(owner, owner)})

    def test_project_that_a_script_gave_away_is_taken_back(self):
        one = self.prepared()
        self.run_in(one, FETCH, "get_sources")
        self.run_in(one, "chown -R 1000:1000 $CI_PROJECT_DIR")
        two = self.prepared(slot=one)
        self.run_in(two, "cd $CI_PROJECT_DIR; git status")

    def test_links_are_not_followed(self):
        job = self.prepared(user="1000:1000")
        cache = json.loads(job.hook("config").out)["cache_dir"]
        pathlib.Path(cache, "kept").write_text("")
        self.run_in(job, FETCH, "get_sources")
        self.run_in(job, f"cd $CI_PROJECT_DIR; ln -s /etc/passwd passwd; ln -s {cache} cache; ln -s {cache} ../../.cache; "
                         f"ln -s / '../../-R'", "get_sources")
        self.run_in(job, "echo begins")
        self.assertEqual(self.owners(job), {(1000, 1000)})
        self.assertEqual(os.stat(cache).st_uid, os.geteuid())
        self.assertEqual(os.stat(os.path.join(cache, "kept")).st_uid, os.geteuid())
        self.assertEqual(docker("exec", job.container("helper"), "stat", "-c", "%u", "/etc/passwd", "/"), "0\n0")

    def test_entrypoint_that_reads_stdin_does_not_hang(self):
        job = self.prepared(entrypoint=[*DROP, "sh", "-c", 'read -r line; echo "line: $line"; exec "$@"', "sh"])
        result = job.run("echo never-$((40 + 2))")
        self.assertIn("line: #!/usr/bin/env bash", result.out)

    def test_folder_that_cannot_be_given_is_the_systems_failure(self):
        job = self.prepared(user="1000:1000")
        docker("exec", job.container("helper"), "sh", "-c", "printf '#!/bin/sh\\necho no owners here >&2; exit 1\\n' "
               "> /usr/local/bin/chown; chmod 755 /usr/local/bin/chown")
        self.run_in(job, FETCH, "get_sources")
        for substage in ("build_script", "after_script"):
            result = job.run("echo begins", substage)
            self.assertEqual((result.code, result.out, job.code()), (2, "", None), result)
            self.assertIn("cannot be given to user 1000:1000 of the job's image", result.err)
            self.assertIn("no owners here", result.err)

    def test_cancelled_while_it_is_given(self):
        job = self.prepared(user="1000:1000")
        docker("exec", job.container("helper"), "sh", "-c", "printf '#!/bin/sh\\ntouch /tmp/begun; exec sleep 600\\n' "
               "> /usr/local/bin/chown; chmod 755 /usr/local/bin/chown")
        self.run_in(job, FETCH, "get_sources")
        run = job.start_run("echo begins")
        docker("exec", job.container("helper"), "sh", "-c", "until [ -e /tmp/begun ]; do sleep 0.05; done")
        terminate(run)
        out, err = run.communicate(timeout=300)
        self.assertEqual((run.returncode, out), (2, ""), err)
        self.assertIn("told to end this script", err)


if __name__ == "__main__":
    unittest.main()
