"""The API over the network as the chart sets it up, called by another gRPC client from another network."""

import json
import os
import pathlib

from guest.agent import state
from guest.case import case
from guest.daemonset import CLUSTER, InClusterAgent, Rendered
from guest.volumes import swap
from guest.wait import wait_until
from suites.in_cluster import prepare
from suites.migrate import ends
from suites.repair import SIZE, cpus_of, share_on, start, stop_clean

NAME = "numa-locality-agent.numa-locality.svc"
PORT = 9463
HOST, CLIENT = "10.99.0.1", "10.99.0.2"
NETWORK = "controllers"
FIRST, SECOND = CLUSTER / "certificates/first", CLUSTER / "certificates/second"


def make_network(machine):
    """A network namespace with one address, one hop from the agent's."""
    machine.run("modprobe", "veth")
    machine.run("ip", "netns", "add", NETWORK)
    machine.cleanup.callback(lambda: machine.run("ip", "netns", "del", NETWORK))
    machine.run("ip", "link", "add", "agents", "type", "veth", "peer", "name", "eth0", "netns", NETWORK)
    machine.run("ip", "addr", "add", f"{HOST}/24", "dev", "agents")
    machine.run("ip", "link", "set", "agents", "up")
    machine.run("ip", "-n", NETWORK, "addr", "add", f"{CLIENT}/24", "dev", "eth0")
    machine.run("ip", "-n", NETWORK, "link", "set", "eth0", "up")


def client(machine, certificates, name, *verb):
    """The JSON that network_client prints, run in the other network."""
    done = machine.run("ip", "netns", "exec", NETWORK, "python3", "-m", "guest.network_client", f"{HOST}:{PORT}", NAME,
                       certificates, name, *verb, timeout=150)
    return json.loads(done.stdout)


def secret(directory):
    return {name: (directory / name).read_text() for name in ("tls.crt", "tls.key", "ca.crt")}


def start_agent(machine):
    prepare(machine)
    make_network(machine)
    agent = InClusterAgent(machine, Rendered("network-api"), secrets={"numa-locality-agent-tls": secret(FIRST)})
    (front,) = agent.pod.others
    machine.cleanup.callback(lambda: machine.log("\n".join(front.output()[-30:])))
    wait_until("the front serves", lambda: "placements" in client(machine, FIRST, "client", "list"), 60)
    return agent


