"""Memory follows re-pinned CPUs by policy, without any request, and stays where no policy moves it."""

import itertools
import os
import pathlib
import subprocess
import time

from guest import oracles
from guest.agent import FINAL, state
from guest.case import case
from guest.machine import cpu_list
from guest.policies import CONFIG, decision, metrics, repairs, start_agent, wait_decision, write_config
from guest.wait import stays_true, wait_until
from suites.migrate import ends

MIB = 1 << 20
SIZE = 64 * MIB
BALANCING = pathlib.Path("/proc/sys/kernel/numa_balancing")
MOST_UNDONE = 8  # repairs that others undo before the loop must have stopped


def cpus_of(node):
    return cpu_list(oracles.node_cpus(node))


def start(machine, name, node, *argv, qos="burstable", size=SIZE, **pod_options):
    """Starts a pod of one container of this class with its memory on this node."""
    pod = machine.kubelet.start_pod(name, qos=qos, namespace="prod", **pod_options)
    container = pod.start_container("main", ["integrity-workload", "--bytes", size, "--thp", "never", *argv],
                                    cpus=cpus_of(node))
    container.wait_ready()
    return container


def share_on(container, node):
    return oracles.share(oracles.anonymous_bytes(container.pids()), node)


def stop_clean(machine, *containers):
    """Stops the containers, whose data must be intact."""
    for container in containers:
        assert container.stop() == 0, container.output()[-3:]
        result = container.events("result")[-1]
        machine.log(f"{container.pod.name}: {result}")
        assert result["mismatches"] == 0


def series(found, name, **labels):
    """The value of the one series with these labels."""
    matching = [value for key, value in found.items()
                if key.split("{")[0] == name and all(f'{label}="{text}"' in key for label, text in labels.items())]
    assert len(matching) == 1, f"{name} {labels}: {matching} of {[key for key in found if key.startswith(name)]}"
    return matching[0]


@case(seconds=300)
def memory_follows(machine):
    """One pod of three is re-pinned: its memory follows without a request, the others' pages stay; record and metrics agree."""
    near, far = ends()
    agent = start_agent(machine, {})
    quiet = [start(machine, "quiet-guaranteed", near, "--idle", qos="guaranteed"),
             start(machine, "quiet-besteffort", near, "--idle", qos="besteffort")]
    size = SIZE // 4  # busy pages move slowly on 6.1
    database = start(machine, "database", near, size=size)
    wait_until("names are known", lambda: agent.placement("--container", database.id)["workload"].get("container_name"))
    before = [oracles.anonymous_bytes(container.pids()) for container in quiet]

    database.repin(cpus_of(far))
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 150)

    def succeeded():
        return [record for record in repairs(agent) if state(record) == "SUCCEEDED"
                and record["workloads"][0]["workload"]["container_id"] == database.id]

    (record,) = wait_until("the repair has ended", succeeded, 30)
    machine.log(f"record: {record}")
    assert record["policy"] == "policy0"
    assert record["trigger"] == f"cpuset.cpus of {database.cgroup_path} written"
    estimate = record["estimate"]
    assert estimate["local_fraction_before"] <= 0.1 and estimate["local_fraction_after"] >= 0.95
    assert abs(int(estimate["bytes"]) / (0.98 * size) - 1) < 0.1
    workload = record["workloads"][0]["workload"]
    assert (workload["pod_namespace"], workload["pod_name"], workload["container_name"]) == ("prod", "database", "main")
    assert wait_decision(agent, database, "LOCAL")[0] == "LEAVE"
    assert [oracles.anonymous_bytes(container.pids()) for container in quiet] == before, "bystanders' pages moved"

    found = metrics()
    assert series(found, "numa_locality_migrations_total", origin="policy", state="succeeded") == \
        sum(state(record) == "SUCCEEDED" for record in repairs(agent))
    assert series(found, "numa_locality_container_local_fraction", namespace="prod", pod="database") >= 0.95
    assert series(found, "numa_locality_container_memory_bytes", pod="database", numa_node=far, kind="anon") >= 0.9 * size
    assert series(found, "numa_locality_repair_decisions_total", decision="repair", reason="remote") == len(repairs(agent))
    stop_clean(machine, database, *quiet)


