"""Errors that a person can act on, and commands that end in one."""

import subprocess


class Failure(Exception):
    """Its text says what failed, on what, why, and what to do. Printed without a traceback."""


def run(argv, **options):
    """Runs a command and returns its standard output as text; Failure if it does not exit with 0."""
    try:
        done = subprocess.run(
            argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    except FileNotFoundError:
        raise Failure(f"{argv[0]} is not installed; see the packages in tests/vm/README.md") from None
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise Failure(f"{' '.join(map(str, argv))} ended with status {done.returncode}:\n{tail}")
    return done.stdout
