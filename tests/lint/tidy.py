#!/usr/bin/python3
"""Runs clang-tidy with the checks of .clang-tidy.

  tests/lint/tidy.py             on the C++ files that this branch changes, uncommitted changes included
  tests/lint/tidy.py --most 12   on the 12 of them with the most changed lines; the others are listed
  tests/lint/tidy.py --all       on every C++ file
  tests/lint/tidy.py FILE...     on these files

A branch is compared with its merge base with origin/main, or with main. On main itself, such as in a fresh clone, the merge
base is the last commit: its first parent is taken instead, which for a merge commit is the state before the landing.

A header is checked by way of a source that includes it. --all checks the unity sources, which include several sources each:
otherwise most of the time goes to reading the same headers again. Exit status: 0 without findings, 1 with findings, 2 if
clang-tidy cannot run. The compile commands are those of the clang preset, which is configured, not built.
"""

import argparse
import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
FINDING = re.compile(r"^\S+:\d+:\d+: (error|warning): ")


def git(top, *arguments):
    """The output of a git command; "" if it fails."""
    done = subprocess.run(["git", "-C", top, *arguments], text=True, capture_output=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def base_commit(top):
    """The commit to compare with; "" if there is no earlier one."""
    for main in ("origin/main", "main"):
        if base := git(top, "merge-base", "HEAD", main):
            break
    if base and base != git(top, "rev-parse", "HEAD"):
        return base
    return git(top, "rev-parse", "--verify", "--quiet", "HEAD^1")


def changed_files(top, base):
    """C++ files that differ from `base` and still exist, those with the most changed lines first."""
    lines_of = {}
    for line in git(top, "diff", "--numstat", "--no-renames", base, "--", "*.cc", "*.h").splitlines():
        added, removed, path = line.split("\t")
        lines_of[path] = int(added) + int(removed)
    for path in git(top, "ls-files", "--others", "--exclude-standard", "--", "*.cc", "*.h").splitlines():
        lines_of[path] = len((pathlib.Path(top) / path).read_text(encoding="utf-8").splitlines())
    existing = [path for path in lines_of if (pathlib.Path(top) / path).exists()]
    return sorted(existing, key=lambda path: (-lines_of[path], path))


def sources_of(top, paths, compiled):
    """The compiled sources to check for these files, in the same order; a header stands for a source that includes it."""
    chosen = {}
    for path in paths:
        if path in compiled:
            chosen[path] = None
        elif path.endswith(".h"):
            if source := source_with(top, path, compiled):
                chosen[source] = None
    return list(chosen)


def source_with(top, header, compiled):
    """The source of the same name, otherwise the first one that includes the header, or None."""
    if (source := header.removesuffix(".h") + ".cc") in compiled:
        return source
    found = git(top, "grep", "--files-with-matches", "--fixed-strings", f'#include "{header}"', "--", "*.cc").splitlines()
    return next((source for source in found if source in compiled), None)


def compile_commands(top, build, unity):
    """Configures the clang preset in `build` and generates headers; returns the compiled sources, relative to `top`.

    unity: whether these are the unity sources, which CMake writes below `build`, or those of the repository.
    """
    for command in (["cmake", "--preset", "clang", "-B", build, f"-DCMAKE_UNITY_BUILD={'ON' if unity else 'OFF'}"],
                    ["cmake", "--build", build, "--target", "generated_headers"]):
        done = subprocess.run(command, cwd=top, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            sys.stdout.write(done.stdout)
            fail(f"{' '.join(map(str, command))} failed")
    entries = json.loads((build / "compile_commands.json").read_text())
    paths = [pathlib.Path(entry["file"]) for entry in entries]
    written = {path.as_posix() for path in paths if path.name.startswith("unity_") and not path.is_relative_to(build / "proto")}
    return written | {path.relative_to(top).as_posix() for path in paths
                      if path.is_relative_to(top) and not path.is_relative_to(build)}


def tidy(top, build, source):
    """(findings, output) of one source; findings are its lines with a position."""
    # In a unity source, the sources are headers to clang-tidy.
    unity = ["--header-filter=.*/(agent|tests)/.*", "--checks=-bugprone-suspicious-include"]
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet", *(unity if pathlib.Path(source).is_absolute() else []), source],
                          cwd=top, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    findings = {line.replace(f"{top}/", "") for line in done.stdout.splitlines() if FINDING.match(line)}
    if done.returncode != 0 and not findings:
        findings = {f"{source}: clang-tidy ended with status {done.returncode}"}
    return findings, done.stdout.replace(f"{top}/", "")


def check(top, build, sources, jobs):
    """Runs clang-tidy on the sources, prints each finding once (headers are seen by many), and returns their number."""
    seen = set()
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for findings, output in pool.map(lambda source: tidy(top, build, source), sources):
            if findings - seen:
                print(output, flush=True)
            seen |= findings
    return len(seen)


def fail(message):
    print(f"tidy: {message}", file=sys.stderr)
    sys.exit(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--all", action="store_true", help="check every C++ file")
    parser.add_argument("--most", type=int, metavar="COUNT", help="check no more files than this")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at the same time (default: 2)")
    parser.add_argument("--build", type=pathlib.Path, metavar="DIR",
                        help="build tree (default: build/clang, with --all build/clang-unity)")
    options = parser.parse_args()
    if not shutil.which("clang-tidy"):
        fail("clang-tidy is not installed: run deploy/install-packages.sh")
    if options.files:
        wanted = [pathlib.Path(file).resolve().relative_to(TOP).as_posix() for file in options.files]
    elif not options.all:
        base = base_commit(TOP)
        if not base:
            print("tidy: no earlier commit to compare with: nothing is checked; use --all")
            return 0
        wanted = changed_files(TOP, base)
        print(f"tidy: {len(wanted)} C++ files differ from {base[:12]}")
        if not wanted:
            return 0
    build = (options.build or TOP / ("build/clang-unity" if options.all else "build/clang")).resolve()
    compiled = compile_commands(TOP, build, unity=options.all)
    sources = sorted(compiled) if options.all else sources_of(TOP, wanted, compiled)
    if options.most and len(sources) > options.most:
        print(f"tidy: {len(sources) - options.most} of {len(sources)} sources are not checked here, see --all:")
        print("  " + " ".join(sources[options.most:]))
        sources = sources[:options.most]
    count = check(TOP, build, sources, options.jobs)
    print(f"tidy: {len(sources)} sources, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
