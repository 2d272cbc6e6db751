"""Pods without privileges ask for themselves, at the self socket: their memory comes home, and their neighbours are none of their business."""

import pathlib

from guest import oracles
from guest.agent import Agent
from guest.case import case
from guest.containers import IMAGE
from guest.daemonset import PROFILE_TYPES
from guest.machine import cpu_list
from guest.wait import wait_until
from suites.migrate import ends

MIB = 1 << 20
SIZE = 64 * MIB
CONFIG = "self: {enabled: true}\n"
SOCKET_DIRECTORY = "/run/numa-locality-self"
# What the Pod Security level "restricted" demands.
RESTRICTED = {
    "run_as_user": {"value": 65534}, "run_as_group": {"value": 65534}, "no_new_privs": True, "readonly_rootfs": True,
    "capabilities": {"drop_capabilities": ["ALL"]}, "seccomp": {"profile_type": PROFILE_TYPES["RuntimeDefault"]},
}


def start_agent(machine):
    path = pathlib.Path("/tmp/self.yaml")
    path.write_text(CONFIG)
    return Agent(machine, "--config", str(path))


def start_restricted(machine, name, node, *command):
    """A pod of one container without privileges, with what the device plugin gives to it and the client, on the CPUs of a node."""
    pod = machine.kubelet.start_pod(name)
    return pod.run("main", image=IMAGE, command=[str(word) for word in command], cpus=cpu_list(oracles.node_cpus(node)),
                   envs=[{"key": "NUMA_LOCALITY_SELF_SOCKET", "value": f"{SOCKET_DIRECTORY}/self.sock"}],
                   mounts=[{"host_path": SOCKET_DIRECTORY, "container_path": SOCKET_DIRECTORY, "readonly": True},
                           {"host_path": "/job/bin/self-client", "container_path": "/self-client", "readonly": True}],
                   security_context=RESTRICTED)


def execute(container, *argv):
    """(exit code, all output) of the client in the container, as kubectl exec starts it."""
    done = container.pod.cri.call("ExecSync", deadline_seconds=120, container_id=container.id, cmd=["/self-client", *argv],
                                  timeout=100)
    return done.exit_code, done.stdout.decode() + done.stderr.decode()


@case(seconds=300)
def a_pod_asks_for_itself(machine):
    """A re-pinned container without privileges brings its own memory home, and reaches no neighbour's."""
    agent = start_agent(machine)
    near, far = ends()
    workload = ["integrity-workload", "--bytes", SIZE, "--thp", "never"]
    database, neighbour = (start_restricted(machine, name, near, *workload) for name in ("database", "neighbour"))
    for container in (database, neighbour):
        container.wait_ready()
        container.repin(cpu_list(oracles.node_cpus(far)))
    neighbour_before = oracles.anonymous_bytes(neighbour.pids())

    code, said = execute(database, "--container", neighbour.id)
    assert code == 1 and "code 7" in said, said
    code, said = execute(database, "--container", "0" * 64)
    assert code == 1 and "code 7" in said, f"whether a container exists does not show: {said}"
    code, said = execute(database)
    assert code == 0 and "SUCCEEDED" in said, said
    assert oracles.share(oracles.anonymous_bytes(database.pids()), far) >= 0.99
    assert oracles.anonymous_bytes(neighbour.pids()) == neighbour_before, "the neighbour's memory moved"

    (record,) = [record for record in agent.json("migrations")["migrations"]  # others are of earlier cases
                 if record["workloads"][0]["workload"]["container_id"] == database.id]
    assert record["created_by"] == f"self:{database.pod.uid}/{database.id}", record
    audit = [line for line in agent.process.log_path.read_text().splitlines() if "audit" in line]
    assert [line for line in audit if "PERMISSION_DENIED" in line] and [line for line in audit if "result=OK" in line], audit
    for container in (database, neighbour):
        assert container.stop() == 0 and container.events("result")[-1]["mismatches"] == 0, container.output()[-3:]


@case(seconds=120)
def a_buffer_moves_by_its_address(machine):
    """A process without privileges moves one buffer of its own, and nothing else of it moves."""
    start_agent(machine)
    near, far = ends()
    container = start_restricted(machine, "buffer", near, "/self-client", "--buffer", SIZE // MIB, far, 600)
    wait_until("the migration has ended", lambda: "".join(container.output()), 60)
    assert "SUCCEEDED" in container.output()[0], container.output()
    found = oracles.anonymous_bytes(container.pids())
    machine.log(f"anonymous bytes per node, by numa_maps: {dict(found)}")
    assert SIZE <= found[far] <= SIZE + 2 * 4096 and found[near] > 0, found


@case(seconds=120)
def who_is_in_no_pod_is_refused(machine):
    """A process of the machine, root too, gets nothing at the self socket."""
    start_agent(machine)
    done = machine.run("/job/bin/self-client", check=False)
    assert done.returncode == 1 and "code 7" in done.stderr, done
