"""A budget, not a taste: no function of over 60 lines, no file of over 500."""
import pathlib
import re
import sys

FUNCTION_LINES, FILE_LINES = 60, 500
ROOMS = ("base", "engine", "cache", "stages", "executor")


def functions(lines):
    """Yield (name, first line, length): a body opens and closes in the first column."""
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and start is None:
            start = number
        elif line == "}" and start is not None:
            head = next((text for text in reversed(lines[: start - 1]) if re.match(r"[a-z]\w.*\(", text)), "?")
            yield head.split("(")[0].split()[-1].lstrip("*"), start, number - start + 1
            start = None


def problems(root):
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.[ch]")):
            lines = path.read_text().splitlines()
            name = path.relative_to(root)
            if len(lines) > FILE_LINES:
                yield f"{name}: {len(lines)} lines; a second noun in it wants a file of its own"
            for function, line, length in functions(lines):
                if length > FUNCTION_LINES:
                    yield f"{name}:{line}: {function} has {length} lines"


def main():
    found = list(problems(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "size: every function fits on a screen")
    return 1 if found else 0


sys.exit(main())
