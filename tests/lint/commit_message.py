#!/usr/bin/python3
"""Checks a commit message: commit_message.py FILE, as git's commit-msg hook calls it. Exit code 1 if it breaks a rule."""

import pathlib
import sys

LONGEST_SUBJECT = 71


def complaints(text):
    """What is wrong with the message, and what to do. Comment lines of git's editor are left out."""
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if len(subject) > LONGEST_SUBJECT:
        yield f"the subject has {len(subject)} characters, more than {LONGEST_SUBJECT}: shorten it, and put details into the body"
    if len(lines) > 1 and lines[1]:
        yield "the second line is not empty: leave an empty line between subject and body"


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: commit_message.py FILE")
    found = list(complaints(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    for complaint in found:
        print(f"commit message: {complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
