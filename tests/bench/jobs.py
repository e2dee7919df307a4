"""What a job costs beyond its own work, through a real gitlab-runner: atelier, without and with `standby: 1`, beside the
runner's shell executor and its docker executor, and beside bare `docker run`, in the same run.

    cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release --target benchmarks

    ATELIER_GITLAB_RUNNERS   paths of gitlab-runners, separated by colons; the first one counts (default: on PATH)
    ATELIER_BENCH_HELPER     helper image of the docker executor, with {version} (default: the runner's own)
    ATELIER_BENCH_CONFIG     lines for atelier's configuration, such as "cleanup: wait"
    ROUNDS                   trivial jobs of each executor (default: 20)
    JOBS, OUTPUT_MIB         of the crowd, and of the log (default: 50, 1024)

A job's time is from the moment at which GitLab hands it out to the runner's final report.
"""
import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import hooks  # noqa: E402
from gitlab_api import GitLab  # noqa: E402
from gitlab_job import job  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))
JOBS = int(os.environ.get("JOBS", "50"))
OUTPUT = int(os.environ.get("OUTPUT_MIB", "1024"))
MORE = os.environ.get("ATELIER_BENCH_CONFIG", "")
CROWDS = (1, 5, 10, 25, 50)  # at once
LINES = f"{{ yes {'x' * 99} | head -c {OUTPUT}M || true; }}"  # yes ends by SIGPIPE


def gateway():
    return hooks.docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge") or "172.17.0.1"


def version(program):
    text = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return text.split("Version:")[1].split()[0]


def shell_settings(_program, folder):
    return f'  executor = "shell"\n  shell = "bash"\n  builds_dir = "{folder}/builds"\n  cache_dir = "{folder}/cache"\n'


def docker_settings(program, _folder):
    helper = os.environ.get("ATELIER_BENCH_HELPER", "").format(version=version(program))
    chosen = f'    helper_image = "{helper}"\n' if helper else ""
    return (f'  executor = "docker"\n  [runners.docker]\n    image = "{hooks.IMAGE}"\n{chosen}'
            '    pull_policy = "if-not-present"\n    volumes = ["/cache"]\n')


def atelier_settings(_program, folder, more=""):
    config = folder / "atelier.yml"
    config.write_text(f"builds: {folder}/builds\ncache: {folder}/cache\nkinds: {{}}\n{MORE}\n{more}")
    words = "".join(f'    {hook}_exec = "{hooks.ATELIER}"\n    {hook}_args = ["--config", "{config}", "{hook}"]\n'
                    for hook in ("config", "prepare", "run", "cleanup"))
    return f'  executor = "custom"\n  [runners.custom]\n{words}    graceful_kill_timeout = 30\n'


def standby_settings(program, folder):
    return atelier_settings(program, folder, "standby: 1\n")


EXECUTORS = {"atelier": atelier_settings, "standby": standby_settings, "shell": shell_settings, "docker": docker_settings}


class Side:
    """One executor: a runner of its own that works for a GitLab of its own."""

    def __init__(self, name, program, folder, at_once=1):
        self.name, self.folder = name, folder / f"{name}-{at_once}"
        for part in ("tmp", "builds", "cache", "home"):
            (self.folder / part).mkdir(parents=True)
        self.gitlab = GitLab(gateway())
        (self.folder / "config.toml").write_text(
            f'concurrent = {at_once}\ncheck_interval = 1\n[[runners]]\n  name = "bench"\n  url = "{self.gitlab.url}"\n'
            f'  token = "{self.gitlab.runner_token}"\n  request_concurrency = {at_once}\n'
            + EXECUTORS[name](program, self.folder))
        with (self.folder / "runner.log").open("wb") as log:
            self.process = subprocess.Popen(
                [program, "run", "--config", str(self.folder / "config.toml"), "--working-directory", str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, "TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder / "home")})

    def result(self, number, timeout=600):
        result = self.gitlab.wait(number, timeout)
        if result.state != "success":
            raise SystemExit(f"{self.name}: {result.state}\n{result.trace}\n{(self.folder / 'runner.log').read_text()}")
        return result.seconds

    def run(self, *script, **options):
        return self.result(self.gitlab.submit(job(list(script), image=hooks.IMAGE, **options)))

    def crowd(self, number):
        """Seconds for so many jobs, from the first one handed out."""
        begin = time.monotonic()
        for one in [self.gitlab.submit(job(["true"], image=hooks.IMAGE)) for _ in range(number)]:
            self.result(one)
        return time.monotonic() - begin

    def close(self):
        self.process.terminate()
        self.process.wait(60)
        self.gitlab.close()
        removals = self.folder / "builds/.cleanup"
        while removals.is_dir() and any(removals.iterdir()):  # what cleanup left to its own process
            time.sleep(0.1)
        if self.name in ("atelier", "standby"):
            config = self.folder / "atelier.yml"
            hooks.await_detached(config)
            config.write_text(config.read_text().replace("standby: 1", "standby: 0") + "idle_networks: 0\n")
            subprocess.run([hooks.ATELIER, "--config", str(config), "gc"], check=True, stdout=subprocess.DEVNULL)

    def await_standby(self):
        """What the next job will take is made by a process of its own."""
        deadline = time.monotonic() + 60
        while not list((self.folder / "builds/.standby").glob("*.0")) and time.monotonic() < deadline:
            time.sleep(0.05)


@contextlib.contextmanager
def sides(program, at_once=1, names=tuple(EXECUTORS)):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-bench-"))
    opened = []
    try:
        for name in names:
            opened.append(Side(name, program, folder, at_once))
        yield opened
    finally:
        for side in opened:
            side.close()
        shutil.rmtree(folder, ignore_errors=True)


def table(heads, rows):
    widths = [max(len(str(row[i])) for row in [heads, *rows]) for i in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))))
    print(flush=True)


