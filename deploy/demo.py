"""The demonstration that the quickstart runs in the emulated machine. Exit status 0 only if every check at its end passes."""

import os
import re
import subprocess
import sys

from guest import oracles
from guest.agent import SOCKET
from guest.kubelet import Kubelet
from guest.machine import cpu_list
from guest.wait import wait_until

MIB = 1 << 20


def say(text=""):
    print(text, flush=True)


def chapter(text):
    say(f"\n\033[1m{text}\033[0m")


def show(*argv):
    """Runs a command, and shows it and its output as on a terminal. Returns its exit status."""
    say("\n$ " + " ".join(argv))
    # In a pseudo-terminal, so that it draws its progress bar.
    process = subprocess.Popen(["script", "-qec", " ".join(argv), "/dev/null"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, env={**os.environ, "TERM": "dumb", "COLUMNS": "120"})
    drawn = None
    for line in iter_lines(process.stdout):
        bar = re.search(r"\[[#.]+\] +(\d+)%", line)
        tenth = bar and int(bar.group(1)) // 10
        if line.strip() and (not bar or tenth != drawn):  # no line is overwritten here: one bar per 10% is enough
            say("  " + line)
        drawn = tenth
    return process.wait()


def iter_lines(stream):
    """Lines that end with a newline or are overwritten by a carriage return, without terminal codes."""
    pending = b""
    while byte := stream.read(1):
        if byte in b"\r\n":
            yield re.sub(r"\033\[[0-9;]*[A-Za-z]", "", pending.decode(errors="replace"))
            pending = b""
        else:
            pending += byte
    yield pending.decode(errors="replace")


def start_pod(kubelet, name, node, *argv):
    container = kubelet.start_pod(name).start_container("main", ["integrity-workload", "--thp", "never", *argv],
                                                        cpus=cpu_list(oracles.node_cpus(node)))
    container.wait_ready()
    say(f"  pod {name}: uid {container.pod.uid}, {argv[1]} of memory, on the CPUs of node {node}")
    return container


def start_agent():
    log = open("/tmp/agent.log", "w")
    agent = subprocess.Popen(["numa-locality-agent"], stdout=log, stderr=log)
    wait_until("the agent serves its socket", lambda: agent.poll() is not None or os.path.exists(SOCKET))
    if agent.poll() is not None:
        sys.exit("numa-locality-agent: " + open("/tmp/agent.log").read())


def local_share(container, node):
    """Fraction of the container's anonymous memory on this node, by the kernel's figures, not the agent's."""
    return oracles.share(oracles.anonymous_bytes(container.pids()), node)


def verdicts(database, neighbour, neighbour_before, migrated, far):
    """(statement, whether it is true) for each check, by the kernel's and the workload's own figures."""
    home = local_share(database, far)
    status = database.stop()
    result = database.events("result")[-1]
    neighbour_after = oracles.anonymous_bytes(neighbour.pids())
    return [
        (f"the migration succeeded (status {migrated})", migrated == 0),
        (f"{home:.1%} of the database's memory is on node {far}, its home (numa_maps)", home >= 0.99),
        (f"the database checked its own data all the while: {result['operations']:,} operations, "
         f"{result['mismatches']} mismatches, longest pause {result['longest_gap_ms']:.0f} ms",
         status == 0 and result["mismatches"] == 0 and result["operations"] > 0),
        ("the neighbour's memory did not move", neighbour_after == neighbour_before),
    ]


def main():
    near, far = [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")][:2]
    small_batches = os.uname().release.startswith("6.1.")  # this kernel flushes TLBs page by page, which is slow under emulation
    size = 32 if small_batches else 256

    chapter("containerd starts two pods; the agent starts")
    kubelet = Kubelet()
    database = start_pod(kubelet, "database", near, "--bytes", f"{size}M", "--workers", "2")
    neighbour = start_pod(kubelet, "neighbour", near, "--bytes", "64M", "--idle")
    neighbour_before = oracles.anonymous_bytes(neighbour.pids())
    start_agent()
    show("localityctl", "topology")
    show("localityctl", "top")

    chapter(f"The database is re-pinned to the CPUs of node {far}, as kubelet's CPU manager would; its memory stays behind")
    database.repin(cpu_list(oracles.node_cpus(far)))
    show("localityctl", "top")
    if local_share(database, far) > 0.01:
        sys.exit("demo: the database's memory is already on the new node before the migration: something else moved it")

    chapter("localityctl requests a migration of the database's memory to its new node, while the database continues to work")
    migrated = show("localityctl", "migrate", "--pod", database.pod.uid, "--wait")
    show("localityctl", "top")

    chapter("Is it true?")
    came_true = True
    for text, true in verdicts(database, neighbour, neighbour_before, migrated, far):
        say(f"  {'yes' if true else 'NO '}  {text}")
        came_true = came_true and true
    kubelet.remove_pods()
    say("\nThe pod's memory followed its CPUs." if came_true else "\nFAILED: see the lines marked NO.")
    return 0 if came_true else 1


if __name__ == "__main__":
    sys.exit(main())
