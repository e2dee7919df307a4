"""cache/archive/ by its program archive_driver, trees with every odd kind of file, and archives made by hand."""
import io
import os
import pathlib
import random
import shutil
import stat
import struct
import subprocess
import tarfile
import tempfile
import unittest

DRIVER = os.environ.get("ARCHIVE_DRIVER") or os.environ["ATELIER"].replace("executor/atelier", "tests/archive_driver")
FORMATS = ("tarzstd", "zip")


def runners():
    named = os.environ.get("ATELIER_GITLAB_RUNNERS") or shutil.which("gitlab-runner") or ""
    return [path for path in named.split(":") if path]


def driver(*args, **options):
    done = subprocess.run([DRIVER, *map(str, args)], capture_output=True, timeout=300, **options)
    return done.returncode, done.stderr.decode(errors="surrogateescape")


def zstd(data):
    """A zstd frame of blocks that are not compressed (RFC 8878): needs no library."""
    out = [b"\x28\xb5\x2f\xfd\x00\x58"]  # a window of 2 MiB
    pieces = [data[i : i + 65536] for i in range(0, len(data), 65536)] or [b""]
    for i, piece in enumerate(pieces):
        out.append(struct.pack("<I", len(piece) << 3 | (i == len(pieces) - 1))[:3] + piece)
    return b"".join(out)


def tar_of(*entries):
    """entries: (name, bytes), or TarInfos."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            info, data = entry if isinstance(entry, tuple) else (entry, b"")
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def special(name, kind, link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def snapshot(root, nanoseconds=True, links=True, of_folders=True):
    """name -> all that has to come back"""
    found, first = {}, {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            what = [stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_mtime_ns if nanoseconds else int(st.st_mtime)]
            if stat.S_ISDIR(st.st_mode) and not of_folders:
                what = what[:1]
            if stat.S_ISLNK(st.st_mode):
                what[1:] = [os.readlink(path)]
            elif stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    what.append(hash(file.read()))
                if links and st.st_nlink > 1:
                    what.append(st.st_nlink)
            found[os.path.relpath(path, os.fsencode(root))] = tuple(what)
    return found


def odd_tree(root, for_zip=False):
    """Every kind of file that an archive can hold."""
    rng = random.Random(1)
    root.mkdir()
    (root / "empty").touch()
    (root / "empty folder").mkdir()
    (root / "deep" / "er" / "and" / "deeper").mkdir(parents=True)
    (root / "deep/er/and/deeper/file").write_text("deep\n")
    (root / "ümläut €").write_text("name")
    (root / "quote'\" *").write_text("name")
    (root / ("long" * 60)).write_text("long name")
    long = root / ("x" * 100) / ("y" * 100) / ("z" * 100)
    long.mkdir(parents=True)
    (long / ("w" * 200)).write_text("long path")
    (root / "text").write_text("the same words again and again\n" * 100000)
    (root / "random").write_bytes(rng.randbytes(3_000_000))
    (root / "just a piece").write_bytes(rng.randbytes(1 << 18))
    (root / "just two pieces").write_bytes(b"ab" * (1 << 18))
    (root / "mixed").write_bytes(rng.randbytes(300_000) + b"0" * 900_000 + rng.randbytes(300_000))
    (root / "link").symlink_to("text")
    (root / "deep/up").symlink_to("../text")
    (root / "broken").symlink_to("nowhere")
    (root / "to folder").symlink_to("deep")
    for mode in (0o400, 0o600, 0o644, 0o755, 0o777, 0o111, 0o000):
        path = root / f"mode {mode:o}"
        path.write_text(oct(mode))
        path.chmod(mode)
    (root / "closed").mkdir()
    (root / "closed" / "inside").write_text("in a folder that cannot be written")
    if not for_zip:  # what others' zips cannot hold, or cannot give back
        (root / "new\nline and \\").write_text("name")
        (root / "hard").write_text("two names")
        os.link(root / "hard", root / "hard too")
        os.link(root / "hard", root / "deep" / "hard three")
        (root / os.fsdecode(b"not utf8 \xff\xfe")).write_text("bytes")
    for number, path in enumerate(sorted(root.rglob("*"))):
        os.utime(path, ns=(10**18, 1_500_000_000_123456789 + number * 10**9), follow_symlinks=False)
    (root / "closed").chmod(0o555)


class ArchiveCase(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="atelier-archive-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.tree, self.out, self.archive = self.dir / "tree", self.dir / "out", self.dir / "archive"
        self.out.mkdir()

    def write(self, *args, level="default", warns=False):
        code, said = driver("write", args[0], level, self.tree, self.archive)
        self.assertEqual(code, 0, said)
        if not warns:
            self.assertEqual(said, "")
        return said

    def extract(self, *options, **more):
        code, said = driver("extract", self.archive, self.out, *options, **more)
        self.assertEqual(code, 0, said)
        return said

    def refuse(self, *options):
        code, said = driver("extract", self.archive, self.out, *options)
        self.assertEqual(code, 1, said)
        return said

    def put(self, data):
        self.archive.write_bytes(data)
