"""The rules of this repository that a compiler does not check.

Each rule is a function from a Tree to complaints, "path:line: what is wrong, and what to do". Rules read text, not
preprocessed code: the code is plain enough for that, and all rules together run in a second. clang-tidy (tidy.py) checks
names and the length of functions.
"""

import pathlib
import re
import shutil
import subprocess

from retired_words import MAY_USE_RETIRED_WORDS, RETIRED_WORDS

TOP_LEVEL = {"CHANGELOG.md", "CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "README.md",
             "agent", "deploy", "helm", "proto", "tests"}

# Which folders of agent/ a folder may include beside itself. "" holds the files directly in agent/. A folder includes
# the folders below it only; that holds inside os/ and engine/ too.
BASE, MODEL = {"base"}, {"base", "model"}
OS_BASE = MODEL | {"os/base"}
OS_PROCESS = OS_BASE | {"os/cgroup", "os/process"}
OS_PAGES = OS_PROCESS | {"os/node", "os/pages"}
OS = OS_PAGES | {"os/act"}
WORKLOAD = OS | {"engine", "engine/workload"}
MIGRATE = WORKLOAD | {"engine/move", "engine/report", "engine/migrate"}
ENGINE = MIGRATE | {"engine/health", "engine/repair"}
EDGES = ENGINE | {"rpc", "http", "runtime"}
MAY_INCLUDE = {
    "base": set(), "model": BASE,
    "os/base": MODEL, "os/cgroup": OS_BASE, "os/process": OS_PROCESS, "os/node": OS_BASE, "os/pages": OS_PAGES,
    "os/act": OS,
    "engine": OS, "engine/workload": WORKLOAD, "engine/move": WORKLOAD, "engine/report": WORKLOAD,
    "engine/migrate": MIGRATE, "engine/health": MIGRATE, "engine/repair": MIGRATE,
    "config": MODEL | {"os/cgroup"}, "rpc/convert": ENGINE, "rpc": ENGINE | {"config", "rpc/convert"}, "http": ENGINE,
    "runtime": ENGINE, "": EDGES | {"config"},
    "front": MODEL | {"os/base"},
    "cli": MODEL, "cli/localityctl": MODEL | {"cli"}, "cli/numa_migrate": ENGINE | {"cli"},
}
USE_PROTOBUF = {"rpc", "runtime", "cli/localityctl"}
USE_SYSCALLS = {"os"}
USE_THREADS = {"engine", "rpc", "http", "runtime", "cli/numa_migrate", "cli/localityctl"}

PROTOBUF = re.compile(r'#include\s+["<](\S+\.pb\.h|google/protobuf/\S+|grpc(pp|\+\+)?/\S+)[">]')
SYSCALL = re.compile(r"#include\s+<(numaif|numa|sys/syscall|sys/ptrace|asm/unistd)\.h>|\bsyscall\s*\(")
THREAD = re.compile(
    r'#include\s+(<(thread|mutex|shared_mutex|condition_variable|future|pthread\.h)>'
    r'|"(agent/base/mutex|absl/synchronization/\w+)\.h")'
    r"|\bstd::(j?thread|\w*mutex|condition_variable\w*|async|lock_guard|unique_lock|scoped_lock)\b"
    r"|\bpthread_(create|mutex)\w*")
INCLUDE = re.compile(r'#include\s+"([^"]+)"')
COMMENT = re.compile(r"//.*")
# Spelled in two parts, so that this file passes its own rules.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(wo" r"rk/\w|ho" r"me/\w+/)")

UNIT_TEST = re.compile(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)")
GUEST_CASE = re.compile(r"^def (\w+)\(machine\)", re.MULTILINE)
NAMED_TEST = re.compile(r"`(\w+)\.(\w+)`")

MAP = pathlib.Path("agent/README.md")
SOURCE_SUFFIXES = {".cc", ".h", ".py", ".sh"}
MOST_LINES = 500


