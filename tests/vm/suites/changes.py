"""What changes while memory moves: processes, the wall clock, memory pressure. Nothing is moved or counted that should not be."""

import os
import pathlib
import signal
import tempfile
import time

from guest import oracles
from guest.agent import Agent, outcomes, reason, state
from guest.case import case
from guest.machine import cpu_list
from guest.policies import decision, repairs, start_agent, wait_decision
from guest.wait import wait_until
from suites.faults import SLOWLY, assert_all_counted, repinned, wait_moving
from suites.migrate import MIB, PAGE, ends
from suites.numa_migrate import end_well, figures, resident_pages, start_helper
from suites.repair import cpus_of, share_on, start, stop_clean
from suites.tenants import is_healthy, run_in

SIZE = 64 * MIB
# 64 MiB take 16 s, however fast the machine is.
VERY_SLOWLY = ("--bandwidth", "4M")


def start_changing(machine, kind, node, size=SIZE):
    """Starts guest/changing.py on a node; returns (Popen, the path of its file READY)."""
    ready = pathlib.Path(tempfile.mkdtemp(dir="/tmp")) / "ready"
    process = machine.start("taskset", "-c", cpu_list(oracles.node_cpus(node)), "python3", "-m", "guest.changing", kind,
                            ready, size, env={**os.environ, "PYTHONPATH": "/job"})
    wait_until("its memory is in place", ready.exists, 120)
    return process, ready


def ended(machine, agent, migration_id):
    """The final record of a migration, which is logged."""
    record = agent.wait_final(migration_id)
    machine.log(f"{state(record)} {reason(record)} {outcomes(record)}")
    return record


def end_intact(process, seconds=120):
    process.send_signal(signal.SIGTERM)
    assert process.wait(seconds) == 0, f"the process found its memory changed: {process.log_path.read_text()}"


def start_with_pid(machine, node, pid, size):
    """Starts a helper that gets this process id, which is free; returns it with its memory's addresses."""
    last_pid = pathlib.Path("/proc/sys/kernel/ns_last_pid")
    for _ in range(20):  # another process may take the id first
        last_pid.write_text(str(pid - 1))
        helper, first, end = start_helper(machine, node, size)
        if helper.pid == pid:
            return helper, first, end
        helper.kill()
    raise AssertionError(f"no process got the id {pid}")


@case(seconds=240, long=["6.1"])
def a_process_id_is_reused(machine):
    """A process is killed while its memory moves, and a stranger gets its id: none of the stranger's pages move."""
    near, _ = ends()
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 192 * MIB, "--processes", 2, "--thp", "never", "--idle")
    migration_id = agent.start_migration("--container", container.id, *SLOWLY)
    wait_moving(agent, migration_id)
    victim = max(container.pids(), key=lambda pid: oracles.anonymous_bytes(pid)[near])
    os.kill(victim, signal.SIGKILL)
    wait_until("its process id is free", lambda: not pathlib.Path(f"/proc/{victim}").exists())
    stranger, first, end = start_with_pid(machine, near, victim, "16M")
    before = resident_pages(stranger.pid, first, end)
    assert before[near] == 16 * MIB // PAGE
    record = ended(machine, agent, migration_id)
    assert (state(record), reason(record)) == ("PARTIAL", "WORKLOAD_GONE"), record
    assert_all_counted(record)
    assert resident_pages(stranger.pid, first, end) == before, "pages of the stranger moved"
    end_well(stranger)


@case(seconds=240, long=["6.1"])
def a_process_executes_another_program(machine):
    """A process has new memory in the middle of its migration: the record is final and complete, the memory is unchanged."""
    near, far = ends()
    agent = Agent(machine)
    process, ready = start_changing(machine, "exec", near)
    migration_id = agent.start_migration("--pid", process.pid, "--to-node", far, *VERY_SLOWLY)
    wait_moving(agent, migration_id)
    ready.unlink()
    process.send_signal(signal.SIGUSR1)
    wait_until("the new program has its memory", ready.exists, 120)
    record = ended(machine, agent, migration_id)
    # On 6.1 pages are looked for one window at a time: those of later windows are not known.
    expected = "PAGES_LEFT" if machine.kernel == "6.1" else "WORKLOAD_GONE"
    assert state(record) in ("PARTIAL", "FAILED") and reason(record) == expected, record
    # Pages of the new program that are at the same addresses in time move, too.
    counts = outcomes(record)
    assert counts["MOVED"] > 0 and counts["VANISHED"] > 0 and "NOT_MIGRATABLE" not in counts, counts
    again = agent.migrate("--pid", process.pid, "--to-node", far)
    assert state(again) == "SUCCEEDED" and oracles.share(oracles.anonymous_bytes(process.pid), far) >= 0.95
    end_intact(process)


@case(seconds=240, long=["6.1", "6.12"])
def a_process_forks(machine):
    """A process forks children that check and write its memory while that moves: nobody sees a wrong byte."""
    near, far = ends()
    agent = Agent(machine)
    process, _ = start_changing(machine, "fork", near)
    record = ended(machine, agent, agent.start_migration("--pid", process.pid, "--to-node", far, *SLOWLY))
    assert outcomes(record)["MOVED"] >= 4096, record  # between two children; pages that a child shares stay
    end_intact(process)


@case(seconds=120, long=["6.1"])
def a_process_exits(machine):
    """numa-migrate ends with a figure for every page and a clear reason when the process exits while it moves."""
    near, far = ends()
    helper, _, _ = start_helper(machine, near, "64M")
    mover = machine.start("numa-migrate", "--pid", helper.pid, "--to-node", far, *VERY_SLOWLY)
    wait_until("pages have moved", lambda: resident_pages(helper.pid)[far] > 2048, 60, every=0.05)
    helper.kill()
    helper.wait()
    status = mover.wait(60)
    output = mover.log_path.read_text()
    machine.log(f"status {status}")
    assert status == 3 and f"ERROR: process {helper.pid} exited while its memory moved: " in output, f"status {status}: {output}"
    figures("".join(line for line in output.splitlines(keepends=True) if not line.startswith(("Note", "ERROR"))))


