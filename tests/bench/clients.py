#!/usr/bin/python3
"""Many agents and one client: what 'localityctl --endpoints ... top' and a client that watches all agents cost as agents become more.

  tests/bench/clients.py [--build build/release] [--agents 10,30,100] [--containers 20] [--parallel 16]

The agents are real servers over fake kernels, all in one process on this machine (synthetic-agents). Each figure is from one run.
"""

import argparse
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))
import stubs  # noqa: E402

# Opens a watch to each agent of a file, and prints the bytes of their lists when all are complete. Ends with its input.
WATCHER = """
import sys, threading
import grpc
from numalocality.v1 import placement_pb2, placement_pb2_grpc
left, sizes = threading.Semaphore(0), []
def watch(endpoint):
    stub = placement_pb2_grpc.PlacementServiceStub(grpc.insecure_channel(endpoint))
    size = 0
    for change in stub.WatchPlacements(placement_pb2.WatchPlacementsRequest()):
        size += change.ByteSize()
        if change.synced:
            sizes.append(size)
            left.release()
endpoints = [line.split()[0] for line in open(sys.argv[1])]
for endpoint in endpoints:
    threading.Thread(target=watch, args=(endpoint,), daemon=True).start()
for _ in endpoints:
    left.acquire()
print(sum(sizes), flush=True)
sys.stdin.read()
"""
SILENT_SECONDS = 5  # how long localityctl waits for an agent


def status(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(pid, seconds):
    """The CPU seconds that it needs in a minute in which nobody asks it for anything, measured for some seconds."""
    before = cpu_seconds(pid)
    time.sleep(seconds)
    return 60 * (cpu_seconds(pid) - before) / seconds


def mebibytes(pid):
    return status(pid, "VmRSS") // 1024


def timed(command, fails=False):
    """(seconds, CPU seconds, MiB at its peak) of a command. fails: whether it must not succeed."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL if fails else None) as process:
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if (process.returncode != 0) != fails:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


@contextlib.contextmanager
def silent_agents(directory, endpoints, count):
    """A list of endpoints that begins with `count` agents that accept connections and say nothing, as on machines that hang."""
    with contextlib.ExitStack() as stack:
        paths = [f"{directory}/silent-{number}.sock" for number in range(count)]
        for path in paths:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(path)
            listener.listen(64)
        mixed = pathlib.Path(directory) / "mixed"
        mixed.write_text("".join(f"unix:{path}\n" for path in paths) + pathlib.Path(endpoints).read_text(encoding="utf-8"),
                         encoding="utf-8")
        yield mixed


def measure(options, modules, count):
    """{what: its figure} for so many agents."""
    with tempfile.TemporaryDirectory() as directory:
        endpoints = f"{directory}/endpoints"
        agents = subprocess.Popen([options.build / "bin/synthetic-agents", "--directory", directory, "--agents", str(count),
                                   "--containers", str(options.containers), "--period", "30s"], stdout=subprocess.PIPE, text=True)
        try:
            while agents.stdout.readline() not in ("serving\n", ""):
                pass  # the agents' log
            row = {"agents: MiB": mebibytes(agents.pid), "agents: threads": status(agents.pid, "Threads"),
                   "agents: CPU seconds a minute": busy(agents.pid, options.idle)}
            before = cpu_seconds(agents.pid)
            localityctl = [options.build / "bin/localityctl", "--parallel", str(options.parallel), "--timeout", f"{SILENT_SECONDS}s"]
            row["top: seconds"], row["top: CPU seconds"], row["top: MiB"] = timed([*localityctl, "--endpoints", endpoints, "top"])
            row["top: CPU seconds of the agents"] = cpu_seconds(agents.pid) - before
            with silent_agents(directory, endpoints, max(1, count // 100)) as mixed:
                row["top: seconds, 1 % (at least one) silent, --timeout 5s"], _, _ = timed([*localityctl, "--endpoints", mixed, "top"], fails=True)
            began = time.monotonic()
            with subprocess.Popen([sys.executable, "-c", WATCHER, endpoints], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "PYTHONPATH": modules}) as watcher:
                size = watcher.stdout.readline()
                row["a watch: KiB of an agent's list"] = int(size) / count / 1024
                row["a watch to each: seconds until all lists are complete"] = time.monotonic() - began
                row["then: MiB of the agents"], row["then: threads of the agents"] = mebibytes(agents.pid), status(agents.pid, "Threads")
                row["then: CPU seconds a minute of the agents"] = busy(agents.pid, options.idle)
                row["then: MiB of the client"] = mebibytes(watcher.pid)
            return row
        finally:
            agents.terminate()
            agents.wait()
            agents.stdout.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release")
    parser.add_argument("--agents", default="10,30,100", help="numbers of agents")
    parser.add_argument("--containers", type=int, default=20, help="of each agent")
    parser.add_argument("--parallel", type=int, default=16, help="of localityctl")
    parser.add_argument("--idle", type=float, default=60, help="seconds for which idle agents are measured")
    options = parser.parse_args()
    counts = [int(count) for count in options.agents.split(",")]
    with tempfile.TemporaryDirectory() as modules:
        stubs.make(modules)
        columns = [measure(options, modules, count) for count in counts]
    print(f"| agents | {' | '.join(map(str, counts))} |\n|{'---|' * (len(counts) + 1)}")
    for what in columns[0]:
        print(f"| {what} | {' | '.join(f'{column[what]:.3g}' for column in columns)} |")


if __name__ == "__main__":
    main()
