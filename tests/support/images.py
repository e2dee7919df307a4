"""Tiny images for tests, from Debian's busybox-static: nothing is pulled."""
import io
import os
import pathlib
import subprocess
import tarfile

BUSYBOX = next((p for p in map(pathlib.Path, ("/bin/busybox", "/usr/bin/busybox")) if p.exists()), None)


def import_image(name, files, links=(), changes=()):
    """`docker import` a root file system of {path: (bytes, mode)} and (path, target) links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in ("bin", "tmp", "proc", "etc"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        for path, (data, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
        for path, target in links:
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    options = [word for change in changes for word in ("-c", change)]
    subprocess.run(["docker", "import", *options, "-", name], input=out.getvalue(), check=True,
                   stdout=subprocess.DEVNULL)
    return name


def busybox(name, applets=("sh",), files=None, changes=()):
    """An image with busybox under the names of `applets` alone."""
    content = {"bin/busybox": (BUSYBOX.read_bytes(), 0o755), **(files or {})}
    return import_image(f"{name}:{os.getpid()}", content, [(f"bin/{a}", "busybox") for a in applets], changes)


def remove(*names):
    """Names or ids; an image goes with its last name, though somebody has pulled it by its digest as well."""
    ids = [_ask("{{.Id}}", name) for name in names]
    subprocess.run(["docker", "rmi", "-f", *names], check=False, capture_output=True)
    nameless = [number for number in set(ids) if _ask("{{len .RepoTags}}", number) == "0"]
    if nameless:
        subprocess.run(["docker", "rmi", "-f", *nameless], check=False, capture_output=True)


def _ask(what, image):
    """Of an image; empty when there is none."""
    return subprocess.run(["docker", "image", "inspect", "-f", what, image], check=False, capture_output=True,
                          text=True).stdout.strip()
