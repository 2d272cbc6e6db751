"""Fetches pinned npm packages for tests into a build folder."""

import hashlib
import pathlib
import shutil
import subprocess

PINNED = ["package.json", "package-lock.json", ".npmrc"]


def fetch(pinned, build, finish=lambda directory: None):
    """Returns a directory whose node_modules contains the packages that the lock file in the folder `pinned` names.

    The directory's name contains a hash of the lock file. Packages that are there already are not fetched again; an interrupted
    fetch starts again. finish(directory) runs once, after the fetch.
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
