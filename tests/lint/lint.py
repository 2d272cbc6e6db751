"""Checks a checkout against the rules in rules.py: lint.py DIRECTORY. Exit code 1 if one is broken."""

import sys

import rules


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: lint.py DIRECTORY")
    tree = rules.Tree(sys.argv[1])
    if not tree.cpp():
        sys.exit(f"lint: no C++ file below {sys.argv[1]}: is it the top of the checkout?")
    complaints = [f"{complaint} [{rule.__name__}]" for rule in rules.ALL for complaint in rule(tree)]
    for complaint in complaints:
        print(complaint)
    print(f"lint: {len(tree.files)} files, {len(rules.ALL)} rules, {len(complaints)} complaints")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
