"""On a host with cgroup v1 or a hybrid of v1 and v2, the agent does all that v1 has the means for."""

import pathlib
import subprocess

from guest import oracles
from guest.agent import Agent, state
from guest.case import case
from guest.cgroups import ROOT, is_v1
from guest.kubelet import SOCKET
from guest.policies import repairs, start_agent, wait_decision
from guest.wait import wait_until
from suites.doctor import doctor, findings
from suites.migrate import MIB, assert_cross_check_agrees, check_migration, ends, hot
from suites.repair import cpus_of, share_on, start, stop_clean
from suites.stick import STICK, refused


def check_repair(machine):
    """A re-pinned pod comes home by policy, a bystander's memory stays where it is, and all data is intact."""
    near, far = ends()
    agent = start_agent(machine, {})
    bystander = start(machine, "bystander", near, "--idle", qos="guaranteed")
    database = start(machine, "database", near, size=32 * MIB)
    before = oracles.anonymous_bytes(bystander.pids())
    database.repin(cpus_of(far))
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 200)
    (record,) = wait_until("the repair has ended", lambda: [record for record in repairs(agent)
                                                            if state(record) == "SUCCEEDED"], 60)
    machine.log(f"record: {record}")
    # systemd writes both.
    assert record["trigger"] in [f"cpuset.{what} of {database.cgroup_path} written" for what in ("cpus", "mems")]
    assert wait_decision(agent, database, "LOCAL")[0] == "LEAVE"
    assert oracles.anonymous_bytes(bystander.pids()) == before, "a bystander's pages moved"
    stop_clean(machine, database, bystander)
    return agent


@case(seconds=60)
def doctor_reports_the_version(machine):
    """`localityctl doctor` reports the cgroup version, without a finding about it."""
    assert is_v1() and machine.kubelet
    agent = Agent(machine, "--cri-socket", SOCKET)
    code, status = doctor(agent)
    agent.ctl("doctor")
    assert code == 0 and not findings(status, "ERROR"), status
    assert status["cgroup_version"] == 1 and not status["cgroup_v2"]


@case(seconds=300)
def memory_follows(machine):
    """By policy, as on v2: the agent notices the runtime's write to cpuset.cpus in the cpuset tree."""
    check_repair(machine)


@case(seconds=300, long=["6.1"])
def on_request(machine):
    """An explicit migration; the kernel's counters confirm it, which are in pages on v1."""
    size, threads = hot(machine, 32 * MIB)
    record = check_migration(machine, size, "--workers", threads, "--thp", "never")
    assert_cross_check_agrees(machine, record, size)


@case(seconds=120, long=["6.1", "6.12"])
def sticking_is_refused(machine):
    """The agent does not write cpuset.mems on v1, and the error says why."""
    near, far = ends()
    agent = Agent(machine, "--cri-socket", SOCKET)
    container = start(machine, "stick", near, "--idle")
    assert "cgroup v2 only" in refused(agent, "--container", container.id, "--to-node", far, *STICK)


@case(seconds=400, long=["6.1"])
def hybrid(machine):
    """v1 has the controllers and a v2 tree exists without any: the agent uses v1."""
    unified = ROOT / "unified"
    unified.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "cgroup2", "cgroup2", unified], check=True)
    machine.cleanup.callback(lambda: subprocess.run(["umount", unified], check=True))
    assert "0::/" in pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    agent = check_repair(machine)
    assert doctor(agent)[1]["cgroup_version"] == 1
