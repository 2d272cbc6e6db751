"""One guest under QEMU: its command line, its time limit, and the kernel's faults on its console."""

import os
import re
import shutil
import subprocess
import time

from host import results
from host.failure import Failure
from host.topology import qemu_arguments

# A run whose console has one of these lines has failed, whatever the results of its cases. The kernel's lines begin with a
# time stamp; programs write to the console too, and may use the same words.
KERNEL_TROUBLE = re.compile(
    r"\[ *\d+\.\d{6}\] .*(Kernel panic|Oops:|BUG: |kernel BUG at|general protection fault|WARNING: CPU: \d+ PID: "
    r"|rcu: INFO: .*(stall|detected)|blocked for more than \d+ seconds|soft lockup)")


def command(topology, images, kernel, job_disk, kernel_words=""):
    """QEMU's arguments without its serial ports. The images stay unchanged: writes go to a temporary file."""
    if not shutil.which("qemu-system-x86_64"):
        raise Failure("qemu-system-x86_64 is not installed (package qemu-system-x86)")
    if os.environ.get("ACCEL", "tcg") == "kvm":
        # Only when asked for: on some hosts /dev/kvm exists and cannot run a guest.
        accelerator = ["-accel", "kvm", "-cpu", "host"]
    else:
        # la57: one page-table level less to emulate. cx16: QEMU 7.2 translates cmpxchg16b wrongly, and 6.12 uses it.
        accelerator = ["-accel", "tcg,thread=multi", "-cpu", "max,la57=off,cx16=off"]
    # no_timer_check: on a busy host the kernel would find at boot that the timer is late, and give up.
    words = "console=ttyS0 loglevel=5 panic=-1 oops=panic numa_balancing=disable no_timer_check " + kernel_words
    # setpriv: a guest must not outlive a killed runner: it would slow down the next one.
    return ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", *accelerator, *qemu_arguments(topology),
            "-machine", "pc", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", images / f"vmlinuz-{kernel}", "-initrd", images / f"initrd-{kernel}", "-append", words,
            "-drive", f"file={images / 'root.img'},format=raw,if=virtio,snapshot=on",
            "-drive", f"file={job_disk},format=raw,if=virtio,snapshot=on"]


def environment(run_dir):
    """QEMU's environment: what a guest writes to its disks goes to an unnamed file in run_dir."""
    return {**os.environ, "TMPDIR": str(run_dir)}


def kernel_trouble(console):
    """The first line of a console log in which the kernel reports a fault, or None."""
    return next((line for line in console.splitlines() if KERNEL_TROUBLE.search(line)), None)


def died_at_boot(run_dir, collected):
    """Whether the kernel failed before the job began, when no code of this project had run."""
    return not collected.first("begin") and kernel_trouble((run_dir / "console.log").read_text(errors="replace"))


def run_to_end(argv, run_dir, limit_seconds, on_results):
    """Runs a guest until it powers off. Console in run_dir/console.log, results in run_dir/results.jsonl.

    on_results(text) gets what the guest has added to its results, a few times a second.
    Returns None, or a sentence that says why the run is invalid: time limit, kernel fault, QEMU's error.
    """
    console = run_dir / "console.log"
    reported = run_dir / results.FILE
    for file in (console, reported):
        file.write_bytes(b"")
    qemu = subprocess.Popen(
        [*argv, "-serial", f"file:{console}", "-serial", f"file:{reported}"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment(run_dir))
    deadline = time.monotonic() + limit_seconds
    problem = None
    try:
        with open(reported, encoding="utf-8", errors="replace") as stream:
            while qemu.poll() is None and problem is None:
                time.sleep(0.2)
                on_results(stream.read())
                trouble = kernel_trouble(console.read_text(errors="replace"))
                if trouble:
                    time.sleep(3)  # let the rest of the report reach the log
                    problem = f"the guest's kernel reported: {trouble.strip()}"
                elif time.monotonic() > deadline:
                    problem = f"the guest did not power off within its limit of {limit_seconds} s"
            on_results(stream.read())
    finally:
        if qemu.poll() is None:
            qemu.kill()
        errors = qemu.communicate()[1]
    trouble = kernel_trouble(console.read_text(errors="replace"))
    if problem is None and trouble:
        problem = f"the guest's kernel reported: {trouble.strip()}"
    if problem is None and qemu.returncode != 0:
        problem = f"QEMU ended with status {qemu.returncode}: {errors.strip()}"
    return problem
