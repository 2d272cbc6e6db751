"""Pods without privileges that try to exhaust or stop the agent: it stays small and alive, and serves the other pods."""

import datetime
import os
import pathlib
import resource
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.request

from guest import cgroups, oracles
from guest.agent import FINAL, Agent, outcomes, state
from guest.case import case
from guest.policies import ADDRESS, decision, metrics, repairs, start_agent, wait_decision
from guest.wait import wait_until
from suites.migrate import ends
from suites.numa_migrate import PATIENT
from suites.repair import MIB, cpus_of, share_on, start, stop_clean

NOBODY = 65534


def memory_of(process, key):
    """A line of /proc/PID/status, such as VmHWM, in bytes."""
    lines = pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{key}:")]
    return int(line.split()[1]) << 10


def reset_peak(process):
    """Makes VmHWM of a process its memory of this moment."""
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def run_in(machine, container, node, *argv):
    """Starts a program as nobody in the container's cgroup, on the CPUs of a node."""
    def enter():
        (container.cgroup / "cgroup.procs").write_text(str(os.getpid()))
        os.sched_setaffinity(0, oracles.node_cpus(node))
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
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
    except OSError:  # HTTPError, a refused connection, a time-out
        return False


def report_age(agent):
    """How old the latest report is, in seconds."""
    read = datetime.datetime.fromisoformat(agent.json("doctor", check=False)["report_time"])
    return time.time() - read.timestamp()


@case(seconds=400, long=["6.12"])
def deep_maps(machine):
    """A pod whose maps would be 280 MB of text: the agent grows by 32 MiB at most, and another pod's memory comes home meanwhile."""
    near, far = ends()
    agent = start_agent(machine, {}, period="1s")
    database = start(machine, "database", near, size=16 * MIB)
    hostile = machine.kubelet.start_pod("hostile", qos="besteffort").start_container(
        "main", ["integrity-workload", "--bytes", MIB, "--idle"])
    hostile.wait_ready()
    assert is_healthy()
    reset_peak(agent.process)
    before = memory_of(agent.process, "VmHWM")

    directory = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o777)
    machine.cleanup.callback(lambda: subprocess.run(["rm", "-rf", directory], check=True))
    run_in(machine, hostile, near, "python3", "-m", "guest.deep_maps", directory, 5000, 280)
    run_in(machine, hostile, far, "sleep", "86400")
    wait_until("the hostile process is ready", (directory / "ready").exists, 120)

    ages = [report_age(agent)]

    def is_home():
        ages.append(report_age(agent))
        return is_healthy() and share_on(database, far) >= 0.95
    database.repin(cpus_of(far))
    wait_until("the other pod's memory is home", is_home, 120)
    # Before Linux 6.11 mappings cannot be read without their paths: the pod is named, and these refuse.
    if machine.kernel == "6.1":
        # On a busy host the call itself may take too long to read the maps, and is refused.
        wait_until("the pod is named", lambda: "REPAIR_REASON_TOO_LARGE_TO_SAMPLE" in agent.ctl(
            "--output", "json", "top", "--container", hostile.id, check=False).stdout, 200)
        wait_until("the metric counts it", lambda: metrics()["numa_locality_containers_too_large_to_sample"] == 1, 60)
    agent.ctl("top", "--container", hostile.id, "--pages", check=False)
    agent.ctl("explain", "--container", hostile.id, check=False)
    ages.append(report_age(agent))
    machine.log(f"the latest report was at most {max(ages):.1f} s old")
    assert max(ages) <= 30
    grown = memory_of(agent.process, "VmHWM") - before
    machine.log(f"grown by {grown >> 20} MiB from {before >> 20} MiB")
    assert is_healthy() and grown <= 32 * MIB
    stop_clean(machine, database)


def start_hostile(machine, container, node, *argv, begin=None):
    """Starts guest/hostile.py in the container's cgroup; argv: kind and its arguments. Returns when it is ready.

    It misbehaves from then on, or from when the file `begin` exists."""
    directory = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o777)
    kind, *rest = argv
    ready = directory / "ready"
    run_in(machine, container, node, "python3", "-m", "guest.hostile", kind, ready, begin or ready, *rest)
    wait_until(f"{kind} is ready", ready.exists, 240)


def ended_repair(agent, number):
    """The record of the loop's first (1), second, … migration of those that have ended; None as long as there are fewer."""
    ended = [record for record in repairs(agent) if state(record) in FINAL]
    return ended[-number] if len(ended) >= number else None


def calls_of(record):
    (workload,) = record["workloads"]
    return int(workload["move_call_count"])


