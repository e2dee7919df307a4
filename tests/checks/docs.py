"""What the program says of itself, and what is written about it, are the same.

Commands and options are taken from --help, the configuration's keys from an error message.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import tomllib
except ImportError:  # Python before 3.11
    tomllib = None

LINES, COLUMNS = 24, 80  # of a screen
COMPLETIONS = ("atelier.bash", "_atelier", "atelier.fish")
HOOKS = ("config", "prepare", "run", "cleanup")


def say(*args):
    return subprocess.run([os.environ["ATELIER"], *args], check=True, capture_output=True, text=True, timeout=60).stdout


def listed(text, heading, pattern):
    """The matches in the lines below `heading`, up to the next empty one."""
    block = text.split(f"\n{heading}:\n", 1)[1].split("\n\n")[0]
    return [match[1] for match in (re.match(pattern, line) for line in block.splitlines()) if match]


def commands():
    return listed(say("--help"), "Commands", r"  (\w+)")


def options(text):
    return listed(text, "Options", r"  -\w, --([\w-]+)")


def has_word(text, word):
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def plain(page):
    """A manual page without roff's escapes."""
    return re.sub(r"\\f[A-Z]", "", page.replace("\\-", "-"))


def completes(text, option):
    """bash and zsh name an option with its dashes, fish behind -l."""
    return has_word(text, f"--{option}") or f"-l {option} " in text


def sample_problems(root):
    if (root / "packaging/config.yml").read_text() != say("sample"):
        yield "packaging/config.yml: not what `atelier sample` prints; write it anew: atelier sample >packaging/config.yml"


def help_problems():
    for command in ([], *([name] for name in commands())):
        lines = say(*command, "--help").splitlines()
        shown = " ".join(["atelier", *command, "--help"])
        if len(lines) > LINES:
            yield f"{shown}: {len(lines)} lines are more than a screen"
        yield from (f"{shown}: longer than {COLUMNS} columns: {line}" for line in lines if len(line) > COLUMNS)


def word_problems(root):
    """Every command and every option, in the manual and in the completions."""
    manual = plain((root / "packaging/man/atelier.1").read_text())
    completions = {name: (root / "packaging/completions" / name).read_text() for name in COMPLETIONS}
    known = set(options(say("--help")))
    for command in commands():
        known.update(options(say(command, "--help")))
        if not re.search(rf"^\.BI? (?:\"?{command}\b)|^\.BR {command} ", manual, re.M):
            yield f"atelier.1: nothing about the command {command}"
        yield from (f"{name}: no command {command}" for name, text in completions.items() if not has_word(text, command))
    for option in sorted(known):
        if not has_word(manual, f"--{option}"):
            yield f"atelier.1: nothing about --{option}"
        yield from (f"{name}: no --{option}" for name, text in completions.items() if not completes(text, option))


def helper_problems(root):
    """Every command and option of the helper in its manual; the overview on one screen."""
    manual = plain((root / "packaging/man/atelier-helper.1").read_text())

    def ask(*args):
        return subprocess.run([os.environ["ATELIER_HELPER"], *args], check=True, capture_output=True, text=True,
                              timeout=60).stdout

    overview = ask("--help")
    if len(overview.splitlines()) > LINES or max(map(len, overview.splitlines())) > COLUMNS:
        yield f"atelier-helper --help: more than {LINES} lines or {COLUMNS} columns"
    for command in listed(overview, "Commands", r"  ([\w-]+)"):
        if not has_word(manual, command):
            yield f"atelier-helper.1: nothing about the command {command}"
        text = ask(command, "--help")
        yield from (f"atelier-helper.1: nothing about {option}" for option in re.findall(r"^  (--?[\w-]+)", text, re.M)
                    if not has_word(manual, option))
        yield from (f"atelier-helper.1: nothing about {name}" for name in re.findall(r" \[([A-Z_]+)\]$", text, re.M)
                    if not has_word(manual, name))


def known_keys(text):
    """The keys that atelier names when it meets one that it does not know and that is like none of them."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(text.replace("UNKNOWN", "qqqqqqqqqqqqqqqq"))
        file.flush()
        done = subprocess.run([os.environ["ATELIER"], "check", "--config", file.name], check=False,
                              capture_output=True, text=True, timeout=60)
    return re.search(r"there are: ([\w, ]+)", done.stderr)[1].split(", ")


def key_problems(root):
    """Every key in the manual and in the sample, and no other one in the manual."""
    manual = plain((root / "packaging/man/atelier-config.5").read_text())
    sample = say("sample")
    for section, text in (("KEYS", "UNKNOWN: 1"), ("KEYS OF SERVICES", "services: {UNKNOWN: 1}"),
                          ("KEYS OF A KIND", "kinds: {test: {UNKNOWN: 1}}")):
        keys = known_keys(text)
        part = manual.split(f"\n.SH {section}\n", 1)[1].split("\n.SH ")[0]
        described = re.findall(r'^\.BR (\w+) " \(', part, re.M)
        yield from (f"atelier-config.5: {section}: nothing about {key}" for key in keys if key not in described)
        yield from (f"atelier-config.5: {section}: there is no {key}" for key in described if key not in keys)
        yield from (f"sample: nothing about {key}" for key in keys if not re.search(rf"^[# ]*{key}:", sample, re.M))


def readme_problems(root):
    blocks = re.findall(r"```toml\n(.*?)```", (root / "README.md").read_text(), re.S)
    if len(blocks) != 1:
        yield f"README.md: {len(blocks)} blocks of TOML, not the one for config.toml"
    if tomllib is None:
        return
    for block in blocks:
        custom = tomllib.loads(block)["runners"][0]["custom"]
        for hook in HOOKS:
            if custom.get(f"{hook}_args", [""])[-1] != hook:
                yield f"README.md: {hook}_args does not end in \"{hook}\""


def test_problems(root):
    """The tests that docs/deploy.md names are there."""
    tests = [path for path in (root / "tests").rglob("test_*") if path.suffix in (".c", ".py")]
    there = {path.name for path in tests}
    for path in tests:
        there |= set(re.findall(r"^(?: +def|static void) (test_\w+)\(", path.read_text(), re.M))
    for name in re.findall(r"`(test_[\w.]+)`", (root / "docs/deploy.md").read_text()):
        if name not in there:
            yield f"docs/deploy.md: there is no {name}"


def main():
    root = pathlib.Path(sys.argv[1])
    checks = (sample_problems(root), help_problems(), word_problems(root), key_problems(root), readme_problems(root),
              helper_problems(root), test_problems(root))
    found = [problem for check in checks for problem in check]
    print("\n".join(found) if found else "docs: they say what the program says")
    return 1 if found else 0


sys.exit(main())
