"""Hold mode: ptrace keeps the process still during each batch; it runs again whatever happens to the mover."""

import ctypes
import json
import os
import pathlib
import random
import signal
import time

from guest import oracles
from guest.agent import Agent, outcomes, state
from guest.case import case
from guest.machine import cpu_list
from guest.wait import stays_true, wait_until
from suites.faults import repinned
from suites.migrate import MIB, ends
from suites.numa_migrate import start_process

PTRACE_SEIZE = 0x4206


def threads(pid):
    """{thread: (state letter, clock ticks used)} of a process."""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        found[int(path.name)] = fields[0], int(fields[11]) + int(fields[12])
    return found


def is_held(pid):
    return any(state == "t" for state, _ticks in threads(pid).values())


def is_traced(pid):
    return any("TracerPid:\t0\n" not in path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/status"))


def ticks(pid):
    return sum(used for _state, used in threads(pid).values())


def seconds_until_it_runs(pid):
    """Seconds until no thread of a busy process is traced and the process has used the CPU again."""
    start, before = time.monotonic(), ticks(pid)
    wait_until("the process runs again", lambda: not is_traced(pid) and ticks(pid) > before, every=0.01)
    return time.monotonic() - start


def hold_options(pid, node, *more):
    return ["numa-migrate", "--pid", pid, "--to-node", node, "--hold", "--json", *more]


def finish(process):
    """Ends integrity-workload, which checks all its memory before it exits."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, "the workload found its data changed"


def kill_nine_at_random(machine, times):
    """Kills the mover `times` times at random points; each time the process runs again within a second."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 16 * MIB)
    start = time.monotonic()
    machine.run(*hold_options(pid, far), timeout=200)
    seconds = time.monotonic() - start
    while_held, slowest, target = 0, 0, near
    chance = random.Random(times)
    for _ in range(times):
        mover = machine.start(*hold_options(pid, target))
        time.sleep(chance.uniform(seconds / 4, seconds))  # in the first quarter it only starts
        while_held += is_held(pid)
        mover.kill()
        slowest = max(slowest, seconds_until_it_runs(pid))
        if mover.wait() == 0:  # it had finished: the emulation is faster now
            target = near if target == far else far
            seconds *= 0.8
    machine.log(f"{times} movers killed within {seconds:.1f} s of their start, {while_held} of them during a hold; "
                f"the process ran again within {slowest:.2f} s")
    assert slowest <= 1
    assert while_held >= times // 20, "too few kills during a hold: the case proves little"
    finish(process)


@case(seconds=1200, long=["6.1", "6.12"])
def kill_nine(machine):
    """kill -9 of the mover at 50 random points: the process runs again within 1 s, and its data is what it wrote."""
    kill_nine_at_random(machine, 50)


@case(seconds=1800, long=["6.1", "6.12"])
def kill_nine_often(machine):
    """The same at 200 random points, to meet rare ones."""
    kill_nine_at_random(machine, 200)


@case(seconds=240)
def moves_a_busy_process(machine):
    """All of its memory moves in many holds; it runs between them, and its data is what it wrote."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 32 * MIB, "--workers", 4)
    before = ticks(pid)
    record = json.loads(machine.run(*hold_options(pid, far), timeout=200).stdout)
    machine.log(f"holds: {record['holds']}")
    assert record["holds"]["count"] > 1, record
    assert ticks(pid) > before and not is_traced(pid)
    assert oracles.share(oracles.anonymous_bytes(pid), far) >= 0.99
    finish(process)


@case(seconds=120, long=["6.1"])
def a_stopped_process_stays_stopped(machine):
    """A process that SIGSTOP has stopped is moved, stays stopped, and continues at SIGCONT."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 16 * MIB)
    os.kill(pid, signal.SIGSTOP)
    # With small batches no call lasts longer than a hold, which would count as not held.
    record = json.loads(machine.run(*hold_options(pid, far, "--batch", 128), timeout=200).stdout)
    assert record["holds"]["count"] > 1 and record.get("unheld_batches", 0) == 0, record  # no thread must be awaited
    assert oracles.share(oracles.anonymous_bytes(pid), far) >= 0.99
    stays_true("stopped", lambda: {state for state, _ticks in threads(pid).values()} == {"T"}, 1)
    os.kill(pid, signal.SIGCONT)
    seconds_until_it_runs(pid)
    finish(process)


@case(seconds=120, long=["6.1"])
def a_traced_process_is_refused(machine):
    """A process that a debugger traces cannot be held: an error says so, nothing moves, and the process keeps running."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 16 * MIB)
    before = oracles.anonymous_bytes(pid)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.ptrace(PTRACE_SEIZE, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    done = machine.run(*hold_options(pid, far), check=False)
    assert done.returncode == 3 and "traced already" in done.stderr, f"{done.returncode} {done.stderr!r}"
    assert oracles.anonymous_bytes(pid)[near] >= before[near]
    used = ticks(pid)
    wait_until("it runs on", lambda: ticks(pid) > used)
    process.send_signal(signal.SIGKILL)


@case(seconds=240, long=["6.1"])
def the_agent_holds_a_pod(machine):
    """The agent moves a pod with --hold: the batches of a stopped one are held; a busy one is held, too, and keeps its data."""
    near, far = ends()
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 16 * MIB, "--thp", "never")

    def moved_to(node):
        container.repin(cpu_list(oracles.node_cpus(node)))
        record = agent.migrate("--container", container.id, "--hold", "--max-call-time", "2ms")
        (workload,) = record["workloads"]
        holds, unheld = int(workload["hold_count"]), int(workload.get("unheld_batch_count", 0))
        machine.log(f"{state(record)} {outcomes(record)}, {holds} holds, {unheld} batches not held")
        assert state(record) == "SUCCEEDED" and not any(map(is_traced, container.pids())), record
        return holds, unheld

    for pid in container.pids():
        os.kill(pid, signal.SIGSTOP)
    # On a busy host a hold may take too long now and then, but not in each of ten moves.
    for node, other in ((far, near), (near, far)) * 5:
        holds, unheld = moved_to(node)
        assert holds > 1
        if unheld == 0:
            break
    assert unheld == 0
    for pid in container.pids():
        os.kill(pid, signal.SIGCONT)
    holds, _ = moved_to(other)
    assert holds > 1
    assert container.stop() == 0, container.output()[-3:]
