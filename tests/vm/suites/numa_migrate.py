"""numa-migrate, the local command: queries and moves, exact figures, exit codes; it needs no privilege."""

import csv
import io
import json
import os
import pathlib
import re
import signal
import time

from guest import oracles
from guest.case import case
from guest.machine import cpu_list
from guest.wait import wait_until
from suites.migrate import MIB, PAGE, ends

NOBODY = 65534

# On a busy host emulated CPUs take longer for a call than its default limit, however few its pages.
PATIENT = ("--max-call-time", "1s")

AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


def start_helper(machine, node, size, *argv, user=None):
    """Starts numa-migrate's helper with its memory on a node; returns (Popen, start, end) of the memory."""
    options = {"user": user, "group": user, "extra_groups": []} if user else {}
    helper = machine.start("numa-migrate", "helper", "--alloc", size, "--seed", 42, "--node", node, *argv, **options)
    wait_until("the helper has its memory", lambda: "Checking the content" in helper.log_path.read_text(), 60)
    text = helper.log_path.read_text()
    assert f"PID: {helper.pid}\n" in text and f"numa-migrate --pid {helper.pid} --check" in text, text
    start, end = re.search(r"^Range: ([0-9a-f]+)-([0-9a-f]+) ", text, re.M).groups()
    return helper, int(start, 16), int(end, 16)


def end_well(helper):
    """Ends the helper, which checks that every byte of its memory is unchanged."""
    helper.send_signal(signal.SIGTERM)
    assert helper.wait(60) == 0, helper.log_path.read_text()
    assert "no wrong byte" in helper.log_path.read_text()


def start_process(machine, node, *argv):
    """Starts integrity-workload on the CPUs of a node, without a container; returns (Popen, pid of the process that has the memory)."""
    process = machine.start("taskset", "-c", cpu_list(oracles.node_cpus(node)), "integrity-workload", "--thp", "never",
                            *argv)
    wait_until("the process has its memory", lambda: '"ready"' in process.log_path.read_text(), 60)
    ready = next(line for line in process.log_path.read_text().splitlines() if '"ready"' in line)
    return process, json.loads(ready)["pids"][0]


def shares(text):
    """{node: percent} of `numa-migrate --check`."""
    return {int(node): float(percent) for node, percent in re.findall(r"^Node (\d+): ([\d.]+)% pages$", text, re.M)}


def figures(text):
    """{name: pages} of the unindented lines, which must be those of the transcript, in its order."""
    names = [line.partition(":")[0] for line in text.splitlines() if not line.startswith(" ")]
    known = ["Pages examined", "Moved", "Unchanged", "Busy", "Failed", "Drifted", "Verification"]
    assert names == [name for name in known if name in names] and names[:5] == known[:5], text
    counts = {name: int(pages) for name, pages in re.findall(r"^(\w[\w ]*): (\d+)$", text, re.M)}
    assert counts["Pages examined"] == sum(counts[name] for name in ("Moved", "Unchanged", "Busy", "Failed")), text
    failed = [int(pages) for pages in re.findall(r"^  (?!after)[a-z ]+: (\d+) \(", text, re.M)]
    assert sum(failed) == counts["Failed"], text
    return counts


def resident_pages(pid, start=0, end=1 << 64):
    """{node: pages} of all mappings that begin in [start, end), by numa_maps."""
    pages = dict.fromkeys(oracles.nodes("has_memory"), 0)
    for line in pathlib.Path(f"/proc/{pid}/numa_maps").read_text().splitlines():
        size = re.search(r"kernelpagesize_kB=(\d+)", line)
        if size and start <= int(line.split()[0], 16) < end:
            for node, count in re.findall(r"\bN(\d+)=(\d+)", line):
                pages[int(node)] += int(count) * int(size[1]) * 1024 // PAGE
    return pages


def checked_pages(machine, pid, *argv):
    """{node: pages} as --check prints it."""
    said = json.loads(machine.run("numa-migrate", "--pid", pid, "--check", "--json", *argv).stdout)
    assert said["pages"] == sum(node["pages"] for node in said["nodes"])
    return {node["node"]: node["pages"] for node in said["nodes"]}


