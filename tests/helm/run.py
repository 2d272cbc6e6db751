#!/usr/bin/python3
"""Tests of the Helm chart. Prints one line per check; exit code 1 if a check fails.

  tests/helm/run.py                 all checks, with the tools in package-lock.json, which are fetched once into build/release/npm
  tests/helm/run.py --agent PATH    also checks that this agent accepts the configuration, and runs under the seccomp profile
  tests/helm/run.py --update        writes the generated files again: README's table, deploy/numa-locality-agent.yaml
"""

import argparse
import dataclasses
import sys

import check_monitoring
import check_objects
import check_texts
import check_values
from chart import MANIFEST, TOP, Chart
from tools import Tools

MODULES = [check_values, check_objects, check_monitoring, check_texts]


@dataclasses.dataclass
class Context:
    tools: Tools
    chart: Chart
    agent: str


def update(context):
    text, problem = check_texts.fresh_readme()
    if problem:
        sys.exit(problem)
    check_texts.README.write_text(text, encoding="utf-8")
    MANIFEST.write_text(context.chart.manifest(), encoding="utf-8")


def run(context, only):
    counts = {True: 0, False: 0}
    for module in MODULES:
        for check in module.CHECKS:
            if only and check.__name__ != only:
                continue
            for name, problem in check(context):
                print(f"ok    {name}" if not problem else f"FAIL  {name}: {problem.strip()}", flush=True)
                counts[not problem] += 1
    print(f"{counts[True]} passed, {counts[False]} failed")
    return counts[False] == 0 and counts[True] > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", default="", metavar="PATH", help="a numa-locality-agent, with localityctl in the same directory")
    parser.add_argument("--build", default=str(TOP / "build" / "release" / "npm"), metavar="DIR", help="directory of the fetched tools")
    parser.add_argument("--only", default="", metavar="CHECK", help="run only this check: the name of its function")
    parser.add_argument("--update", action="store_true", help="write the generated files again")
    arguments = parser.parse_args()
    tools = Tools(arguments.build)
    tools.fetch()
    context = Context(tools, Chart(tools), arguments.agent)
    if arguments.update:
        update(context)
        return
    sys.exit(0 if run(context, arguments.only) else 1)


if __name__ == "__main__":
    main()