@case(seconds=240, long=["6.1", "6.12"])
def pages_that_are_released(machine):
    """Fewer than 64 pages cannot move at first and are released meanwhile: they move when they are tried again."""
    near, far = ends()
    agent = Agent(machine)
    process, _ = start_changing(machine, "release", near)
    migration_id = agent.start_migration("--pid", process.pid, "--to-node", far, "--min-moved", "0.99", *VERY_SLOWLY)
    # Pages move in the order of their addresses: now the first ones of its memory have been tried.
    wait_until("half of its memory has moved", lambda: oracles.anonymous_bytes(process.pid)[far] >= SIZE // 2, 60)
    assert state(agent.migration(migration_id)) == "RUNNING"
    process.send_signal(signal.SIGUSR1)
    record = ended(machine, agent, migration_id)
    assert state(record) == "SUCCEEDED" and "PINNED" not in outcomes(record), record
    assert oracles.anonymous_bytes(process.pid)[near] <= 8 * PAGE
    end_intact(process)


@case(seconds=240, long=["6.1", "6.12"])
def bandwidth_and_call_time(machine):
    """The record has the time that a bandwidth limit cost, and a longer call time takes fewer calls."""
    near, far = ends()
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 32 * MIB, "--thp", "never", "--idle")

    def moved_to(node, *argv):
        container.repin(cpu_list(oracles.node_cpus(node)))
        record = agent.migrate("--container", container.id, *argv)
        (workload,) = record["workloads"]
        machine.log(f"{argv}: {outcomes(record)}, {workload['move_call_count']} calls")
        assert state(record) == "SUCCEEDED" and outcomes(record)["MOVED"] * PAGE >= 0.98 * 32 * MIB
        return workload
    assert float(moved_to(far, "--bandwidth", "2M")["bandwidth_wait_time"].removesuffix("s")) > 0
    short, long = moved_to(near, "--max-call-time", "1ms"), moved_to(far, "--max-call-time", "1s")
    assert int(long["move_call_count"]) < int(short["move_call_count"])


def pressure(container):
    """The share of its time that some process of the container lost to memory pressure, in percent."""
    some = (container.cgroup / "memory.pressure").read_text().splitlines()[0]
    return float(some.split("avg10=")[1].split()[0])


def press(machine, container, node):
    """Starts a process that thrashes at the container's limit, until the container is under pressure; returns the Popen."""
    ready = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    ready.chmod(0o777)
    (container.cgroup / "memory.high").write_text(str(64 * MIB))
    thrashing = run_in(machine, container, node, "python3", "-m", "guest.hostile", "thrash", ready / "ready", 96 * MIB)
    wait_until("the workload is under pressure", lambda: pressure(container) >= 20, 120)
    return thrashing


@case(seconds=300, long=["6.1", "6.12"])
def pressure_slows_a_migration(machine):
    """A migration that is asked for under memory pressure waits between its batches, says so, and ends well."""
    near, far = ends()
    agent = Agent(machine)
    database = start(machine, "database", near, "--idle", size=32 * MIB)
    thrashing = press(machine, database, near)
    record = agent.migrate("--container", database.id, "--to-node", far, *SLOWLY)
    waited = record["workloads"][0].get("pressure_wait_time", "0s")
    machine.log(f"{state(record)} {reason(record)} {outcomes(record)}, waited {waited}")
    assert state(record) in ("SUCCEEDED", "PARTIAL") and float(waited.rstrip("s")) > 0
    thrashing.kill()
    (database.cgroup / "memory.high").write_text("max")
    assert share_on(database, far) >= 0.5
    stop_clean(machine, database)


@case(seconds=300, long=["6.1", "6.12"])
def pressure_holds_a_repair_back(machine):
    """No repair begins while its workload loses its time to memory pressure; it begins when the pressure has gone."""
    near, far = ends()
    agent = start_agent(machine, {}, period="1s")
    database = start(machine, "database", near, "--idle", size=32 * MIB)
    thrashing = press(machine, database, near)
    database.repin(cpus_of(far))
    wait_decision(agent, database, "UNDER_PRESSURE", 120)
    assert share_on(database, near) >= 0.95 and not repairs(agent)
    thrashing.kill()
    (database.cgroup / "memory.high").write_text("max")
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 120)
    machine.log(f"pressure {pressure(database)} %, decision {decision(agent, database)}")
    stop_clean(machine, database)


@case(seconds=300, long=["6.1"])
def the_wall_clock_steps(machine):
    """The wall clock is set back 6 hours, then forward: memory comes home each time, and the agent is healthy throughout."""
    near, far = ends()
    agent = start_agent(machine, {}, period="1s")
    database = start(machine, "database", near, "--idle", size=16 * MIB)
    offset = time.time() - time.monotonic()
    machine.cleanup.callback(lambda: time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + offset))
    for node, step in (far, -6), (near, 6), (far, 0):
        time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + offset + step * 3600)
        assert is_healthy()
        database.repin(cpus_of(node))
        wait_until(f"memory is home, {step} h", lambda: share_on(database, node) >= 0.95, 120)
        assert is_healthy()
        wait_decision(agent, database, "LOCAL")
    late = start(machine, "late", far, "--idle", size=16 * MIB)  # a new container is noticed
    wait_until("the new container is known", lambda: decision(agent, late), 30)
    stop_clean(machine, database, late)
