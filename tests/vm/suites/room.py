"""Nodes without much free memory: page cache makes room, what fits moves, and the rest follows when there is room."""

import pathlib
import re
import subprocess

from guest import oracles
from guest.case import case
from guest.policies import repairs, start_agent, wait_decision, write_config
from guest.wait import stays_true, wait_until
from suites.migrate import MIB, PAGE, ends
from suites.repair import cpus_of, share_on, start, stop_clean

RESERVE = 96 * MIB  # more than the kernel's high watermark


def sparse_file(machine, name, size):
    """A file without blocks: reading it takes page cache only."""
    path = pathlib.Path("/var/tmp") / name
    machine.cleanup.callback(path.unlink)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def on_node(node, *argv):
    """A command whose memory, page cache included, is on this node."""
    return ["numactl", f"--membind={node}", f"--cpunodebind={node}", *map(str, argv)]


def leave_free(machine, node, left):
    """Takes all free memory of the node except `left`; returns the process that has it."""
    size = (oracles.node_memory(node)["MemFree"] - left) // PAGE * PAGE
    filler = subprocess.Popen(on_node(node, "integrity-workload", "--bytes", size, "--thp", "never", "--idle"),
                              stdout=subprocess.PIPE, text=True)
    machine.cleanup.callback(filler.wait)
    machine.cleanup.callback(filler.kill)
    wait_until(f"node {node} is full", lambda: '"ready"' in filler.stdout.readline(), 90)
    return filler


def end(process):
    process.kill()
    process.wait()


def check_page_cache(machine, thp):
    near, far = ends()
    agent = start_agent(machine, {}, period="2s", more="limits: {reclaimCache: 0}")
    size = 128 * MIB
    pod = machine.kubelet.start_pod("database", namespace="prod")
    database = pod.start_container("main", ["integrity-workload", "--bytes", size, "--thp", thp, "--idle"], cpus=cpus_of(near))
    database.wait_ready()
    total = oracles.node_memory(far)["MemTotal"]
    small = sparse_file(machine, "small", 64 * MIB)
    reader = subprocess.Popen(on_node(far, "sh", "-c", f"while cat {small} > /dev/null; do sleep 0.5; done"))
    machine.cleanup.callback(end, reader)
    large = sparse_file(machine, "large", total * 3 // 2)
    machine.run(*on_node(far, "dd", f"if={large}", "of=/dev/null", "bs=1M"), timeout=300)
    found = oracles.node_memory(far)
    machine.log({field: found[field] >> 20 for field in ("MemTotal", "MemFree", "Active(file)", "Inactive(file)")})
    assert found["MemFree"] < 0.1 * total and found["FilePages"] > 0.7 * total, "the node is not full of page cache"

    database.repin(cpus_of(far))
    verdict, _, message = wait_decision(agent, database, "NO_ROOM")
    assert verdict == "WAIT" and "do not count (reclaimCache 0)" in message, message
    stays_true("nothing moves", lambda: not repairs(agent) and share_on(database, near) >= 0.99, seconds=5)
    cached = oracles.node_memory(far)["FilePages"]
    (part,) = [part for part in agent.json("explain", "--container", database.id)["explanations"][0]["parts"]
               if part["reason"] == "REMOTE_REASON_NO_ROOM"]
    assert "do not count (reclaimCache 0)" in part["detail"], part

    before = oracles.vmstat()
    write_config({}, period="2s", more="limits: {reclaimCache: 25%}")
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 240)
    (record,) = wait_until("the repair has ended", lambda: [each for each in repairs(agent) if each.get("end_time")], 60)
    after = oracles.vmstat()
    gone = {name: after[name] - before[name] for name in
            ("workingset_refault_file", "pgsteal_kswapd", "pgsteal_direct", "pgsteal_anon", "oom_kill")}
    machine.log(f"{gone}; {record['workloads'][0]['room_note']}")
    assert "took the place of page cache" in record["workloads"][0]["room_note"]
    assert gone["workingset_refault_file"] <= size // PAGE // 4, "the other reader lost its page cache"
    assert gone["oom_kill"] == 0 and gone["pgsteal_anon"] == 0
    assert cached - oracles.node_memory(far)["FilePages"] <= 0.3 * cached, "more page cache went than the share"
    stop_clean(machine, database)


@case(seconds=600)
def page_cache_makes_room(machine):
    """The target is full of page cache: with reclaimCache 0 the repair waits and says why, else it moves all, and another reader keeps its file."""
    check_page_cache(machine, "never")


@case(seconds=600, long=["6.1"])
def page_cache_makes_room_for_huge_pages(machine):
    """The same with transparent huge pages, whose moves do not wake the kernel's background reclaim."""
    check_page_cache(machine, "always")


@case(seconds=450)
def what_fits_moves(machine):
    """The home has room for a part: that moves, the record names the reason, and the rest moves when there is room."""
    near, far = ends()
    agent = start_agent(machine, {}, period="2s",
                        more=f"limits: {{nodeReserve: {{default: 2%, {far}: {RESERVE >> 20}Mi}}, reclaimCache: 0}}")
    database = start(machine, "database", near, "--idle", size=96 * MIB)
    filler = leave_free(machine, far, RESERVE + 48 * MIB)
    database.repin(cpus_of(far))
    (record,) = wait_until("a part was moved", lambda: [each for each in repairs(agent) if each.get("end_time")], 120)
    machine.log(f"{record['state']} {record['reason']}: {record['message']}; {record['estimate']}")
    assert (record["state"], record["reason"]) == ("MIGRATION_STATE_PARTIAL", "MIGRATION_REASON_NO_ROOM")
    assert re.search(rf"node {far} has .* kept in reserve", record["message"])
    assert int(record["estimate"]["no_room_bytes"]) >= 24 * MIB
    free = oracles.node_memory(far)["MemFree"]
    machine.log(f"{share_on(database, far):.3f} moved, {free >> 20} MiB free")
    assert 0.2 <= share_on(database, far) <= 0.6
    assert RESERVE - 8 * MIB <= free <= RESERVE + 4 * MIB, "not all that fits, or more (others take a little)"
    assert wait_decision(agent, database, "NO_ROOM")[0] == "WAIT"
    end(filler)
    wait_until("all of it is home", lambda: share_on(database, far) >= 0.95, 120)
    stop_clean(machine, database)
