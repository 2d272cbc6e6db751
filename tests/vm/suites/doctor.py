"""The agent's self-test, as root and with fewer privileges: `localityctl doctor` reports what is missing."""

import json
import pathlib

from guest import oracles
from guest.agent import Agent
from guest.case import case
from guest.kubelet import CGROUPS, SOCKET


def doctor(agent):
    """(exit status, the status as JSON)."""
    done = agent.ctl("--output", "json", "doctor", check=False, log_output=False)
    return done.returncode, json.loads(done.stdout)


def findings(status, severity):
    return [item["message"] for item in status["findings"] if item["severity"] == f"FINDING_SEVERITY_{severity}"]


@case(seconds=120)
def all_is_well(machine):
    """As root with a container runtime: no errors, and doctor names the best scan method."""
    assert machine.kubelet
    agent = Agent(machine, "--cri-socket", SOCKET)
    code, status = doctor(agent)
    agent.ctl("doctor")
    assert code == 0 and not findings(status, "ERROR") and not findings(status, "WARNING"), status
    assert status["scan_method"] == "SCAN_METHOD_FRAMES"
    assert {"CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_SYS_NICE"} <= set(status["capabilities"])
    assert status["kernel_release"].startswith(machine.kernel)
    assert status["pagemap_scan"] == (machine.kernel != "6.1")
    assert status["memory_node_ids"] == status["allowed_node_ids"] == oracles.nodes("has_memory")
    assert status["cgroup_v2"] and status["host_pid_namespace"] and not status["numa_balancing"]
    sources = {source["name"]: source for source in status["sources"]}
    assert len(sources) == len(status["sources"])
    for name in ("container runtime", "pods of the runtime"):
        assert sources[name]["state"] == "SOURCE_STATE_OK", sources
    assert "containerd" in sources["container runtime"]["message"], sources


def with_capabilities(*names):
    """A command prefix: root with these capabilities only."""
    kept = ",".join(f"+{name}" for name in names)
    return ("setpriv", f"--bounding-set=-all{',' if kept else ''}{kept}", "--no-new-privs",
            f"--inh-caps=-all{',' if kept else ''}{kept}")


@case(seconds=60)
def the_default_deployment(machine):
    """With CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH only: no errors, and the lack of CAP_SYS_NICE is a note."""
    agent = Agent(machine, prefix=with_capabilities("sys_ptrace", "dac_read_search"))
    code, status = doctor(agent)
    assert code == 0 and not findings(status, "ERROR"), status
    assert status["scan_method"] == "SCAN_METHOD_PRESENCE"
    assert sorted(status["capabilities"]) == ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"]
    assert any("CAP_SYS_NICE" in note for note in findings(status, "NOTE"))
    refused = agent.ctl("migrate", "--pid", 1, "--shared", "owned", check=False)
    assert refused.returncode == 3 and "CAP_SYS_NICE" in refused.stderr, refused.stderr


@case(seconds=60)
def without_privilege(machine):
    """Without any capability the agent still serves; doctor reports that it cannot do its job, and what to grant."""
    agent = Agent(machine, prefix=with_capabilities())
    code, status = doctor(agent)
    assert code == 3 and any("CAP_SYS_PTRACE" in error for error in findings(status, "ERROR")), status


@case(seconds=60)
def confined_to_a_node(machine):
    """In a cpuset without all memory nodes it cannot move memory to the other nodes: doctor names them."""
    assert machine.kubelet  # enables the cpuset controller
    first, last = oracles.nodes("has_memory")[0], oracles.nodes("has_memory")[-1]
    cgroup = CGROUPS / "confined"
    cgroup.mkdir()
    machine.cleanup.callback(cgroup.rmdir)
    (cgroup / "cpuset.mems").write_text(str(first))
    agent = Agent(machine, prefix=("sh", "-c", f'echo $$ > {cgroup}/cgroup.procs; exec "$@"', "sh"))
    code, status = doctor(agent)
    assert code == 3 and status["allowed_node_ids"] == [first], status
    assert any(f"moved to node {last}" in error for error in findings(status, "ERROR")), status


@case(seconds=60)
def balancing_is_reported(machine):
    """Automatic NUMA balancing may undo a migration: doctor warns while it is on."""
    switch = pathlib.Path("/proc/sys/kernel/numa_balancing")
    machine.cleanup.callback(lambda: switch.write_text("0"))
    switch.write_text("1")
    agent = Agent(machine)
    code, status = doctor(agent)
    assert code == 0 and any("balancing" in warning for warning in findings(status, "WARNING")), status
    switch.write_text("0")
    assert not any("balancing" in warning for warning in findings(doctor(agent)[1], "WARNING"))