@case(seconds=400, long=["6.1"])
def pinned_memory(machine):
    """512 MiB that io_uring has registered: at most 500 migrating calls in all, then the loop leaves them, with the reason.

    The next repair, of 64 MiB that another process has, does not try them again."""
    near, far = ends()
    agent = start_agent(machine, {"minRemoteBytes": "32Mi", "cooldown": "10s"}, period="1s")
    hostile = machine.kubelet.start_pod("hostile", qos="besteffort").start_container(
        "main", ["integrity-workload", "--bytes", MIB, "--idle"], cpus=cpus_of(near))
    hostile.wait_ready()
    start_hostile(machine, hostile, near, "pinned", 512 * MIB)
    hostile.repin(cpus_of(far))
    record = wait_until("the repair has ended", lambda: ended_repair(agent, 1), 240)
    machine.log(f"{calls_of(record)} calls: {state(record)} {outcomes(record)}")
    assert outcomes(record)["PINNED"] >= 0.99 * 512 * MIB // 4096, record
    machine.log(f"decision: {wait_decision(agent, hostile, 'GAVE_UP')}")

    hostile.repin(cpus_of(near))
    start_hostile(machine, hostile, near, "thrash", 64 * MIB)
    hostile.repin(cpus_of(far))
    second = wait_until("the second repair has ended", lambda: ended_repair(agent, 2), 240)
    machine.log(f"{calls_of(second)} calls: {state(second)} {outcomes(second)}")
    assert outcomes(second)["MOVED"] >= 0.95 * 64 * MIB // 4096, second
    machine.log(f"decision: {wait_decision(agent, hostile, 'GAVE_UP')}")
    assert sum(calls_of(each) for each in repairs(agent)) <= 500


@case(seconds=300, long=["6.1"])
def shared_heap(machine):
    """192 MiB that two processes share, under `never`: at most 50 migrating calls."""
    near, far = ends()
    agent = Agent(machine)
    pod = machine.kubelet.start_pod("heap")
    heap = pod.start_container("main", ["integrity-workload", "--sharing", "fork", "--processes", 2, "--idle", "--bytes",
                                        192 * MIB, "--thp", "never"], cpus=cpus_of(near))
    heap.wait_ready()
    heap.repin(cpus_of(far))
    record = agent.migrate("--container", heap.id, "--shared", "never", *PATIENT)
    machine.log(f"{state(record)} {outcomes(record)}, {record['workloads'][0]['move_call_count']} calls")
    assert outcomes(record)["SHARED"] >= 192 * MIB // 4096
    assert int(record["workloads"][0]["move_call_count"]) <= 50
    stop_clean(machine, heap)


@case(seconds=300, long=["6.1", "6.12"])
def another_file_at_the_same_address(machine):
    """A workload swaps a file of another pod and its own shared memory without a pause: held, nothing of the other pod moves."""
    near, far = ends()
    agent = Agent(machine)
    size, path = 8 * MIB, pathlib.Path("/srv/library/file")
    path.parent.mkdir(exist_ok=True)
    machine.run("taskset", "-c", cpus_of(near), "dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={size // MIB}")
    machine.cleanup.callback(path.unlink)
    bystander = machine.kubelet.start_pod("bystander").start_container(
        "main", ["integrity-workload", "--bytes", MIB, "--idle", "--map", "/library/file"], cpus=cpus_of(near),
        mounts=[("/srv/library", "/library")])
    bystander.wait_ready()
    hostile = machine.kubelet.start_pod("hostile", qos="besteffort").start_container(
        "main", ["integrity-workload", "--bytes", MIB, "--idle"], cpus=cpus_of(near))
    hostile.wait_ready()
    start_hostile(machine, hostile, near, "swap-in", path, size)

    def placed():
        return [oracles.mapped_bytes(pid) for pid in bystander.pids()]

    moved = 0
    for node in (far, near) * 6:
        before = placed()
        record = agent.migrate("--container", hostile.id, "--to-node", node, "--kinds", "anon,shmem,file", "--shared", "owned",
                               "--hold")
        (workload,) = record["workloads"]
        machine.log(f"to node {node}: {state(record)} {outcomes(record)}; {workload.get('sharing_note', '')}")
        assert placed() == before, "pages of the bystander moved"
        moved += outcomes(record).get("MOVED", 0)
    assert moved > 0
    stop_clean(machine, bystander)


class BareContainer:
    """A BestEffort container as cgroups and log files show it: containerd does not know it. 250 real ones would take minutes."""

    def __init__(self, number):
        self.name = f"pod-{number}"
        uid = f"00000000-0000-4000-8000-{number:012d}"
        self.id = f"{number:012x}".ljust(64, "0")
        self.pod = cgroups.of_pod("besteffort", uid)
        cgroups.make(self.pod)
        self.cgroup_path = cgroups.of_container(self.pod, self.id)
        self.cgroup = cgroups.directory(self.cgroup_path)
        self.cgroup.mkdir()
        self.logs = pathlib.Path(f"/var/log/pods/crowd_{self.name}_{uid}")
        self.link = pathlib.Path(f"/var/log/containers/{self.name}_crowd_main-{self.id}.log")
        (self.logs / "main").mkdir(parents=True)
        self.link.symlink_to(self.logs / "main" / "0.log")

    def repin(self, cpus):
        (self.cgroup / "cpuset.cpus").write_text(cpus)

    def remove(self):
        (cgroups.directory(self.pod) / "cgroup.kill").write_text("1")
        wait_until(f"{self.pod} is empty", lambda: cgroups.is_empty(self.pod), 60)
        cgroups.remove(self.pod)
        self.link.unlink()
        shutil.rmtree(self.logs)


