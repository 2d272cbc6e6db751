"""Many processes in one container: all are found, at a bounded cost in system calls."""

import collections
import pathlib
import re

from guest.agent import Agent
from guest.case import case
from guest.wait import wait_until

MANY = 1000
FEWER = 200  # strace makes the agent so slow that more exceed the time that a request has
TRACE = pathlib.Path("/tmp/agent.trace")
# Reading the clock is a system call only where the clock source is slow, as in this machine.
STRACE = ("strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=!clock_gettime", "-o", TRACE)


def traced_calls():
    """{name: count} of the system calls that the agent has made so far, including gRPC's."""
    names = (re.match(r"\d+ +([a-z]\w*)\(", line) for line in TRACE.read_text().splitlines())
    return collections.Counter(name.group(1) for name in names if name)


def start_crowd(machine, name, count):
    """A container with more than this many processes of one thread each: (container, number of processes)."""
    container = machine.kubelet.start_pod(name).start_container("main", ["many-processes", count])
    pids = wait_until("all processes run", lambda: found if len(found := container.pids()) > count else None, 120)
    return container, len(pids)


def check_placement(agent, container, count):
    (placement,) = agent.json("--timeout", "50s", "top", "--container", container.id)["placements"]
    assert placement["process_count"] == placement["thread_count"] == count, placement
    assert not placement.get("incomplete") and not placement.get("vanished_process_count"), placement


@case(seconds=300)
def thousand_processes(machine):
    """All of 1,000 processes are found; of 200, with at most 10 system calls per process and 2 per thread."""
    agent = Agent(machine)
    container, count = start_crowd(machine, "crowd", MANY)
    check_placement(agent, container, count)
    agent.stop()
    machine.kubelet.remove_pods()

    container, count = start_crowd(machine, "group", FEWER)
    TRACE.unlink(missing_ok=True)
    agent = Agent(machine, prefix=STRACE)
    agent.json("topology")
    before = traced_calls()
    check_placement(agent, container, count)
    by_name = traced_calls() - before
    machine.log(f"{count} processes, {by_name.total()} system calls: {by_name.most_common(8)}")
    assert by_name.total() <= (10 + 2) * count
