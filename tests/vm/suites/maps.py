"""Node maps, pages that are already on the target, and reservations far larger than memory."""

import json
import pathlib
import signal
import sys
import time

from guest import oracles
from guest.agent import Agent, outcomes, state
from guest.case import case
from guest.machine import cpu_list
from guest.wait import wait_until
from suites.migrate import MIB, PAGE, ends

CGROUP = pathlib.Path("/sys/fs/cgroup/job")
# Runs a program that is in the cgroup from its first instruction.
IN_CGROUP = ("sh", "-c", f'echo $$ > {CGROUP}/cgroup.procs && exec "$@"', "--")


def start_workload(machine, *argv):
    """Starts integrity-workload by this command, without a container; returns its Popen and its regions once its memory is in place."""
    process = machine.start(*argv)
    wait_until("the process has its memory", lambda: '"ready"' in process.log_path.read_text(), 60)
    ready = next(line for line in process.log_path.read_text().splitlines() if '"ready"' in line)
    return process, json.loads(ready)["regions"]


def region_bytes(region):
    """{node: bytes} of the workload's memory under test."""
    return dict(oracles.mapped_bytes(region["pid"])[int(region["start"], 16)])


def assert_unharmed(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, "the workload found its data changed"


@case(seconds=300)
def a_job_across_four_nodes(machine):
    """Four processes of one job, two on node 0 and two on node 1: by 0:2,1:3 each goes to its own mapped node."""
    node_map = {0: 2, 1: 3}
    CGROUP.mkdir()
    machine.cleanup.callback(lambda: wait_until("the job's cgroup is empty", lambda: not CGROUP.exists() or not
                                                oracles.cgroup_pids(CGROUP) and not CGROUP.rmdir()))
    jobs = {node: start_workload(machine, *IN_CGROUP, "taskset", "-c", cpu_list(oracles.node_cpus(node)),
                                 "integrity-workload", "--processes", 2, "--workers", 1, "--bytes", 32 * MIB, "--thp",
                                 "never", "--ops-per-second", 1000) for node in node_map}
    for node, (_, regions) in jobs.items():
        assert all(region_bytes(region) == {node: 16 * MIB} for region in regions)
    agent = Agent(machine)
    record = agent.migrate("--cgroup", "/job", "--node-map", "0:2,1:3")
    machine.log(f"{state(record)} {outcomes(record)}")
    assert state(record) == "SUCCEEDED"
    for node, (process, regions) in jobs.items():
        for region in regions:
            found = region_bytes(region)
            assert found == {node_map[node]: 16 * MIB}, f"from node {node}: {found}"
            anonymous = oracles.anonymous_bytes(region["pid"])
            others = set(anonymous) - {node_map[node]}
            # The supervisor's pages that the process still shares with it stay: the rule is `never`.
            assert sum(anonymous[each] for each in others) <= 1 * MIB, f"from node {node}: {anonymous}"
        assert_unharmed(process)


@case(seconds=240)
def every_other_page_is_there_already(machine):
    """Pages alternate between two nodes: those on the target are counted and left, all others move; the counts are exact."""
    near, far = ends()
    process, (region,) = start_workload(machine, "taskset", "-c", cpu_list(oracles.node_cpus(near)),
                                        "numactl", f"--interleave={near},{far}", "integrity-workload", "--workers", 1,
                                        "--bytes", 32 * MIB, "--thp", "never", "--ops-per-second", 1000)
    before = region_bytes(region)
    machine.log(f"before: {before}")
    assert min(before[near], before[far]) >= 12 * MIB, "not interleaved"
    agent = Agent(machine)
    addresses = f"{region['start'][2:]}-{region['end'][2:]}"
    record = agent.migrate("--pid", region["pid"], "--range", addresses, "--to-node", far)
    assert outcomes(record) == {"MOVED": before[near] // PAGE, "ALREADY_THERE": before[far] // PAGE}
    assert region_bytes(region) == {far: 32 * MIB}
    assert_unharmed(process)


RESERVATION = """
import mmap, signal
NORESERVE = 0x4000
memory = mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NORESERVE)
memory.madvise(mmap.MADV_NOHUGEPAGE)
for chunk in range(64):
    for page in range(256):
        memory[chunk * (16 << 30) + page * 4096] = 1
print("ready", flush=True)
signal.pause()
"""


def peak_kib(pid):
    """The process's peak resident size since the last reset."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


@case(seconds=500, long=["6.1", "6.12"])
def one_tebibyte_reserved(machine):
    """64 MiB in a mapping of 1 TiB: found at once on 6.12; on 6.1 all of its pagemap must be read."""
    agent = Agent(machine)
    process = machine.start(sys.executable, "-c", RESERVATION)
    wait_until("the reservation is there", lambda: "ready" in process.log_path.read_text(), 60)

    def scan(pid):
        begin = time.monotonic()
        (placement,) = agent.json("--timeout", "250s", "top", "--pid", pid, "--pages", timeout=260)["placements"]
        return time.monotonic() - begin, sum(int(usage.get("anon_bytes", 0)) for usage in placement["node_usages"])

    small = min(scan(1)[0] for _ in range(3))  # the fixed cost of a request
    pathlib.Path(f"/proc/{agent.process.pid}/clear_refs").write_text("5")  # resets the peak
    peak = peak_kib(agent.process.pid)
    attempts = 1 if machine.kernel == "6.1" else 3
    took, found = min(scan(process.pid) for _ in range(attempts))  # the slower attempts were disturbed more
    grown = peak_kib(agent.process.pid) - peak
    machine.log(f"{took:.2f} s ({small:.2f} s for a small process), {found >> 20} MiB found, {grown} KiB more at its peak")
    assert 64 * MIB <= found <= 80 * MIB
    assert found == sum(oracles.anonymous_bytes(process.pid).values()) + oracles.unplaced_anonymous_bytes([process.pid])
    assert grown <= 1024
    if machine.kernel == "6.1":
        entries = 8 * (1 << 40) // PAGE
        begin = time.monotonic()
        machine.run("dd", f"if=/proc/{process.pid}/pagemap", "of=/dev/null", "bs=128K", "iflag=skip_bytes,count_bytes",
                    f"skip={entry_offset(process.pid)}", f"count={entries}", timeout=300)
        plain = time.monotonic() - begin
        machine.log(f"a plain read of its pagemap: {plain:.2f} s")
        # Printed only: emulated timers make the scan's pauses long, the longer the busier the host.
        machine.log(f"ratio {(took - small) / plain:.2f}")
    else:
        assert took - small < 5  # a plain read of its pagemap takes 17; measured: 0.7


def entry_offset(pid):
    """The offset in pagemap of the entries of the process's largest mapping."""
    ranges = [line.split()[0].split("-") for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()]
    start, _ = max(((int(start, 16), int(end, 16)) for start, end in ranges), key=lambda range_: range_[1] - range_[0])
    return start // PAGE * 8
