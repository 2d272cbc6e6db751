"""Several home nodes or targets: a full one hands over to the next."""

from guest import oracles
from guest.case import case
from guest.machine import cpu_list
from guest.policies import repairs, start_agent, wait_decision
from guest.wait import wait_until
from suites.migrate import MIB
from suites.repair import start, stop_clean
from suites.room import leave_free

RESERVE = 64 * MIB
SIZE = 96 * MIB


def shares(container):
    found = oracles.anonymous_bytes(container.pids())
    return {node: oracles.share(found, node) for node in oracles.nodes("has_memory")}


@case(seconds=450)
def homes_share_what_is_too_much_for_one(machine):
    """The two home nodes have room for 60 % each: all of it moves, by the loop alone, and no node falls below its reserve."""
    near, _, third, fourth = oracles.nodes("has_cpu")
    agent = start_agent(machine, {}, period="2s",
                        more=f"limits: {{nodeReserve: {RESERVE >> 20}Mi, reclaimCache: 0}}")
    database = start(machine, "database", near, "--idle", size=SIZE)
    for node in third, fourth:
        leave_free(machine, node, RESERVE + SIZE * 6 // 10)
        machine.log(f"node {node}: {(oracles.node_memory(node)['MemFree'] - RESERVE) >> 20} MiB of room")
    database.repin(cpu_list([*oracles.node_cpus(third), *oracles.node_cpus(fourth)]))
    wait_until("its memory is home", lambda: shares(database)[third] + shares(database)[fourth] >= 0.95, 120)
    machine.log(f"{shares(database)}")
    assert all(0.3 <= shares(database)[node] <= 0.7 for node in (third, fourth)), shares(database)
    (record,) = wait_until("the repair has ended", lambda: [each for each in repairs(agent) if each.get("end_time")], 60)
    assert record["state"] == "MIGRATION_STATE_SUCCEEDED", record
    for node in third, fourth:
        assert oracles.node_memory(node)["MemFree"] >= RESERVE - 8 * MIB
    assert wait_decision(agent, database, "LOCAL")[0] == "LEAVE"
    stop_clean(machine, database)
