"""The README's table of parameters, generated from the comments in values.yaml:

    ## @section TITLE
    ## @param KEY DESCRIPTION
    ##   continued on further lines

Every key must be described exactly once: by itself, or by the description of a mapping that contains it.
"""

import json
import re

import yaml

BEGIN = "<!-- Generated from values.yaml by tests/helm/run.py --update -->"
END = "<!-- End of the generated part -->"
COMMENT = re.compile(r"^ *## @(section|param) (\S+) ?(.*)$")
MORE = re.compile(r"^ *##   (\S.*)$")


class ValuesError(Exception):
    """An error in the comments."""


def keys_of(values, above=""):
    """(path, value) of every key, including those of mappings."""
    for key, value in values.items():
        path = f"{above}.{key}" if above else key
        yield path, value
        if isinstance(value, dict):
            yield from keys_of(value, path)


def joined(lines):
    """The lines, with continued lines joined."""
    whole = []
    for line in lines:
        more = MORE.match(line)
        if more and whole and COMMENT.match(whole[-1]):
            whole[-1] += f" {more[1]}"
        else:
            whole.append(line)
    return whole


def describe(text):
    """[(section, [(path, default, description)])]"""
    defaults = dict(keys_of(yaml.safe_load(text)))
    sections, described = [], set()
    for line in joined(text.splitlines()):
        found = COMMENT.match(line)
        if not found:
            continue
        kind, first, rest = found.groups()
        if kind == "section":
            sections.append((f"{first} {rest}".strip(), []))
            continue
        if first not in defaults or first in described:
            raise ValuesError(f"values.yaml describes {first}, which is " +
                              ("described before" if first in described else "not there"))
        described.add(first)
        sections[-1][1].append((first, defaults[first], rest))
    for path, value in defaults.items():
        parts = path.split(".")
        above = {".".join(parts[:i]) for i in range(1, len(parts) + 1)}
        if not (isinstance(value, dict) and value) and not above & described:
            raise ValuesError(f"values.yaml does not describe {path}")
    return sections


def table(text):
    lines = [BEGIN]
    for section, rows in describe(text):
        lines += ["", f"### {section}", "", "| key | default | |", "|---|---|---|"]
        lines += [f"| `{path}` | `{json.dumps(default)}` | {description} |".replace("``", "` `")
                  for path, default, description in rows]
    return "\n".join([*lines, "", END])


def renew(readme, values):
    """The README with its table generated again."""
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValuesError(f"README.md must contain '{BEGIN}' and '{END}' exactly once, around the table")
    return readme[:readme.index(BEGIN)] + table(values) + readme[readme.index(END) + len(END):]
