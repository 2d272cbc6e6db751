"""With systemd as PID 1 and kubelet's and containerd's systemd driver, pods are slices and containers scopes."""

from guest import cgroups
from guest.agent import Agent
from guest.case import case
from suites.cgroup_v1 import check_repair
from suites.doctor import doctor
from suites.migrate import MIB, ends, start_workload


@case(seconds=60)
def doctor_tells_the_driver(machine):
    """`localityctl doctor` says how kubelet names cgroups here."""
    near, _ = ends()
    agent = Agent(machine)
    container = start_workload(machine, "told", near, "--bytes", 8 * MIB, "--idle")
    assert cgroups.has_systemd() and container.cgroup_path.endswith(".scope") and container.cgroup.is_dir()
    assert doctor(agent)[1]["cgroup_driver"] == "systemd"


@case(seconds=300)
def memory_follows(machine):
    """By policy, after a re-pin by the runtime, which has systemd set the scope's CPUs."""
    check_repair(machine)
