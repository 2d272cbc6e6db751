"""Many processes in one container: all are found, at a bounded cost in system calls."""

import pathlib
import re

from guest.agent import Agent
from guest.case import case
from guest.wait import wait_until

PROCESSES = 1000
TRACE = pathlib.Path("/tmp/agent.trace")


def traced_calls():
    """System calls that the agent has made so far, including gRPC's."""
    return sum(bool(re.match(r"\d+ +[a-z]\w*\(", line)) for line in TRACE.read_text().splitlines())


@case(seconds=300)
def thousand_processes(machine):
    """A container of 1,000 processes: all are found, with at most 10 system calls per process and 2 per thread."""
    pod = machine.kubelet.start_pod("crowd")
    container = pod.start_container("main", ["many-processes", PROCESSES])
    pids = wait_until("all processes run", lambda: found if len(found := container.pids()) > PROCESSES else None, 120)
    threads = len(pids)  # each process has one thread
    TRACE.unlink(missing_ok=True)
    agent = Agent(machine, prefix=("strace", "-f", "-qq", "-o", TRACE))
    agent.json("topology")
    before = traced_calls()
    # strace makes the agent about a hundred times slower.
    (placement,) = agent.json("--timeout", "150s", "top", "--container", container.id, timeout=160)["placements"]
    calls = traced_calls() - before
    machine.log(f"{len(pids)} processes, {calls} system calls, {calls / len(pids):.1f} a process")
    assert placement["process_count"] == len(pids) and placement["thread_count"] == threads
    assert not placement.get("incomplete") and not placement.get("vanished_process_count")
    assert calls <= 10 * len(pids) + 2 * threads
