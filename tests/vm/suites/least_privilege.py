"""The image as the rendered DaemonSet runs it, without one of its grants at a time: the self-test names what is missing."""

import urllib.error
import urllib.request

from guest.agent import state
from guest.case import case
from guest.daemonset import InClusterAgent, Rendered
from guest.policies import ADDRESS
from suites.doctor import doctor
from suites.in_cluster import prepare
from suites.migrate import ends
from suites.repair import SIZE, cpus_of, start


def drop_capability(name):
    return lambda rendered: rendered.agent["securityContext"]["capabilities"]["add"].remove(name)


def drop_mount(*names):
    def change(rendered):
        mounts = rendered.agent["volumeMounts"]
        mounts[:] = [mount for mount in mounts if mount["name"] not in names]
    return change


def default_seccomp(rendered):
    rendered.agent["securityContext"]["seccompProfile"] = {"type": "RuntimeDefault"}


def own_pid_namespace(rendered):
    rendered.template["hostPID"] = False


def check_without(machine, change, severity, message, advice):
    """Expects a self-test that names what is missing and what to do, and nothing else. Returns the agent and another pod."""
    prepare(machine)
    near, _ = ends()
    quiet = start(machine, "quiet", near, "--idle", size=SIZE // 4)
    rendered = Rendered()
    change(rendered)
    agent = InClusterAgent(machine, rendered)
    code, status = doctor(agent)
    named = [one for one in status["findings"] if message in one["message"]]
    assert len(named) == 1, status["findings"]
    assert named[0]["severity"] == f"FINDING_SEVERITY_{severity}" and advice in named[0]["advice"], named
    others = [one for one in status["findings"] if one not in named and one["severity"] != "FINDING_SEVERITY_NOTE"]
    assert not others, others
    assert code == (3 if severity == "ERROR" else 0)
    return agent, quiet


def check_ready(reason=None):
    """Kubelet's probe gets an answer: ready, or not ready for this reason."""
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}/readyz", timeout=30):
            assert reason is None, "ready"
    except urllib.error.HTTPError as error:
        said = error.read().decode()
        assert reason and reason in said, said


def still_reports(agent, quiet):
    near, _ = ends()
    placement = agent.placement("--container", quiet.id)
    found = {int(usage.get("node_id", 0)): int(usage.get("anon_bytes", 0)) for usage in placement["node_usages"]}
    assert found.get(near, 0) >= SIZE // 4, found


@case(seconds=120)
def without_sys_ptrace(machine):
    """The agent still reports where memory is, from the counters."""
    still_reports(*check_without(machine, drop_capability("SYS_PTRACE"), "ERROR", "CAP_SYS_PTRACE is missing",
                               "Add SYS_PTRACE to the capabilities"))
    check_ready("CAP_SYS_PTRACE is missing")


@case(seconds=180, long=["6.1", "6.12"])
def without_dac_read_search(machine):
    """All memory still moves, more slowly."""
    agent, quiet = check_without(machine, drop_capability("DAC_READ_SEARCH"), "WARNING", "CAP_DAC_READ_SEARCH is missing",
                                 "Add DAC_READ_SEARCH to the capabilities")
    still_reports(agent, quiet)
    check_ready()
    _, far = ends()
    quiet.repin(cpus_of(far))
    assert state(agent.migrate("--container", quiet.id)) == "SUCCEEDED"


@case(seconds=120)
def under_the_default_seccomp_profile(machine):
    """containerd's default profile forbids move_pages: the agent is not ready and reports why."""
    still_reports(*check_without(machine, default_seccomp, "ERROR", "by the seccomp filter",
                               "Run the agent under a seccomp profile that allows move_pages"))
    check_ready("by the seccomp filter")


@case(seconds=120, long=["6.1", "6.12"])
def without_the_hosts_pids(machine):
    """The agent sees its own pod only, and reports that."""
    check_without(machine, own_pid_namespace, "WARNING", "Processes outside the agent's PID namespace are not served",
                  "Set hostPID in the agent's pod")


@case(seconds=120, long=["6.1", "6.12"])
def without_the_hosts_cgroups(machine):
    """The agent's cgroup namespace is not the host's."""
    check_without(machine, drop_mount("cgroup"), "ERROR", "No container can be found: /sys/fs/cgroup",
                  "Mount the host's /sys/fs/cgroup")
    check_ready("No container can be found")


@case(seconds=120, long=["6.1", "6.12"])
def without_logs(machine):
    """The agent reports pods by UID, with their placement."""
    still_reports(*check_without(machine, drop_mount("pod-logs", "container-logs"), "NOTE", "Names of pods are not known",
                               "Mount the host's /var/log"))


@case(seconds=120, long=["6.1", "6.12"])
def without_pod_resources(machine):
    """The devices and CPUs that kubelet has assigned are not known."""
    still_reports(*check_without(machine, drop_mount("pod-resources"), "NOTE", "that kubelet has assigned to containers are not known", "Mount the host's"))


@case(seconds=120, long=["6.1", "6.12"])
def without_configuration(machine):
    """The agent reports that it uses built-in defaults, which repair nothing."""
    still_reports(*check_without(machine, drop_mount("config"), "NOTE", "no configuration file", "mount a ConfigMap"))


@case(seconds=120, long=["6.1", "6.12"])
def without_a_place_for_the_socket(machine):
    """The agent cannot create its socket: it exits and names the directory."""
    prepare(machine)
    rendered = Rendered()
    drop_mount("run")(rendered)
    try:
        InClusterAgent(machine, rendered)
    except AssertionError as error:
        said = str(error)
        assert "/run/numa-locality-agent: Read-only file system; mount a writable directory there" in said, said
    else:
        raise AssertionError("it serves, on a read-only file system")
