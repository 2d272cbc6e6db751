"""The agent's main job: the memory of a re-pinned pod follows its CPUs, and no other memory moves."""

from guest import oracles
from guest.agent import Agent, assert_agrees_to_the_page, bytes_per_node, outcomes, state
from guest.case import case
from guest.machine import cpu_list

MIB = 1 << 20
PAGE = 4096


def ends():
    """The first and the last node with CPUs and memory: pods are re-pinned from the first to the last."""
    usable = [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")]
    return usable[0], usable[-1]


def start_workload(machine, pod_name, node, *argv, qos="burstable"):
    """A pod of one container that runs integrity-workload on this node, its memory in place."""
    pod = machine.kubelet.start_pod(pod_name, qos=qos)
    container = pod.start_container("main", ["integrity-workload", *argv], cpus=cpu_list(oracles.node_cpus(node)))
    container.wait_ready()
    return container


def assert_home(agent, container, size, node, share=0.99):
    """Asserts that at least `share` of the container's anonymous memory is on the node, by every source."""
    found = oracles.anonymous_bytes(container.pids())
    agent.machine.log(f"anonymous bytes per node, by numa_maps: {dict(found)}")
    assert sum(found.values()) >= size
    assert oracles.share(found, node) >= share
    assert_agrees_to_the_page(agent, container)
    # The kernel updates memory.numa_stat in batches of 64 pages per CPU.
    lag = 64 * PAGE * len(oracles.parse_list(open("/sys/devices/system/cpu/online").read()))
    counted = oracles.numa_stat(container.cgroup)
    said = bytes_per_node(agent.placement("--container", container.id))
    for each in oracles.nodes():
        assert abs(counted[each] - found[each]) <= lag, f"node {each}: numa_stat {counted[each]}, numa_maps {found[each]}"
        assert abs(said.get(each, 0) - found[each]) <= lag, f"node {each}: agent {said}, numa_maps {found[each]}"


def check_migration(machine, size, *argv):
    """A running workload is re-pinned and migrated; it finds no mismatch, a bystander's memory stays where it is.

    Returns the migration's record.
    """
    near, far = ends()
    agent = Agent(machine)
    bystander = start_workload(machine, "bystander", near, "--bytes", 32 * MIB, "--idle", qos="guaranteed")
    container = start_workload(machine, "database", near, "--bytes", size, *argv)
    bystander_before = oracles.anonymous_bytes(bystander.pids())
    assert agent.placement("--container", container.id)["local_fraction"] >= 0.99

    container.repin(cpu_list(oracles.node_cpus(far)))
    remote = agent.placement("--container", container.id)
    assert remote["home_node_ids"] == [far]
    assert remote["local_fraction"] <= 0.01

    record = agent.migrate("--container", container.id)
    assert state(record) == "SUCCEEDED", record
    counts = outcomes(record)
    machine.log(f"outcomes: {counts}, calls: {record['workloads'][0]['move_call_count']}")
    assert counts["MOVED"] >= 0.99 * size / PAGE
    assert_home(agent, container, size, far)
    assert agent.placement("--container", container.id)["local_fraction"] >= 0.99
    assert oracles.anonymous_bytes(bystander.pids()) == bystander_before, "the bystander's memory moved"
    assert container.stop() == 0, container.output()[-3:]
    result = container.events("result")[-1]
    machine.log(f"workload: {result}")
    assert result["mismatches"] == 0 and result["operations"] > 0
    assert bystander.stop() == 0, bystander.output()[-3:]
    return record


def assert_cross_check_agrees(machine, record, size):
    """Asserts that the agent's cross-check with the kernel's counters confirms the moved pages."""
    near, far = ends()
    source = record["workloads"][0]["cross_check"]
    machine.log(f"cross-check: {source}")
    assert source["verdict"] == "CROSS_CHECK_VERDICT_AGREES", source
    tolerance = int(source["tolerance_bytes"])
    assert tolerance < size / 4, "the tolerance is too large to show anything"
    nodes = {int(node.get("node_id", 0)): node for node in source["nodes"]}
    for node, moved in {near: -outcomes(record)["MOVED"] * PAGE, far: outcomes(record)["MOVED"] * PAGE}.items():
        assert int(nodes[node]["moved_bytes"]) == moved
        charged = int(nodes[node].get("after_bytes", 0)) - int(nodes[node].get("before_bytes", 0))
        assert abs(charged - moved) <= tolerance, f"node {node}: {charged} charged, {moved} moved"


def hot(machine, full):
    """(bytes, threads) of a busy workload: 6.1 flushes TLBs page by page, which is slow here."""
    return (32 * MIB, 1) if machine.kernel == "6.1" else (full, 2)


@case(seconds=420)
def pod_repinned(machine):
    """256 MiB of small pages under threads that never pause; the agent's cross-check agrees."""
    size, threads = hot(machine, 256 * MIB)
    record = check_migration(machine, size, "--workers", threads, "--thp", "never")
    assert_cross_check_agrees(machine, record, size)


@case(seconds=420)
def huge_pages(machine):
    """The same with transparent huge pages: they move whole, one entry each, and stay huge."""
    size, threads = hot(machine, 128 * MIB)
    before = oracles.vmstat()
    check_migration(machine, size, "--workers", threads, "--thp", "always")
    after = oracles.vmstat()
    split = after["thp_split_page"] - before["thp_split_page"]
    moved = after["thp_migration_success"] - before["thp_migration_success"]
    machine.log(f"huge pages moved: {moved}, split: {split}")
    assert moved >= 0.9 * size / (2 * MIB) and split <= 2


@case(seconds=420, long=["6.1", "6.12"])
def three_processes_of_eight_threads(machine):
    """A pod of three processes with eight threads each."""
    check_migration(machine, 48 * MIB, "--processes", 3, "--workers", 8, "--thp", "never",
                    "--ops-per-second", 2000)


@case(seconds=300, long=["6.1", "6.12"])
def idle_pod_256_mib(machine):
    """256 MiB of an almost idle pod, on both kernels."""
    check_migration(machine, 256 * MIB, "--ops-per-second", 100, "--thp", "never")


@case(seconds=300, long=["6.1", "6.12"])
def already_home(machine):
    """A migration that finds all memory at home makes no move."""
    _, far = ends()
    agent = Agent(machine)
    container = start_workload(machine, "home", far, "--bytes", 32 * MIB, "--thp", "never", "--idle")
    record = agent.migrate("--container", container.id)
    assert state(record) == "SUCCEEDED"
    assert set(outcomes(record)) == {"ALREADY_THERE"}, outcomes(record)
    assert int(record["workloads"][0].get("move_call_count", 0)) == 0
