#!/usr/bin/python3
"""Shows the result of a case: show_case.py DIRECTORY SUITE.CASE, with the directory of its run (build/release/vm/6.12.hold).

Exit status: 0 if the case ran and passed, at first or when tried again; 1 otherwise.
"""

import pathlib
import sys

from host import results


def show(run_dir, case):
    """Prints the case's result and log; returns the exit status."""
    record = results.read(run_dir / results.FILE).first("case", name=case)
    again = results.read(run_dir / results.AGAIN / results.FILE).first("case", name=case)
    if again is not None:
        print(f"{results.FLAKY if again['ok'] else 'FAILED AGAIN'} {case}: this is how it failed at first")
        print(*(record["log"] if record else ["without a result"]), sep="\n")
        record = again
    if record is None:
        print(f"FAIL {case}: no result, it did not run to its end. The guest's console is in {run_dir}/console.log")
        return 1
    print(results.format_case(record), *record["log"], sep="\n")
    return 0 if record["ok"] else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(show(pathlib.Path(sys.argv[1]), sys.argv[2]))
