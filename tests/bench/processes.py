"""Parts of a measurement inside the guest: processes that measure themselves, and counters."""

import json
import pathlib
import re
import subprocess
import time

BIN = pathlib.Path("/job/bin")
JOB = pathlib.Path("/job")


class Measuring:
    """A process that answers commands on its standard input with JSON lines; see `bench-workload --help`."""

    def __init__(self, *argv):
        self._process = subprocess.Popen([str(arg) for arg in argv], text=True, bufsize=1,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = self._answer()
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        status = self._process.wait()
        assert status == 0, f"{self._process.args[0]} ended with status {status}"

    def ask(self, command):
        self._process.stdin.write(command + "\n")
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        assert line, f"{self._process.args[0]} went away"
        return json.loads(line)


class Workload(Measuring):
    """A bench-workload; `options` are its own."""

    def __init__(self, *options):
        super().__init__(JOB / "bench-workload", *options)
        self.range = f"{self.ready['start']}-{self.ready['end']}"

    def place(self, *nodes):
        return self._nodes(self.ask(f"place {' '.join(map(str, nodes))}"))

    def pages_by_node(self):
        return self._nodes(self.ask("where"))

    @staticmethod
    def _nodes(answer):
        return {int(node): pages for node, pages in answer["nodes"].items()}


class FaultProbe(Measuring):
    def __init__(self):
        super().__init__(JOB / "bench-faults")


def timed(*argv):
    """Runs a command to its end; returns (seconds, standard output). It must succeed."""
    start = time.monotonic()
    done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True)
    seconds = time.monotonic() - start
    assert done.returncode == 0, f"{argv} ended with status {done.returncode}: {done.stdout}{done.stderr}"
    return seconds, done.stdout


def tlb_shootdowns():
    """Inter-processor interrupts that flushed a TLB, of all CPUs since boot."""
    line = re.search(r"^ *TLB:([ \d]+)", pathlib.Path("/proc/interrupts").read_text(), re.MULTILINE)
    return sum(map(int, line[1].split()))


def migrated_pages():
    """Pages that the kernel has migrated since boot, for whatever reason."""
    return int(re.search(r"^pgmigrate_success (\d+)", pathlib.Path("/proc/vmstat").read_text(), re.MULTILINE)[1])
