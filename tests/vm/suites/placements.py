"""The agent's reports of pods: all are listed, by each kind of selector, with their memory."""

import grpc

from guest import oracles
from guest.agent import SOCKET, Agent, assert_agrees_to_the_page, bytes_per_node
from guest.case import case
from suites.migrate import MIB, ends, start_workload


@case(seconds=120, long=["6.1"])
def pods_of_each_class(machine):
    """Each pod is listed with its class; its sandbox is known as one, and hidden unless asked for."""
    near, _ = ends()
    agent = Agent(machine)
    started = {qos: start_workload(machine, f"pod-{qos}", near, "--bytes", "8M", "--idle", qos=qos)
               for qos in ("guaranteed", "burstable", "besteffort")}
    listed = {item["workload"]["container_id"]: item for item in agent.json("top")["placements"]}
    assert set(listed) == {container.id for container in started.values()}
    for qos, container in started.items():
        workload = listed[container.id]["workload"]
        assert workload["pod_uid"] == container.pod.uid
        assert workload["cgroup_path"] == container.cgroup_path
        assert int(workload["cgroup_id"]) == container.cgroup.stat().st_ino
        assert workload["qos_class"].replace("_", "").lower() == f"qosclass{qos}"
        assert listed[container.id]["process_count"] == len(container.pids())
    everything = agent.json("top", "--sandboxes")["placements"]
    sandboxes = {item["workload"]["container_id"] for item in everything if item["is_sandbox"]}
    assert sandboxes == {container.pod.sandbox_id for container in started.values()}
    # No container runtime is configured: the order of the cgroups says it.
    roles = {item["workload"]["container_id"]: item["workload"]["container_role"] for item in everything}
    assert {roles[sandbox] for sandbox in sandboxes} == {"CONTAINER_ROLE_PRESUMED_SANDBOX"}, roles


@case(seconds=120, long=["6.1"])
def by_any_name(machine):
    """A pod, a container by its short id, a cgroup path and a process all select the same memory."""
    near, _ = ends()
    agent = Agent(machine)
    container = start_workload(machine, "named", near, "--bytes", 16 * MIB, "--thp", "never", "--idle")
    worker = max(container.pids(), key=lambda pid: sum(oracles.anonymous_bytes(pid).values()))
    for selector in (["--pod", container.pod.uid, "--container", container.id], ["--container", container.id[:12]],
                     ["--cgroup", container.cgroup_path], ["--cgroup", str(container.cgroup)], ["--pid", worker]):
        placement = agent.placement(*selector)
        assert bytes_per_node(placement)[near] >= 16 * MIB, selector
        assert placement["home_node_ids"] == [near], selector
    assert agent.placement("--pid", worker)["process_count"] == 1
    assert_agrees_to_the_page(agent, container)


@case(seconds=120, long=["6.1"])
def nested_cgroups_count(machine):
    """Processes in a cgroup below the container's belong to the container, as with systemd or docker in a pod."""
    near, _ = ends()
    agent = Agent(machine)
    container = start_workload(machine, "nested", near, "--bytes", 16 * MIB, "--thp", "never", "--idle")
    pids = container.pids()
    below = container.cgroup / "init.scope"
    below.mkdir()
    for pid in pids:
        (below / "cgroup.procs").write_text(str(pid))
    assert container.pids() == []
    placement = agent.placement("--container", container.id)
    assert placement["process_count"] == len(pids)
    assert placement["workload"]["cgroup_path"] == container.cgroup_path
    container.stop()  # removes the cgroup below, too


@case(seconds=60, long=["6.1"])
def health_and_reflection(machine):
    """Probes and generic clients get answers: health reports SERVING, reflection lists the services."""
    Agent(machine)
    with grpc.insecure_channel(f"unix:{SOCKET}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"", timeout=30) == b"\x08\x01", "HealthCheckResponse{status: SERVING}"
        reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        listed = next(reflect(iter([b"\x3a\x01*"]), timeout=30))  # ServerReflectionRequest{list_services: "*"}
        for service in ("PlacementService", "MigrationService", "AgentService"):
            assert f"numalocality.v1.{service}".encode() in listed, listed