@case(seconds=240)
def half_a_gigabyte(machine):
    """512 MiB: every page is examined and moved, numa_maps agrees, and no byte is wrong."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "512M")
    assert end - start == 512 * MIB
    done = machine.run("numa-migrate", "--pid", helper.pid, "--range", "512M", "--to-node", far, "--verify",
                       "--verify-after", "1s", "--verify-numa-maps", *PATIENT, timeout=200)
    counts = figures(done.stdout)
    assert counts["Pages examined"] == counts["Moved"] == 131072
    assert f"\nVerification: 100.0% on node {far}\n" in done.stdout
    assert f"\n  numa_maps: 100.0% on node {far}; agrees on every page\n" in done.stdout
    assert resident_pages(helper.pid, start, end)[far] == 131072
    end_well(helper)


@case(seconds=120)
def checks_to_the_page(machine):
    """--check counts the pages of numa_maps, and numastat agrees to the last digit that it prints."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "32M")
    middle = start + 8 * MIB
    machine.run("numa-migrate", "--pid", helper.pid, "--range", f"{start:x}-{middle:x}", "--to-node", far)
    helper.send_signal(signal.SIGSTOP)  # its pages do not change between two readings
    said = checked_pages(machine, helper.pid)
    assert said == resident_pages(helper.pid)
    assert checked_pages(machine, helper.pid, "--range", f"{start:x}-{end:x}") == {near: 6144, far: 2048}
    total = re.search(r"^Total +(.*)$", machine.run("numastat", "-p", helper.pid).stdout, re.M)[1].split()
    for column, node in enumerate(oracles.nodes("has_memory")):
        assert abs(float(total[column]) - said[node] * PAGE / MIB) <= 0.005001, f"numastat {total}, numa-migrate {said}"
    rows = list(csv.DictReader(io.StringIO(
        machine.run("numa-migrate", "--pid", helper.pid, "--check", "--csv").stdout)))
    assert {int(row["node"]): int(row["pages"]) for row in rows} == said
    printed = shares(machine.run("numa-migrate", "--pid", helper.pid, "--check").stdout)
    assert all(abs(printed[node] - 100 * said[node] / sum(said.values())) <= 0.05 for node in said)
    helper.send_signal(signal.SIGCONT)
    end_well(helper)


@case(seconds=120)
def moves_while_it_works(machine):
    """A process that writes all the time: the transcript's words, figures that add up, no wrong value in memory."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 32 * MIB)
    assert shares(machine.run("numa-migrate", "--pid", pid, "--check").stdout)[near] >= 95
    done = machine.run("numa-migrate", "--pid", pid, "--range", "32M", "--to-node", far, "--verify",
                       "--verify-after", "500ms,1s", *PATIENT)
    counts = figures(done.stdout)
    assert counts["Moved"] == counts["Pages examined"] == 32 * MIB // PAGE, "its own memory, page for page"
    assert f"\nVerification: 100.0% on node {far}\n" in done.stdout
    assert [float(share) for share in re.findall(r"^  after [\d.]+m?s: ([\d.]+)%", done.stdout, re.M)][-2:] == [100, 100]
    assert oracles.anonymous_bytes(pid)[far] >= 32 * MIB
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=120)
def for_programs(machine):
    """--json and --csv have the figures of the text; a dry run moves nothing, and its estimate of the time has the right order."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "64M")
    part = ("numa-migrate", "--pid", helper.pid, "--range", "64M", "--to-node", far, *PATIENT)
    planned = json.loads(machine.run(*part, "--dry-run", "--json").stdout)
    assert planned["would_move"] == 16384 and planned["unchanged"] == planned["shared"] == 0, planned
    assert resident_pages(helper.pid, start, end)[near] == 16384
    text = machine.run(*part, "--dry-run").stdout
    assert f"Would move: 16384 pages (64.0 MiB) to node {far}\n" in text and "Expected time: " in text

    done = json.loads(machine.run(*part, "--json").stdout)
    assert done["pid"] == helper.pid and done["target_node"] == far and done["state"] == "SUCCEEDED"
    assert done["pages"] == done["moved"] == 16384 and sum(done["failed_by_reason"].values()) == done["failed"] == 0
    machine.log(f"expected {planned['expected_seconds']:.2f} s, took {done['move_calls']['seconds']:.2f} s of calls")
    assert 0.05 <= done["move_calls"]["seconds"] / planned["expected_seconds"] <= 20
    row, = csv.DictReader(io.StringIO(machine.run(*part, "--csv").stdout))
    assert int(row["pages"]) == int(row["unchanged"]) == 16384 and row["state"] == "SUCCEEDED"
    end_well(helper)


