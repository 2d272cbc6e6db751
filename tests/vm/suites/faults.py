"""What goes wrong while memory moves: the right word for it, exact counts, and an agent that carries on."""

import os
import pathlib
import signal
import time

from guest import oracles
from guest.agent import Agent, outcomes, reason, state
from guest.case import case
from guest.machine import cpu_list
from guest.policies import start_agent
from guest.wait import wait_until
from suites.migrate import MIB, PAGE, ends, start_workload


def repinned(machine, *argv, name="database"):
    """A workload whose memory is on the first node and whose CPUs are on the last."""
    near, far = ends()
    container = start_workload(machine, name, near, *argv)
    container.repin(cpu_list(oracles.node_cpus(far)))
    return container


# For migrations that a case disturbs: 192 MiB at this rate take 24 s, however fast the machine is.
SLOWLY = ("--bandwidth", "8M")


def assert_all_counted(record):
    """An idle workload's pages, as the first scan found them, are all in the outcomes: not one more, not one less."""
    (workload,) = record["workloads"]
    found = sum(int(usage[f"{kind}_bytes"]) for usage in workload["before"] for kind in ("anon", "shmem"))
    assert int(workload["examined_page_count"]) * PAGE == found, f"examined {workload['examined_page_count']}, found {found}"


def wait_moving(agent, migration_id):
    """Waits until the first pages have moved; the migration must still be under way then."""
    def moving():
        record = agent.migration(migration_id)
        return record if outcomes(record).get("MOVED", 0) > 0 else None
    record = wait_until("the first pages have moved", moving, 60, every=0.05)
    assert state(record) == "RUNNING", f"the migration was too fast to be interrupted: {record}"


@case(seconds=240, long=["6.1"])
def pinned_pages(machine):
    """One page in 64 has an extra reference (vmsplice): all others move, and exactly these are counted as pinned."""
    _, far = ends()
    agent = Agent(machine)
    size = 32 * MIB
    container = repinned(machine, "--bytes", size, "--thp", "never", "--idle", "--pin-every", 64)
    record = agent.migrate("--container", container.id)
    counts = outcomes(record)
    machine.log(f"outcomes: {counts}, calls: {record['workloads'][0]['move_call_count']}")
    assert counts["PINNED"] == size // PAGE // 64, counts
    assert counts["MOVED"] >= size // PAGE - size // PAGE // 64
    # The workload shares a few pages with its supervisor; a sharing rule leaves those alone.
    assert set(counts) <= {"PINNED", "MOVED", "ALREADY_THERE", "SHARED"}, counts
    assert state(record) == "SUCCEEDED"  # 98 % is above min_moved
    found = oracles.anonymous_bytes(container.pids())
    left = (sum(found.values()) - found[far]) // PAGE
    assert counts["PINNED"] <= left <= counts["PINNED"] + counts.get("SHARED", 0)
    strict = agent.migrate("--container", container.id, "--min-moved", "1")
    assert (state(strict), reason(strict)) == ("FAILED", "PAGES_LEFT"), strict


@case(seconds=240, long=["6.1", "6.12"])
def some_processes_exit(machine):
    """One of two processes is killed during the migration: PARTIAL, and the other's memory is home."""
    _, far = ends()
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 192 * MIB, "--processes", 2, "--thp", "never", "--idle")
    workers = sorted(container.host_pids().values(), key=lambda pid: sum(oracles.anonymous_bytes(pid).values()))[-2:]
    migration_id = agent.start_migration("--container", container.id, *SLOWLY)
    wait_moving(agent, migration_id)
    victim = max(workers, key=lambda pid: oracles.anonymous_bytes(pid)[ends()[0]])
    os.kill(victim, signal.SIGKILL)
    record = agent.wait_final(migration_id)
    machine.log(f"{state(record)} {reason(record)} {outcomes(record)}")
    assert (state(record), reason(record)) == ("PARTIAL", "WORKLOAD_GONE"), record
    assert outcomes(record)["VANISHED"] > 0
    assert_all_counted(record)
    (survivor,) = set(workers) - {victim}
    assert oracles.share(oracles.anonymous_bytes(survivor), far) >= 0.99
    agent.check_healthy()


@case(seconds=240, long=["6.1"])
def all_processes_exit(machine):
    """The pod is killed and its cgroup removed during the migration: FAILED, WORKLOAD_GONE, exact counts."""
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 192 * MIB, "--thp", "never", "--idle")
    migration_id = agent.start_migration("--container", container.id, *SLOWLY)
    wait_moving(agent, migration_id)
    container.pod.remove()
    machine.kubelet.pods.remove(container.pod)
    record = agent.wait_final(migration_id)
    machine.log(f"{state(record)} {reason(record)} {outcomes(record)}")
    assert (state(record), reason(record)) == ("FAILED", "WORKLOAD_GONE"), record
    assert outcomes(record)["VANISHED"] > 0
    assert_all_counted(record)
    agent.check_healthy()
    assert agent.ctl("top", "--container", container.id, check=False).returncode == 1


