"""`atelier pipeline` beside gitlab-ci-local, in one run, on the same checkouts, images and daemon.

    cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release --target benchmarks

Medians of ROUNDS (5), in turn. The peer is left out when `gitlab-ci-local` (from npm) is not on PATH; PEER_HELPER
names an image with rsync for it, as its own has. The last row is the time from the command to the first line of the first
script, in a checkout of LARGE_MB (2048).
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import images  # noqa: E402

ATELIER = os.environ["ATELIER"]
PEER = shutil.which("gitlab-ci-local")
IMAGE = os.environ.get("ATELIER_TEST_IMAGE", "atelier/ci:latest")
HELPER = os.environ.get("PEER_HELPER", IMAGE)
ROUNDS = int(os.environ.get("ROUNDS", "5"))
LARGE_MB = int(os.environ.get("LARGE_MB", "2048"))
NAMES = "abcdefghij"

TRIVIAL = "".join(f"{name}: {{script: [echo {name}]}}\n" for name in NAMES)
IN_STAGES = f"stages: [{', '.join(NAMES[:5])}]\n" + "".join(
    f"job-{name}: {{stage: {name}, script: [echo {name}]}}\n" for name in NAMES[:5])
MATRIX = "job:\n  parallel:\n    matrix: [{A: ['1', '2', '3'], B: ['1', '2']}]\n  script: [echo $A $B]\n"
NEEDS = """
a: {script: [sleep 1]}
b: {script: [sleep 1]}
c: {script: [echo c], needs: [a]}
d: {script: [echo d], needs: [b]}
e: {script: [echo e], needs: [c, d]}
"""
REAL = """
stages: [build, test, package]
.cached:
  cache: {key: modules, paths: [modules/]}
build:
  stage: build
  extends: .cached
  script:
    - if [ ! -d modules ]; then mkdir modules; for i in $(seq 1000); do echo "module $i" >modules/$i; done; fi
    - mkdir out; for i in $(seq 500); do cat modules/$i >out/$i; done
  artifacts: {paths: [out/]}
test:
  stage: test
  services:
    - {name: SERVICE, alias: web}
  script:
    - for i in 1 2 3 4 5 6 7 8 9; do (exec 3<>/dev/tcp/web/8080) 2>/dev/null && break; sleep 0.3; done
    - test "$(ls out | wc -l)" = 500
lint: {stage: test, extends: .cached, script: [ls modules | wc -l]}
package: {stage: package, script: [tar -cf package.tar out], artifacts: {paths: [package.tar]}}
"""
PIPELINES = {"10 trivial jobs": TRIVIAL, "5 stages": IN_STAGES, "a matrix of 6": MATRIX, "needs": NEEDS,
             "services, caches, artifacts": REAL}


class Checkout:
    def __init__(self, folder, ci):
        self.top = folder / "checkout"
        self.top.mkdir(parents=True)
        self.home = folder
        (folder / "config.yml").write_text(f"builds: {folder}/builds\ncache: {folder}/cache\n")
        (self.top / ".gitlab-ci.yml").write_text(f"image: {IMAGE}\n{ci}")
        # What the peer writes into the checkout is none of the next round's sources.
        (self.top / ".gitignore").write_text("/.gitlab-ci-local/\n/out/\n/modules/\n/package.tar\n")
        self.git("init", "-q", "-b", "main")
        self.git("remote", "add", "origin", "git@example.org:group/checkout.git")

    def git(self, *args):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", "-c", "core.compression=0", *args], cwd=self.top,
                       check=True, capture_output=True)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-qm", "all of it")

    def commands(self):
        ours = [ATELIER, "--config", str(self.home / "config.yml"), "pipeline"]
        return {"atelier": ours} | ({"gitlab-ci-local": [PEER, "--pull-policy", "if-not-present", "--helper-image", HELPER]} if PEER else {})

    def start(self, command):
        env = {**os.environ, "HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "GITCONFIG": "/dev/null"}
        return subprocess.Popen(command, cwd=self.top, env=env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)


def whole(checkout, command):
    begin = time.monotonic()
    process = checkout.start(command)
    text = process.communicate()[0]
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{text}")
    return time.monotonic() - begin


def until_first_line(checkout, command):
    begin = time.monotonic()
    process = checkout.start(command)
    for line in process.stdout:
        if "first line" in line and "echo" not in line:
            took = time.monotonic() - begin
            process.communicate()
            return took
    raise SystemExit(f"{' '.join(command)} did not get there")


def measure(label, checkout, how):
    rows = {name: [] for name in checkout.commands()}
    for _ in range(ROUNDS):
        for name, command in checkout.commands().items():
            rows[name].append(how(checkout, command))
    medians = {name: statistics.median(figures) for name, figures in rows.items()}
    peer = medians.get("gitlab-ci-local")
    print(f"{label:28} {medians['atelier']:8.2f}" + (f" {peer:16.2f} {medians['atelier'] / peer:6.2f}" if peer else ""), flush=True)


def main():
    print(f"{ATELIER}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; medians of {ROUNDS} in seconds")
    print(f"{'pipeline':28} {'atelier':>8}" + (f" {'gitlab-ci-local':>16} {'ratio':>6}" if PEER else ""))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-bench-pipeline-"))
    service = images.busybox("atelier-bench-pipeline", ("sh", "httpd"), None,
                             ('CMD ["httpd", "-f", "-p", "8080", "-h", "/"]',))
    try:
        for number, (label, ci) in enumerate(PIPELINES.items()):
            checkout = Checkout(folder / str(number), ci.replace("SERVICE", service))
            checkout.commit()
            measure(label, checkout, whole)
        large = Checkout(folder / "large", "first: {script: [echo first line]}\n")
        for number in range(4):
            with open("/dev/urandom", "rb") as source, open(large.top / f"large-{number}", "wb") as file:
                for _ in range(LARGE_MB // 4):
                    file.write(source.read(1 << 20))
        large.commit()
        measure(f"first line, {LARGE_MB} MB", large, until_first_line)
    finally:
        images.remove(service)
        shutil.rmtree(folder, ignore_errors=True)


main()
