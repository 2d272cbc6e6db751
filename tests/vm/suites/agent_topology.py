"""The topology that the agent reports, on every machine, and the target nodes that it chooses."""

from guest import oracles
from guest.agent import Agent
from guest.case import case
from guest.machine import cpu_list
from guest.wait import wait_until


@case(seconds=60)
def equals_sysfs(machine):
    """Ids, CPUs, memory and distances are exact; free bytes change between two readings."""
    topology = Agent(machine).json("topology")
    nodes = {int(node.get("node_id", 0)): node for node in topology["nodes"]}
    assert sorted(nodes) == oracles.nodes("online")
    for node, said in nodes.items():
        memory = oracles.node_memory(node)
        assert [int(cpu) for cpu in said.get("cpu_ids", [])] == oracles.node_cpus(node)
        assert said.get("has_memory", False) == (node in oracles.nodes("has_memory"))
        assert int(said.get("total_bytes", 0)) == memory["MemTotal"]
        assert 0 <= int(said.get("free_bytes", 0)) <= memory["MemTotal"]
        assert {int(to.get("node_id", 0)): to["distance"] for to in said["distances"]} == oracles.node_distances(node)


@case(seconds=120)
def default_targets_have_cpus_and_memory(machine):
    """For a process on the CPUs of each node in turn: memory-only and memoryless nodes are never its target."""
    agent = Agent(machine)
    eligible = set(oracles.nodes("has_cpu")) & set(oracles.nodes("has_memory"))
    for node in oracles.nodes("has_cpu"):
        process = machine.start("taskset", "-c", cpu_list(oracles.node_cpus(node)),
                                "integrity-workload", "--bytes", "1M", "--idle")
        wait_until("the process has its memory", lambda: '"ready"' in process.log_path.read_text())
        plan = agent.json("migrate", "--pid", process.pid, "--dry-run")
        targets = {int(target) for target in plan["workloads"][0]["target_node_ids"]}
        machine.log(f"CPUs of node {node}: target {sorted(targets)}")
        if node in eligible:
            assert targets == {node}
        else:
            nearest = min(oracles.node_distances(node)[other] for other in eligible)
            assert targets == {other for other in eligible if oracles.node_distances(node)[other] == nearest}