class Health:
    """Asks for /healthz once a second, in a thread; `bad` has the answers that are not 200."""

    def __init__(self, machine):
        self.bad, self.count = [], 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        machine.cleanup.callback(self.stop)

    def _ask(self):
        while not self._stop.wait(1):
            self.count += 1
            if not is_healthy():
                self.bad.append(self.count)

    def is_asking(self):
        return self._thread.is_alive()

    def stop(self):
        self._stop.set()
        self._thread.join()


def repair_time(machine, container, node):
    """Gives the container CPUs of this node; the seconds until its memory is there."""
    begin = time.monotonic()
    container.repin(cpus_of(node))
    wait_until(f"memory is home on node {node}", lambda: share_on(container, node) >= 0.95, 240)
    return time.monotonic() - begin


@case(seconds=1500, long=["6.1", "6.12"])
def a_full_node(machine):
    """250 containers, ten of which misbehave at once: the agent stays small and healthy, and another pod's memory comes home."""
    near, far = ends()
    # Without the runtime names come from log files; annotations, which may turn repairs off, are not expected.
    agent = start_agent(machine, {}, period="2s", cri=False)
    database = start(machine, "database", near, size=16 * MIB)
    besteffort = cgroups.directory(cgroups.of_class("besteffort"))
    (besteffort / "cpu.weight").write_text("1")  # as kubelet does
    machine.cleanup.callback((besteffort / "cpu.weight").write_text, "100")
    most_mappings = pathlib.Path("/proc/sys/vm/max_map_count")
    machine.cleanup.callback(most_mappings.write_text, most_mappings.read_text())
    most_mappings.write_text("262144")
    containers = [BareContainer(number + 1) for number in range(249)]
    for container in containers:
        machine.cleanup.callback(container.remove)
    # Each subshell moves itself into its cgroup.
    machine.start("taskset", "-c", cpus_of(near), "sh", "-c",
                  'for cgroup; do (echo 0 > "$cgroup/cgroup.procs"; exec sleep 86400) & done; wait', "--",
                  *(container.cgroup for container in containers))
    wait_until("all are known", lambda: len(agent.json("top")["placements"]) >= 250, 120)
    machine.log("250 containers are known")
    alone = repair_time(machine, database, far)
    reset_peak(agent.process)
    idle = memory_of(agent.process, "VmHWM")
    health = Health(machine)

    directory = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
    directory.chmod(0o777)
    machine.cleanup.callback(lambda: subprocess.run(["rm", "-rf", directory], check=True))
    hostile = dict(zip(("deep", "deep too", "forks", "affinity", "affinity too", "pinned", "thrash", "cgroups", "mappings",
                        "mappings too"), containers))
    for name in "deep", "deep too":
        place = directory / name.replace(" ", "-")
        place.mkdir()
        place.chmod(0o777)
        run_in(machine, hostile[name], near, "python3", "-m", "guest.deep_maps", place, 3000, 280)
        wait_until(f"{name} is ready", (place / "ready").exists, 120)
    for number in range(1000):
        (hostile["cgroups"].cgroup / f"group{number}").mkdir()
    for name, *argv in (("pinned", "pinned", 128 * MIB), ("mappings", "mappings", 100000),
                        ("mappings too", "mappings", 100000), ("thrash", "thrash", 64 * MIB), ("forks", "fork-storm"),
                        ("affinity", "affinity-storm", 20), ("affinity too", "affinity-storm", 20)):
        start_hostile(machine, hostile[name], near, *argv, begin=directory / "begin")
    (hostile["thrash"].cgroup / "memory.high").write_text(str(32 * MIB))
    (directory / "begin").touch()
    machine.log("ten containers misbehave")
    for container in hostile.values():
        container.repin(cpus_of(far))

    crowded = repair_time(machine, database, near)
    machine.log(f"a repair took {alone:.1f} s alone, {crowded:.1f} s beside ten hostile containers")
    # The loop gives a reason for each. What it is depends on how fast the machine is, except for pinned memory.
    wait_decision(agent, hostile["pinned"], "GAVE_UP", 240)
    for name, container in hostile.items():
        verdict, reason, message = wait_until(f"{name} has a decision", lambda: decision(agent, container), 60)
        machine.log(f"{name}: {verdict} {reason} {message}")
        assert message, name
    doctor = agent.ctl("doctor", check=False)
    machine.log(doctor.stdout)
    grown = memory_of(agent.process, "VmHWM") - idle
    assert health.is_asking()
    health.stop()
    machine.log(f"grown by {grown >> 20} MiB from {idle >> 20} MiB; {health.count} answers of /healthz, bad: {health.bad}")
    assert grown <= 64 * MIB and health.count > 0 and not health.bad
    stop_clean(machine, database)
