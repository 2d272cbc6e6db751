"""The image as the rendered DaemonSet runs it, on a node whose runtime confines containers by AppArmor."""

import pathlib

from guest.agent import state
from guest.case import case
from guest.daemonset import InClusterAgent
from suites.in_cluster import prepare
from suites.least_privilege import check_ready, check_without, still_reports
from suites.migrate import ends
from suites.repair import SIZE, cpus_of, share_on, start, stop_clean

PROFILE = "cri-containerd.apparmor.d (enforce)"


def confine(machine):
    """From now on containerd starts containers with its default profile unless the pod names another."""
    machine.kubelet.stop_containerd()
    machine.kubelet.start_containerd(apparmor=True)
    machine.cleanup.callback(machine.kubelet.start_containerd)
    machine.cleanup.callback(machine.kubelet.stop_containerd)


def profile_of(container):
    """The AppArmor profile of all its processes."""
    (found,) = {pathlib.Path(f"/proc/{pid}/attr/current").read_text().strip() for pid in container.pids()}
    return found


def default_apparmor(rendered):
    del rendered.agent["securityContext"]["appArmorProfile"]


@case(seconds=180)
def confined_pods_come_home(machine):
    """The agent itself is not confined, as the chart has it; the pod is."""
    confine(machine)
    prepare(machine)
    near, far = ends()
    agent = InClusterAgent(machine)
    assert profile_of(agent.container) == "unconfined"
    check_ready()
    database = start(machine, "database", near, size=SIZE // 2)
    assert profile_of(database) == PROFILE
    database.repin(cpus_of(far))
    assert state(agent.migrate("--container", database.id)) == "SUCCEEDED"
    assert share_on(database, far) > 0.95
    stop_clean(machine, database)


@case(seconds=180, long=["6.1", "6.12"])
def under_the_default_profile(machine):
    """The agent may not read processes with another profile: it is not ready, and reports why and what to change."""
    confine(machine)
    agent, quiet = check_without(machine, default_apparmor, "ERROR", f"a security module denies it to {PROFILE}",
                                 "without an AppArmor profile")
    assert profile_of(agent.container) == PROFILE
    still_reports(agent, quiet)
    check_ready(PROFILE)