@case(seconds=120)
def ones_own_process_without_privilege(machine):
    """As user 65534: a process of this user moves and is verified; one of another user is refused, with the capability's name."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "8M", user=NOBODY)
    other, _, _ = start_helper(machine, near, "1M")
    done = machine.run(*AS_NOBODY, "numa-migrate", "--pid", helper.pid, "--range", "8M", "--to-node", far, "--verify",
                       "--verify-after", "500ms", "--pin-threads")
    assert figures(done.stdout)["Moved"] == 2048 and "agrees on every page" in done.stdout
    assert "--shared never" in done.stderr and "CAP_SYS_NICE" in done.stderr
    assert resident_pages(helper.pid, start, end)[far] == 2048
    for argv in ("--to-node", far), ("--check",):
        refused = machine.run(*AS_NOBODY, "numa-migrate", "--pid", other.pid, *argv, check=False)
        assert refused.returncode == 2 and "CAP_SYS_PTRACE is missing" in refused.stderr, refused.stderr
    refused = machine.run(*AS_NOBODY, "numa-migrate", "--pid", helper.pid, "--to-node", far, "--shared", "all",
                          check=False)
    assert refused.returncode == 2 and "CAP_SYS_NICE" in refused.stderr
    end_well(helper)


@case(seconds=60)
def forked_processes(machine):
    """Pages that a process shares with its forks stay with `owned`, as the forks were not named, and move with `all`."""
    near, far = ends()
    size = 8 * MIB
    process, pid = start_process(machine, near, "--sharing", "fork", "--processes", 3, "--bytes", size, "--idle")
    everyone = json.loads(next(line for line in process.log_path.read_text().splitlines() if '"ready"' in line))["pids"]
    command = ("numa-migrate", "--pid", pid, "--to-node", far, "--json", "--shared")
    left = json.loads(machine.run(*command, "owned", check=False).stdout)
    assert left["failed_by_reason"]["shared"] >= size // PAGE, left
    assert all(oracles.anonymous_bytes(each)[near] >= size for each in everyone)
    done = json.loads(machine.run(*command, "all").stdout)
    assert done["moved"] >= size // PAGE and done["failed_by_reason"].get("shared", 0) == 0, done
    assert len(everyone) == 3 and all(oracles.anonymous_bytes(each)[far] >= size for each in everyone)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=120, long=["6.1", "6.12"])
def swaps_while_it_works(machine):
    """--node-map with each node as the other's target: every page changes sides under a process that writes."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 32 * MIB)
    machine.run("numa-migrate", "--pid", pid, "--range", "8M", "--to-node", far, *PATIENT)
    before = oracles.anonymous_bytes(pid)
    assert before[near] >= 24 * MIB and before[far] >= 8 * MIB, before
    done = machine.run("numa-migrate", "--pid", pid, "--node-map", f"{near}:{far},{far}:{near}", *PATIENT)
    assert figures(done.stdout)["Moved"] >= 32 * MIB // PAGE
    after = oracles.anonymous_bytes(pid)
    assert all(abs(after[one] - before[other]) <= MIB for one, other in ((near, far), (far, near))), f"{before} {after}"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=60)
def says_what_is_wrong(machine):
    """Wrong arguments: status 1 and a sentence that names the problem."""
    near, far = ends()
    helper, _, _ = start_helper(machine, near, "1M")
    pid = helper.pid
    for argv, words in [(["--pid", 4000000, "--check"], "ERROR: process not found"),
                        (["--pid", pid, "--to-node", 77], "node 77"),
                        (["--pid", pid, "--to-node", near, "--range", "12x"], "12x"),
                        (["--pid", 0, "--check"], "ERROR"),
                        (["--pid", 2, "--check"], "kernel thread"),
                        (["--pid", pid, "--to-node", far, "--batch", 8, "--max-call-time", "1ms"], "--batch"),
                        (["--pid", pid, "--check", "--no-such-option"], "--no-such-option")]:
        done = machine.run("numa-migrate", *argv, check=False)
        assert done.returncode == 1 and words in done.stderr, f"{argv}: {done.returncode} {done.stderr!r}"
    gone = machine.run("numa-migrate", "--pid", 4000000, "--to-node", near, check=False)
    assert gone.returncode == 1 and gone.stderr.splitlines()[-1] == "ERROR: process not found", gone.stderr


