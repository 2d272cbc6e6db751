"""Pinned npm packages for tests, below a build folder."""

import hashlib
import pathlib
import shutil
import subprocess

PINNED = ["package.json", "package-lock.json", ".npmrc"]


def fetch(pinned, build, finish=lambda directory: None):
    """The directory with the packages that the folder `pinned` pins, in its node_modules; named after the lock file.

    Leaves alone what is there; an interrupted fetch starts anew. finish(directory): done once, after the fetch.
    """
    pinned = pathlib.Path(pinned)
    digest = hashlib.sha256(b"".join((pinned / name).read_bytes() for name in PINNED)).hexdigest()[:12]
    directory = pathlib.Path(build).resolve() / f"{pinned.name}-tools-{digest}"
    done = directory / "complete"
    if done.exists():
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in PINNED:
        shutil.copy(pinned / name, directory / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=directory, check=True)
    finish(directory)
    done.touch()
    return directory