def docker_run():
    begin = time.monotonic()
    subprocess.run(["docker", "run", "--rm", hooks.IMAGE, "true"], check=True)
    return time.monotonic() - begin


def trivial(program):
    """Side by side in each round, so that all have the same noise."""
    figures = {}
    with sides(program) as all_sides:
        for side in all_sides:
            side.run("true")  # the first one makes folders, volumes and caches
        for _ in range(ROUNDS):
            for side in all_sides:
                if side.name == "standby":
                    side.await_standby()
                figures.setdefault(side.name, []).append(side.run("true"))
            figures.setdefault("docker run", []).append(docker_run())
    ours = statistics.median(figures["atelier"])
    print(f"A trivial job with its checkout, {ROUNDS} of each")
    table(["", "median ms", "best", "worst", "atelier takes"], [
        [name, *(f"{1000 * value:.0f}" for value in (statistics.median(all_of), min(all_of), max(all_of))),
         f"{ours / statistics.median(all_of):.2f} x"] for name, all_of in figures.items()])


def output(program):
    """A job's output through runner and executor; the runner keeps its first 4 MiB, and reads all."""
    print(f"A job that prints {OUTPUT} MiB, of 3 the fastest")
    with sides(program) as all_sides:
        for side in all_sides:
            side.run("true")
        figures = {side.name: min(side.run(LINES) for _ in range(3)) - min(side.run("true") for _ in range(3))
                   for side in all_sides}
    begin = time.monotonic()
    subprocess.run(f"{LINES} | cat >/dev/null", shell=True, check=True)
    figures["bare pipe"] = time.monotonic() - begin
    table(["", "MiB/s", "atelier's is"], [[name, f"{OUTPUT / seconds:.0f}", f"{seconds / figures['atelier']:.2f} x"]
                                       for name, seconds in figures.items()])


def hook_output():
    """The same without a runner: our hook's output, and `docker run`'s, into a pipe that is read as fast as it can be."""
    with hooks.Job() as one:
        prepared = one.hook("prepare")
        if prepared.code != 0:
            raise SystemExit(prepared)
        argv = [hooks.ATELIER, "--config", str(one.config_file), "run", one.script(LINES), "build_script"]
        ours = drain(argv, cwd=one.folder, env=one.environment())
    others = {"docker run": drain(["docker", "run", "--rm", hooks.IMAGE, "sh", "-c", LINES]),
              "bare pipe": drain(["sh", "-c", LINES])}
    print(f"{OUTPUT} MiB of output from a hook, without a runner")
    table(["", "MiB/s", "atelier's is"], [[name, f"{OUTPUT / seconds:.0f}", f"{seconds / ours:.2f} x"]
                                       for name, seconds in {"atelier run": ours, **others}.items()])


def drain(argv, **options):
    begin = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **options) as process:
        while os.read(process.stdout.fileno(), 1 << 20):
            pass
    if process.returncode != 0:
        raise SystemExit(f"{argv}: exit {process.returncode}")
    return time.monotonic() - begin


def crowds(program):
    print(f"{JOBS} trivial jobs, so many at once: jobs per minute")
    rows = []
    for at_once in CROWDS:
        if at_once > JOBS:
            break
        figures = {}
        for name in EXECUTORS:
            with sides(program, at_once, [name]) as (side,):
                side.run("true")
                figures[name] = JOBS / side.crowd(JOBS) * 60
        rows.append([at_once, *(f"{figures[name]:.0f}" for name in EXECUTORS),
                     f"{figures['atelier'] / figures['docker']:.1f} x", f"{figures['atelier'] / figures['shell']:.2f} x"])
    table(["at once", *EXECUTORS, "atelier's of docker's", "of shell's"], rows)


def main():
    programs = os.environ.get("ATELIER_GITLAB_RUNNERS") or shutil.which("gitlab-runner")
    print(f"{hooks.ATELIER}, image {hooks.IMAGE}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
          f"{time.strftime('%Y-%m-%d')}" + (f", with {json.dumps(MORE)}" if MORE else ""))
    if "PART" not in os.environ:
        hook_output()
    if not programs:
        print("no gitlab-runner on PATH or in ATELIER_GITLAB_RUNNERS: no jobs through one")
        return
    program = programs.split(":")[0]
    print(f"gitlab-runner {version(program)}\n")
    for part in (trivial, output, crowds):
        if os.environ.get("PART", part.__name__) == part.__name__:
            part(program)
    print(f"load at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
