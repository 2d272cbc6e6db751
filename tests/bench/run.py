#!/usr/bin/python3
"""Measures migrations and scans side by side with migratepages, numastat, bare move_pages loops and memcpy.

  run.py                                   everything, on both kernels: about half an hour on two cores
  run.py --kernel 6.12 --measure running   part of it

Migrations are measured in the emulated NUMA machine (tests/vm), scans on this machine. Prints a table; the build
tree's bench/ gets it as results.md, every single sample in results.json, and results.svg.
"""

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "vm"))

import report  # noqa: E402  (found by the line above, as those below)
import rows  # noqa: E402
import run_guest  # noqa: E402
from host import plan, topology  # noqa: E402
from host.failure import Failure  # noqa: E402
from host.images import image_dir  # noqa: E402

PROGRAMS = ["bench-workload", "bench-raw", "bench-faults"]
GUEST_FILES = [HERE / "measures.py", HERE / "processes.py"]
GUEST_LIMIT_SECONDS = 3600
GUEST_MEASURES = ["stalls", "running", "with_idle_cpu", "half_local", "obstacles", "every_cpu_busy", "bystander"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", choices=plan.KERNELS, help="only this one; may be repeated")
    parser.add_argument("--measure", action="append", default=[], choices=[*GUEST_MEASURES, "scan"],
                        help="only this one; may be repeated")
    parser.add_argument("--runs", type=int, default=6, help="of each mover, a warm-up not counted (6)")
    parser.add_argument("--mib", type=int, default=256, help="memory to move; some measures take a quarter (256)")
    parser.add_argument("--no-build", action="store_true", help="take the binaries as they are")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/release", metavar="DIR")
    parser.add_argument("--cache", type=pathlib.Path, default=REPOSITORY / "build/vm-cache", metavar="DIR",
                        help="where the guest's images are kept")
    return parser.parse_args()


def build(options):
    if not (options.build / "CMakeCache.txt").exists():
        subprocess.run(["cmake", "--preset", "release", "-B", options.build], cwd=REPOSITORY, check=True)
    subprocess.run(["cmake", "--build", options.build, "--target", "bench"], check=True)


def measure_in_guest(options, kernel):
    """The samples of one guest, with its kernel's name."""
    run_dir = options.build / "bench" / kernel
    settings = options.build / "bench.json"
    settings.write_text(json.dumps({"measures": options.measure, "runs": options.runs, "mib": options.mib}))
    programs = [options.build / "bin" / name for name in PROGRAMS]
    collected, problem = run_guest.boot(
        run_dir, image_dir(options.cache), kernel, topology.load("one_cpu_each"), {"program": "/job/measures.py"},
        GUEST_LIMIT_SECONDS, options, binaries=["numa-migrate"], extra_files=[*GUEST_FILES, *programs, settings])
    if problem or collected.first("exit")["status"] != 0:
        raise Failure(f"the measurements on {kernel} did not end well: {problem or 'see above'}; "
                      f"the guest's console is in {run_dir}")
    lines = [record["line"] for record in collected.records if record["event"] == "output"]
    return [{"kernel": kernel, **json.loads(line)} for line in lines]


def measure_scans(options):
    """The rows of bench-scan, on this machine."""
    output = options.build / "bench/scan.jsonl"
    subprocess.run([options.build / "bin/bench-scan", "--runs", str(options.runs), "--json", output], check=True)
    return [json.loads(line) for line in output.read_text().splitlines()]


def write_results(directory, scans, samples):
    results = rows.evaluate_scans(scans) + rows.evaluate(samples)
    (directory / "results.json").write_text(json.dumps(
        {"rows": report.as_json(results), "scans": scans, "samples": samples}, indent=1))
    (directory / "results.svg").write_text(report.picture(results))
    (directory / "results.md").write_text(report.table(results) + "\n")
    print(report.table(results))
    print(f"Every sample: {directory}/results.json; picture: {directory}/results.svg")


def main():
    options = arguments()
    options.build, options.cache = options.build.resolve(), options.cache.resolve()
    if not options.no_build:
        build(options)
    directory = options.build / "bench"
    directory.mkdir(exist_ok=True)
    wanted = options.measure or [*GUEST_MEASURES, "scan"]
    scans = measure_scans(options) if "scan" in wanted else []
    samples = []
    for kernel in options.kernel or plan.KERNELS:
        if set(wanted) & set(GUEST_MEASURES):
            samples += measure_in_guest(options, kernel)
    write_results(directory, scans, samples)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