@case(seconds=120, long=["6.1", "6.12"])
def observing_moves_nothing(machine):
    """With action observe nothing moves; remote memory is reported and explained."""
    near, far = ends()
    agent = start_agent(machine, {"action": "observe"})
    database = start(machine, "database", near, "--idle")
    database.repin(cpus_of(far))
    verdict, _, message = wait_decision(agent, database, "OBSERVED")
    assert verdict == "LEAVE" and "only observes" in message
    stays_true("nothing moves", lambda: share_on(database, near) >= 0.99 and not repairs(agent), seconds=3)
    found = metrics()
    remote = series(found, "numa_locality_container_remote_bytes", pod="database", reason="repairable")
    assert remote >= 0.95 * SIZE
    (explained,) = agent.json("explain", "--container", database.id)["explanations"]
    machine.log(f"explained: {explained}")
    parts = {part["reason"].removeprefix("REMOTE_REASON_"): int(part["bytes"]) for part in explained["parts"]}
    assert parts["REPAIRABLE"] >= 0.9 * SIZE
    assert all(part["advice"] for part in explained["parts"])
    stop_clean(machine, database)


@case(seconds=120, long=["6.1", "6.12"])
def annotated_off(machine):
    """A pod with the annotation `off` is left alone, another pod is repaired."""
    near, far = ends()
    agent = start_agent(machine, {})
    left = start(machine, "left-alone", near, annotations={"numa-locality.io/policy": "off"})
    other = start(machine, "other", near)
    for container in (left, other):
        container.repin(cpus_of(far))
    wait_until("the other is home", lambda: share_on(other, far) >= 0.95, 60)
    assert wait_decision(agent, left, "OFF")[0] == "LEAVE"
    assert share_on(left, near) >= 0.95
    stop_clean(machine, left, other)


@case(seconds=120, long=["6.1"])
def outside_kubernetes(machine):
    """A service's cgroup is repaired like a pod once a policy selects it, also when the policy comes while the agent runs."""
    near, far = ends()
    assert machine.kubelet  # has the controllers switched on
    cgroup = pathlib.Path("/sys/fs/cgroup/postgresql.service")
    cgroup.mkdir()
    machine.cleanup.callback(cgroup.rmdir)
    (cgroup / "cpuset.cpus").write_text(cpus_of(near))
    agent = start_agent(machine, {"selector": "{cgroupPaths: [/other.service]}"})
    write_config({"selector": "{cgroupPaths: [/postgresql.service]}"})

    def known():
        return any("/postgresql.service" in policy["selector"].get("cgroupPaths", []) for policy in agent.policies())
    wait_until("the new policy is in force", known, 20)
    process = subprocess.Popen(
        ["sh", "-c", f"echo $$ > {cgroup}/cgroup.procs; exec integrity-workload --bytes {SIZE} --thp never --idle"],
        stdout=subprocess.PIPE, text=True)
    machine.cleanup.callback(process.wait)
    machine.cleanup.callback(process.kill)
    wait_until("it is ready", lambda: '"ready"' in process.stdout.readline(), 60)
    (cgroup / "cpuset.cpus").write_text(cpus_of(far))
    wait_until("its memory is home", lambda: oracles.share(oracles.anonymous_bytes(oracles.cgroup_pids(cgroup)), far) >= 0.95, 60)
    (record,) = repairs(agent)
    assert record["trigger"] == "cpuset.cpus of /postgresql.service written"
    process.terminate()
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0 and '"mismatches":0' in output.replace(" ", ""), output[-300:]


@case(seconds=240, long=["6.1", "6.12"])
def fifty_repins(machine):
    """CPUs change each second: no more migrations than the cool-down allows, and in the end memory is home."""
    near, far = ends()
    cooldown = 10
    agent = start_agent(machine, {"cooldown": f"{cooldown}s"})
    database = start(machine, "database", near, size=16 * MIB)
    begin = time.monotonic()
    for turn in range(50):
        database.repin(cpus_of(far if turn % 2 == 0 else near))
        time.sleep(max(0.0, begin + turn + 1 - time.monotonic()))
    database.repin(cpus_of(far))
    took = time.monotonic() - begin
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 90)
    count = len(repairs(agent))
    allowed = (time.monotonic() - begin) / cooldown + 1
    machine.log(f"{count} migrations, {allowed:.1f} allowed; 51 re-pins in {took:.0f} s")
    assert 1 <= count <= allowed
    stop_clean(machine, database)


