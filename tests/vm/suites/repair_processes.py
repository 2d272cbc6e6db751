"""A container whose processes have different home nodes: the memory of each follows its own CPUs."""

import os

from guest import oracles
from guest.case import case
from guest.policies import repairs, start_agent, wait_decision
from guest.wait import wait_until

MIB = 1 << 20


def pin(pid, node):
    """Pins every thread of the process to this node, as a worker pins itself."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), oracles.node_cpus(node))


def at_home(pid, node):
    return oracles.share(oracles.anonymous_bytes([pid]), node) >= 0.9


@case(seconds=240)
def crosswise(machine):
    """Four workers on four nodes swap nodes: the container's totals do not change, and each worker's memory follows it."""
    nodes = [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")]
    agent = start_agent(machine, {"minRemoteBytes": "1Mi"}, period="2s")
    pod = machine.kubelet.start_pod("ranks", namespace="prod")
    container = pod.start_container("main", ["integrity-workload", "--bytes", 32 * MIB * len(nodes), "--processes",
                                             len(nodes), "--thp", "never"])
    ready = container.wait_ready()
    hosts = container.host_pids()
    workers = [hosts[pid] for pid in ready["pids"]]
    assert len(workers) == len(nodes)
    for shift in (0, 2, 1):
        homes = {pid: nodes[(index + shift) % len(nodes)] for index, pid in enumerate(workers)}
        for pid, node in homes.items():
            pin(pid, node)
        wait_until(f"each is at home, shifted by {shift}",
                   lambda homes=homes: all(at_home(pid, node) for pid, node in homes.items()), 90)
        assert wait_decision(agent, container, "LOCAL")[0] == "LEAVE"
        placement = agent.placement("--container", container.id)
        seen = {process["pid"]: process["home_node_ids"] for process in placement["processes"]}
        machine.log(f"shift {shift}: {placement['local_fraction']:.3f} local; homes {seen}")
        assert all(seen[pid] == [node] for pid, node in homes.items())
    machine.log(f"{len(repairs(agent))} repairs")
    assert container.stop() == 0, container.output()[-3:]
    assert container.events("result")[-1]["mismatches"] == 0
