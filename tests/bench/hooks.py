"""What each hook costs: own CPU, peak memory and time, beside a bare `docker run` in the same run.

    cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release --target benchmarks

Needs Debian's package `time`: a child's peak memory counts from the program that started it, and
/usr/bin/time is small. A sanitized build (dev) measures the sanitizers.
"""
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import hooks  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "20"))


def timed(folder):
    """A program that runs atelier under /usr/bin/time; its figures go to a file."""
    wrapper = pathlib.Path(folder) / "atelier"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/time -q -o "{folder}/figures" -f %M {hooks.ATELIER} "$@"\n')
    wrapper.chmod(0o755)
    return str(wrapper)


def measure(job, folder, *hook):
    start, cpu = time.monotonic(), cpu_of_children()
    result = job.hook(*hook)
    wall, cpu = (time.monotonic() - start) * 1000, (cpu_of_children() - cpu) * 1000
    if result.code != 0:
        raise SystemExit(f"{hook}: {result}")
    return float(pathlib.Path(folder, "figures").read_text()) / 1024, cpu, wall


def cpu_of_children():
    """Seconds that ended children and theirs have used; /usr/bin/time itself takes half a millisecond of it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one_job(folder, rows):
    with hooks.Job() as job:
        script = job.script("true")
        for hook in (("config",), ("prepare",), ("run", script, "build_script"), ("cleanup",)):
            if hook[0] == "run":
                job.wait_for_start()  # else the first script waits for its container
            rows.setdefault(hook[0], []).append(measure(job, folder, *hook))


def docker_run():
    start = time.monotonic()
    subprocess.run(["docker", "run", "--rm", hooks.IMAGE, "true"], check=True)
    return (time.monotonic() - start) * 1000


def main():
    if not pathlib.Path("/usr/bin/time").exists():
        raise SystemExit("needs /usr/bin/time: apt-get install time")
    rows, peers = {}, []
    folder = tempfile.mkdtemp(prefix="atelier-bench-")
    program, hooks.ATELIER = hooks.ATELIER, timed(folder)
    for _ in range(ROUNDS):
        one_job(folder, rows)
        peers.append(docker_run())
    shutil.rmtree(folder)
    print(f"{program}, {ROUNDS} jobs of one trivial script, image {hooks.IMAGE}")
    print(f"{'hook':12} {'peak MiB (max)':>15} {'CPU ms (median)':>16} {'wall ms (median)':>17}")
    for name, figures in rows.items():
        peak, cpu, wall = zip(*figures)
        print(f"{name:12} {max(peak):15.1f} {statistics.median(cpu):16.1f} {statistics.median(wall):17.1f}")
    print(f"{'docker run':12} {'':15} {'':16} {statistics.median(peers):17.1f}")


main()
