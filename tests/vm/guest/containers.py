"""Pods and containers under containerd, labelled and placed as kubelet does it."""

import json
import os
import pathlib
import re
import time

from guest import cgroups, oracles
from guest.wait import wait_until

IMAGE = "numavm.local/workload:1"
# CRI's NamespaceMode.
POD_NAMESPACE = 0
CONTAINER_NAMESPACE = 1
HOST_NAMESPACE = 2

# Set by kubelet for each QoS class: cpu shares and oom_score_adj.
RESOURCES = {
    "guaranteed": {"cpu_shares": 2048, "oom_score_adj": -997},
    "burstable": {"cpu_shares": 512, "oom_score_adj": 900},
    "besteffort": {"cpu_shares": 2, "oom_score_adj": 1000},
}


class Pod:
    """A pod sandbox on the host's network. `cgroup` is its path below the cgroup root."""

    def __init__(self, cri, name, namespace, uid, qos, cgroup, labels, annotations, pid_namespace):
        self.cri, self.name, self.namespace, self.uid, self.qos = cri, name, namespace, uid, qos
        self.cgroup = cgroup
        self.log_directory = pathlib.Path(f"/var/log/pods/{namespace}_{name}_{uid}")
        self.labels = {"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace,
                       "io.kubernetes.pod.uid": uid}
        self.sandbox_id = None
        self.namespaces = {"network": HOST_NAMESPACE, "pid": pid_namespace}
        self.config = {
            "metadata": {"name": name, "uid": uid, "namespace": namespace},
            "log_directory": str(self.log_directory),
            "labels": {**labels, **self.labels},
            "annotations": {**annotations, "kubernetes.io/config.source": "api",
                            "kubernetes.io/config.seen": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())},
            "linux": {"cgroup_parent": cgroups.parent_for_runtime(cgroup),
                      "security_context": {"namespace_options": self.namespaces}},
        }

    def start(self):
        self.log_directory.mkdir(parents=True)
        self.sandbox_id = self.cri.call("RunPodSandbox", config=self.config).pod_sandbox_id

    def start_container(self, name, args, cpus="", mems="", memory_limit_bytes=0, mounts=()):
        """Starts `args` of the workload image as a container.

        cpus, mems: lists such as "0-1"; empty means all. With cpus of one node the memory it touches is placed there.
        mounts: pairs (host path, container path).
        """
        return self.run(
            name, image=IMAGE, command=[str(arg) for arg in args], cpus=cpus, mems=mems,
            memory_limit_bytes=memory_limit_bytes,
            mounts=[{"host_path": host, "container_path": inside} for host, inside in mounts])

    def run(self, name, *, image, command, args=(), envs=(), mounts=(), security_context=None, cpus="", mems="",
            memory_limit_bytes=0, oom_score_adj=None):
        """Starts a container. Arguments with names of CRI's fields are passed on; namespaces default to the pod's."""
        resources = {**RESOURCES[self.qos], "cpuset_cpus": cpus, "cpuset_mems": mems,
                     "memory_limit_in_bytes": memory_limit_bytes}
        if oom_score_adj is not None:
            resources["oom_score_adj"] = oom_score_adj
        config = {
            "metadata": {"name": name},
            "image": {"image": image},
            "command": command, "args": args, "envs": envs, "mounts": mounts,
            "labels": {**self.labels, "io.kubernetes.container.name": name},
            "annotations": {"io.kubernetes.container.restartCount": "0",
                            "io.kubernetes.container.terminationMessagePolicy": "File"},
            "log_path": f"{name}/0.log",
            "linux": {"resources": resources,
                      "security_context": {"namespace_options": self.namespaces, **(security_context or {})}},
        }
        (self.log_directory / name).mkdir()
        created = self.cri.call("CreateContainer", pod_sandbox_id=self.sandbox_id, config=config,
                                sandbox_config=self.config)
        container = Container(self, name, created.container_id)
        link = pathlib.Path(f"/var/log/containers/{self.name}_{self.namespace}_{name}-{container.id}.log")
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(container.log_path)
        self.cri.call("StartContainer", container_id=container.id)
        return container

    def remove(self):
        """Kills and removes the pod's containers and sandbox, then, as kubelet does, its cgroup."""
        if self.sandbox_id:
            self.cri.call("StopPodSandbox", pod_sandbox_id=self.sandbox_id)
            self.cri.call("RemovePodSandbox", pod_sandbox_id=self.sandbox_id)
        wait_until(f"{self.cgroup} is empty", lambda: cgroups.is_empty(self.cgroup))
        cgroups.remove(self.cgroup)


class Container:
    """One running container. `cgroup_path` is its cgroup, `cgroup` the directory that has its memory's files."""

    def __init__(self, pod, name, container_id):
        self.pod, self.name, self.id = pod, name, container_id
        self.cgroup_path = cgroups.of_container(pod.cgroup, container_id)
        self.cgroup = cgroups.directory(self.cgroup_path)
        self.log_path = pod.log_directory / name / "0.log"

    def pids(self):
        """Its processes, by the host's process ids."""
        return oracles.cgroup_pids(self.cgroup)

    def host_pids(self):
        """{process id inside the container: the host's}. Inside, the first process of the container is 1."""
        found = {}
        for pid in self.pids():
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            found[int(re.search(r"^NSpid:.*\t(\d+)$", status, re.MULTILINE).group(1))] = pid
        return found

    def signal(self, number):
        """Sends a signal to the first process of the container."""
        os.kill(self.host_pids()[1], number)

    def repin(self, cpus):
        """Gives it other CPUs, as kubelet's CPU manager does.

        Never through cpuset.mems: on cgroup v2 the kernel then moves the memory by itself, agent or not.
        """
        self.pod.cri.call("UpdateContainerResources", container_id=self.id, linux={"cpuset_cpus": cpus})
        wanted = oracles.parse_list(cpus)
        found = oracles.parse_list(cgroups.effective_cpus(self.cgroup_path))
        assert found == wanted, f"{self.cgroup}: CPUs {found} after a re-pin to {wanted}"

    def output(self):
        """The lines it has written so far to standard output and standard error."""
        lines, pending = [], ""
        if self.log_path.exists():
            for entry in self.log_path.read_text().splitlines():
                _time, _stream, tag, text = (entry.split(" ", 3) + [""])[:4]
                pending += text
                if tag == "F":  # P: a part of a long line
                    lines.append(pending)
                    pending = ""
        return lines

    def events(self, kind):
        """The workload's JSON lines of one kind: ready, progress, checked, result …"""
        found = [json.loads(line) for line in self.output() if line.startswith("{")]
        return [event for event in found if event.get("event") == kind]

    def wait_ready(self, seconds=60):
        """Waits until the workload has populated its memory; returns its `ready` event."""
        def ready():
            status = self.status()
            assert status.state == 1, f"{self.name} ended early, status {status.exit_code}: {self.output()[-5:]}"
            return self.events("ready")
        return wait_until(f"container {self.name} is ready", ready, seconds)[0]

    def status(self):
        return self.pod.cri.call("ContainerStatus", container_id=self.id).status

    def stop(self, seconds=30):
        """Sends SIGTERM, after `seconds` SIGKILL; returns its exit status."""
        self.pod.cri.call("StopContainer", deadline_seconds=seconds + 30, container_id=self.id, timeout=seconds)
        return self.status().exit_code
