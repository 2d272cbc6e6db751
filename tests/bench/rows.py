"""Computes the table from the samples of measures.py: each row is a ratio with its goal. Pure."""

import dataclasses
import statistics
from collections.abc import Callable

OURS = "numa-migrate"


def stall(sample):
    return sample["felt"]["stall_longest"] / 1e3


def longest_gap(sample):
    return sample["felt"]["gap_longest"] / 1e3


def gap_p99(sample):
    return sample["felt"]["gap_p99"] / 1e3


def fault(sample):
    return sample["felt"]["fault_mean"]


def milliseconds_per_gib(sample):
    """Per GiB of memory that arrived on the target."""
    return sample["seconds"] * 1e3 / (sample["target_pages"] / 2**18)


def copy_milliseconds_per_gib(sample):
    return sample["seconds"] * 1e3 / (sample["total_pages"] / 2**18)


def shootdowns(sample):
    return sample["shootdowns"]


HOLD_BUDGET_SECONDS = 0.010  # numa-migrate's default --max-call-time


def longest_hold(sample):
    """Milliseconds; for a mover that does not hold, the time that a hold may take."""
    return 1e3 * sample["details"].get("holds", {}).get("longest_seconds", HOLD_BUDGET_SECONDS)


def percent_moved(sample):
    return 100 * sample["target_pages"] / sample["movable_pages"]


@dataclasses.dataclass(frozen=True)
class Row:
    """How many times `value` is better for `ours` than for `peer`. Smaller values are better, unless inverted."""
    what: str
    measure: str
    peer: str
    ours: str
    value: Callable
    unit: str
    goals: dict  # kernel -> the least ratio that is good enough (of an inverted row: the least value of ours)
    emulation: str
    inverted: bool = False


SCHEDULING = "the host takes CPUs away from the guest for milliseconds: see the same figure with nobody moving"
COPIES = "copying is cheap and page tables are dear compared with hardware"
FLUSHES = "a flush by interrupt costs other than on hardware; how many there are is exact"
EXACT = "none: it is counted"

ROWS = [
    Row("longest mmap() stall of a process", "stalls", "migratepages", OURS, stall, "ms",
        {"6.12": 10, "6.1": 300}, SCHEDULING),
    Row("time to move it, one worker", "running", "migratepages", OURS, milliseconds_per_gib, "ms/GiB",
        {"6.12": 1.0, "6.1": 0.95}, COPIES),
    Row("the same, with as many pages a call as on hardware (--max-call-time 150ms)", "running", "migratepages",
        f"{OURS}, long calls", milliseconds_per_gib, "ms/GiB", {"6.12": 1.0, "6.1": 0.95}, COPIES),
    Row("time to move it, two workers and an idle CPU", "with_idle_cpu", "migratepages", f"{OURS}, two workers",
        milliseconds_per_gib, "ms/GiB", {"6.12": 1.7, "6.1": 1.2}, COPIES),
    Row("longest gap between two operations of its threads", "running", "migratepages", OURS, longest_gap, "ms",
        {"6.12": 1.0, "6.1": 1.0}, SCHEDULING),
    Row("99th percentile of these gaps", "running", "migratepages", OURS, gap_p99, "ms",
        {"6.12": 1.0, "6.1": 1.0}, FLUSHES),
    Row("time to move what is half local, alternating", "half_local", "raw loop", OURS, milliseconds_per_gib,
        "ms/GiB", {"6.12": 2.0}, FLUSHES),
    Row("TLB shoot-downs of that", "half_local", "raw loop", OURS, shootdowns, "", {"6.12": 500}, EXACT),
    Row("movable pages moved, 1 in 64 pinned, 1 in 64 a hole", "obstacles", "one raw call", OURS, percent_moved,
        "%", {"6.12": 100, "6.1": 100}, EXACT, inverted=True),
    Row("a thread on every CPU: hold against running", "every_cpu_busy", OURS, f"{OURS}, hold",
        milliseconds_per_gib, "ms/GiB", {"6.12": 2.0, "6.1": 2.0}, FLUSHES),
    Row("a thread on every CPU: hold against migratepages", "every_cpu_busy", "migratepages", f"{OURS}, hold",
        milliseconds_per_gib, "ms/GiB", {"6.1": 1.5}, FLUSHES),
    Row("longest hold within its budget", "every_cpu_busy", "nobody", f"{OURS}, hold", longest_hold, "ms",
        {"6.12": 1.0, "6.1": 1.0}, SCHEDULING),
    Row("page fault of an unrelated process: idle against us", "bystander", "nobody", OURS, fault, "µs",
        {"6.12": 1 / 1.2, "6.1": 1 / 1.2}, "a busy CPU slows the others of a small host: see \"spinner\""),
    Row("the limit: memcpy of the same bytes", "running", "memcpy", OURS, copy_milliseconds_per_gib, "ms/GiB", {},
        COPIES),
]


@dataclasses.dataclass(frozen=True)
class Result:
    """A row on one kernel. `ratios` has one for each run; the movers of a run met the same conditions."""
    row: Row
    kernel: str
    ratios: list
    peer_value: float
    our_value: float

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def goal(self):
        return self.row.goals.get(self.kernel)

    @property
    def is_met(self):
        """True, False, or None where there is no goal."""
        reached = self.our_value if self.row.inverted else self.ratio
        return None if self.goal is None else reached >= self.goal


def by_run(samples, kernel, measure, mover):
    return {sample["run"]: sample for sample in samples
            if (sample["kernel"], sample["measure"], sample["mover"]) == (kernel, measure, mover)}


def evaluate(samples):
    """A Result for each row and kernel that was measured."""
    results = []
    for row in ROWS:
        for kernel in sorted({sample["kernel"] for sample in samples}, reverse=True):
            peers, ours = (by_run(samples, kernel, row.measure, mover) for mover in (row.peer, row.ours))
            runs = sorted(peers.keys() & ours.keys())
            if not runs:
                continue
            pairs = [(row.value(peers[run]), row.value(ours[run])) for run in runs]
            ratios = [mine / theirs if row.inverted else theirs / max(mine, 1e-9) for theirs, mine in pairs]
            results.append(Result(row, kernel, ratios, statistics.median(theirs for theirs, _ in pairs),
                                  statistics.median(mine for _, mine in pairs)))
    return results


def evaluate_scans(lines):
    """Results of the rows that bench-scan wrote: ratios of medians already, measured on this machine itself."""
    results = []
    for line in lines:
        row = Row(f"scan: {line['what']}", "scan", "numa_maps" if "numa_maps" in line["what"] else "queries",
                  "scanner", float, "ms", {"native": line["goal"]}, line["note"] or "none: it is native")
        results.append(Result(row, "native", [line["ratio"]], line["peer_ms"], line["ours_ms"]))
    return results
