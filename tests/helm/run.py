#!/usr/bin/python3
"""Tests of the Helm chart: a line for each check, and exit code 1 if one fails.

  tests/helm/run.py                 with what npm has pinned in package-lock.json, fetched once into build/release/npm
  tests/helm/run.py --agent PATH    also whether that agent takes the configuration, and runs under the seccomp profile
  tests/helm/run.py --update        writes anew what is made from the chart: README's table, deploy/numa-locality-agent.yaml
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
    parser.add_argument("--agent", default="", metavar="PATH", help="a numa-locality-agent, localityctl beside it")
    parser.add_argument("--build", default=str(TOP / "build" / "release" / "npm"), metavar="DIR", help="where the tools are kept")
    parser.add_argument("--only", default="", metavar="CHECK", help="one check, by its function's name")
    parser.add_argument("--update", action="store_true", help="write what is made from the chart")
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
