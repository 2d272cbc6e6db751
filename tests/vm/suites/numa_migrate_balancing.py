"""Moves beside the kernel's own mover: numa-migrate switches that off and on again; both movers say when it undoes the work.

These cases switch automatic NUMA balancing on: never in a guest with suites that count on where pages are.
"""

import json
import pathlib
import re
import signal

from guest import oracles
from guest.agent import Agent
from guest.case import case
from guest.wait import wait_until
from suites.migrate import MIB, PAGE, ends
from suites.numa_migrate import PATIENT, end_well, figures, resident_pages, start_helper, start_process

SWITCH = pathlib.Path("/proc/sys/kernel/numa_balancing")
DEBUGFS = pathlib.Path("/sys/kernel/debug")
# How soon and how often balancing scans, in milliseconds; by default after one second, later up to once a minute.
PACE = {"scan_delay_ms": 100, "scan_period_min_ms": 100, "scan_period_max_ms": 500}


def write_until_the_end(machine, path, value):
    before = path.read_text()
    machine.cleanup.callback(lambda: path.write_text(before))
    path.write_text(value)


def switch_on(machine):
    write_until_the_end(machine, SWITCH, "1")


def hurry(machine):
    """Makes balancing act within seconds."""
    if not (DEBUGFS / "sched").exists():
        machine.run("mount", "-t", "debugfs", "none", DEBUGFS)
    for name, milliseconds in PACE.items():
        write_until_the_end(machine, DEBUGFS / "sched/numa_balancing" / name, str(milliseconds))


@case(seconds=120)
def interrupted_with_balancing_off(machine):
    """Ctrl-C during a slow migration: status 130, the exact partial result, and the switch has its old value again."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "32M")
    for signum, status in (signal.SIGINT, 130), (signal.SIGTERM, 143):
        switch_on(machine)
        before = resident_pages(helper.pid, start, end)[far]
        mover = machine.start("numa-migrate", "--pid", helper.pid, "--range", "32M", "--to-node", far,
                              "--numa-balancing", "off", "--bandwidth", "4M/s", "--json")
        wait_until("balancing is off", lambda: SWITCH.read_text() == "0\n")
        wait_until("pages move", lambda: resident_pages(helper.pid, start, end)[far] > before)
        mover.send_signal(signum)
        assert mover.wait(30) == status
        assert SWITCH.read_text() == "1\n"
        SWITCH.write_text("0")
        result = json.loads(mover.log_path.read_text().splitlines()[0])
        left = result["failed_by_reason"]["not_attempted"]
        machine.log(f"{signum.name}: {result['moved']} moved, {left} not attempted")
        assert result["state"] == "CANCELLED" and result["pages"] == 32 * MIB // PAGE
        assert result["moved"] > 0 and result["moved"] + result["unchanged"] + left == result["pages"]
        assert resident_pages(helper.pid, start, end)[far] == before + result["moved"] < result["pages"]
    end_well(helper)


@case(seconds=240)
def drift_is_explained(machine):
    """Threads left on the old node with balancing on: the kernel moves pages back, and the report says why."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 16 * MIB, "--workers", 2)
    hurry(machine)
    switch_on(machine)
    done = machine.run("numa-migrate", "--pid", pid, "--range", "16M", "--to-node", far, "--verify", "--verify-after",
                       "1s,8s", "--min-moved", "0", *PATIENT, timeout=200)
    counts = figures(done.stdout)
    assert counts["Drifted"] > 0, done.stdout
    cause, remedy = re.search(r"^Drifted: \d+\n  likely cause: (.*)\n  what stops it: (.*)$", done.stdout, re.M).groups()
    assert "automatic NUMA balancing is on" in cause and f"may run on node {near}" in cause, cause
    assert "--pin-threads" in remedy and "--numa-balancing off" in remedy, remedy
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=240, long=["6.1", "6.12"])
def drift_is_explained_by_the_agent(machine):
    """The same by the agent: the record has the cause. In the root cgroup no cross-check is possible, and the record says so."""
    near, far = ends()
    agent = Agent(machine)
    process, pid = start_process(machine, near, "--bytes", 16 * MIB, "--workers", 2)
    hurry(machine)
    switch_on(machine)
    record = agent.migrate("--pid", pid, "--to-node", far, "--verify-after", "1s,8s", "--min-moved", "0", *PATIENT)
    (workload,) = record["workloads"]
    assert int(workload.get("drifted_page_count", 0)) > 0, workload
    cause = workload["drift_causes"][0]
    assert "automatic NUMA balancing is on" in cause["cause"] and f"may run on node {near}" in cause["cause"], cause
    assert "stick cpuset-mems" in cause["remedy"], cause
    assert pathlib.Path(f"/proc/{pid}/cgroup").read_text() == "0::/\n"
    assert workload["cross_check"]["verdict"] == "CROSS_CHECK_VERDICT_UNAVAILABLE", workload
    assert "root cgroup" in workload["cross_check"]["note"], workload
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=240, long=["6.1", "6.12"])
def no_drift_with_threads_pinned(machine):
    """The same with the option that the report named: nothing drifts, by the verification and by numa_maps.

    Linux 6.1 hides pages that balancing has marked from move_pages: fewer may count as moved, but all get there.
    """
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 16 * MIB, "--workers", 2)
    hurry(machine)
    switch_on(machine)
    done = machine.run("numa-migrate", "--pid", pid, "--range", "16M", "--to-node", far, "--verify", "--verify-after",
                       "8s", "--pin-threads", "--min-moved", "0", *PATIENT, timeout=200)
    assert "Drifted" not in figures(done.stdout), done.stdout
    found = oracles.anonymous_bytes(pid)
    assert oracles.share(found, far) >= 0.99, found
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"
