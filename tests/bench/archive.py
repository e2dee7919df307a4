"""Archives: ours beside `tar | zstd` and gitlab-runner's own helper, in one run, on the same trees.

    cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release --target benchmarks

Medians of ROUNDS (7), one after the other in turn, so that a busy moment meets all. Peers: `tar | zstd`, and the official
helpers that ATELIER_GITLAB_RUNNERS or PATH name; what is not installed is left out. Trees: a minimal Debian's /usr
(atelier/ci by docker export; TREE names another), a node_modules of small files, one incompressible file of LARGE_MB (1024),
and once 120,000 files, for the memory. Behind a peer's seconds: how many times ours of the same format they are. Seconds
of the processors are there too: where others work on the machine, they say more. TMPDIR on a tmpfs leaves the disk out.
A sanitized build (dev) measures the sanitizers.
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
RUNNERS = [path for path in (os.environ.get("ATELIER_GITLAB_RUNNERS") or shutil.which("gitlab-runner") or "").split(":") if path]
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


def many(folder):
    root = folder / "many"
    for number in range(120_000):
        if number % 1000 == 0:
            (root / f"{number // 1000}").mkdir(parents=True)
        (root / f"{number // 1000}" / f"a-file-with-a-name-of-some-length-{number}").write_text(f"{number}\n" * (number % 40))
    return root


def official(runner, archive, tree, fast, extract):
    env = {**os.environ, "FF_USE_FASTZIP": "true" if fast else "false"}
    if extract:
        return dict(args=[runner, "cache-extractor", "--file", str(archive)], cwd=tree, env=env)
    return dict(args=[runner, "cache-archiver", "--file", str(archive), "--path", tree.name], cwd=tree.parent, env=env)


def shell(line):
    return dict(args=["bash", "-o", "pipefail", "-c", line])


def ours(format, level):
    return (lambda a, t: dict(args=[DRIVER, "write", format, level, t, a]), lambda a, t: dict(args=[DRIVER, "extract", a, t, "outside"]))


OURS = {"zst": "tar.zst", "zip": "zip"}  # the archive's suffix -> its row
PEERS = {"tar.zst": ("zst", *ours("tarzstd", "default")), "zip": ("zip", *ours("zip", "default"))}  # name -> (suffix, write, extract)
if shutil.which("zstd"):
    PEERS["tar | zstd -T0 -1"] = ("zst", lambda a, t: shell(f"tar -C '{t}' -cf - . | zstd -q -T0 -1 -f -o '{a}'"),
                                  lambda a, t: shell(f"zstd -dcq '{a}' | tar -x -C '{t}'"))
for runner in RUNNERS:
    for word, fast in (("zip", False), ("fastzip", True)):
        PEERS[f"{word} {os.path.basename(runner)}"] = (
            "zip", lambda a, t, r=runner, f=fast: official(r, a, t, f, False), lambda a, t, r=runner, f=fast: official(r, a, t, f, True))


def measure(how):
    """Seconds, the processors' seconds, and the peak of the largest process in KiB (/usr/bin/time's own is small)."""
    with tempfile.NamedTemporaryFile() as figures:
        how = {**how, "args": ["/usr/bin/time", "-q", "-o", figures.name, "-f", "%U %S %M", *map(str, how["args"])]}
        os.sync()  # what others left to write is not ours
        start = time.monotonic()
        done = subprocess.run(**how, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        took = time.monotonic() - start
        if done.returncode:
            raise SystemExit(f"{how['args']}: {done.stderr.decode()}")
        user, system, peak = pathlib.Path(figures.name).read_text().split()
        return took, float(user) + float(system), int(peak)


def round_of(name, tree, folder, rows):
    suffix, write, extract = PEERS[name]
    archive, out = folder / f"archive.{suffix}", folder / "out"
    archive.unlink(missing_ok=True)
    out.mkdir()
    rows.setdefault(name, []).append((*measure(write(archive, tree)), archive.stat().st_size, *measure(extract(archive, out))))
    archive.unlink()
    shutil.rmtree(out)


def print_row(name, row, mine):
    """row, mine: medians of write, its CPU, peak, size, extract, its CPU, peak"""
    def times(column):
        return "" if mine is row else f"x{row[column] / mine[column]:.1f}"
    print(f"{name:30} {row[0]:7.2f} {times(0):6} {row[1]:7.2f} {row[2] / 1024:6.1f} {row[3] / 1e6:8.1f}"
          f" {row[4]:9.2f} {times(4):6} {row[5]:7.2f} {row[6] / 1024:6.1f}", flush=True)


def compare(title, tree, folder, rounds=ROUNDS, names=tuple(PEERS)):
    figures = {}
    for _ in range(rounds):
        for name in names:
            round_of(name, tree, folder, figures)
    rows = {name: [max(c) if i in (2, 6) else statistics.median(c) for i, c in enumerate(zip(*figures[name]))] for name in names}
    print(f"\n{title}, medians of {rounds}")
    print(f"{'':30} {'archive':>7} {'':6} {'cpu s':>7} {'MiB':>6} {'size MB':>8} {'extract':>9} {'':6} {'cpu s':>7} {'MiB':>6}")
    for name, row in rows.items():
        print_row(name, row, rows[OURS[PEERS[name][0]]])
    peers = [row[4] for name, row in rows.items() if name not in OURS.values() and not name.startswith("zip ")]
    if peers:
        print("extraction, the fastest peer's time: " + ", ".join(f"x{min(peers) / rows[name][4]:.2f} of our {name}" for name in OURS.values()))


def main():
    if not pathlib.Path("/usr/bin/time").exists():
        raise SystemExit("needs /usr/bin/time: apt-get install time")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="atelier-bench-"))
    try:
        print(subprocess.run([DRIVER, "abilities"], check=True, capture_output=True, text=True).stdout.strip())
        print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, gitlab-runner: {', '.join(RUNNERS) or 'none'}")
        compare("/usr of a minimal Debian", usr(folder), folder)
        compare("node_modules, 20,000 small files", node_modules(folder), folder)
        compare("120,000 files", many(folder), folder, 1, tuple(OURS.values()))
        compare(f"one incompressible file of {LARGE_MB} MiB", large(folder), folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
