#!/usr/bin/python3
"""Measures what the agent costs and how soon it acts, in the emulated machine; prints a table.

  agent.py                         on both kernels; some ten minutes
  agent.py --kernel 6.12 --measure latency
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "vm"))

import run_guest  # noqa: E402  (found by the line above, as those below)
from host import plan, topology  # noqa: E402
from host.failure import Failure  # noqa: E402
from host.images import image_dir  # noqa: E402

MEASURES = ["latency", "numastat", "costs"]
COUNTS = [4, 16, 64, 125, 250]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", choices=plan.KERNELS, help="only this one; may be repeated")
    parser.add_argument("--measure", action="append", choices=MEASURES, help="only this one; may be repeated")
    parser.add_argument("--runs", type=int, default=11, help="re-pins (11)")
    parser.add_argument("--repin-mib", type=int, nargs="+", default=[64, 256], help="MiB of what is re-pinned (64 256)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 512], help="MiB, for numastat (128 512)")
    parser.add_argument("--idle-seconds", type=int, default=120, help="of watching the idle agent (120)")
    parser.add_argument("--build", type=pathlib.Path, default=REPOSITORY / "build/release", metavar="DIR")
    parser.add_argument("--cache", type=pathlib.Path, default=REPOSITORY / "build/vm-cache", metavar="DIR")
    return parser.parse_args()


def measure(options, kernel):
    settings = options.build / "bench_agent.json"
    settings.write_text(json.dumps({"measures": options.measure or MEASURES, "counts": COUNTS, "runs": options.runs,
                                    "sizes": options.sizes, "idle_seconds": options.idle_seconds,
                                    "repin_mib": options.repin_mib}))
    machine = topology.load("two_node")
    for node in machine["node"]:
        node["memory_mib"] = max(node["memory_mib"], (max(options.sizes) + 2048) // 2)
    collected, problem = run_guest.boot(
        options.build / "bench" / f"agent.{kernel}", image_dir(options.cache), kernel, machine,
        {"program": "/job/agent_measures.py"}, 3600, options, binaries=["numa-locality-agent", "localityctl"],
        extra_files=[HERE / "agent_measures.py", options.build / "bin/bench-read-files",
                     options.build / "bin/integrity-workload", settings])
    if problem or collected.first("exit")["status"] != 0:
        raise Failure(f"the measurements on {kernel} did not end well: {problem or 'see above'}")
    return [json.loads(record["line"]) for record in collected.records
            if record["event"] == "output" and record["line"].startswith("{")]


def median(report):
    """CPU seconds of a report."""
    return statistics.median(report["seconds"])


def rows(samples):
    """(what, value, goal) of one kernel's samples."""
    found = {}
    for sample in samples:
        found.setdefault(sample["measure"], []).append(sample)
    reports = found.get("report", [])
    for sample in found.get("numastat", []):
        peer = statistics.median(sample["seconds"])
        goal = {4096: ">= 500 times", 16384: ">= 2,000 times"}.get(sample["mib"], "")
        against = f": {peer / (median(reports[-1]) / reports[-1]['containers']):,.0f} times a report" if reports else ""
        yield (f"numastat -p, {sample['mib']} MiB resident", f"{peer * 1e3:.0f} ms of CPU{against}", goal)
    for mib in sorted({sample["mib"] for sample in found.get("latency", [])}):
        latency = [sample for sample in found["latency"] if sample["mib"] == mib]
        first = [sample["first"] for sample in latency]
        ratio = [sample["local"] / sample["calls"] for sample in latency]
        yield (f"re-pin to first page moved, {mib} MiB", f"{statistics.median(first) * 1e3:.0f} ms "
               f"({min(first) * 1e3:.0f} to {max(first) * 1e3:.0f})", "< 100 ms")
        yield (f"re-pin to 95 % local, over its own kernel calls, {mib} MiB", f"{statistics.median(ratio):.2f}", "<= 1.2")
    for sample in reports:
        ours, bare = median(sample), statistics.median(sample["read_only"])
        yield (f"report of {sample['containers']} containers",
               f"{ours * 1e3:.1f} ms of CPU, {ours / sample['containers'] * 1e6:.0f} us each; {ours / bare:.2f} times "
               f"reading the same files; RSS {sample['rss'] / 2**20:.1f} MiB", "<= 2 times")
    if len(reports) > 1:
        few, many = reports[0], reports[-1]
        grown = (many["rss"] - few["rss"]) / (many["containers"] - few["containers"])
        yield ("memory a further container", f"{grown / 1024:.1f} KiB", "< 40 KiB")
    for sample in found.get("idle", []):
        yield (f"idle agent, {sample['containers']} containers, period 30 s",
               f"{100 * sample['cpu_seconds'] / sample['seconds']:.2f} % of a core, the agent's own threads "
               f"{100 * sample['own_cpu_seconds'] / sample['seconds']:.2f} %; RSS {sample['rss'] / 2**20:.1f} MiB",
               "< 0.1 %, < 32 MiB")


def main():
    options = arguments()
    options.build, options.cache = options.build.resolve(), options.cache.resolve()
    subprocess.run(["cmake", "--build", options.build, "--target", "products", "bench-read-files"], check=True)
    (options.build / "bench").mkdir(exist_ok=True)
    tables = []
    for kernel in options.kernel or plan.KERNELS:
        samples = measure(options, kernel)
        (options.build / "bench" / f"agent.{kernel}.json").write_text(json.dumps(samples, indent=1))
        tables += [(kernel, *row) for row in rows(samples)]
    print("\n| kernel | measure | value | goal |\n|---|---|---|---|")
    for row in tables:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"bench: {failure}")
