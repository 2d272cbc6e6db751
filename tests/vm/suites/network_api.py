"""The API over the network as the chart sets it up, called by another gRPC client from another network."""

import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import threading
import time
import urllib.request

from guest import attacks
from guest.agent import state
from guest.case import case
from guest.daemonset import CLUSTER, InClusterAgent, Rendered
from guest.network_client import connect, list_placements
from guest.policies import ADDRESS
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


# ---- Attacks, made by guest/attacks.py: what they cost the agent, and what others notice

CALLS_PER_CLIENT = 32  # the chart's default
# What attacks may cost the agent: file descriptors while they run, and bytes that it keeps.
MOST_DESCRIPTORS = 64
MOST_MEMORY = 16 << 20


def usage(pids):
    """{name: number} of what processes occupy: open file descriptors, bytes of memory, and seconds of CPU so far."""
    found = {"descriptors": 0, "memory": 0, "cpu": 0.0}
    for directory in (pathlib.Path(f"/proc/{pid}") for pid in pids):
        found["descriptors"] += len(os.listdir(directory / "fd"))
        found["memory"] += int((directory / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        user, system = (directory / "stat").read_text().rpartition(")")[2].split()[11:13]
        found["cpu"] += (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    return found


class Others(contextlib.AbstractContextManager):
    """Those who must be served during an attack: each asks again and again, in a thread of its own, until the end of the block.

    asks: {name: function that returns "OK"}; pod: a container that asks for itself. The most file descriptors that the agent
    (`pids`) had meanwhile are in `descriptors`.
    """

    def __init__(self, machine, asks, pod, pids):
        self._log, self._asks, self._pids = machine.log, asks, pids
        self._asked = {name: [] for name in asks}  # (seconds, answer)
        self._end = threading.Event()
        self.descriptors = 0
        self._threads = [threading.Thread(target=self._ask, args=item) for item in asks.items()]
        self._threads.append(threading.Thread(target=self._watch))
        self._pod = subprocess.Popen(["python3", "-m", "guest.attacks", "self", pod.cgroup, "honest"], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join()
        said, _ = self._pod.communicate(timeout=150)
        self._asked["a pod at the self socket"] = [tuple(one) for one in json.loads(said)]

    def check(self):
        """Logs the latency of each, and asserts that all was answered."""
        for name, asked in self._asked.items():
            times, answers = [seconds for seconds, _ in asked], {answer for _, answer in asked}
            self._log(f"{name}: {len(asked)} times, median {statistics.median(times):.3f} s, maximum {max(times):.3f} s")
            assert answers == {"OK"}, (name, answers)

    def _ask(self, name, ask):
        while not self._end.wait(0.2):
            start = time.monotonic()
            try:
                answer = ask()
            except Exception as error:  # it is the answer
                answer = repr(error)
            self._asked[name].append((time.monotonic() - start, answer))

    def _watch(self):
        while not self._end.wait(0.1):
            self.descriptors = max(self.descriptors, usage(self._pids)["descriptors"])


def ask_front(channel):
    list_placements(channel)
    return "OK"


def ask_front_anew():
    channel = connect(f"{HOST}:{PORT}", NAME, FIRST, "client", [("grpc.use_local_subchannel_pool", 1)])
    with channel:
        return ask_front(channel)


def ask_health():
    with urllib.request.urlopen(f"http://{ADDRESS}/healthz", timeout=60) as answer:
        return "OK" if answer.status == 200 else answer.status


def attack(machine, *arguments):
    """What came of an attack (guest.attacks), made by a process of its own."""
    return json.loads(machine.run(*arguments, timeout=600).stdout)


def attack_front(machine, kind, certificate):
    return attack(machine, "ip", "netns", "exec", NETWORK, "python3", "-m", "guest.attacks", f"{HOST}:{PORT}", NAME, FIRST,
                  certificate, kind)


def check_attack(kind, result, certificate):
    """Asserts that the front or the agent has refused it, or ended it by itself."""
    if kind in ("connections", "handshakes", "garbage"):
        opened = attacks.ENCRYPTED if certificate == "attacker" else attacks.CONNECTIONS
        assert result == {"opened": opened, "ended": opened}, (kind, result)
    elif kind == "header":
        assert result["error"] == 11, result  # ENHANCE_YOUR_CALM
    elif kind == "length":
        assert result["sent"] < attacks.MIB and result["ended"] == 1, result
    elif certificate == "none":
        assert result == {"UNAUTHENTICATED": attacks.WATCHES}, result
    else:
        assert result.keys() == {"OK", "UNAVAILABLE"} and result["OK"] <= CALLS_PER_CLIENT, result


@case(seconds=1800, long=["6.1", "6.12"])
def others_are_served(machine):
    """Floods, long headers, half handshakes and many watches, before and after authentication, and at the self socket.

    Meanwhile others are served, and the agent has few more file descriptors; afterwards it has no more than before, and hardly
    more memory.
    """
    agent = start_agent(machine)
    (front,) = agent.pod.others
    near, _ = ends()
    hostile, honest = (start(machine, name, near, "--idle", size=attacks.MIB) for name in ("hostile", "honest"))
    channel = connect(f"{HOST}:{PORT}", NAME, FIRST, "client")
    machine.cleanup.callback(channel.close)
    asks = {"a call over a connection": lambda: ask_front(channel), "a new connection": ask_front_anew, "/healthz": ask_health}
    pids = [min(agent.container.pids())]
    for _ in range(10):  # what the first calls make stays
        assert {ask() for ask in asks.values()} == {"OK"}
    before, front_before = usage(pids), usage(front.pids())
    with Others(machine, asks, honest, pids) as others:
        for certificate, kinds in (("none", ("connections", "handshakes", "header", "watches")),
                                   ("attacker", ("connections", "header", "watches"))):
            for kind in kinds:
                check_attack(kind, attack_front(machine, kind, certificate), certificate)
        for kind in ("connections", "length", "garbage"):
            check_attack(kind, attack(machine, "python3", "-m", "guest.attacks", "self", hostile.cgroup, kind), "")
    others.check()
    for name, found, earlier in (("agent", usage(pids), before), ("front", usage(front.pids()), front_before)):
        machine.log(f"{name}: CPU {found['cpu'] - earlier['cpu']:.2f} s, memory {earlier['memory'] >> 10} -> {found['memory'] >> 10} KiB, "
                    f"descriptors {earlier['descriptors']} -> {found['descriptors']}")
    machine.log(f"most descriptors of the agent meanwhile: {others.descriptors}")
    assert others.descriptors <= before["descriptors"] + MOST_DESCRIPTORS, (others.descriptors, before)
    wait_until("the agent has no more descriptors than before", lambda: usage(pids)["descriptors"] <= before["descriptors"], 60)
    wait_until("nor the front", lambda: usage(front.pids())["descriptors"] <= front_before["descriptors"], 60)
    assert usage(pids)["memory"] <= before["memory"] + MOST_MEMORY, (usage(pids), before)
    agent.check_healthy()
