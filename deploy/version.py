#!/usr/bin/python3
"""The version of this project: project(VERSION) in CMakeLists.txt is its only source.

  deploy/version.py            prints it
  deploy/version.py --check    reports files that name another version; exit code 1 if there are any
  deploy/version.py --update   writes it into these files; then run tests/helm/run.py --update, which renders the manifest again
"""

import argparse
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[1]
PROJECT = re.compile(r"^project\(numa-locality-agent VERSION (\d+\.\d+\.\d+) ", re.MULTILINE)
VERSION = r"(\d+\.\d+\.\d+)"
IMAGE = re.compile(rf"\bnuma-locality-agent:{VERSION}")
# Each file that names the version, and how. build-image.sh and --version have it from the build, the proto files have none.
NAMED = {
    "deploy/Dockerfile": [re.compile(rf"^ARG VERSION={VERSION}$", re.MULTILINE)],
    "deploy/README.md": [IMAGE],
    "deploy/numa-locality-agent.yaml": [IMAGE, re.compile(rf'app\.kubernetes\.io/version: "{VERSION}"')],
    "deploy/sidecar-example.yaml": [IMAGE],
    "helm/numa-locality-agent/Chart.yaml": [re.compile(rf"^version: {VERSION}$", re.MULTILINE),
                                            re.compile(rf'^appVersion: "{VERSION}"$', re.MULTILINE)],
}


def project_version():
    found = PROJECT.search((TOP / "CMakeLists.txt").read_text(encoding="utf-8"))
    if not found:
        sys.exit("version: CMakeLists.txt has no line 'project(numa-locality-agent VERSION X.Y.Z ...'")
    return found[1]


def replaced(path, text, patterns, version):
    """The text with this version in place of what the patterns find."""
    for pattern in patterns:
        text, count = pattern.subn(lambda found: found[0].replace(found[1], version), text)
        if count == 0:
            sys.exit(f"version: {path} has no text that matches {pattern.pattern}; correct NAMED in deploy/version.py")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="report files that name another version")
    parser.add_argument("--update", action="store_true", help="write the version into these files")
    options = parser.parse_args()
    version = project_version()
    if not options.check and not options.update:
        print(version)
        return 0
    stale = []
    for path, patterns in NAMED.items():
        text = (TOP / path).read_text(encoding="utf-8")
        wanted = replaced(path, text, patterns, version)
        if wanted != text:
            stale.append(path)
            if options.update:
                (TOP / path).write_text(wanted, encoding="utf-8")
    if options.check and not options.update:
        for path in stale:
            print(f"version: {path} does not name version {version} of CMakeLists.txt: run deploy/version.py --update", file=sys.stderr)
        return 1 if stale else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