@case(seconds=180, long=["6.1"])
def full_target(machine):
    """The loop does not try a target without room and reports that; once there is room, the memory moves."""
    near, far = ends()
    agent = start_agent(machine, {}, period="2s", more="limits: {nodeReserve: 2%, reclaimCache: 0}")
    database = start(machine, "database", near, "--idle")
    free = oracles.node_memory(far)["MemFree"]
    filler = subprocess.Popen(["numactl", f"--membind={far}", f"--cpunodebind={far}", "integrity-workload", "--bytes",
                               str(free - 40 * MIB), "--thp", "never", "--idle"], stdout=subprocess.PIPE, text=True)
    machine.cleanup.callback(filler.wait)
    machine.cleanup.callback(filler.kill)
    wait_until("the node is full", lambda: '"ready"' in filler.stdout.readline(), 90)
    database.repin(cpus_of(far))
    verdict, _, message = wait_decision(agent, database, "NO_ROOM")
    assert verdict == "WAIT" and "has room for" in message
    stays_true("nothing moves", lambda: not repairs(agent) and share_on(database, near) >= 0.99, seconds=5)
    filler.kill()
    filler.wait()
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 60)
    stop_clean(machine, database)


@case(seconds=600, long=["6.1", "6.12"])
def foreign_writer(machine):
    """After each repair someone resets cpuset.mems, which moves the memory back: after a few repairs the loop stops."""
    near, far = ends()
    agent = start_agent(machine, {"cooldown": "1s"}, period="1s")
    database = start(machine, "database", near, size=16 * MIB)
    database.repin(cpus_of(far))
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 120)
    wait_decision(agent, database, "LOCAL", 90)

    def stopped():
        found = decision(agent, database)
        return found if found and found[1] in ("PING_PONG", "GAVE_UP") else None

    def ended():
        return sum(state(record) in FINAL for record in repairs(agent))

    def repaired(before):
        return ended() > before and (decision(agent, database) or ("", ""))[1] == "LOCAL"
    resets = 0
    while not stopped():
        assert resets < MOST_UNDONE, f"{resets} resets, and the loop still repairs: {decision(agent, database)}"
        before = ended()
        # The kernel moves all of it at once, and leaves it there when the far node is allowed again.
        (database.cgroup / "cpuset.mems").write_text(str(near))
        (database.cgroup / "cpuset.mems").write_text(f"{near},{far}")
        resets += 1
        wait_until("the loop repairs again or stops", lambda: repaired(before) or stopped(), 120)
    count = len(repairs(agent))
    verdict, reason, message = stopped()
    machine.log(f"{resets} resets, {count} migrations; {verdict} {reason}: {message}")
    assert message and count <= MOST_UNDONE
    stays_true("the loop has stopped", lambda: len(repairs(agent)) == count, seconds=5)
    stop_clean(machine, database)


@case(seconds=240, long=["6.1", "6.12"])
def names_come_and_go(machine):
    """containerd stops and starts again, kubelet is absent: reports continue by UID, and names return."""
    near, _ = ends()
    agent = start_agent(machine, {}, period="1s")
    database = start(machine, "database", near, "--idle", size=8 * MIB)

    def named():
        return agent.placement("--container", database.id)["workload"].get("pod_name") == "database"
    wait_until("its name is known", named, 60)

    def sources():
        return {source["name"]: source["state"] for source in agent.json("doctor", check=False)["sources"]}
    machine.log(f"sources: {sources()}")
    assert "SOURCE_STATE_ABSENT" in sources().values(), "kubelet is not there"
    machine.kubelet.stop_containerd()
    wait_until("it is missed", lambda: sources()["pods of the runtime"] == "SOURCE_STATE_ERROR", 60)
    placement = agent.placement("--container", database.id)
    assert placement["workload"]["pod_name"] == "database" and placement["local_fraction"] >= 0.99
    # A new agent knows no names except those in the log directories.
    logs = pathlib.Path("/var/log/containers")
    logs.rename("/var/log/containers.away")
    pathlib.Path("/var/log/pods").rename("/var/log/pods.away")
    try:
        agent.stop()
        agent = start_agent(machine, {}, period="1s")
        placement = agent.placement("--container", database.id)
        assert placement["workload"]["pod_uid"] == database.pod.uid and not placement["workload"].get("pod_name")
        assert placement["local_fraction"] >= 0.99
        assert wait_decision(agent, database, "LABELS_UNKNOWN")[0] == "LEAVE"
    finally:
        pathlib.Path("/var/log/containers.away").rename(logs)
        pathlib.Path("/var/log/pods.away").rename("/var/log/pods")
        machine.kubelet.start_containerd()
    wait_until("its name is known again", named, 120)
    assert wait_decision(agent, database, "LOCAL")
    stop_clean(machine, database)