def page_cache_on(machine, node, size):
    """Fills clean page cache on the node; returns the bytes of page cache that it has then, less a tenth."""
    path = pathlib.Path("/var/tmp/page_cache")
    machine.cleanup.callback(path.unlink)
    before = oracles.node_memory(node)["FilePages"]
    machine.run("taskset", "-c", cpu_list(oracles.node_cpus(node)), "dd", "if=/dev/zero", f"of={path}", "bs=1M",
                f"count={size // MIB}", "conv=fsync")
    found = oracles.node_memory(node)["FilePages"]
    assert found - before >= size * 9 // 10, f"page cache is elsewhere: {before}, {found}"
    return found - size // 10


@case(seconds=300, long=["6.1"])
def target_full(machine):
    """Room for a part only, and reclaimCache 0: the migration ends with the reason, keeps reserve and page cache, and no process is killed."""
    near, far = ends()
    agent = start_agent(machine, {"action": "observe"}, cri=False, more="limits: {reclaimCache: 0}")
    container = repinned(machine, "--bytes", 128 * MIB, "--thp", "never", "--idle")
    reserve = oracles.node_memory(far)["MemTotal"] * 2 // 100
    machine.run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
    cached = page_cache_on(machine, far, 32 * MIB)
    hog_bytes = (oracles.node_memory(far)["MemFree"] - reserve - 48 * MIB) // PAGE * PAGE
    hog = machine.start("numactl", f"--membind={far}", "integrity-workload", "--bytes", hog_bytes, "--idle",
                        "--thp", "never")
    wait_until("the hog has its memory", lambda: '"ready"' in hog.log_path.read_text(), 60)
    kills = oracles.vmstat()["oom_kill"]
    assert oracles.node_memory(far)["FilePages"] >= cached, "the page cache was dropped before the case began"
    record = agent.migrate("--container", container.id)
    assert oracles.node_memory(far)["FilePages"] >= cached, "page cache was dropped"
    free = oracles.node_memory(far)["MemFree"]
    machine.log(f"{state(record)} {reason(record)}: {record.get('message')}; {outcomes(record)}; "
                f"free {free >> 20} MiB, reserve {reserve >> 20} MiB")
    assert reason(record) == "NO_ROOM" and state(record) in ("PARTIAL", "FAILED"), record
    assert outcomes(record)["NO_MEMORY"] > 0
    assert_all_counted(record)
    assert free >= reserve - 2 * MIB, "the reserve is used up (others take little here)"
    assert oracles.vmstat()["oom_kill"] == kills and hog.poll() is None
    again = agent.migrate("--container", container.id)
    assert reason(again) == "NO_ROOM" and outcomes(again).get("MOVED", 0) <= 512, "more moved than was freed meanwhile"
    agent.check_healthy()


@case(seconds=120, long=["6.1"])
def target_forbidden(machine):
    """cpuset.mems excludes the target: FAILED_PRECONDITION with both masks, and nothing moves."""
    near, far = ends()
    agent = Agent(machine)
    pod = machine.kubelet.start_pod("bound", qos="guaranteed")
    container = pod.start_container("main", ["integrity-workload", "--bytes", "16M", "--idle"],
                                    cpus=cpu_list(oracles.node_cpus(near)), mems=str(near))
    container.wait_ready()
    before = oracles.anonymous_bytes(container.pids())
    asked = agent.ctl("migrate", "--container", container.id, "--to-node", far, check=False)
    assert asked.returncode == 3 and f"node {near}" in asked.stderr and f"node {far}" in asked.stderr, asked.stderr
    assert "cpuset.mems" in asked.stderr, asked.stderr
    container.repin(cpu_list(oracles.node_cpus(far)))
    default = agent.ctl("migrate", "--container", container.id, check=False)
    assert default.returncode == 3 and "cpuset.mems" in default.stderr, default.stderr
    assert oracles.anonymous_bytes(container.pids()) == before


