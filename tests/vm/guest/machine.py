"""The argument of a case: the machine, and everything that the case starts there, which is cleaned up after it."""

import contextlib
import functools
import os
import pathlib
import signal
import subprocess

from guest import oracles
from guest.kubelet import Kubelet, containerd_log_tail

BIN = pathlib.Path("/job/bin")


class Machine:
    """`topology` is the data file's content, `kernel` the release family ("6.1"), `log` takes lines of text.

    `cleanup` is an ExitStack that is closed after each case, whatever happened.
    """

    def __init__(self, topology, kernel):
        self.topology, self.kernel = topology, kernel
        self.log = print
        self.cleanup = contextlib.ExitStack()

    @functools.cached_property
    def kubelet(self):
        """containerd and pods, started by the first case that asks for them."""
        self.log("starting containerd")
        return Kubelet()

    def start(self, *argv, **options):
        """Starts a program of the build (or of the system) beside the case; it is killed after the case.

        Its standard output and error go to the file `log_path` (an attribute of the Popen that is returned).
        """
        path = pathlib.Path(f"/tmp/{pathlib.Path(argv[0]).name}-{os.urandom(4).hex()}.log")
        with path.open("w") as file:
            process = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True, **options)
        process.log_path = path

        def end():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.cleanup.callback(lambda: self.log(f"{argv[0]}:\n" + "\n".join(path.read_text().splitlines()[-30:])))
        self.cleanup.callback(end)
        return process

    def run(self, *argv, check=True, timeout=60, log_output=True):
        """Runs a program to its end; returns the CompletedProcess with text output, which is also logged."""
        done = subprocess.run([str(arg) for arg in argv], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=timeout)
        output = done.stdout if log_output else ""
        self.log(f"$ {' '.join(map(str, argv))} -> {done.returncode}\n{output}{done.stderr}")
        if check:
            assert done.returncode == 0, f"{argv[0]} ended with status {done.returncode}: {done.stderr.strip()}"
        return done

    def clean_up(self):
        """Undoes what the case started, last things first, then its pods."""
        try:
            self.cleanup.close()
        finally:
            if "kubelet" in self.__dict__:
                self.kubelet.remove_pods()

    def log_state(self):
        """Logs, for a failed case, the free memory of each node and the end of containerd's log."""
        for node in oracles.nodes():
            memory = oracles.node_memory(node)
            self.log(f"node {node}: {memory['MemFree'] >> 20} of {memory['MemTotal'] >> 20} MiB free")
        self.log(containerd_log_tail())


def cpu_list(cpus):
    """[0, 1] -> "0,1", the form that cpusets take."""
    return ",".join(map(str, cpus))
