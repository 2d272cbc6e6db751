"""Negative controls, without an agent: re-pinned memory stays where it is, and the oracles would see a move."""

from guest import oracles
from guest.case import case
from guest.machine import cpu_list
from guest.wait import stays_true, wait_until

SIZE = 64 << 20


def start_on(machine, node):
    """A container with SIZE bytes on this node; returns it when its memory is there."""
    pod = machine.kubelet.start_pod("control", qos="guaranteed")
    container = pod.start_container("main", ["integrity-workload", "--bytes", SIZE, "--thp", "never", "--idle"],
                                    cpus=cpu_list(oracles.node_cpus(node)), memory_limit_bytes=2 * SIZE)
    container.wait_ready()
    found = oracles.anonymous_bytes(container.pids())
    machine.log(f"anonymous bytes per node: {dict(found)}")
    assert sum(found.values()) >= SIZE and oracles.share(found, node) >= 0.99
    return container


def two_nodes():
    """Two nodes with CPUs and memory."""
    return [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")][:2]


@case(seconds=180, long=["6.1", "6.12"])
def remote_memory_stays(machine):
    """64 MiB on the first node, CPUs re-pinned to the second: nothing moves for 10 seconds."""
    near, far = two_nodes()
    container = start_on(machine, near)
    balanced = oracles.vmstat()["numa_pages_migrated"]
    container.repin(cpu_list(oracles.node_cpus(far)))
    stays_true(f"memory stays on node {near}",
               lambda: oracles.share(oracles.anonymous_bytes(container.pids()), near) >= 0.99, seconds=10)
    machine.log(f"anonymous bytes per node after: {dict(oracles.anonymous_bytes(container.pids()))}")
    assert oracles.vmstat()["numa_pages_migrated"] == balanced
    assert container.stop() == 0, container.output()[-3:]


@case(seconds=120)
def a_move_is_seen(machine):
    """The same oracles see pages that move: here the kernel moves them, because cpuset.mems changes."""
    near, far = two_nodes()
    container = start_on(machine, near)
    (container.cgroup / "cpuset.mems").write_text(str(far))
    wait_until(f"memory is on node {far}",
               lambda: oracles.share(oracles.anonymous_bytes(container.pids()), far) >= 0.99)
    wait_until("memory.numa_stat follows", lambda: oracles.share(oracles.numa_stat(container.cgroup), far) >= 0.9)
    assert container.stop() == 0, container.output()[-3:]


@case(seconds=60, long=["6.1", "6.12"])
def a_wrong_move_is_caught(machine):
    """Pages are damaged on purpose: the workload must notice within 10 seconds."""
    for fault in ("torn", "stale", "zero"):
        done = machine.run("integrity-workload", "--bytes", "32M", "--control", fault, "--seconds", "10", check=False,
                           log_output=False)
        result = done.stdout.splitlines()[-1]
        machine.log(result)
        assert done.returncode == 1, f"{fault}: not caught"
