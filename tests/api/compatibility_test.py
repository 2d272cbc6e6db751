#!/usr/bin/python3
"""Clients of the last released API understand this one: buf compares proto/ with released.binpb.

  compatibility_test.py --build DIR             DIR: where npm's packages are kept
  compatibility_test.py --build DIR --release   writes released.binpb again, when a minor version is released
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[1] / "proto"
API = "numalocality/v1"  # the other messages are not an API of this project
RELEASED = HERE / "released.binpb"
sys.path.insert(0, str(HERE.parent))
import npm_packages  # noqa: E402


def changes(buf, proto):
    """What buf reports as incompatible changes, one line each."""
    return subprocess.run([buf, "breaking", ".", "--path", API, "--against", RELEASED], cwd=proto, text=True,
                          capture_output=True, check=False)


def without_a_field(buf):
    """The same for an API without a field that clients may use: it shows that this check can fail."""
    with tempfile.TemporaryDirectory() as directory:
        proto = shutil.copytree(PROTO, pathlib.Path(directory) / "proto")
        placement = proto / API / "placement.proto"
        text = placement.read_text()
        kept = "".join(line for line in text.splitlines(keepends=True) if "local_fraction =" not in line)
        assert kept != text
        placement.write_text(kept)
        return changes(buf, proto)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--release", action="store_true")
    options = parser.parse_args()
    buf = npm_packages.fetch(HERE, options.build) / "node_modules/@bufbuild/buf-linux-x64/bin/buf"
    if options.release:
        subprocess.run([buf, "build", ".", "--path", API, "--exclude-source-info", "-o", RELEASED], cwd=PROTO, check=True)
        return 0
    subprocess.run([buf, "lint", ".", "--path", API], cwd=PROTO, check=True)
    found = changes(buf, PROTO)
    if found.returncode != 0:
        print(f"Clients of the last release do not understand this API:\n{found.stdout}{found.stderr}")
        return 1
    broken = without_a_field(buf)
    assert broken.returncode != 0 and "local_fraction" in broken.stdout, broken
    return 0


if __name__ == "__main__":
    sys.exit(main())
