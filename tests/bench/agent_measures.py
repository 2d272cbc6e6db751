"""The agent's costs, measured inside the guest: cgroups with a few processes each, laid out as kubelet does it.

Each line printed is a sample (JSON); what they mean is agent.py's business.
"""

import json
import os
import pathlib
import resource
import subprocess
import time

BIN, JOB = pathlib.Path("/job/bin"), pathlib.Path("/job")
SETTINGS = json.loads((JOB / "bench_agent.json").read_text())
CGROUPS = pathlib.Path("/sys/fs/cgroup")
SOCKET = "/run/numa-locality-agent/agent.sock"
CONFIG = pathlib.Path("/tmp/config.yaml")
PROCESSES = 3  # in each container


def emit(measure, **values):
    print(json.dumps({"measure": measure, **values}), flush=True)


# One file descriptor a file that is read.
resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))


def enable(directory):
    directory.mkdir(exist_ok=True)
    (directory / "cgroup.subtree_control").write_text("+cpuset +memory +hugetlb")


def container(number):
    """A container's cgroup, without processes."""
    pod = CGROUPS / "kubepods/burstable" / f"pod{number:08x}-cccc-dddd-eeee-ffff00001111"
    enable(pod)
    directory = pod / f"{number:064x}"
    directory.mkdir()
    return directory


