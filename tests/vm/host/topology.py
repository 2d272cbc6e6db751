"""Topologies as data: a TOML file becomes QEMU's arguments.

[[node]] tables are in QEMU's order: cpus, memory_mib (0: none), plugged (false: the CPUs are absent),
distances (to every node; either all nodes have them or none). [linux] says what the kernel must make of it:
Linux leaves out empty nodes and renumbers, so nothing else may assume that a QEMU node keeps its id.
"""

import pathlib
import tomllib

from host.failure import Failure

DIRECTORY = pathlib.Path(__file__).resolve().parents[1] / "topologies"


def names():
    return sorted(path.stem for path in DIRECTORY.glob("*.toml"))


def load(name):
    """The topology's tables as a dict, with its name."""
    path = DIRECTORY / f"{name}.toml"
    if not path.exists():
        raise Failure(f"no topology {name}; there are: {', '.join(names())}")
    topology = tomllib.loads(path.read_text())
    topology["name"] = name
    distances = [node["distances"] for node in topology["node"] if "distances" in node]
    count = len(topology["node"])
    if distances and [len(row) for row in distances] != [count] * count:
        raise Failure(f"{path}: distances must be given for each of the {count} nodes to each of them, or not at all")
    return topology


def qemu_arguments(topology):
    """-m, -smp and -numa for this topology, with one socket for each node that has CPUs."""
    nodes = topology["node"]
    sockets = [node for node in nodes if node["cpus"]]
    cores = sockets[0]["cpus"]
    if any(node["cpus"] != cores for node in sockets):
        # Linux warns of, and ignores, caches that reach across nodes: sockets of one size keep them apart.
        raise Failure(f"topology {topology['name']}: nodes with CPUs must all have equally many")
    plugged = cores * sum(node.get("plugged", True) for node in sockets)
    arguments = ["-m", f"{sum(node['memory_mib'] for node in nodes)}M",
                 "-smp", f"cpus={plugged},maxcpus={cores * len(sockets)},sockets={len(sockets)},cores={cores}"]
    first_cpu = 0
    for number, node in enumerate(nodes):
        spec = f"node,nodeid={number}"
        if node["cpus"]:
            spec += f",cpus={first_cpu}-{first_cpu + node['cpus'] - 1}"
            first_cpu += node["cpus"]
        if node["memory_mib"]:
            arguments += ["-object", f"memory-backend-ram,id=memory{number},size={node['memory_mib']}M"]
            spec += f",memdev=memory{number}"
        arguments += ["-numa", spec]
    for source, node in enumerate(nodes):
        for target, distance in enumerate(node.get("distances", [])):
            arguments += ["-numa", f"dist,src={source},dst={target},val={distance}"]
    return arguments
