#!/usr/bin/python3
"""Boots an emulated NUMA machine and runs cases, or one program, in it.

  run_guest.py --list                              names of all runs and cases; boots nothing
  run_guest.py 6.12.two_node                       one run of guests.toml; few cases that fail are tried again
  run_guest.py 6.12.two_node --case control        only cases whose name contains this
  run_guest.py --kernel 6.12 --topology two_node --program FILE    one program, its output passed through

Exit status: 0 if the guest ran to its end and the kernel reported no fault (cases that failed do not count, see
--strict: show_case.py reports them one by one), or the program's status; 1 otherwise.
"""

import argparse
import pathlib
import shutil
import sys
import time

from host import job_disk, machine, plan, results, topology
from host.failure import Failure
from host.images import image_dir

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# QEMU before 8.1 sometimes runs stale code where a kernel patches itself (ClangBuiltLinux/boot-utils issue 111), mostly at
# boot. That is rare, and says nothing about the code under test.
MOST_BOOTS = 3
# The emulated machine is slow and shares its CPUs: a case may lose a race that cannot happen on a real machine. If no more
# cases than this fail, they are tried once more, in another guest; see results.FLAKY.
MOST_AGAIN = 2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="KERNEL.GUEST of guests.toml")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--case", help="run only cases whose name contains this")
    parser.add_argument("--strict", action="store_true", help="try nothing again; exit with 1 if a case failed, too")
    parser.add_argument("--program", type=pathlib.Path, help="a program (or .py) to run instead of cases")
    parser.add_argument("--kernel", choices=plan.KERNELS, default="6.12")
    parser.add_argument("--topology", default="two_node")
    parser.add_argument("--limit-seconds", type=int, default=600, help="with --program")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/release", metavar="DIR",
                        help="build tree: binaries in bin/, results in vm/ (default: build/release)")
    parser.add_argument("--cache", type=pathlib.Path, default=REPOSITORY / "build/vm-cache", metavar="DIR",
                        help="where images are kept (default: build/vm-cache)")
    return parser.parse_args()


def list_runs():
    """A line a run and a line a case, for CMake: fields separated by spaces."""
    for run in plan.runs():
        print("run", run.name, run.limit_seconds, "long" if run.long else "default")
        for case in run.cases:
            print("case", run.name, case)


def boot(run_dir, images, kernel, machine_topology, job, limit_seconds, options, words="", **more):
    """Makes the job disk (more: as write_job_disk has it), runs the guest to its end; returns (Results, problem or None).

    words: for the kernel's command line.
    """
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    disk = run_dir / "job.img"
    job_disk.write_job_disk(disk, run_dir, job, options.build, **more)
    command = machine.command(machine_topology, images, kernel, disk, words)
    for boots_left in reversed(range(MOST_BOOTS)):
        collected = results.Results(on_record=print_record)
        problem = machine.run_to_end(command, run_dir, limit_seconds, collected.feed)
        if not (boots_left and machine.died_at_boot(run_dir, collected)):
            break
        print(f"guest: booted again, {problem} before the job began", flush=True)
        (run_dir / "console.log").rename(run_dir / f"console.failed-boot-{boots_left}.log")
    disk.unlink()
    return collected, problem or collected.problem()


def print_record(record):
    if record["event"] == "begin":
        print(f"guest: kernel {record['kernel']}, numa_balancing {record['numa_balancing']}", flush=True)
    elif record["event"] == "case":
        print(results.format_case(record), flush=True)
    elif record["event"] == "output":
        print(record["line"], flush=True)


def try_cases(options, run, cases, run_dir):
    """Runs these cases in a guest. Returns (those that passed, what was wrong with the guest itself or None)."""
    start = time.monotonic()
    loaded = topology.load(run.topology)
    job = {"cases": cases, "topology": loaded, "kernel": run.kernel}
    collected, problem = boot(run_dir, image_dir(options.cache), run.kernel, loaded, job, run.limit_seconds,
                              options, binaries=run.binaries, cluster=run.cluster, words=run.kernel_words,
                              extra_files=[REPOSITORY / file for file in run.files])
    passed = [case for case in cases if collected.first("case", name=case, ok=True)]
    print(f"{run.name}: {len(passed)} of {len(cases)} cases passed in {time.monotonic() - start:.0f} s; "
          f"logs: {run_dir}")
    if problem:
        print(f"FAIL {run.name}: {problem}\n" + console_tail(run_dir))
    return passed, problem


def run_cases(options):
    found = {run.name: run for run in plan.runs()}
    if options.run not in found:
        raise Failure(f"no run {options.run}; there are: {' '.join(found)}")
    run = found[options.run]
    cases = [case for case in run.cases if not options.case or options.case in case]
    if not cases:
        raise Failure(f"run {run.name} has no case with {options.case} in its name")
    run_dir = options.build / "vm" / run.name
    passed, problem = try_cases(options, run, cases, run_dir)
    if options.strict:
        return 1 if problem or passed != cases else 0
    # If the guest itself failed, the results of its cases mean nothing.
    failed = cases if problem else [case for case in cases if case not in passed]
    if problem or 0 < len(failed) <= MOST_AGAIN:
        print(f"{run.name}: tried again: {' '.join(failed)}", flush=True)
        _, problem = try_cases(options, run, failed, run_dir / results.AGAIN)
    return 1 if problem else 0


def run_program(options):
    loaded = topology.load(options.topology)
    job = {"program": f"/job/{options.program.name}"}
    run_dir = options.build / "vm" / f"{options.kernel}.{options.topology}.{options.program.stem}"
    collected, problem = boot(run_dir, image_dir(options.cache), options.kernel, loaded, job,
                              options.limit_seconds, options, extra_files=[options.program])
    if problem:
        print(f"FAIL: {problem}\n" + console_tail(run_dir), file=sys.stderr)
        return 1
    return collected.first("exit")["status"]


def console_tail(run_dir):
    return "\n".join((run_dir / "console.log").read_text(errors="replace").splitlines()[-40:])


def main():
    options = arguments()
    options.build, options.cache = options.build.resolve(), options.cache.resolve()
    if options.list:
        return list_runs()
    if options.program:
        return run_program(options)
    return run_cases(options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"run_guest: {failure}")
