"""The control run: without an agent, re-pinned memory stays where it is. It gives the other suites their meaning."""

from guest import oracles
from guest.case import case
from guest.machine import cpu_list
from guest.wait import stays_true

SIZE = 64 << 20


@case(seconds=180)
def remote_memory_stays(machine):
    """64 MiB on the first node, CPUs re-pinned to the second: for 10 seconds nothing moves."""
    near, far = [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")][:2]
    pod = machine.kubelet.start_pod("control", qos="guaranteed")
    container = pod.start_container("main", ["integrity-workload", "--bytes", "64M", "--thp", "never", "--idle"],
                                    cpus=cpu_list(oracles.node_cpus(near)), memory_limit_bytes=2 * SIZE)
    container.wait_ready()
    before = oracles.anonymous_bytes(container.pids())
    machine.log(f"anonymous bytes per node before: {dict(before)}")
    assert sum(before.values()) >= SIZE
    assert oracles.share(before, near) >= 0.99

    container.repin(cpu_list(oracles.node_cpus(far)))
    moved = oracles.vmstat()["numa_pages_migrated"]
    stays_true(f"memory stays on node {near}",
               lambda: oracles.share(oracles.anonymous_bytes(container.pids()), near) >= 0.99, seconds=10)

    after = oracles.anonymous_bytes(container.pids())
    machine.log(f"anonymous bytes per node after: {dict(after)}")
    assert after[near] >= SIZE
    assert oracles.vmstat()["numa_pages_migrated"] == moved
    assert container.stop() == 0, container.output()[-3:]
