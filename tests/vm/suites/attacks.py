"""Attacks on the doors of the agent, made by guest/attacks.py: what they cost it, and what others notice."""

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
from guest.case import case
from guest.network_client import connect, list_placements
from guest.policies import ADDRESS
from guest.wait import wait_until
from suites.migrate import ends
from suites.network_api import FIRST, HOST, NAME, NETWORK, PORT, start_agent
from suites.repair import start

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


@case(seconds=1800)
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
