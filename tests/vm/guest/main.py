"""Runs the job: each of its cases, or its one program, and reports over the second serial port as it goes.

Records are JSON lines: begin {kernel, numa_balancing}, case {name, ok, seconds, message, log}, output {line},
exit {status}, and at last end. Without the end record the run is invalid.
"""

import importlib
import json
import os
import pathlib
import subprocess
import termios
import traceback
import tty

from guest.case import run_case
from guest.machine import Machine

JOB = pathlib.Path("/job/job.json")
RESULTS_PORT = "/dev/ttyS1"


class Results:
    """The results port; every record is written whole before the next thing happens."""

    def __init__(self):
        self._port = os.open(RESULTS_PORT, os.O_WRONLY | os.O_NOCTTY)
        tty.setraw(self._port)

    def send(self, event, **fields):
        data = (json.dumps({"event": event, **fields}) + "\n").encode()
        while data:
            data = data[os.write(self._port, data):]
        termios.tcdrain(self._port)


def numa_balancing():
    return int(pathlib.Path("/proc/sys/kernel/numa_balancing").read_text())


def find_case(name):
    """The function of a case named SUITE.CASE; a suite that cannot be imported raises what it raised."""
    suite, function = name.split(".")
    return getattr(importlib.import_module(f"suites.{suite}"), function)


def run_cases(names, machine, results):
    for name in names:
        print(f"case {name}", flush=True)
        try:
            outcome = run_case(find_case(name), machine)
        except Exception as error:
            outcome = {"ok": False, "seconds": 0, "message": f"{type(error).__name__}: {error}",
                       "log": traceback.format_exc().splitlines()}
        results.send("case", name=name, **outcome)


def run_program(path, results):
    """Runs one program of the job disk, its output passed on line by line."""
    program = subprocess.Popen(["python3", "-u", path] if path.endswith(".py") else [path],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in program.stdout:
        results.send("output", line=line.rstrip("\n"))
    results.send("exit", status=program.wait())


def main():
    job = json.loads(JOB.read_text())
    results = Results()
    results.send("begin", kernel=os.uname().release, numa_balancing=numa_balancing())
    assert numa_balancing() == 0, "automatic NUMA balancing is on: it would move pages by itself"
    if "program" in job:
        run_program(job["program"], results)
    else:
        run_cases(job["cases"], Machine(job["topology"], job["kernel"]), results)
    results.send("end")


if __name__ == "__main__":
    main()
