"""numa-migrate, the local command: queries and moves, exact figures, exit codes; and it needs no privilege of its own."""

import json
import re
import signal

from guest import oracles
from guest.case import case
from guest.machine import cpu_list
from guest.wait import wait_until
from suites.migrate import MIB, PAGE, ends

NOBODY = 65534


def start_process(machine, node, *argv, user=None):
    """integrity-workload on the CPUs of a node, no container; returns (Popen, the process that has the memory)."""
    process = machine.start("taskset", "-c", cpu_list(oracles.node_cpus(node)), "integrity-workload", "--thp", "never",
                            *argv, user=user, group=user, extra_groups=[] if user else None)
    wait_until("the process has its memory", lambda: '"ready"' in process.log_path.read_text(), 60)
    ready = next(line for line in process.log_path.read_text().splitlines() if '"ready"' in line)
    return process, json.loads(ready)["pids"][0]


def shares(text):
    """{node: percent} of `numa-migrate --check`."""
    return {int(node): float(percent) for node, percent in re.findall(r"^Node (\d+): ([\d.]+)% pages$", text, re.M)}


@case(seconds=120)
def checks_moves_and_verifies(machine):
    """The transcript's words; pages examined is the sum of its parts; a second look agrees with numa_maps."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 32 * MIB)
    assert shares(machine.run("numa-migrate", "--pid", pid, "--check").stdout)[near] >= 95
    done = machine.run("numa-migrate", "--pid", pid, "--range", "32M", "--to-node", far, "--verify")
    counts = {name: int(pages) for name, pages in re.findall(r"^(\w[\w ]*): (\d+)$", done.stdout, re.M)}
    assert counts["Pages examined"] == 32 * MIB // PAGE
    assert counts["Pages examined"] == sum(counts[name] for name in ("Moved", "Unchanged", "Busy", "Failed"))
    assert counts["Moved"] == counts["Pages examined"], "its own memory, page for page"
    assert re.search(rf"^Verification: 100.0% on node {far}$", done.stdout, re.M)
    assert oracles.anonymous_bytes(pid)[far] >= 32 * MIB
    assert shares(machine.run("numa-migrate", "--pid", pid, "--check").stdout)[far] >= 95
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=120)
def ones_own_process_without_privilege(machine):
    """As user 65534: its own process moves, another user's is refused with status 2 and the capability's name."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 8 * MIB, user=NOBODY)
    other, other_pid = start_process(machine, near, "--bytes", 1 * MIB)
    as_nobody = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "numa-migrate")
    machine.run(*as_nobody, "--pid", pid, "--range", "8M", "--to-node", far, "--verify")
    assert oracles.anonymous_bytes(pid)[far] >= 8 * MIB
    refused = machine.run(*as_nobody, "--pid", other_pid, "--to-node", far, check=False)
    assert refused.returncode == 2 and "CAP_SYS_PTRACE" in refused.stderr, refused.stderr
    assert process.poll() is None and other.poll() is None


@case(seconds=60)
def says_what_is_wrong(machine):
    """Status 1 and a sentence for what cannot be."""
    near, _ = ends()
    _, pid = start_process(machine, near, "--bytes", 1 * MIB)
    for argv, words in [(["--pid", 4000000, "--check"], "ERROR: process not found"),
                        (["--pid", pid, "--to-node", 77], "node 77"),
                        (["--pid", pid, "--to-node", near, "--range", "12x"], "12x"),
                        (["--pid", 0, "--check"], "ERROR"),
                        (["--pid", pid, "--check", "--no-such-option"], "--no-such-option")]:
        done = machine.run("numa-migrate", *argv, check=False)
        assert done.returncode == 1 and words in done.stderr, f"{argv}: {done.returncode} {done.stderr!r}"