@case(seconds=300)
def a_controller_repairs(machine):
    """The client reads placements and migrates a re-pinned pod."""
    start_agent(machine)
    near, far = ends()
    database = start(machine, "database", near, size=SIZE // 2)
    database.repin(cpus_of(far))
    found = client(machine, FIRST, "client", "list")["placements"]
    assert database.id in {one["workload"].get("container_id") for one in found}, found
    record = client(machine, FIRST, "client", "repair", database.id)
    assert state(record) == "SUCCEEDED", record
    assert share_on(database, far) >= 0.95
    stop_clean(machine, database)


@case(seconds=300)
def the_example_controller_repairs(machine):
    """deploy/examples/controller, from another network with a certificate of its own: it repairs a re-pinned pod by its own rule."""
    start_agent(machine)
    near, far = ends()
    database = start(machine, "database", near, size=SIZE // 2)
    certificates = pathlib.Path("/tmp/controller")
    certificates.mkdir(exist_ok=True)
    for source, name in (("ca.crt", "ca.crt"), ("client.crt", "tls.crt"), ("client.key", "tls.key")):
        (certificates / name).write_bytes((FIRST / source).read_bytes())
    controller = machine.start("ip", "netns", "exec", NETWORK, "python3", CLUSTER / "controller.py", "--agents", f"{HOST}:{PORT}",
                               "--server-name", NAME, "--certificates", certificates, "--namespace", "prod", "--remote", "0.5",
                               "--min-bytes", 1 << 20, "--periods", 2, "--period", 1,
                               env={**os.environ, "PYTHONPATH": str(CLUSTER.parent)})
    wait_until("the controller has the list", lambda: "containers" in controller.log_path.read_text(), 90)
    database.repin(cpus_of(far))
    wait_until("the controller has repaired it", lambda: "SUCCEEDED" in controller.log_path.read_text(), 120)
    assert share_on(database, far) >= 0.95
    stop_clean(machine, database)


@case(seconds=300, long=["6.1", "6.12"])
def strangers_are_refused(machine):
    """Refused: no certificate, an expired one, one of another authority, one without a role, and an agent of another authority."""
    agent = start_agent(machine)
    assert "placements" in client(machine, FIRST, "client", "list")
    impostor = pathlib.Path("/tmp/impostor")  # trusts the right authority, presents a certificate of another
    impostor.mkdir(exist_ok=True)
    (impostor / "ca.crt").write_bytes((FIRST / "ca.crt").read_bytes())
    for suffix in ("crt", "key"):
        (impostor / f"client.{suffix}").write_bytes((SECOND / f"client.{suffix}").read_bytes())
    for certificates, name, code in ((FIRST, "none", "UNAUTHENTICATED"), (FIRST, "expired", "UNAUTHENTICATED"),
                                     (impostor, "client", "UNAUTHENTICATED"), (FIRST, "tls", "PERMISSION_DENIED"),
                                     (SECOND, "client", "UNAVAILABLE")):
        answer = client(machine, certificates, name, "list")
        assert answer.get("code") == code, (certificates, name, answer)
        assert "placements" in client(machine, FIRST, "client", "list"), "and this one is not"
    agent.check_healthy()


@case(seconds=300, long=["6.1", "6.12"])
def certificates_are_rotated(machine):
    """The Secret's files change under the running agent: soon new connections use the new files, and old certificates are refused."""
    agent = start_agent(machine)
    process, masters = agent.container.pids(), {min(one.pids()) for one in agent.pod.others}
    assert "placements" in client(machine, FIRST, "client", "list")
    swap(agent.pod.volumes.path("tls"), secret(SECOND))
    wait_until("the new certificates serve", lambda: "placements" in client(machine, SECOND, "client", "list"), 90)
    assert client(machine, FIRST, "client", "list").get("code") == "UNAVAILABLE"
    assert agent.container.pids() == process, "the agent was restarted"
    assert {min(one.pids()) for one in agent.pod.others} == masters, "the front was restarted"


@case(seconds=120)
def the_front_has_no_privileges(machine):
    """The container that the network reaches is a user without capabilities, and the only one that may open the front socket."""
    agent = start_agent(machine)
    (front,) = agent.pod.others
    user = Rendered("network-api").template["containers"][1]["securityContext"]["runAsUser"]
    said = agent.privileges(front)
    assert set(said["Uid"].split()) == set(said["Gid"].split()) == {str(user)}, said
    assert (int(said["CapEff"], 16), int(said["CapBnd"], 16), said["NoNewPrivs"], said["Seccomp"]) == (0, 0, "1", "2"), said
    directory = agent.pod.volumes.path("front")
    for path, mode in ((directory, 0o750), (directory / "front.sock", 0o660)):
        found = path.stat()
        assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, user, mode), (path, found)


@case(seconds=120, long=["6.1", "6.12"])
def localityctl_asks_all(machine):
    """Calls every agent behind the Service's name and verifies it against that name; here there is one agent."""
    agent = start_agent(machine)
    hosts = pathlib.Path("/etc/hosts")
    before = hosts.read_text()
    machine.cleanup.callback(lambda: hosts.write_text(before))
    hosts.write_text(f"{before}{HOST} {NAME}\n")
    files = ("--ca", FIRST / "ca.crt", "--cert", FIRST / "client.crt", "--key", FIRST / "client.key")
    done = machine.run("ip", "netns", "exec", NETWORK, "localityctl", "--all", f"{NAME}:{PORT}", *files, "top")
    assert "numavm" in done.stdout, done.stdout
    done = machine.run("ip", "netns", "exec", NETWORK, "localityctl", "--all", f"{NAME}:{PORT}", "top", check=False)
    assert done.returncode == 1 and "--ca" in done.stderr, done.stderr
    agent.check_healthy()
