"""Pages that several processes map: they move if all of the processes belong to the workload, otherwise they stay."""

import pathlib
import time

from guest import oracles
from guest.agent import Agent, outcomes, state
from guest.case import case
from guest.machine import cpu_list
from guest.wait import wait_until
from suites.migrate import MIB, PAGE, ends, start_workload
from suites.numa_migrate import start_process

COMMON = pathlib.Path("/dev/shm/common")   # on tmpfs: shared memory, if two containers mount it
# A few of each process: copies of an executable's pages, shared with the process that it was forked from.
FEW = 8
CROWD = 1000


def start_sharers(machine, name, node, *argv, mounts=()):
    """Starts integrity-workload on the node's CPUs; returns the container and the addresses of its memory under test."""
    pod = machine.kubelet.start_pod(name)
    container = pod.start_container("main", ["integrity-workload", "--thp", "never", *argv],
                                    cpus=cpu_list(oracles.node_cpus(node)), mounts=mounts)
    regions = container.wait_ready()["regions"]
    return container, min(int(region["start"], 16) for region in regions)


def common_file(machine, path, size, node):
    """Makes a file whose pages are on the node."""
    path.parent.mkdir(exist_ok=True)
    machine.run("taskset", "-c", cpu_list(oracles.node_cpus(node)), "dd", "if=/dev/zero", f"of={path}", "bs=1M",
                f"count={size // MIB}")
    machine.cleanup.callback(path.unlink)


def everything(container):
    """Counter {node: bytes} of all that the container's processes map."""
    return [oracles.mapped_bytes(pid) for pid in container.pids()]


def assert_all_on(container, start, size, node):
    """Asserts that every process of the container has the whole mapping, and that all of it is on the node."""
    for pid in container.pids():
        found = oracles.mapped_bytes(pid).get(start, {})
        assert dict(found) == {node: size}, f"process {pid}: {dict(found)} of {size} bytes, wanted on node {node}"


def assert_unharmed(machine, container):
    """Stops the container, whose workload checks all of its memory at the end."""
    assert container.stop() == 0, container.output()[-3:]
    result = container.events("result")[-1]
    machine.log(f"workload: {result}")
    assert result["mismatches"] == 0 and result["operations"] > 0


def note(record):
    return record["workloads"][0].get("sharing_note", "")


@case(seconds=300)
def shared_buffers(machine):
    """64 MiB that eight processes of a container map move; a file that a bystander also maps stays."""
    near, far = ends()
    size, path = 64 * MIB, pathlib.Path("/srv/common/file")
    common_file(machine, path, 8 * MIB, near)
    mounts = [(str(path.parent), "/common")]
    bystander, _ = start_sharers(machine, "bystander", near, "--bytes", 8 * MIB, "--idle", "--map", "/common/file",
                                 mounts=mounts)
    agent = Agent(machine)
    database, start = start_sharers(machine, "database", near, "--sharing", "mapping", "--processes", 8, "--workers", 1,
                                    "--bytes", size, "--ops-per-second", 400, "--map", "/common/file", mounts=mounts)
    before = everything(bystander)
    database.repin(cpu_list(oracles.node_cpus(far)))
    record = agent.migrate("--container", database.id, "--kinds", "anon,shmem,file", "--shared", "owned")
    machine.log(f"{state(record)} {outcomes(record)}, note: {note(record)!r}")
    assert_all_on(database, start, size, far)
    assert outcomes(record)["SHARED"] >= 8 * 8 * MIB // PAGE, "the file stays"
    assert everything(bystander) == before, "the bystander's memory moved"
    assert_unharmed(machine, database)