@case(seconds=240, long=["6.1", "6.12"])
def restart_in_the_middle(machine):
    """An agent is killed during a migration: the next one has the record, INTERRUPTED and measured, and the reservations."""
    near, far = ends()
    agent = start_agent(machine, {"limits": "{bandwidth: 8Mi}"})
    database = start(machine, "database", near)
    held = start(machine, "held", near, "--idle", size=8 * MIB)
    agent.json("reserve", "--container", held.id, "--ttl", "10m", "--owner", "scheduler")
    database.repin(cpus_of(far))
    wait_until("a part has moved", lambda: 0.2 <= share_on(database, far) <= 0.8, 60)
    (record,) = repairs(agent)
    agent.process.kill()
    agent.process.wait()
    agent = start_agent(machine, {"action": "observe"}, forget=False)
    again = agent.migration(record["id"])
    machine.log(f"record: {again}")
    assert again["reason"] == "MIGRATION_REASON_INTERRUPTED" and state(again) in ("PARTIAL", "FAILED")
    after = {int(usage.get("node_id", 0)): int(usage.get("anon_bytes", 0)) for usage in again["workloads"][0]["after"]}
    found = oracles.anonymous_bytes(database.pids())
    assert abs(after[far] - found[far]) <= 2 * MIB, f"measured {after}, found {found}"
    (reservation,) = agent.json("reserve", "--list")["reservations"]
    assert reservation["owner"] == "scheduler" and reservation["workloads"][0]["container_id"] == held.id
    stop_clean(machine, database, held)


@case(seconds=180, long=["6.1", "6.12"])
def requests_go_first(machine):
    """A request of the API goes before waiting repairs; a reservation keeps the loop from the workload."""
    near, far = ends()
    agent = start_agent(machine, {"limits": "{bandwidth: 8Mi}"}, more="limits: {concurrentMigrations: 2}")
    waiting = [start(machine, f"waiting-{number}", near, "--idle", size=32 * MIB) for number in range(3)]
    asked = start(machine, "asked", near, "--idle", size=16 * MIB)
    reserved = start(machine, "reserved", near, "--idle", size=16 * MIB)
    token = agent.json("reserve", "--container", reserved.id, "--ttl", "10m", "--owner", "case")["token"]
    for container in (*waiting, reserved):
        container.repin(cpus_of(far))
    wait_until("a repair runs", lambda: repairs(agent), 30)
    record = agent.migrate("--container", asked.id, "--to-node", str(far), seconds=60)
    assert state(record) == "SUCCEEDED"
    unfinished = [container for container in waiting if share_on(container, far) < 0.9]
    machine.log(f"{len(unfinished)} of {len(waiting)} still waited when the request had been served")
    assert unfinished, "the repairs were too fast: the case proves nothing"
    assert wait_decision(agent, reserved, "RESERVED")[0] == "WAIT" and share_on(reserved, near) >= 0.99
    refused = agent.ctl("migrate", "--container", reserved.id, check=False)
    assert refused.returncode != 0 and "reserved by case" in refused.stderr
    agent.ctl("release", token)
    wait_until("all are home", lambda: all(share_on(c, far) >= 0.94 for c in waiting), 120)
    stop_clean(machine, asked, reserved, *waiting)


def obtainable(node):
    """The most memory that a process could get on a node: free memory, and what the kernel could reclaim."""
    memory = oracles.node_memory(node)
    return sum(memory[field] for field in ("MemFree", "Active(file)", "Inactive(file)", "SReclaimable"))


