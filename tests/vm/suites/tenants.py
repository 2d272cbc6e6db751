"""Pods without privileges that try to exhaust or stop the agent: it stays small and alive, and serves the other pods."""

import os
import pathlib
import subprocess
import tempfile
import urllib.error
import urllib.request

from guest import oracles
from guest.case import case
from guest.policies import ADDRESS, start_agent
from guest.wait import wait_until
from suites.migrate import ends
from suites.repair import MIB, cpus_of, share_on, start, stop_clean

NOBODY = 65534


def memory_of(process, key):
    """A line of /proc/PID/status, such as VmHWM, in bytes."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{key}:")]
    return int(line.split()[1]) << 10


def run_in(machine, container, node, *argv):
    """Starts a program as nobody in the container's cgroup, on the CPUs of a node."""
    def enter():
        (container.cgroup / "cgroup.procs").write_text(str(os.getpid()))
        os.sched_setaffinity(0, oracles.node_cpus(node))
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    process = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, preexec_fn=enter,
                               env={"PYTHONPATH": "/job", "PATH": os.environ["PATH"]})
    machine.cleanup.callback(process.wait)
    machine.cleanup.callback(process.kill)
    return process


def is_healthy():
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}/healthz", timeout=60) as page:
            return page.status == 200
    except urllib.error.HTTPError:
        return False


@case(seconds=400)
def deep_maps(machine):
    """A pod whose maps would be 280 MB of text: the agent grows by 32 MiB at most, and another pod's memory comes home meanwhile."""
    near, far = ends()
    agent = start_agent(machine, {}, period="1s")
    database = start(machine, "database", near, size=16 * MIB)
    hostile = machine.kubelet.start_pod("hostile", qos="besteffort").start_container(
        "main", ["integrity-workload", "--bytes", MIB, "--idle"])
    hostile.wait_ready()
    assert is_healthy()
    before = memory_of(agent.process, "VmRSS")

    directory = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o777)
    machine.cleanup.callback(lambda: subprocess.run(["rm", "-rf", directory], check=True))
    run_in(machine, hostile, near, "python3", "-m", "guest.deep_maps", directory, 5000, 280)
    run_in(machine, hostile, far, "sleep", "86400")
    wait_until("the hostile process is ready", (directory / "ready").exists, 120)

    database.repin(cpus_of(far))
    wait_until("the other pod's memory is home", lambda: is_healthy() and share_on(database, far) >= 0.95, 120)
    # Before Linux 6.11 these refuse: mappings cannot be read without their paths.
    agent.ctl("top", "--container", hostile.id, "--pages", check=False)
    agent.ctl("explain", "--container", hostile.id, check=False)
    grown = memory_of(agent.process, "VmHWM") - before
    machine.log(f"grown by {grown >> 20} MiB from {before >> 20} MiB")
    assert is_healthy() and grown <= 32 * MIB
    stop_clean(machine, database)
