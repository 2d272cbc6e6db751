"""The repair loop with automatic NUMA balancing on, and threads that someone moves to and fro."""

import itertools
import os
import pathlib
import time

from guest import oracles
from guest.case import case
from guest.policies import decision, repairs, start_agent
from guest.wait import wait_until

MIB = 1 << 20
SWITCH = pathlib.Path("/proc/sys/kernel/numa_balancing")


def pull(container, node):
    """Pins all of the container's threads to this node."""
    for pid in container.pids():
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), oracles.node_cpus(node))


@case(seconds=400)
def threads_pulled_to_and_fro(machine):
    """With balancing on and threads moved each second the loop stops with a reason, after a bounded number of repairs."""
    before = SWITCH.read_text()
    machine.cleanup.callback(lambda: SWITCH.write_text(before))
    SWITCH.write_text("1")
    near, far = [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")][:2]
    agent = start_agent(machine, {"cooldown": "3s"}, period="1s")
    pod = machine.kubelet.start_pod("pulled", namespace="prod")
    container = pod.start_container("main", ["integrity-workload", "--bytes", 32 * MIB, "--thp", "never"])
    container.wait_ready()
    seen = set()
    begin = time.monotonic()
    targets = itertools.cycle((far, near))

    def pull_again():
        pull(container, next(targets))
        time.sleep(1)
        seen.add((decision(agent, container) or ("", "NONE"))[1])
        return "PING_PONG" in seen
    wait_until("the loop notices that the threads are pulled to and fro", pull_again, 180, every=0)
    for _ in range(10):  # the loop does not start again
        pull_again()
    count = len(repairs(agent))
    allowed = (time.monotonic() - begin) / 3 + 1
    machine.log(f"{count} repairs in {time.monotonic() - begin:.0f} s, {allowed:.0f} allowed; reasons seen: {sorted(seen)}")
    assert count <= allowed
    pull(container, far)
    wait_until("its memory is home", lambda: oracles.share(oracles.anonymous_bytes(container.pids()), far) >= 0.9, 90)
    assert container.stop() == 0, container.output()[-3:]
    assert container.events("result")[-1]["mismatches"] == 0
