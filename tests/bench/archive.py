"""Archives: ours beside `tar | zstd` and gitlab-runner's own helper, in one run, on the same trees.

    cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release --target benchmarks

Medians of ROUNDS (7), one after the other in turn, so that a busy moment meets all. Peers that are not installed are left
out. Trees: a minimal Debian's /usr (atelier/ci by docker export; TREE names another), a node_modules of small files,
one incompressible file of LARGE_MB (1024). A sanitized build (dev) measures the sanitizers.
"""
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time

DRIVER = os.environ["ARCHIVE_DRIVER"]
RUNNER = os.environ.get("ATELIER_GITLAB_RUNNERS", "").split(":")[-1] or shutil.which("gitlab-runner")
ROUNDS = int(os.environ.get("ROUNDS", "7"))
LARGE_MB = int(os.environ.get("LARGE_MB", "1024"))
IMAGE = "atelier/ci"


def usr(folder):
    if os.environ.get("TREE"):
        return pathlib.Path(os.environ["TREE"])
    container = subprocess.run(["docker", "create", IMAGE, "true"], check=True, capture_output=True, text=True).stdout.strip()
    with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
        subprocess.run(["tar", "-x", "-C", folder, "usr"], stdin=export.stdout, check=True)
    subprocess.run(["docker", "rm", container], check=True, stdout=subprocess.DEVNULL)
    return folder / "usr"


def node_modules(folder):
    """20,000 files of some kilobytes, as packages have them, 40 a package."""
    rng, words = random.Random(1), [f"word{i}" for i in range(2000)]
    root = folder / "node_modules"
    for package in range(500):
        for sub in ("lib", "dist"):
            path = root / f"package-{package}" / sub
            path.mkdir(parents=True)
            for file in range(20):
                size = int(rng.expovariate(1 / 500)) + 5
                (path / f"module-{file}.js").write_text(" ".join(rng.choices(words, k=size)))
    return root


def large(folder):
    root = folder / "large"
    root.mkdir()
    with open("/dev/urandom", "rb") as source, open(root / "file", "wb") as file:
        for _ in range(LARGE_MB):
            file.write(source.read(1 << 20))
    return root


def official(archive, tree, fast, extract):
    env = {**os.environ, "FF_USE_FASTZIP": "true" if fast else "false"}
    if extract:
        return dict(args=[RUNNER, "cache-extractor", "--file", str(archive)], cwd=tree, env=env)
    return dict(args=[RUNNER, "cache-archiver", "--file", str(archive), "--path", tree.name], cwd=tree.parent, env=env)


def shell(line):
    return dict(args=["bash", "-o", "pipefail", "-c", line])


PEERS = {  # name -> (archive's suffix, how to write, how to extract)
    "tar.zst": ("zst", lambda a, t: dict(args=[DRIVER, "write", "tarzstd", "default", t, a]),
                lambda a, t: dict(args=[DRIVER, "extract", a, t, "outside"])),
    "zip": ("zip", lambda a, t: dict(args=[DRIVER, "write", "zip", "default", t, a]),
            lambda a, t: dict(args=[DRIVER, "extract", a, t, "outside"])),
    "zip fast": ("zip", lambda a, t: dict(args=[DRIVER, "write", "zip", "fast", t, a]),
                 lambda a, t: dict(args=[DRIVER, "extract", a, t, "outside"])),
}
if shutil.which("zstd"):
    PEERS["tar | zstd -T0 -1"] = ("zst", lambda a, t: shell(f"tar -C '{t}' -cf - . | zstd -q -T0 -1 -f -o '{a}'"),
                                  lambda a, t: shell(f"zstd -dcq '{a}' | tar -x -C '{t}'"))
if RUNNER:
    PEERS["official zip"] = ("zip", lambda a, t: official(a, t, False, False), lambda a, t: official(a, t, False, True))
    PEERS["official fastzip"] = ("zip", lambda a, t: official(a, t, True, False), lambda a, t: official(a, t, True, True))


def measure(how):
    """Seconds, and the peak of the largest process in KiB (/usr/bin/time's own is small)."""
    with tempfile.NamedTemporaryFile() as figures:
        how = {**how, "args": ["/usr/bin/time", "-q", "-o", figures.name, "-f", "%M", *map(str, how["args"])]}
        start = time.monotonic()
        done = subprocess.run(**how, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took = time.monotonic() - start
        if done.returncode:
            raise SystemExit(f"{how['args']}: {done.stderr.decode()}")
        return took, int(pathlib.Path(figures.name).read_text())


def round_of(name, tree, folder, rows):
    suffix, write, extract = PEERS[name]
    archive, out = folder / f"archive.{suffix}", folder / "out"
    archive.unlink(missing_ok=True)
    out.mkdir()
    rows.setdefault(name, []).append((*measure(write(archive, tree)), archive.stat().st_size, *measure(extract(archive, out))))
    archive.unlink()
    shutil.rmtree(out)


def compare(title, tree, folder):
    rows = {}
    for _ in range(ROUNDS):
        for name in PEERS:
            round_of(name, tree, folder, rows)
    print(f"\n{title}, medians of {ROUNDS} (fastest)")
    print(f"{'':18} {'archive s':>16} {'peak MiB':>9} {'size MB':>8} {'extract s':>16} {'peak MiB':>9}")
    for name, figures in rows.items():
        wrote, wrote_peak, size, read, read_peak = zip(*figures)
        print(f"{name:18} {statistics.median(wrote):8.2f} ({min(wrote):5.2f}) {max(wrote_peak) / 1024:9.1f} {size[0] / 1e6:8.1f}"
              f" {statistics.median(read):8.2f} ({min(read):5.2f}) {max(read_peak) / 1024:9.1f}", flush=True)


def main():
    if not pathlib.Path("/usr/bin/time").exists():
        raise SystemExit("needs /usr/bin/time: apt-get install time")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-bench-"))
    try:
        print(subprocess.run([DRIVER, "abilities"], check=True, capture_output=True, text=True).stdout.strip())
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, gitlab-runner: {RUNNER or 'none'}")
        compare("/usr of a minimal Debian", usr(folder), folder)
        compare("node_modules, 20,000 small files", node_modules(folder), folder)
        compare(f"one incompressible file of {LARGE_MB} MiB", large(folder), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
