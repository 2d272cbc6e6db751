"""Four nodes at different distances: memory goes to the pod's home node and to no other."""

from guest import oracles
from guest.agent import Agent, outcomes, state
from guest.case import case
from guest.machine import cpu_list
from suites.migrate import MIB, check_migration, ends, start_workload
from suites.numa_migrate import PATIENT


@case(seconds=300)
def from_the_first_to_the_last(machine):
    """The main job, from the first node to the last."""
    check_migration(machine, 48 * MIB, "--workers", 1, "--thp", "never")


@case(seconds=300, long=["6.1", "6.12"])
def every_node_in_turn(machine):
    """A pod is re-pinned from node to node, and its memory follows each time."""
    agent = Agent(machine)
    first, _ = ends()
    container = start_workload(machine, "wanderer", first, "--bytes", 16 * MIB, "--thp", "never", "--ops-per-second", 500)
    for node in [*oracles.nodes("has_cpu")[1:], first]:
        container.repin(cpu_list(oracles.node_cpus(node)))
        agent.migrate("--container", container.id)
        assert oracles.share(oracles.anonymous_bytes(container.pids()), node) >= 0.99
    assert container.stop() == 0, container.output()[-3:]


@case(seconds=300, long=["6.1"])
def node_0_is_forbidden(machine):
    """As many calls move a pod whose cpuset.mems leaves out node 0 as one that may use it."""
    agent = Agent(machine)
    _, near, *_, far = oracles.nodes("has_cpu")
    calls = []
    for name, mems in ("free", ""), ("restricted", "1-3"):
        pod = machine.kubelet.start_pod(name)
        container = pod.start_container("main", ["integrity-workload", "--bytes", 48 * MIB, "--thp", "never", "--idle"],
                                        cpus=cpu_list(oracles.node_cpus(near)), mems=mems)
        container.wait_ready()
        container.repin(cpu_list(oracles.node_cpus(far)))
        record = agent.migrate("--container", container.id, *PATIENT)
        calls.append(int(record["workloads"][0]["move_call_count"]))
        machine.log(f"{name}: {state(record)} {outcomes(record)}, {calls[-1]} calls")
        assert state(record) == "SUCCEEDED"
        assert container.stop() == 0, container.output()[-3:]
    assert calls[1] <= 4 * calls[0] + 16, calls
