"""A room includes only rooms below it (docs/architecture.md); the build file says the same."""
import pathlib
import re
import sys

MAY_CALL = {
    "base": {"base"},
    "engine": {"engine", "base"},
    "cache": {"cache", "base"},
    "stages": {"stages", "cache", "engine", "base"},
    "executor": {"executor", "stages", "cache", "engine", "base"},
}
PIPELINE = {"stages", "base"}  # starts the hooks as processes: neither executor nor engine
DEPLOY = {"stages", "engine", "base"}  # another upper floor of stages: it runs no job, so neither pipeline nor caches
FLOORS = {"pipeline": PIPELINE, "deploy": DEPLOY}
HELPERS = ("cache/archive/", "cache/helper/", "cache/report.h", "cache/select/", "cache/transfer/")  # the helper's, in libraries that no hook links


def problems(root):
    for room, allowed in MAY_CALL.items():
        for path in sorted((root / room).rglob("*.[ch]")):
            floor = next((name for name in FLOORS if room == "stages" and name in path.parts), "")
            rooms = FLOORS.get(floor, allowed)
            for number, line in enumerate(path.read_text().splitlines(), 1):
                found = re.match(r'#include "([^/"]+)/', line)
                if found and found[1] not in rooms:
                    yield f"{path.relative_to(root)}:{number}: {room} may not include {found[1]}/"
                if found and room != "cache" and line.split('"')[1].startswith(HELPERS):
                    yield f"{path.relative_to(root)}:{number}: only cache/ includes what is the helper's"
                upper = re.match(r'#include "stages/(\w+)/', line)
                if upper and room == "stages" and upper[1] != floor:
                    yield f"{path.relative_to(root)}:{number}: stages/{floor} may not include the upper floor {upper[1]}/"


def main():
    found = list(problems(pathlib.Path(sys.argv[1])))
    print("\n".join(found) if found else "layers: every include points down")
    return 1 if found else 0


sys.exit(main())
