"""The measurements inside the guest. Each run of each mover is one sample, printed as a JSON line; what it means is
run.py's business.

Movers take turns (interleaved), and a first turn of each is thrown away: in a fresh guest it is 1.4 times slower,
whoever comes first. CPU 0 (node 0) is the workload's, CPU 1 (node 1) the movers'.
"""

import json
import os
import time

from processes import BIN, JOB, FaultProbe, Workload, migrated_pages, timed, tlb_shootdowns

SETTINGS = json.loads((JOB / "bench.json").read_text())  # by run.py
MEMORY = SETTINGS["mib"] << 20
MOVER_CPU, ALL_CPUS = {1}, {0, 1}


# Movers: each moves the workload's memory from one node to another and returns (seconds, details).

def ours(*options):
    def move(workload, source, target):
        seconds, output = timed(BIN / "numa-migrate", "--pid", workload.pid, "--to-node", target,
                                "--min-moved", 0, "--json", *options)
        return seconds, json.loads(output)
    return move


def migratepages(workload, source, target):
    return timed("migratepages", workload.pid, source, target)[0], {}


def raw_loop(batch=4096):
    def move(workload, source, target):
        return timed(JOB / "bench-raw", "loop", "--pid", workload.pid, "--range", workload.range,
                     "--to-node", target, "--batch", batch)[0], {}
    return move


def memcpy(workload, source, target):
    _, output = timed(JOB / "bench-raw", "copy", "--from-node", source, "--to-node", target, "--bytes", MEMORY)
    return json.loads(output)["seconds"], {}


def nobody(workload, source, target):
    time.sleep(1)
    return 1.0, {}


def rinse():
    """Writes to free memory of both nodes. Where pages of programs were (migratepages moves these, too), the first writer
    makes the emulator discard its translations: up to 0.3 seconds, which no measured mover should pay."""
    timed(JOB / "bench-raw", "copy", "--from-node", 0, "--to-node", 1, "--bytes", 64 << 20)


def emit(measure, mover, run, **values):
    print(json.dumps({"measure": measure, "mover": mover, "run": run, **values}), flush=True)


def interleave(measure, workload, movers, runs, place):
    """Runs each of `movers` ({name: function}) `runs` times. place(source) says what `place` gets beforehand."""
    for run in range(-1, runs):
        for index, (name, move) in enumerate(movers.items()):
            source = (run + index) % 2
            rinse()
            before = workload.place(*place(source))
            shootdowns, migrated = tlb_shootdowns(), migrated_pages()
            workload.ask("measure")
            seconds, details = move(workload, source, 1 - source)
            felt = workload.ask("report")
            if run < 0:
                continue
            emit(measure, name, run, seconds=seconds, details=details, felt=felt,
                 wanted_pages=before.get(source, 0), target_pages=workload.pages_by_node().get(1 - source, 0),
                 total_pages=sum(before.values()), migrated_pages=migrated_pages() - migrated,
                 shootdowns=tlb_shootdowns() - shootdowns)


def whole(source):
    return (source,)


def half(source):
    return (source, 1 - source)


def stalls(runs):
    """A thread that does nothing but mmap() and munmap()."""
    with Workload("--bytes", MEMORY, "--canary-cpu", "0") as workload:
        movers = {"nobody": nobody, "migratepages": migratepages, "numa-migrate": ours()}
        interleave("stalls", workload, movers, runs, whole)


def running(runs):
    """One busy thread, and its gaps."""
    with Workload("--bytes", MEMORY, "--cpus", "0") as workload:
        movers = {"nobody": nobody, "migratepages": migratepages, "numa-migrate": ours(),
                  "numa-migrate, long calls": ours("--max-call-time", "150ms"), "raw loop": raw_loop(),
                  "memcpy": memcpy}
        interleave("running", workload, movers, runs, whole)


def with_idle_cpu(runs):
    """The workload leaves most of its CPU alone, so that a second worker finds one."""
    os.sched_setaffinity(0, ALL_CPUS)
    with Workload("--bytes", MEMORY, "--cpus", "0", "--pause-us", "1000") as workload:
        movers = {"migratepages": migratepages, "numa-migrate": ours(),
                  "numa-migrate, two workers": ours("--workers", 2)}
        interleave("with_idle_cpu", workload, movers, runs, whole)


def half_local(runs):
    """Every second page is in place. A busy thread, so that flushes take interrupts."""
    with Workload("--bytes", MEMORY, "--cpus", "0") as workload:
        movers = {"raw loop": raw_loop(), "numa-migrate": ours()}
        interleave("half_local", workload, movers, runs, half)


def obstacles(runs):
    """One page in 64 is pinned, one is a hole; pinned pages stay on node 0 whatever is placed."""
    os.sched_setaffinity(0, ALL_CPUS - MOVER_CPU)  # inherited: its memory begins on node 0
    with Workload("--bytes", MEMORY // 4, "--pin-every", 64, "--hole-every", 64) as workload:
        os.sched_setaffinity(0, MOVER_CPU)
        pinned = workload.ready["pinned_pages"]
        movers = {"one raw call": raw_loop(1 << 20), "numa-migrate": ours()}
        for run in range(runs):
            for name, move in movers.items():
                placed = workload.place(0)
                total = sum(placed.values())
                assert placed == {0: total}, f"the pages are not all on node 0: {placed}"
                seconds, details = move(workload, 0, 1)
                emit("obstacles", name, run, seconds=seconds, details=details, movable_pages=total - pinned,
                     target_pages=workload.pages_by_node().get(1, 0))


def every_cpu_busy(runs):
    os.sched_setaffinity(0, ALL_CPUS)
    with Workload("--bytes", MEMORY, "--cpus", "0,1") as workload:
        movers = {"nobody": nobody, "migratepages": migratepages, "numa-migrate": ours(),
                  "numa-migrate, hold": ours("--hold")}
        interleave("every_cpu_busy", workload, movers, runs, whole)


def bystander(runs):
    """Page faults of a bystander. "spinner": a mover's CPU is busy with nothing."""
    def spin(workload, source, target):
        end = time.monotonic() + 1
        while time.monotonic() < end:
            pass
        return 1.0, {}

    movers = {"nobody": nobody, "spinner": spin, "numa-migrate": ours(), "migratepages": migratepages,
              "raw loop, 16 pages a call": raw_loop(16)}
    with FaultProbe() as probe, Workload("--bytes", MEMORY) as workload:
        os.sched_setaffinity(probe.pid, ALL_CPUS - MOVER_CPU)
        for run in range(-1, runs):
            for index, (name, move) in enumerate(movers.items()):
                source = (run + index) % 2
                rinse()
                workload.place(source)
                probe.ask("measure")
                seconds, details = move(workload, source, 1 - source)
                felt = probe.ask("report")
                if run >= 0:
                    emit("bystander", name, run, seconds=seconds, details=details, felt=felt)


MEASURES = [stalls, running, with_idle_cpu, half_local, obstacles, every_cpu_busy, bystander]


def main():
    for measure in MEASURES:
        os.sched_setaffinity(0, MOVER_CPU)
        if not SETTINGS["measures"] or measure.__name__ in SETTINGS["measures"]:
            measure(SETTINGS["runs"])


if __name__ == "__main__":
    main()