class Tree:
    """The text files of a checkout, without build trees, caches and git's own files."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.files = {}  # path relative to the root -> lines
        for path in sorted(self.root.rglob("*")):
            relative = path.relative_to(self.root)
            if not path.is_file() or self._is_generated(relative):
                continue
            try:
                self.files[relative] = path.read_text(encoding="utf-8").split("\n")
            except UnicodeDecodeError:
                pass  # not text: no rule applies

    @staticmethod
    def _is_generated(path):
        return (path.parts[0].startswith("build") or path.parts[0] in {".git", ".cache"}
                or "__pycache__" in path.parts or "node_modules" in path.parts)

    def cpp(self):
        return {path: lines for path, lines in self.files.items() if path.suffix in {".cc", ".h"}}

    def agent_lines(self):
        """(folder, path, line number, code without comment) of each line of C++ in agent/."""
        for path, lines in self.cpp().items():
            if path.parts[0] == "agent":
                for number, line in enumerate(lines, 1):
                    yield folder_of(path), path, number, COMMENT.sub("", line)


def is_fixture(path):
    """Whether a file was captured from a real host: such files are kept as they are."""
    return path.parts[:2] == ("tests", "fixtures")


def folder_of(path):
    """The architectural folder of a path below agent/: "os/act", "model", or ""."""
    return "/".join(pathlib.PurePath(path).parts[1:-1][:2])


def include_direction(tree):
    for folder, path, number, code in tree.agent_lines():
        if folder not in MAY_INCLUDE:
            if number == 1:
                yield f"{path}:1: folder '{folder}' has no place in the order of agent/"
            continue
        found = INCLUDE.search(code)
        if not found:
            continue
        included = found[1]
        if "/" not in included or included.startswith("."):
            yield f"{path}:{number}: write the whole path from the top, not \"{included}\""
        elif included.startswith("agent/"):
            target = folder_of(included)
            if target != folder and target not in MAY_INCLUDE[folder]:
                yield (f"{path}:{number}: '{folder or 'agent'}' must not include '{target}'; "
                       f"it may include: {', '.join(sorted(MAY_INCLUDE[folder])) or 'itself only'}")


def confined(tree, pattern, folders, what, also=lambda path: False):
    """Complains of `pattern` outside `folders` and outside the paths that `also` accepts."""
    for folder, path, number, code in tree.agent_lines():
        found = pattern.search(code)
        if found and not {folder, folder.split("/")[0]} & folders and not also(path):
            yield (f"{path}:{number}: {what} belong in {', '.join(sorted(folders))} only: "
                   f"'{found[0].strip()}'")


def protobuf_at_the_edge(tree):
    return confined(tree, PROTOBUF, USE_PROTOBUF, "protobuf and gRPC")


def syscalls_behind_the_seam(tree):
    return confined(tree, SYSCALL, USE_SYSCALLS, "raw system calls and libnuma")


def threads_where_state_is(tree):
    # main() waits for signals; base/mutex.h is the wrapper that the other folders use.
    return confined(tree, THREAD, USE_THREADS, "threads and mutexes",
                    lambda path: path.name == "main.cc" or path.as_posix() == "agent/base/mutex.h")


def formatted(tree):
    if not tree.cpp():
        return
    if not shutil.which("clang-format"):
        yield "clang-format is not installed: apt-get install clang-format"
        return
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *tree.cpp()], cwd=tree.root,
                          text=True, capture_output=True, check=False)
    unformatted = sorted(set(re.findall(r"^(.+?):\d+:\d+: error: ", done.stderr, re.MULTILINE)))
    for path in unformatted:
        yield f"{path}: not formatted: clang-format -i {path}"
    if done.returncode != 0 and not unformatted:
        yield f"clang-format failed: {done.stderr.strip()}"


def short_files(tree):
    for path, lines in tree.files.items():
        count = len(lines) - (lines[-1] == "")
        if path.suffix in SOURCE_SUFFIXES and count > MOST_LINES:
            yield f"{path}: {count} lines, more than {MOST_LINES}: split it"


def named_tests(tree):
    """The tests that the table of tests/README.md names exist."""
    known = set()
    for path, lines in tree.files.items():
        if path.parts[0] == "tests" and path.suffix == ".cc":
            known.update(UNIT_TEST.findall("\n".join(lines)))
        if path.parts[:3] == ("tests", "vm", "suites"):
            known.update((path.stem, case) for case in GUEST_CASE.findall("\n".join(lines)))
    table = pathlib.Path("tests/README.md")
    for number, line in enumerate(tree.files.get(table, []), 1):
        for name in NAMED_TEST.findall(line) if line.startswith("|") else []:
            if name not in known:
                yield f"{table}:{number}: there is no test {'.'.join(name)}"


def modules_in_map(tree):
    """Each module of agent/ (a file's name without its ending) is named in the code of agent/README.md, the map."""
    text = "\n".join(tree.files.get(MAP, []))
    code = " ".join(sum(re.findall(r"```(.*?)```|`([^`\n]+)`", text, re.DOTALL), ()))
    named = set(re.findall(r"\w+", code))
    modules = {path.with_suffix("") for path in tree.cpp() if path.parts[0] == "agent"}
    for module in sorted(modules):
        if module.name not in named:
            yield f"{module}: agent/README.md does not name this module: add it to the map"


def retired_words(tree):
    """Words that the glossary has replaced. CHANGELOG.md may mention them, and so may the list itself."""
    for path, lines in tree.files.items():
        if is_fixture(path) or path.as_posix() in MAY_USE_RETIRED_WORDS:
            continue
        for number, line in enumerate(lines, 1):
            for pattern, better in RETIRED_WORDS.items():
                if found := pattern.search(line):
                    yield f"{path}:{number}: '{found[0]}' is a retired word: use {better}"


def clean_text(tree):
    for path, lines in tree.files.items():
        captured = is_fixture(path)
        for number, line in enumerate(lines, 1):
            if not captured and line != line.rstrip():
                yield f"{path}:{number}: white space at the end of the line"
            if UNFINISHED.search(line):
                yield f"{path}:{number}: unfinished work: do it, or open an issue"
            if not captured and MACHINE_PATH.search(line):
                yield f"{path}:{number}: a path of one machine: '{MACHINE_PATH.search(line)[0]}…'"


def top_level(tree):
    for path in sorted(tree.root.iterdir()):
        if not (path.name in TOP_LEVEL or path.name.startswith(".")
                or (path.name.startswith("build") and path.is_dir())):
            yield f"{path.name}: does not belong at the top level, which holds {sorted(TOP_LEVEL)}"


ALL = [include_direction, protobuf_at_the_edge, syscalls_behind_the_seam, threads_where_state_is,
       formatted, short_files, named_tests, clean_text, modules_in_map, retired_words, top_level]
