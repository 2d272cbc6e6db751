"""Stick: cpuset.mems, written through the real containerd, keeps memory where it was moved."""

from guest import oracles
from guest.agent import Agent, outcomes, reason, state
from guest.case import case
from guest.kubelet import SOCKET
from guest.machine import cpu_list
from guest.wait import stays_true, wait_until
from suites.migrate import MIB, ends, start_workload

STICK = ("--stick", "cpuset-mems")


def repinned(machine, size, *argv):
    """Starts a container whose memory is on the first node and confined to it, and whose CPUs are on the last."""
    near, far = ends()
    container = start_workload(machine, "database", near, "--bytes", size, "--thp", "never", *argv)
    set_mems(container, near)
    container.repin(cpu_list(oracles.node_cpus(far)))
    return container


def set_mems(container, nodes):
    """cpuset.mems as kubelet sets it."""
    container.pod.cri.call("UpdateContainerResources", container_id=container.id, linux={"cpuset_mems": str(nodes)})
    assert mems(container) == str(nodes)


def mems(container):
    return (container.cgroup / "cpuset.mems").read_text().strip()


def refused(agent, *argv):
    """The error of a migration that is refused before anything moves."""
    done = agent.ctl("migrate", *argv, check=False)
    assert done.returncode == 3, f"{argv}: {done.returncode} {done.stderr!r}"
    return done.stderr


@case(seconds=120, long=["6.1", "6.12"])
def needs_a_runtime(machine):
    """Without a container runtime the agent refuses and names the flag."""
    near, _ = ends()
    agent = Agent(machine)
    container = start_workload(machine, "alone", near, "--bytes", 8 * MIB, "--idle")
    assert "--cri-socket" in refused(agent, "--container", container.id, *STICK)


@case(seconds=240, long=["6.1", "6.12"])
def old_kernels_are_refused(machine):
    """Before Linux 6.7 a write to cpuset.mems stalls the workload: refused unless forced. Later kernels allow it."""
    _, far = ends()
    agent = Agent(machine, "--cri-socket", SOCKET)
    container = repinned(machine, 32 * MIB, "--idle")
    if machine.kernel == "6.1":
        before = mems(container)
        error = refused(agent, "--container", container.id, *STICK)
        assert "6.7" in error and mems(container) == before, error
        record = agent.migrate("--container", container.id, *STICK, "--stick-on-old-kernels")
    else:
        record = agent.migrate("--container", container.id, *STICK)
    assert state(record) == "SUCCEEDED", record
    assert mems(container) == str(far)


@case(seconds=300)
def moved_and_kept(machine):
    """A container confined to its old node: cpuset.mems is widened, memory moves, cpuset.mems is the new node; later memory is there."""
    _, far = ends()
    if machine.kernel == "6.1":
        force = ("--stick-on-old-kernels",)
        size, load = 32 * MIB, ("--workers", 1, "--ops-per-second", 500)
    else:
        force = ()
        size, load = 64 * MIB, ("--workers", 2)
    agent = Agent(machine, "--cri-socket", SOCKET)
    container = repinned(machine, size, *load)
    record = agent.migrate("--container", container.id, *STICK, *force)
    (workload,) = record["workloads"]
    machine.log(f"{state(record)}: {outcomes(record)}; {workload['stick_note']}")
    assert state(record) == "SUCCEEDED", record
    assert mems(container) == str(far) and f"node {far} now" in workload["stick_note"]
    assert oracles.share(oracles.anonymous_bytes(container.pids()), far) >= 0.99
    # A later update of another setting keeps it: the runtime knows the new value.
    container.repin(cpu_list(oracles.node_cpus(far)[:1]))
    assert mems(container) == str(far)
    assert container.stop() == 0, container.output()[-3:]
    assert container.events("result")[-1]["mismatches"] == 0


@case(seconds=240)
def a_pod_without_its_sandbox(machine):
    """A whole pod: its container moves and sticks. Its sandbox, of which the runtime sets no resources, is no part of the request."""
    _, far = ends()
    force = ("--stick-on-old-kernels",) if machine.kernel == "6.1" else ()
    agent = Agent(machine, "--cri-socket", SOCKET)
    container = repinned(machine, 16 * MIB, "--idle")
    record = agent.migrate("--pod", container.pod.uid, *STICK, *force)
    (workload,) = record["workloads"]
    assert workload["workload"]["container_id"] == container.id, record
    assert state(record) == "SUCCEEDED" and mems(container) == str(far), record


@case(seconds=300, long=["6.1", "6.12"])
def others_have_their_way(machine):
    """While the agent watches it undoes one foreign write; the second one stays, and the result says so."""
    near, far = ends()
    agent = Agent(machine, "--cri-socket", SOCKET)
    container = repinned(machine, 16 * MIB, "--idle")
    force = ("--stick-on-old-kernels",) if machine.kernel == "6.1" else ()
    migration_id = agent.start_migration("--container", container.id, *STICK, *force)
    wait_until("it is confined", lambda: mems(container) == str(far), 60, every=0.05)
    for put_back in (True, False):
        (container.cgroup / "cpuset.mems").write_text(f"{near},{far}")
        if put_back:
            wait_until("the agent puts it back", lambda: mems(container) == str(far), 30, every=0.05)
    record = agent.wait_final(migration_id)
    machine.log(f"{state(record)} {reason(record)}: {record['message']}")
    assert (state(record), reason(record)) == ("PARTIAL", "NOT_STICKY"), record
    assert "twice" in record["message"]
    stays_true("the other's write stands", lambda: mems(container) == f"{near}-{far}", 3)


@case(seconds=180)
def a_failed_move_changes_nothing(machine):
    """A migration that is cancelled puts cpuset.mems back."""
    near, _ = ends()
    agent = Agent(machine, "--cri-socket", SOCKET)
    container = repinned(machine, 64 * MIB, "--idle")
    force = ("--stick-on-old-kernels",) if machine.kernel == "6.1" else ()
    migration_id = agent.start_migration("--container", container.id, *STICK, *force, "--bandwidth", "4M")
    wait_until("it is widened", lambda: mems(container) != str(near), 60, every=0.05)
    agent.ctl("cancel", migration_id)
    record = agent.wait_final(migration_id)
    assert state(record) == "CANCELLED", record
    assert mems(container) == str(near), mems(container)
