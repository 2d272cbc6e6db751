"""Pods of each QoS class start, with cgroups where kubelet would create them. Needs no agent."""

import pathlib

from guest import oracles
from guest.case import case
from guest.machine import cpu_list


def start(machine, qos, **options):
    """A pod of this class with one small workload; checks its cgroup before returning the container."""
    pod = machine.kubelet.start_pod(f"db-{qos}", qos=qos, namespace="prod")
    container = pod.start_container("main", ["integrity-workload", "--bytes", "8M", "--idle"], **options)
    ready = container.wait_ready()
    level = "" if qos == "guaranteed" else f"/{qos}"
    expected = f"/kubepods{level}/pod{pod.uid}/{container.id}"
    for pid in container.pids():
        found = pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip()
        machine.log(f"process {pid}: {found}")
        assert found == f"0::{expected}"
    assert set(ready["pids"]) <= set(container.host_pids())
    return container


@case(seconds=120)
def guaranteed_pod(machine):
    """The cgroup is directly below kubepods; a re-pin does not change the memory limit."""
    limit = 128 << 20
    node = oracles.nodes("has_cpu")[0]
    cpus = oracles.node_cpus(node)
    container = start(machine, "guaranteed", cpus=cpu_list(cpus), memory_limit_bytes=limit)
    container.repin(cpu_list(cpus[:1]))
    assert int((container.cgroup / "memory.max").read_text()) == limit


@case(seconds=120)
def burstable_pod(machine):
    """The cgroup is in kubepods/burstable; the log is where readers of kubelet's logs expect it."""
    container = start(machine, "burstable")
    links = list(pathlib.Path("/var/log/containers").glob(f"db-burstable_prod_main-{container.id}.log"))
    assert len(links) == 1 and links[0].resolve() == container.log_path
    assert container.stop() == 0


@case(seconds=120)
def besteffort_pod(machine):
    """The cgroup is in kubepods/besteffort; its numa_stat agrees with numa_maps."""
    container = start(machine, "besteffort")
    maps = sum(oracles.anonymous_bytes(container.pids()).values())
    stat = sum(oracles.numa_stat(container.cgroup).values())
    machine.log(f"anonymous bytes: numa_maps {maps}, memory.numa_stat {stat}")
    slack = 64 * 4096 * 4 + (1 << 20)  # 64 pages per CPU, and written pages of the executable
    assert maps >= 8 << 20 and abs(maps - stat) <= slack


@case(seconds=120)
def nothing_left_behind(machine):
    """Removing a pod removes its cgroup and its processes."""
    container = start(machine, "burstable")
    pids = container.pids()
    machine.kubelet.remove_pods()
    assert not container.cgroup.parent.exists()
    assert not [pid for pid in pids if pathlib.Path(f"/proc/{pid}").exists()]