@case(seconds=300, long=["6.1", "6.12"])
def shared_with_a_stranger(machine):
    """Shared memory that a process of another pod also maps stays, and the record names that process."""
    near, far = ends()
    common_file(machine, COMMON / "segment", 8 * MIB, near)
    mounts = [(str(COMMON), "/dev/shm")]
    stranger, _ = start_sharers(machine, "stranger", near, "--bytes", 1 * MIB, "--idle", "--map", "/dev/shm/segment",
                                mounts=mounts)
    agent = Agent(machine)
    database, start = start_sharers(machine, "database", near, "--sharing", "mapping", "--processes", 2, "--workers", 1,
                                    "--bytes", 16 * MIB, "--idle", "--map", "/dev/shm/segment", mounts=mounts)
    before = everything(stranger)
    database.repin(cpu_list(oracles.node_cpus(far)))
    migrate = ["--container", database.id, "--shared", "owned"]

    record = agent.migrate(*migrate)
    machine.log(f"{state(record)} {outcomes(record)}, note: {note(record)!r}")
    assert_all_on(database, start, 16 * MIB, far)
    segment = 2 * 8 * MIB // PAGE  # as often as it is mapped
    assert segment <= outcomes(record)["SHARED"] <= segment + 2 * FEW
    assert any(f"process {pid}" in note(record) for pid in stranger.pids()), note(record)
    assert everything(stranger) == before, "the stranger's memory moved"

    assert stranger.stop() == 0
    record = agent.migrate(*migrate)
    machine.log(f"without the stranger: {state(record)} {outcomes(record)}, note: {note(record)!r}")
    assert note(record) == "" and outcomes(record).get("SHARED", 0) <= 2 * FEW
    # The file has moved, and is charged to the process that wrote it: the container's counters do not show it.
    source = record["workloads"][0]["cross_check"]
    assert source["verdict"] == "CROSS_CHECK_VERDICT_DISAGREES" and "another cgroup" in source["note"], source
    assert abs(int(source["difference_bytes"]) - 8 * MIB) <= FEW * PAGE, source
    assert_unharmed(machine, database)


@case(seconds=240)
def forked_children(machine):
    """Copy-on-write memory of forked processes stays by default, and moves as a whole if it is the workload's own."""
    near, far = ends()
    size = 32 * MIB
    agent = Agent(machine)
    container, start = start_sharers(machine, "forks", near, "--sharing", "fork", "--processes", 4, "--bytes", size,
                                     "--idle")
    container.repin(cpu_list(oracles.node_cpus(far)))

    record = agent.migrate("--container", container.id, "--shared", "never")
    machine.log(f"never: {state(record)} {outcomes(record)}")
    assert_all_on(container, start, size, near)

    record = agent.migrate("--container", container.id, "--shared", "owned")
    machine.log(f"owned: {state(record)} {outcomes(record)}, note: {note(record)!r}")
    assert state(record) == "SUCCEEDED" and note(record) == ""
    assert_all_on(container, start, size, far)
    assert_unharmed(machine, container)


@case(seconds=240)
def forks_outside_the_workload(machine):
    """To a single process all others are strangers: pages that it shares with its forks stay, the rest moves."""
    near, far = ends()
    agent = Agent(machine)
    _, pid = start_process(machine, near, "--sharing", "fork", "--processes", 2, "--bytes", 8 * MIB, "--idle")
    record = agent.migrate("--pid", pid, "--to-node", far, "--shared", "owned")
    machine.log(f"{state(record)} {outcomes(record)}, note: {note(record)!r}")
    assert outcomes(record)["SHARED"] >= 8 * MIB // PAGE and "common ancestor" in note(record)
    assert oracles.anonymous_bytes(pid)[near] >= 8 * MIB


@case(seconds=300, long=["6.1", "6.12"])
def among_a_thousand_processes(machine):
    """The sharing proof reads every process of the machine: its cost among a thousand processes."""
    near, far = ends()
    agent = Agent(machine)
    container, start = start_sharers(machine, "small", near, "--sharing", "mapping", "--processes", 2, "--bytes", 4 * MIB,
                                     "--idle")
    container.repin(cpu_list(oracles.node_cpus(far)))

    def timed(rule):
        begin = time.monotonic()
        record = agent.migrate("--container", container.id, "--shared", rule)
        machine.log(f"{rule}: {time.monotonic() - begin:.2f} s, {outcomes(record)}, note: {note(record)!r}")
        return time.monotonic() - begin

    alone = timed("never")
    crowd = machine.start("many-processes", CROWD)
    wait_until("all processes run", lambda: '"ready"' in crowd.log_path.read_text(), 120)
    took = timed("owned")
    assert_all_on(container, start, 4 * MIB, far)
    assert took < alone + 20, f"{took:.1f} s among {CROWD} processes, {alone:.1f} s without a proof"
    assert_unharmed(machine, container)
