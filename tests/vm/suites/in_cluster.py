"""The image under containerd, with exactly the privileges and mounts of the rendered DaemonSet: they suffice."""

import json
import pathlib
import time

from guest.agent import outcomes, state
from guest.case import case
from guest.cri import CriError
from guest.daemonset import SECCOMP_PROFILES, InClusterAgent, Rendered, RenderedPod, wait_end
from guest.kubelet import POD_RESOURCES
from guest.policies import metrics, repairs, wait_decision
from guest.wait import wait_until
from suites.migrate import ends
from suites.doctor import doctor, findings
from suites.repair import SIZE, cpus_of, share_on, start, stop_clean

# The capabilities that the suite least_privilege takes away one by one: the default DaemonSet grants no others.
GRANTED_CAPABILITIES = {"SYS_PTRACE", "DAC_READ_SEARCH"}
GRANTED_MOUNTS = {"config", "run", "cgroup", "pod-resources", "pod-logs", "container-logs"}

REPAIRING = """
policies:
- {name: all, action: repair, minLocalFraction: 0.95, minRemoteBytes: 12Mi, settle: 0s, cooldown: 2s}
period: 1h
"""


def prepare(machine):
    """Sets the node up as kubelet does."""
    machine.kubelet.serve_pod_resources()
    for directory in ("/var/log/pods", "/var/log/containers", POD_RESOURCES):
        pathlib.Path(directory).mkdir(parents=True, exist_ok=True)


def with_policies(rendered, text):
    """The chart's configuration with other policies and another period."""
    kept = [line for line in rendered.config().splitlines() if not line.startswith(("policies:", "period:"))]
    return "\n".join(kept) + text