@case(seconds=120, long=["6.1"])
def bad_requests(machine):
    """Unknown pod, bad node, bad range, wrong PID, no socket: a clear error, status 1, and the agent keeps running."""
    agent = Agent(machine)
    nobody = "00000000-0000-0000-0000-000000000000"
    for argv, word in [
        (["migrate", "--pod", nobody], "no such container"),
        (["top", "--pod", nobody], "no such container"),
        (["migrate", "--container", "f" * 64], "no such container"),
        (["migrate", "--container", "f"], "first 8 characters"),
        (["migrate", "--cgroup", "/no/such/cgroup"], "not found"),
        (["migrate", "--cgroup", "/../etc"], "cgroup path"),
        (["migrate", "--pid", "1", "--to-node", "77"], "node 77"),
        (["migrate", "--pid", "1", "--range", "2000-1000"], "2000-1000"),
        (["migrate", "--pid", "0"], "0"),
        (["migrate", "--pid", "-5"], "-5"),
        (["migrate", "--pid", "4000000"], "process 4000000"),
        (["watch", "no-such-migration"], "no-such-migration"),
        (["--endpoint", "unix:/tmp/nowhere/agent.sock", "topology"], "/tmp/nowhere/agent.sock"),
    ]:
        done = agent.ctl(*argv, check=False)
        assert done.returncode == 1 and word in done.stderr, f"{argv}: {done.returncode} {done.stderr!r}"
    agent.check_healthy()


@case(seconds=240, long=["6.1", "6.12"])
def busy_cancel_and_restart(machine):
    """A second request is refused with the first one's id; Cancel ends the first between two batches; SIGTERM ends the agent in time."""
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 192 * MIB, "--thp", "never", "--idle")
    first = agent.start_migration("--container", container.id, *SLOWLY)
    wait_moving(agent, first)
    second = agent.ctl("migrate", "--container", container.id, check=False)
    assert second.returncode == 3 and first in second.stderr, second.stderr
    agent.ctl("cancel", first)
    record = agent.wait_final(first)
    assert state(record) == "CANCELLED" and outcomes(record)["NOT_ATTEMPTED"] > 0, record
    assert_all_counted(record)
    third = agent.start_migration("--container", container.id, *SLOWLY)
    wait_moving(agent, third)
    status, seconds = agent.stop()
    machine.log(f"ended with status {status} after {seconds:.1f} s")
    assert status == 0 and seconds <= 5
    time.sleep(0.5)
    again = Agent(machine)
    assert state(again.migrate("--container", container.id)) == "SUCCEEDED"
    assert container.stop() == 0, container.output()[-3:]


@case(seconds=240, long=["6.1"])
def request_id_after_a_kill(machine):
    """kill -9 of the agent: the next one answers the same request with the first migration, and refuses another one."""
    agent = Agent(machine)
    container = repinned(machine, "--bytes", 192 * MIB, "--thp", "never", "--idle")
    request = ("--container", container.id, "--request-id", f"kill-{container.id[:16]}")
    first = agent.start_migration(*request, *SLOWLY)
    wait_moving(agent, first)
    agent.process.kill()
    agent.process.wait()
    again = Agent(machine)
    assert again.start_migration(*request, *SLOWLY) == first
    assert reason(again.migration(first)) == "INTERRUPTED"
    other = again.ctl("migrate", *request, check=False)
    assert other.returncode != 0 and first in other.stderr, other.stderr
    assert container.stop() == 0, container.output()[-3:]


@case(seconds=120, long=["6.1"])
def hugetlb_stays(machine):
    """hugetlb pages, also those of a memfd, stay: moving them would change the pools that kubelet counts."""
    near, far = ends()
    agent = Agent(machine)
    pools = [pathlib.Path(f"/sys/devices/system/node/node{node}/hugepages/hugepages-2048kB/nr_hugepages")
             for node in (near, far)]
    pools[0].write_text("4")
    machine.cleanup.callback(lambda: pools[0].write_text("0"))
    hold = ("import mmap, os, time\n"
            "file = os.memfd_create('x', os.MFD_HUGETLB)\n"
            "os.ftruncate(file, 8 << 20)\n"
            "huge = mmap.mmap(file, 8 << 20)\n"
            "huge[::2 << 20] = b'abcd'\n"
            "own = bytearray(os.urandom(16 << 20))\n"
            "print('ready', flush=True)\n"
            "time.sleep(600)\n")
    process = machine.start("taskset", "-c", cpu_list(oracles.node_cpus(near)), "python3", "-c", hold)
    wait_until("the process has its memory", lambda: "ready" in process.log_path.read_text(), 60)
    assert [int(pool.read_text()) for pool in pools] == [4, 0]
    record = agent.migrate("--pid", process.pid, "--to-node", far)
    machine.log(f"{state(record)}: {outcomes(record)}")
    assert state(record) == "SUCCEEDED" and outcomes(record)["MOVED"] >= 16 * MIB // PAGE
    assert [int(pool.read_text()) for pool in pools] == [4, 0], "the pools have shifted"