def fill(directory, count=PROCESSES):
    """Starts small processes in the cgroup."""
    script = f"echo $$ > {directory}/cgroup.procs; " + "sleep 100000 & " * (count - 1) + "exec sleep 100000"
    # They outlive this program: whoever reads its output must not wait for theirs.
    subprocess.Popen(["sh", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Agent:
    def __init__(self, period, policies=""):
        CONFIG.write_text(f"period: {period}\nsources: {{kubeletDir: /nowhere, podLogsDir: /nowhere}}\n"
                          f"protectedNamespaces: []\n{policies}")
        self.process = subprocess.Popen([BIN / "numa-locality-agent", "--config", CONFIG], stdin=subprocess.DEVNULL,
                                        stdout=open("/tmp/agent.log", "w"), stderr=subprocess.STDOUT)
        while "serving" not in pathlib.Path("/tmp/agent.log").read_text():
            assert self.process.poll() is None, pathlib.Path("/tmp/agent.log").read_text()
            time.sleep(0.1)

    def ctl(self, *argv):
        done = subprocess.run([BIN / "localityctl", "--output", "json", *argv], capture_output=True, text=True, check=False)
        return json.loads(done.stdout)

    def wait_for(self, count):
        while int(self.ctl("doctor").get("container_count", 0)) < count:
            time.sleep(1)

    def report_seconds(self):
        return float(self.ctl("doctor")["report_cpu_time"].removesuffix("s"))

    def cpu_seconds(self):
        """(of all threads, of the agent's threads): gRPC names its threads, ours have the program's name."""
        total = own = 0.0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            seconds = int((task / "schedstat").read_text().split()[0]) / 1e9
            total += seconds
            own += seconds if (task / "comm").read_text().startswith("numa-locality") else 0.0
        return total, own

    def rss(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * 4096

    def stop(self):
        self.process.terminate()
        self.process.wait()


def read_only_seconds():
    """CPU seconds of rounds that only read the same files."""
    output = subprocess.run([JOB / "bench-read-files", "--rounds", "7"], capture_output=True, text=True, check=True).stdout
    return [json.loads(line)["cpu_seconds"] for line in output.splitlines()][1:]


def costs():
    """Reports of more and more containers: CPU of one, memory; at last the idle agent's CPU."""
    made = 0
    agent = Agent("1s")
    for count in SETTINGS["counts"]:
        for number in range(made + 1, count + 1):
            fill(container(number))
        made = count
        agent.wait_for(count)
        time.sleep(5)  # past the storm of their start
        reports = []
        for _ in range(7):
            time.sleep(1.3)
            reports.append(agent.report_seconds())
        emit("report", containers=count, seconds=reports, read_only=read_only_seconds(), rss=agent.rss())
    agent.stop()
    agent = Agent("30s")
    agent.wait_for(made)
    time.sleep(10)
    before, start = agent.cpu_seconds(), time.monotonic()
    time.sleep(SETTINGS["idle_seconds"])
    total, own = (after - earlier for after, earlier in zip(agent.cpu_seconds(), before))
    emit("idle", containers=made, cpu_seconds=total, own_cpu_seconds=own, seconds=time.monotonic() - start, rss=agent.rss())
    agent.stop()


def migrated():
    """Pages that the kernel has moved since it started."""
    for line in open("/proc/vmstat"):
        name, value = line.split()
        if name == "pgmigrate_success":
            return int(value)
    raise AssertionError("no pgmigrate_success")


def node_bytes(directory, node):
    """Anonymous bytes of the cgroup on the node."""
    for line in (directory / "memory.numa_stat").read_text().splitlines():
        if line.startswith("anon "):
            return int(dict(word.split("=") for word in line.split()[1:])[f"N{node}"])
    raise AssertionError("no line anon")


def latency(mib):
    """From the write of cpuset.cpus to the first page moved, and to 95 % local, again and again."""
    size = mib << 20
    directory = container(0xabc0000 + mib)
    (directory / "cpuset.cpus").write_text("0-1")
    worker = subprocess.Popen(
        ["sh", "-c", f"echo $$ > {directory}/cgroup.procs; exec {JOB}/integrity-workload --bytes {size} --thp never --idle"],
        stdout=subprocess.PIPE, text=True)
    while '"ready"' not in worker.stdout.readline():
        pass
    agent = Agent("1h", "policies:\n- {name: p, action: repair, minLocalFraction: 0.95, minRemoteBytes: 1Mi, "
                        "settle: 0s, cooldown: 0s}\n")
    agent.wait_for(1)
    time.sleep(3)
    for run in range(SETTINGS["runs"]):
        target = 1 - run % 2
        before = migrated()
        start = time.monotonic()
        (directory / "cpuset.cpus").write_text("2-3" if target else "0-1")
        while migrated() == before:
            time.sleep(0.001)
        first = time.monotonic() - start
        while node_bytes(directory, target) < 0.95 * size:
            time.sleep(0.01)
        local = time.monotonic() - start
        time.sleep(1)
        record = agent.ctl("migrations")["migrations"][0]
        workload = record["workloads"][0]
        (moved,) = [int(count["page_count"]) for count in workload["outcomes"] if count["outcome"] == "PAGE_OUTCOME_MOVED"]
        # So long take its own calls for 95 % of the memory.
        calls = float(workload["move_call_time"].removesuffix("s")) * 0.95 * size / (moved * int(record["page_bytes"]))
        emit("latency", run=run, first=first, local=local, calls=calls, mib=mib)
    agent.stop()
    worker.kill()
    worker.wait()


def report_against_numastat():
    """One pod's report, and numastat -p on its process, by size."""
    for mib in SETTINGS["sizes"]:
        directory = container(0xdef0 + mib)
        worker = subprocess.Popen(
            ["sh", "-c", f"echo $$ > {directory}/cgroup.procs; exec {JOB}/integrity-workload --bytes {mib}M --thp never "
                         "--idle --workers 1"], stdout=subprocess.PIPE, text=True)
        while '"ready"' not in worker.stdout.readline():
            pass
        pids = (directory / "cgroup.procs").read_text().split()
        peer = []
        for _ in range(3):
            before = os.times()
            subprocess.run(["numastat", "-p", *pids], check=True, stdout=subprocess.DEVNULL)
            after = os.times()
            peer.append(after.children_user + after.children_system - before.children_user - before.children_system)
        emit("numastat", mib=mib, seconds=peer)
        worker.kill()
        worker.wait()
        for pid in pids:
            while pathlib.Path(f"/proc/{pid}").exists():
                time.sleep(0.1)


def main():
    enable(CGROUPS)
    enable(CGROUPS / "kubepods")
    enable(CGROUPS / "kubepods/burstable")
    for measure in SETTINGS["measures"]:
        if measure == "latency":
            for mib in SETTINGS["repin_mib"]:
                latency(mib)
        else:
            {"numastat": report_against_numastat, "costs": costs}[measure]()


main()
