#!/usr/bin/python3
"""Many agents and one client: what 'localityctl --endpoints ... top' and a client that watches all agents cost as agents become more.

  tests/bench/clients.py [--build build/release] [--agents 10,100] [--containers 20] [--parallel 16]

The agents are real servers over fake kernels, all in one process on this machine (synthetic-agents). Each figure is from one run.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))
import stubs  # noqa: E402

# Opens a watch to each agent of a file, and prints a line when all have sent their complete lists. Ends with its input.
WATCHER = """
import sys, threading
import grpc
from numalocality.v1 import placement_pb2, placement_pb2_grpc
left = threading.Semaphore(0)
def watch(endpoint):
    stub = placement_pb2_grpc.PlacementServiceStub(grpc.insecure_channel(endpoint))
    for change in stub.WatchPlacements(placement_pb2.WatchPlacementsRequest()):
        if change.synced:
            left.release()
endpoints = [line.split()[0] for line in open(sys.argv[1])]
for endpoint in endpoints:
    threading.Thread(target=watch, args=(endpoint,), daemon=True).start()
for _ in endpoints:
    left.acquire()
print("synced", flush=True)
sys.stdin.read()
"""
IDLE_SECONDS = 10


def status(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise KeyError(key)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy(pid):
    """The CPU seconds that it needs in a minute in which nobody asks it for anything."""
    before = cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    return 60 * (cpu_seconds(pid) - before) / IDLE_SECONDS


def mebibytes(pid):
    return status(pid, "VmRSS") // 1024


def timed(command):
    """(seconds, CPU seconds, MiB at its peak) of a command."""
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


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
                   "agents: CPU seconds a minute": busy(agents.pid)}
            before = cpu_seconds(agents.pid)
            row["top: seconds"], row["top: CPU seconds"], row["top: MiB"] = timed(
                [options.build / "bin/localityctl", "--endpoints", endpoints, "--parallel", str(options.parallel), "top"])
            row["top: CPU seconds of the agents"] = cpu_seconds(agents.pid) - before
            began = time.monotonic()
            with subprocess.Popen([sys.executable, "-c", WATCHER, endpoints], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "PYTHONPATH": modules}) as watcher:
                watcher.stdout.readline()
                row["a watch to each: seconds until all lists are complete"] = time.monotonic() - began
                row["then: MiB of the agents"], row["then: threads of the agents"] = mebibytes(agents.pid), status(agents.pid, "Threads")
                row["then: CPU seconds a minute of the agents"] = busy(agents.pid)
                row["then: MiB of the client"] = mebibytes(watcher.pid)
            return row
        finally:
            agents.terminate()
            agents.wait()
            agents.stdout.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release")
    parser.add_argument("--agents", default="10,100", help="numbers of agents")
    parser.add_argument("--containers", type=int, default=20, help="of each agent")
    parser.add_argument("--parallel", type=int, default=16, help="of localityctl")
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