@case(seconds=60)
def a_wrong_byte_is_an_error(machine):
    """The helper's negative control: one byte written from outside."""
    near, _ = ends()
    helper, start, _ = start_helper(machine, near, "4M")
    with open(f"/proc/{helper.pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(start + 1234567)
        byte = memory.read(1)
        memory.seek(start + 1234567)
        memory.write(bytes([byte[0] ^ 1]))
    assert helper.wait(30) == 1
    assert "wrong content at address" in helper.log_path.read_text()


@case(seconds=120)
def held_in_batches(machine):
    """A busy process is moved while ptrace holds it, in fixed batches; afterwards nobody traces it."""
    near, far = ends()
    process, pid = start_process(machine, near, "--bytes", 8 * MIB)
    done = machine.run("numa-migrate", "--pid", pid, "--range", "8M", "--to-node", far, "--hold", "--batch", 256, "--json")
    result = json.loads(done.stdout)
    machine.log(f"holds: {result['holds']}")
    assert result["moved"] == 2048 and result["holds"]["count"] >= 4
    assert re.search(r"^TracerPid:\t0$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0, "the workload found its data changed"


@case(seconds=120, long=["6.1", "6.12"])
def threads_follow(machine):
    """--pin-threads: every thread may run on the target's CPUs only, from the first move on."""
    near, far = ends()
    _, pid = start_process(machine, near, "--bytes", 8 * MIB, "--workers", 3, "--ops-per-second", 1000)
    tasks = pathlib.Path(f"/proc/{pid}/task")
    assert all(os.sched_getaffinity(int(task.name)) == set(oracles.node_cpus(near)) for task in tasks.iterdir())
    done = machine.run("numa-migrate", "--pid", pid, "--to-node", far, "--pin-threads", "--workers", 2, *PATIENT)
    assert "pinned to CPUs" in done.stderr, done.stderr
    found = {int(task.name): os.sched_getaffinity(int(task.name)) for task in tasks.iterdir()}
    assert len(found) >= 3 and all(cpus == set(oracles.node_cpus(far)) for cpus in found.values()), found


@case(seconds=120)
def bound_to_its_node(machine):
    """--policy bind: cpuset.mems of the process's own cgroup; refused for a cgroup of several, and on old kernels."""
    near, far = ends()
    cgroup = pathlib.Path("/sys/fs/cgroup/bound")
    machine.cleanup.callback(cgroup.rmdir)
    cgroup.mkdir()
    pathlib.Path("/sys/fs/cgroup/cgroup.subtree_control").write_text("+cpuset")
    (helper, _, _), (other, _, _) = start_helper(machine, near, "8M"), start_helper(machine, near, "1M")
    for each in helper, other:
        (cgroup / "cgroup.procs").write_text(str(each.pid))
    old = machine.kernel == "6.1"
    command = ("numa-migrate", "--pid", helper.pid, "--to-node", far, "--policy")
    refused = machine.run(*command, "force-bind", check=False)
    assert refused.returncode == 3 and "processes" in refused.stderr, refused.stderr
    other.kill()
    wait_until("one process is left", lambda: len(oracles.cgroup_pids(cgroup)) == 1)
    if old:
        refused = machine.run(*command, "bind", check=False)
        assert refused.returncode == 3 and "6.7" in refused.stderr, refused.stderr
    assert (cgroup / "cpuset.mems").read_text() == "\n", "nothing was written"
    machine.run(*command, "force-bind" if old else "bind")
    assert (cgroup / "cpuset.mems").read_text() == f"{far}\n"
    assert oracles.anonymous_bytes(helper.pid)[near] == 0
    end_well(helper)


@case(seconds=120, long=["6.1", "6.12"])
def a_call_that_the_kernel_holds(machine):
    """A real-time task occupies a CPU, so that the call stalls: reported after 5 s; a second Ctrl-C restores the machine at once.

    From Linux 6.12 on a real-time task leaves others a twentieth of the CPU, so that no call waits this long.
    """
    near, far = ends()
    helper, _, _ = start_helper(machine, near, "16M")
    for path, value in ("/proc/sys/kernel/sched_rt_runtime_us", "-1"), ("/proc/sys/kernel/numa_balancing", "1"):
        setting = pathlib.Path(path)
        machine.cleanup.callback(setting.write_text, setting.read_text())
        setting.write_text(value)
    *others, taken = sorted(os.sched_getaffinity(0))
    # The call waits for CPUs with pages in per-CPU caches: this CPU always has some.
    touch_pages = "import mmap\nprint('has the CPU', flush=True)\nwhile True: mmap.mmap(-1, 4096)[0] = 1"
    hog = machine.start("timeout", "-s", "KILL", 15, "chrt", "-f", 50, "taskset", "-c", taken, "python3", "-c", touch_pages)
    wait_until("the task has the CPU", lambda: "has the CPU" in hog.log_path.read_text())
    mover = machine.start("taskset", "-c", ",".join(map(str, others)), "numa-migrate", "--pid", helper.pid, "--to-node", far,
                          "--numa-balancing", "off")
    if machine.kernel == "6.1":
        wait_until("the stalled call is reported", lambda: " has not returned since " in mover.log_path.read_text(), 14)
        assert setting.read_text() == "0\n"
        for _ in range(2):
            time.sleep(0.5)
            mover.send_signal(signal.SIGINT)
        wait_until("balancing is on again", lambda: setting.read_text() == "1\n", 10)
        assert hog.poll() is None and mover.poll() is None, "the call is still stalled"
    assert mover.wait(60) == (130 if machine.kernel == "6.1" else 0), mover.log_path.read_text()
    machine.log(mover.log_path.read_text())
    assert setting.read_text() == "1\n" and ("given up" in mover.log_path.read_text()) == (machine.kernel == "6.1")
    hog.wait(30)
    end_well(helper)
