"""No finding of cppcheck in the rooms, of the kinds that are bugs: warning, performance, portability."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOMS = ("base", "engine", "cache", "stages", "executor")

# What is no bug although it is found, and why. One place of it: an inline comment there.
NOT_BUGS = {
    "varFuncNullUB": "NULL is a pointer in every C library this is built for, and gcc's `sentinel` looks for it",
    "incorrectLogicOperator:*/base/json.c": "cppcheck 2.10 does not read hexadecimal floating point (0x1p63)",
    "nullPointer:*/base/process.c": "pipe_open() gets no `ours` only for stdin, which process.h says is no pipe",
}

# jansson's loops: macros, and cppcheck does not read the libraries' headers.
LOOPS = """\
#define json_array_foreach(a, i, v) for (i = 0; i < json_array_size(a) && (v = json_array_get(a, i)); i++)
#define json_object_foreach(o, k, v) for (k = first(o); k && (v = json_object_get(o, k)); k = next(o, k))
"""


def command(root, loops):
    version = (root / "VERSION").read_text().split()[0]
    return ["cppcheck", "--enable=warning,performance,portability", "--error-exitcode=1", "--inline-suppr",
            "--quiet", "--std=c11", f"-j{os.cpu_count()}", f"-I{root}", f"--include={loops}", "-D_GNU_SOURCE",
            f'-DATELIER_VERSION="{version}"', *(f"--suppress={name}" for name in NOT_BUGS),
            *(str(root / room) for room in ROOMS)]


def main():
    if not shutil.which("cppcheck"):
        print("cppcheck is not installed: apt-get install cppcheck (`sh packaging/quickstart test` installs it)")
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".h") as loops:
        loops.write(LOOPS)
        loops.flush()
        done = subprocess.run(command(pathlib.Path(sys.argv[1]), loops.name), check=False)
    if done.returncode == 0:
        print("cppcheck: nothing found")
    return 1 if done.returncode else 0


sys.exit(main())
