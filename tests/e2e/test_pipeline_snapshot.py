"""A job's files without a copy: the checkout below, what the job writes above it, and nothing of it ever written to."""
import json
import os
import shutil
import subprocess
import unittest

from hooks import ATELIER, IMAGE, listed_in_the_end
from pipelines import PipelineTest, Result, has_image

ORIGIN = "file:///atelier/sources/repository.git"
HOW = "git remote get-url origin"


def tree(folder):
    """All that is in it but for .git: what a job must leave alone."""
    found = {}
    for path, _, files in os.walk(folder):
        if ".git" in path.split(os.sep):
            continue
        for name in files:
            file = os.path.join(path, name)
            found[os.path.relpath(file, folder)] = (os.stat(file).st_mtime_ns, os.stat(file).st_mode,
                                                    os.stat(file).st_uid, open(file, "rb").read())
    return found


@unittest.skipUnless(has_image(), f"needs a Docker daemon and the image {IMAGE}")
class Snapshot(PipelineTest):
    def test_a_job_has_what_git_would_give_it(self):
        c = self.checkout(f"""
image: {IMAGE}
job:
  script:
    - {HOW}
    - find . -path ./.git -prune -o -type f -print | sort
    - ls .git/hooks/* .git/config.local 2>/dev/null || echo no hooks
    - git status --porcelain; git status | head -1
    - git config user.name || echo nobody
""", {"src/a.c": "a", ".gitignore": "*.o\nbuild/\n/.env\n", "src/deep/b.c": "b"}, name="snapshot")
        c.write({".env": "SECRET=1", "src/a.o": "x", "src/deep/build/out": "x", "src/untracked": "u", "build/x": "x",
                 ".git/hooks/post-checkout": "#!/bin/sh\n", ".git/config.local": "x"})
        os.chmod(c.top / "src", 0o711)
        before = c.state(), tree(c.top)
        result = c.run()
        self.assertEqual(result.code, 0, result)
        lines = result.lines_of("job")
        self.assertIn(ORIGIN, lines)
        start = next(i for i, line in enumerate(lines) if line.startswith("$ find"))
        end = next(i for i, line in enumerate(lines) if line.startswith("$ ls"))
        self.assertEqual(lines[start + 1:end], ["./.gitignore", "./.gitlab-ci.yml", "./src/a.c", "./src/deep/b.c", "./src/untracked"])
        self.assertIn("no hooks", lines)
        self.assertRegex(lines[lines.index("$ git status --porcelain; git status | head -1") + 1], "^HEAD detached at ")
        self.assertIn("nobody", lines)
        self.assertEqual((c.state(), tree(c.top)), before)
        self.assert_nothing_left(c)
        self.assertEqual(listed_in_the_end("volume", "ls", "-q", "--filter", "label=atelier.project=local/snapshot"), [])

    def test_what_a_job_does_to_its_files_is_its_own(self):
        c = self.checkout(f"""
image: {IMAGE}
stages: [one, two]
ruins:
  stage: one
  script:
    - echo more >>file; chmod 777 other; chown 12:12 other; mv folder elsewhere; rm -rf .git; ls -A
    - rm -rf ./* .git* ; ls -A
    - touch /atelier/sources/x || echo read-only
    - rm -rf /atelier/sources/history/* 2>/dev/null || echo read-only too
next:
  stage: two
  script: ['cat file folder/inner', 'stat -c "%a %u" other', git status --porcelain, git log -1 --format=%s]
""", {"file": "as it was\n", "other": "x", "folder/inner": "inner\n"}, name="ruins")
        before = c.state(), tree(c.top)
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("read-only", result.lines_of("ruins"))
        self.assertIn("read-only too", result.lines_of("ruins"))
        lines = result.lines_of("next")
        for expected in ("as it was", "inner", "644 %d" % os.stat(c.top / "other").st_uid, "First"):
            self.assertIn(expected, lines)
        self.assertEqual((c.state(), tree(c.top)), before)

    def test_the_history_is_as_long_as_git_depth_says(self):
        c = self.checkout(f"""
image: {IMAGE}
.job:
  script: ['echo "commits: $(git rev-list --count HEAD)"', '{HOW}', 'git branch -r --format="%(refname:short)"',
           'git fetch -q --unshallow 2>/dev/null || git fetch -q; echo "then: $(git rev-list --count HEAD)"',
           'git fetch -q origin other && git log -1 --format="%s" FETCH_HEAD', 'git fsck --connectivity-only && echo whole']
usual: {{extends: .job}}
three: {{extends: .job, variables: {{GIT_DEPTH: "3"}}}}
all: {{extends: .job, variables: {{GIT_DEPTH: "0"}}}}
""", name="depth")
        for i in range(30):
            if i == 15:
                c.git("checkout", "-q", "-b", "other")
                c.git("commit", "-q", "--allow-empty", "-m", "On another branch")
                c.git("checkout", "-q", "main")
                c.git("merge", "-q", "--no-ff", "-m", "merge", "other")
            c.git("commit", "-q", "--allow-empty", "-m", f"Number {i}")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        for job, commits in (("usual", None), ("three", 3), ("all", 33)):
            lines = result.lines_of(job)
            self.assertIn(ORIGIN, lines)
            if commits:
                self.assertIn(f"commits: {commits}", lines)
            else:  # as git counts generations, with the other branch's
                self.assertRegex("\n".join(lines), "commits: 2[01]\n")
            self.assertIn("then: 33", lines)
            self.assertIn("On another branch", lines)
            self.assertIn("whole", lines)
        self.assertIn("origin/other", result.lines_of("all"))
        self.assertNotIn("origin/other", result.lines_of("usual"))

    def test_it_is_what_a_fetch_would_leave(self):
        ways = {"laid over": "", "fetched": "GIT_STRATEGY: clone, GIT_CLEAN_FLAGS: -ffdx, "}
        depths = {"usual": 20, "three": 3, "all": 0}
        c = self.checkout(f"""
.job:
  image: {IMAGE}
  script: ['git config remote.origin.url', git for-each-ref, cat .git/HEAD, sort .git/shallow || true, git log --oneline --decorate,
           git describe --tags || true, git status --porcelain --branch, 'stat -c "%u:%g %a %n" . .git .git/HEAD .git/refs/pipelines/*']
""" + "".join(f"{way} {depth}: {{extends: .job, variables: {{{flags}GIT_DEPTH: {number}}}}}\n"
              for way, flags in ways.items() for depth, number in depths.items()), name="alike")
        c.git("config", "i18n.logOutputEncoding", "latin1")  # as some people's is
        c.git("tag", "v0.1")
        for i in range(25):
            c.git("commit", "-q", "--allow-empty", "-m", f"Number {i}")
            if i in (5, 10, 23):
                c.git("tag", *(["-a", "-m", "A release"] if i == 10 else []), f"v{i}")
            if i == 10:
                c.git("branch", "it's/an-\u00e9")
                c.git("tag", "also-\u00e9")
                c.git("tag", "-a", "-m", "Its other name", "again,v10", "v10")
        for checked_out, args in (("main", ()), ("v23", ()), ("main", ("--tag", "new")), ("main", ("--branch", "new/one"))):
            c.git("checkout", "-q", checked_out)
            result = c.run("--jobs", "6", *args)
            self.assertEqual(result.code, 0, result)
            for depth in depths:
                laid, fetched = (self.dumped(result.lines_of(f"{way} {depth}")) for way in ways)
                self.assertEqual(laid[0], ORIGIN)
                self.assertNotEqual(fetched[0], ORIGIN)
                self.assertEqual(laid[1:], fetched[1:], f"{checked_out} {args} {depth}")

    def dumped(self, lines):
        """The script's own output."""
        begin = next(i for i, line in enumerate(lines) if line.startswith("$ git config"))
        return lines[begin + 1:]

    def test_nothing_runs_to_get_it(self):
        c = self.checkout(f"""
default: {{image: {IMAGE}}}
plain: {{script: [cat file]}}
hooked: {{script: [cat file], hooks: {{pre_get_sources_script: [echo before]}}}}
fetched: {{script: [cat file], variables: {{GIT_STRATEGY: clone, GIT_CLEAN_FLAGS: -ffd}}}}
""", {"file": "here\n"}, name="light")
        lines = ["Fetching changes with git depth set to 20...",
                 f"Checking out {c.git('rev-parse', 'HEAD')[:8]} as detached HEAD (ref is main)...",
                 "Skipping Git submodules setup"]
        traces = set()
        for job, begins, runs in (("plain", [], False), ("hooked", ["$ echo before", "before"], True), ("fetched", [], True)):
            result = c.run(job)
            self.assertEqual(result.code, 0, result)
            self.assertIn("here", result.lines_of(job))
            if job != "fetched":
                self.assertIn("\n".join(begins + lines), "\n".join(result.lines_of(job)))
            trace = (set((c.root / "builds/.trace").iterdir()) - traces).pop()
            traces.add(trace)
            hooks = [json.loads(line)["what"] for line in trace.read_text().splitlines()]
            self.assertIn("build_script", hooks)
            self.assertEqual("get_sources" in hooks, runs, job)

    def test_a_tags_pipeline(self):
        c = self.checkout(f"job: {{image: '{IMAGE}', script: [{HOW}, git describe --tags]}}", name="tagged")
        c.git("tag", "-a", "-m", "A release", "v1.0")
        c.git("checkout", "-q", "--detach")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn(ORIGIN, result.lines_of("job"))
        self.assertIn("v1.0", result.lines_of("job"))

    def test_a_user_who_is_not_root(self):
        user = "1234:1234"
        c = self.checkout(f"""
job:
  image: {{name: {IMAGE}, docker: {{user: "{user}"}}}}
  script: [id -u, 'echo more >>file; mkdir new; cat file', '{HOW}', git status --porcelain, git log -1 --format=%s]
""", {"file": "text\n"}, name="user")
        os.chmod(c.top / "file", 0o600)
        before = tree(c.top)
        result = c.run()
        self.assertEqual(result.code, 0, result)
        for expected in ("1234", "text", "more", ORIGIN, " M file", "First"):
            self.assertIn(expected, result.lines_of("job"))
        self.assertEqual(tree(c.top), before)

    def test_where_there_can_be_none_sources_are_fetched(self):
        job = f"{{image: {IMAGE}, script: ['{HOW}', cat file]}}"
        jobs = f"""
plain: {job}
as it says: {{image: {IMAGE}, variables: {{GIT_CLEAN_FLAGS: "-ffd"}}, script: ['{HOW}', cat file]}}
"""
        plain = self.checkout(jobs, {"file": "here\n"}, name="plain")
        comma = self.checkout(f"job: {job}", {"file": "here\n"}, name="a,b")
        inner = self.checkout(f"job: {job}", {"file": "here\n"}, name="outer")
        subprocess.run(["git", "init", "-q", inner.top / "inner"], check=True, env=inner.env)
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "--allow-empty", "-m", "x"],
                       cwd=inner.top / "inner", check=True, env=inner.env)
        sha256 = self.checkout(f"job: {job}", {"file": "here\n"}, name="longer")
        self.begin_anew(sha256, "sha256")
        result = plain.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn(ORIGIN, result.lines_of("plain"))
        self.assertNotIn(ORIGIN, result.lines_of("as it says"))
        self.assertIn("here", result.lines_of("as it says"))
        for c in (comma, inner, sha256):
            result = c.run()
            self.assertEqual(result.code, 0, result)
            self.assertNotIn(ORIGIN, result.lines_of("job"))
            self.assertIn("here", result.lines_of("job"))

    def begin_anew(self, c, object_format):
        """Its history, with hashes of that kind."""
        shutil.rmtree(c.top / ".git")
        c.git("init", "-q", "-b", "main", f"--object-format={object_format}")
        c.git("add", "-A")
        c.git("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "-m", "First")

    def test_a_folder_of_another_object_format_is_no_use(self):
        script = "[git rev-parse --show-object-format, cat file, git status --porcelain, git fsck, ls kept || echo >kept]"
        # Nothing is cleaned, so that what is left shows whether the folder was used again.
        c = self.checkout(f"job: {{image: {IMAGE}, variables: {{GIT_CLEAN_FLAGS: none}}, script: {script}}}",
                          {"file": "here\n", ".gitignore": "kept\n"}, name="both")
        for object_format in ("sha1", "sha256", "sha1"):
            self.begin_anew(c, object_format)
            for is_kept in (False, True):
                result = c.run()
                self.assertEqual(result.code, 0, result)
                for expected in (object_format, "here"):
                    self.assertIn(expected, result.lines_of("job"))
                self.assertEqual("kept" in result.lines_of("job"), is_kept)

    def partial_clone(self, jobs, *options):
        """One that lacks what is not checked out; and where it comes from."""
        origin = self.checkout(jobs, {"file": "as it was\n", "folder/inner": "inner\n"}, name="whole")
        origin.write({"file": "as it is\n"})
        origin.git("commit", "-qam", "Second")
        origin.git("config", "uploadpack.allowFilter", "true")
        origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
        c = self.checkout("", name="part")
        shutil.rmtree(c.top)
        origin.git("clone", "-q", "--filter=blob:none", *options, f"file://{origin.top}", str(c.top))
        return c, origin

    def test_what_a_partial_clone_lacks_is_fetched(self):
        jobs = f"job: {{image: {IMAGE}, script: ['{HOW}', cat file folder/inner, git log -p, git fsck --connectivity-only]}}"
        for options in ((), ("--sparse",)):
            c, _ = self.partial_clone(jobs, *options)
            before = c.state()
            result = c.run()
            self.assertEqual(result.code, 0, result)
            self.assertNotIn(ORIGIN, result.lines_of("job"))
            for expected in ("as it is", "inner", "-as it was"):
                self.assertIn(expected, result.lines_of("job"))
            self.assertEqual(c.state(), before)

    def test_a_partial_clone_without_its_remote(self):
        c, origin = self.partial_clone(f"job: {{image: {IMAGE}, script: [git log -p]}}")
        elsewhere = origin.top.with_name("elsewhere")
        origin.top.rename(elsewhere)
        result = c.run()
        self.assertEqual(result.code, 1, result)
        advice = "git fetch --refetch --no-filter"
        self.assertIn(f"the checkout is a partial clone: what it lacks has to come from its remote, now or, with `{advice}`",
                      result.summary()["job"][1])
        elsewhere.rename(origin.top)
        c.git("-c", "maintenance.auto=false", *advice.split()[1:])
        origin.top.rename(elsewhere)
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertIn("-as it was", result.lines_of("job"))

    def test_a_job_with_the_socket_has_its_folder_on_the_host(self):
        c = self.checkout(f"""
build:
  stage: build
  image: {IMAGE}
  script: ['{HOW}', 'docker run --rm -v "$PWD:/here" {IMAGE} cat /here/file']
""", {"file": "through the host\n"}, name="socket")
        with c.config.open("a") as config:
            config.write("kinds: {build: {docker: socket}}\n")
        result = c.run()
        self.assertEqual(result.code, 0, result)
        self.assertNotIn(ORIGIN, result.lines_of("build"))
        self.assertIn("through the host", result.lines_of("build"))

    @unittest.skipUnless(os.geteuid() == 0, "needs a mount namespace")
    def test_a_daemon_that_cannot_is_not_asked_twice(self):
        c = self.checkout(f"job: {{image: {IMAGE}, script: ['{HOW}', cat file]}}", {"file": "here\n"}, name="cannot")
        # The layers are where the daemon does not see them, as on a laptop whose daemon is in a virtual machine.
        hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$TMPDIR" && exec "$0" "$@"']
        result = Result(subprocess.Popen([*hidden, ATELIER, "--config", str(c.config), "pipeline"], cwd=c.top, env=c.env,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
        self.assertEqual(result.code, 0, result)
        self.assertEqual(result.text.count("Preparation failed"), 1, result)
        self.assertNotIn(ORIGIN, result.lines_of("job"))
        self.assertIn("here", result.lines_of("job"))


if __name__ == "__main__":
    unittest.main()