@case(seconds=300, long=["6.1"])
def evacuation(machine):
    """A node is evacuated for a job that did not fit: the job starts, the plan is right, and workloads that cannot move are named."""
    near, far = ends()
    agent = start_agent(machine, {"action": "observe"})
    movable = [start(machine, "burstable", near, "--idle", size=192 * MIB),
               start(machine, "besteffort", near, "--idle", qos="besteffort")]
    pod = machine.kubelet.start_pod("confined", namespace="prod")
    confined = pod.start_container("main", ["integrity-workload", "--bytes", 32 * MIB, "--thp", "never", "--idle"],
                                   mems=str(near))
    confined.wait_ready()
    plan = agent.json("evacuate", str(near), "--dry-run")
    machine.log(f"plan: {plan}")
    planned = {part["workload"]["container_id"]: int(part.get("planned_page_count", 0)) for part in plan["workloads"]}
    assert [part["workload"]["pod_name"] for part in plan["workloads"]][0] == "besteffort", "best-effort pods go first"
    machine.run("sh", "-c", "echo 3 > /proc/sys/vm/drop_caches")
    # 60 MiB less: watermarks, the job's page tables and program, and memory that others take meanwhile.
    job_bytes = oracles.node_memory(near)["MemFree"] + sum(planned.values()) * int(plan["page_bytes"]) - 60 * MIB
    without = obtainable(near)
    machine.log(f"a job of {job_bytes >> 20} MiB; without the evacuation it could have {without >> 20} MiB")
    assert job_bytes > without + 16 * MIB, "it fits without the evacuation: the case proves nothing"
    kills = oracles.vmstat()["oom_kill"]
    done = agent.json("evacuate", str(near), "--yes", "--wait", check=False)
    results = {part["workload"]["container_id"]: part for part in done["workloads"]}
    for container in movable:
        moved = sum(int(count["page_count"]) for count in results[container.id]["outcomes"]
                    if count["outcome"] == "PAGE_OUTCOME_MOVED")
        assert abs(moved - planned[container.id]) <= 0.01 * planned[container.id], f"{moved} of {planned[container.id]}"
        assert share_on(container, far) >= 0.99
    left = results[confined.id]
    assert left["reason"] == "MIGRATION_REASON_CPUSET_FORBIDS" and "cpuset.mems" in left["message"], left
    machine.run("numactl", f"--membind={near}", "integrity-workload", "--bytes", job_bytes, "--thp", "never",
                "--seconds", "2", timeout=120)
    assert oracles.vmstat()["oom_kill"] == kills, "the kernel killed a process for memory"
    stop_clean(machine, confined, *movable)


@case(seconds=120, long=["6.1", "6.12"])
def bad_configuration(machine):
    """A wrong configuration is reported with line and column, and the previous one stays in force."""
    near, far = ends()
    agent = start_agent(machine, {"action": "observe"})
    database = start(machine, "database", near, "--idle", size=16 * MIB)
    database.repin(cpus_of(far))
    wait_decision(agent, database, "OBSERVED")
    CONFIG.write_text("policies:\n- name: a\n  action: repare\n")
    wait_until("the error is reported", lambda: "line 3, column 11" in str(agent.json("doctor", check=False)), 20)
    assert metrics()["numa_locality_config_reload_success"] == 0
    assert [policy["name"] for policy in agent.policies()] == ["policy0"]
    assert wait_decision(agent, database, "OBSERVED") and not repairs(agent)
    write_config({})
    wait_until("the new configuration is in force: the loop repairs", lambda: share_on(database, far) >= 0.95, 60)
    assert metrics()["numa_locality_config_reload_success"] == 1
    stop_clean(machine, database)


def pull(container, node):
    """Pins all of the container's threads to this node."""
    for pid in container.pids():
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), oracles.node_cpus(node))


@case(seconds=400, long=["6.1", "6.12"])
def threads_pulled_to_and_fro(machine):
    """With balancing on and threads moved each second the loop stops with a reason, after a bounded number of repairs."""
    before = BALANCING.read_text()
    machine.cleanup.callback(lambda: BALANCING.write_text(before))
    BALANCING.write_text("1")
    near, far = [node for node in oracles.nodes("has_cpu") if node in oracles.nodes("has_memory")][:2]
    agent = start_agent(machine, {"cooldown": "3s"}, period="1s")
    pod = machine.kubelet.start_pod("pulled", namespace="prod")
    container = pod.start_container("main", ["integrity-workload", "--bytes", 32 * MIB, "--thp", "never"])
    container.wait_ready()
    seen = set()
    begin = time.monotonic()
    targets = itertools.cycle((far, near))

    def pull_again():
        pull(container, next(targets))
        time.sleep(1)
        seen.add((decision(agent, container) or ("", "NONE"))[1])
        return "PING_PONG" in seen
    wait_until("the loop notices that the threads are pulled to and fro", pull_again, 180, every=0)
    for _ in range(10):  # the loop does not start again
        pull_again()
    count = len(repairs(agent))
    allowed = (time.monotonic() - begin) / 3 + 1
    machine.log(f"{count} repairs in {time.monotonic() - begin:.0f} s, {allowed:.0f} allowed; reasons seen: {sorted(seen)}")
    assert count <= allowed
    pull(container, far)
    wait_until("its memory is home", lambda: oracles.share(oracles.anonymous_bytes(container.pids()), far) >= 0.9, 90)
    assert container.stop() == 0, container.output()[-3:]
    assert container.events("result")[-1]["mismatches"] == 0