@case(seconds=300)
def does_its_job(machine):
    """With the chart's defaults: ready, least privileged, pods known by name, and a re-pinned pod migrates on request."""
    prepare(machine)
    rendered = Rendered()
    agent = InClusterAgent(machine, rendered)
    near, far = ends()
    database = start(machine, "database", near, size=SIZE // 2)
    code, status = doctor(agent)
    assert code == 0 and not findings(status, "ERROR") and not findings(status, "WARNING"), status["findings"]
    agent.ctl("doctor")
    assert sorted(status["capabilities"]) == ["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"]

    said = agent.privileges()
    bits = sum(1 << number for number in (2, 19))
    assert {int(said[field], 16) for field in ("CapEff", "CapPrm", "CapBnd")} == {bits}, said
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2"), said
    assert set(rendered.agent["securityContext"]["capabilities"]["add"]) == GRANTED_CAPABILITIES
    assert {mount["name"] for mount in rendered.agent["volumeMounts"]} == GRANTED_MOUNTS

    database.repin(cpus_of(far))
    wait_until("names are known", lambda: agent.placement("--container", database.id)["workload"].get("container_name"))
    record = agent.migrate("--pod", "prod/database", "--container", "main")
    assert state(record) == "SUCCEEDED" and outcomes(record)["MOVED"] > 0
    assert share_on(database, far) >= 0.95
    stop_clean(machine, database)


def applied_within(agent, text, success):
    """Seconds from the swap of the ConfigMap's files until the metrics show the result."""
    start = time.monotonic()
    agent.pod.swap_config(text)
    wait_until("the swap is noticed", lambda: metrics()["numa_locality_config_reload_success"] == success, 20)
    return time.monotonic() - start


@case(seconds=300, long=["6.1", "6.12"])
def memory_comes_home_by_policy(machine):
    """A changed ConfigMap reaches the running agent, and a re-pinned pod comes home by policy. A wrong one is reported and not applied."""
    prepare(machine)
    rendered = Rendered()
    agent = InClusterAgent(machine, rendered)
    near, far = ends()
    database = start(machine, "database", near, size=SIZE // 2)
    database.repin(cpus_of(far))
    wait_decision(agent, database, "OBSERVED")

    wrong = applied_within(agent, with_policies(rendered, REPAIRING.replace("0.95", "95 percent")), 0)
    assert agent.policies() == [], "there were none, and there still are none"
    right = applied_within(agent, with_policies(rendered, REPAIRING), 1)
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.95, 150)
    wait_until("the repair has ended", lambda: [record for record in repairs(agent) if state(record) == "SUCCEEDED"], 30)

    in_force = agent.policies()
    wrong_again = applied_within(agent, with_policies(rendered, REPAIRING.replace("repair,", "restore,")), 0)
    _, status = doctor(agent)
    assert any("action: must be one of" in text for text in findings(status, "WARNING")), status["findings"]
    assert agent.policies() == in_force and in_force[0]["name"] == "all", "what was right is kept"
    machine.log(f"seconds from swap to metric: {wrong:.2f} {right:.2f} {wrong_again:.2f}")
    assert max(wrong, right, wrong_again) <= 2
    stop_clean(machine, database)


@case(seconds=300, long=["6.1", "6.12"])
def as_a_sidecar(machine):
    """deploy/sidecar-example.yaml: an agent beside the containers of a pod repairs these, and reports no other containers."""
    prepare(machine)
    near, far = ends()
    stranger = start(machine, "stranger", near, "--idle", size=SIZE // 4)
    profile = pathlib.Path("/tmp/seccomp.json")
    profile.write_text(Rendered().find("ConfigMap", "-seccomp")["data"]["profile.json"])
    machine.run("numa-locality-agent", "--install-seccomp-profile", profile, f"{SECCOMP_PROFILES}/numa-locality-agent.json")
    rendered = Rendered("sidecar")
    spec = rendered.find("Pod")["spec"]
    spec["containers"] = [one for one in spec["containers"] if one["name"] == "numa-locality-agent"]
    beside = RenderedPod(machine, rendered, "database", spec=spec)
    database = beside.pod.start_container("database", ["integrity-workload", "--bytes", 2 * SIZE, "--thp", "never", "--idle"],
                                          cpus=cpus_of(near))
    database.wait_ready()

    def ask(*argv):
        code, output, error = beside.exec("localityctl", "--output", "json", *argv)
        assert code == 0, error
        return json.loads(output)
    status = ask("doctor")
    assert not findings(status, "ERROR") and not findings(status, "WARNING"), status["findings"]
    assert any(f"own pod, {beside.pod.uid}, is served" in text for text in findings(status, "NOTE")), status["findings"]
    wait_until("it is found", lambda: len(ask("top")["placements"]) == 2, 30)  # and the agent itself

    database.repin(cpus_of(far))
    wait_until("its memory is home", lambda: share_on(database, far) >= 0.9, 150)
    wait_until("the repair has ended", lambda: [record for record in ask("migrations")["migrations"]
                                                if state(record) == "SUCCEEDED"], 60)
    reported = {one["workload"]["container_id"] for one in ask("top")["placements"]}
    assert reported == {database.id, beside.container.id}, reported
    code, _, error = beside.exec("localityctl", "migrate", "--container", stranger.id)
    assert code != 0 and "no such container" in error, error
    assert database.stop() == 0 and database.events("result")[-1]["mismatches"] == 0
    stop_clean(machine, stranger)


@case(seconds=120, long=["6.1"])
def its_users_reach_it(machine):
    """Users reach it: localityctl in the container, as kubectl exec runs it, and the chart's test pod."""
    prepare(machine)
    rendered = Rendered()
    agent = InClusterAgent(machine, rendered)
    code, output, error = agent.pod.exec("localityctl", "--output", "json", "doctor")
    assert code == 0 and json.loads(output)["capabilities"], error
    try:
        raise AssertionError(f"there is a shell in the image: {agent.pod.exec('/bin/sh', '-c', 'true')}")
    except CriError as error:
        assert "/bin/sh: no such file" in str(error), error

    test = RenderedPod(machine, rendered, "numa-locality-agent-status", spec=rendered.find("Pod")["spec"])
    status = wait_end(test.container)
    said = "\n".join(test.container.output())
    assert status.exit_code == 0 and "CAP_SYS_PTRACE" in said, said


@case(seconds=300, long=["6.1", "6.12"])
def shared_pages(machine):
    """sharedPages in the chart's values grants CAP_SYS_NICE, and shared pages move."""
    prepare(machine)
    agent = InClusterAgent(machine, Rendered("shared-pages"))
    code, status = doctor(agent)
    assert code == 0 and "CAP_SYS_NICE" in status["capabilities"]
    assert not any("CAP_SYS_NICE" in text for text in findings(status, "NOTE"))
    near, far = ends()
    family = start(machine, "family", near, "--processes", "2", size=SIZE // 2)
    family.repin(cpus_of(far))
    record = agent.migrate("--container", family.id, "--shared", "owned")
    assert state(record) == "SUCCEEDED", record
    stop_clean(machine, family)
