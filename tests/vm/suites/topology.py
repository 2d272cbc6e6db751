"""Linux sees the topology that the data file describes. Needs no agent."""

from guest import oracles
from guest.case import case


@case()
def as_promised(machine):
    """The node ids, and which nodes have CPUs and memory."""
    for kind in ("online", "has_cpu", "has_memory"):
        promised = oracles.parse_list(machine.topology["linux"][kind])
        found = oracles.nodes(kind)
        machine.log(f"{kind}: {found}")
        assert found == promised, f"{kind}: {found}, the topology promises {promised}"


@case()
def sizes_and_distances(machine):
    """Memory and distances of each node. Sizes differ between nodes, because the kernel itself uses memory."""
    with_memory = oracles.nodes("has_memory")
    for node in oracles.nodes():
        total = oracles.node_memory(node)["MemTotal"]
        distances = oracles.node_distances(node)
        machine.log(f"node {node}: {total >> 20} MiB, CPUs {oracles.node_cpus(node)}, distances {distances}")
        assert (total > 0) == (node in with_memory)
        assert distances[node] == 10
        assert all(distance > 10 for other, distance in distances.items() if other != node)
        # Topologies with distances have no empty nodes: Linux then keeps their order.
        given = machine.topology["node"][node].get("distances")
        assert given is None or list(distances.values()) == given


@case()
def nothing_moves_pages_by_itself(machine):
    """Automatic NUMA balancing is off; /proc says so too."""
    before = oracles.vmstat()["numa_pages_migrated"]
    machine.log(f"numa_pages_migrated: {before}")
    with open("/proc/sys/kernel/numa_balancing") as file:
        assert file.read().strip() == "0"
    assert before == 0, "balancing has moved pages since the machine started"
