"""What a kubelet does on its node, as far as the cases need it: cgroups, containerd, pods.

The cgroupfs driver's layout: /kubepods[/burstable|/besteffort]/pod<uid>/<container id>, guaranteed pods without a
level of their own. containerd makes the last level, kubelet (here: this file) the ones above it and the clean-up.
"""

import os
import pathlib
import subprocess
import uuid

from guest.containers import Pod
from guest.cri import Cri
from guest.wait import wait_until

CGROUPS = pathlib.Path("/sys/fs/cgroup")
SOCKET = "/run/containerd/containerd.sock"
CONTAINERD_LOG = pathlib.Path("/run/containerd.log")
QOS_PARENT = {"guaranteed": "/kubepods", "burstable": "/kubepods/burstable", "besteffort": "/kubepods/besteffort"}


class Kubelet:
    """Runs containerd and starts pods in it. Starting it takes some 8 seconds: one for all cases of a guest."""

    def __init__(self, start_containerd=True):
        self.cri = Cri(SOCKET)
        self.pods = []
        if start_containerd:
            _make_cgroup(CGROUPS)
            for parent in QOS_PARENT.values():
                _make_cgroup(CGROUPS / parent.lstrip("/"))
            self._start_containerd()

    def _start_containerd(self):
        subprocess.Popen(["containerd", "-c", "/job/guest/containerd.toml"], stdin=subprocess.DEVNULL,
                         stdout=CONTAINERD_LOG.open("w"), stderr=subprocess.STDOUT, start_new_session=True)
        wait_until("containerd answers", self.cri.is_up, seconds=120)
        subprocess.run(["ctr", "-n", "k8s.io", "images", "import", "/job/workload.tar"],
                       check=True, timeout=120, stdout=subprocess.DEVNULL)

    def start_pod(self, name, qos="burstable", namespace="default", labels=None, annotations=None):
        """A running pod without containers. QoS: guaranteed, burstable or besteffort."""
        uid = str(uuid.uuid4())
        cgroup = f"{QOS_PARENT[qos]}/pod{uid}"
        _make_cgroup(CGROUPS / cgroup.lstrip("/"))
        pod = Pod(self.cri, name, namespace, uid, qos, cgroup, labels or {}, annotations or {})
        self.pods.append(pod)
        pod.start()
        return pod

    def remove_pods(self):
        """Removes all pods with their cgroups."""
        while self.pods:
            self.pods.pop().remove()


def _make_cgroup(directory):
    """Makes a cgroup whose children have the controllers that kubelet asks for."""
    directory.mkdir(exist_ok=True)
    available = (directory / "cgroup.controllers").read_text().split()
    wanted = [name for name in ("cpuset", "cpu", "io", "memory", "hugetlb", "pids") if name in available]
    (directory / "cgroup.subtree_control").write_text(" ".join("+" + name for name in wanted))


def containerd_log_tail(lines=20):
    """The end of containerd's own log, for failures; empty if it was never started."""
    if not CONTAINERD_LOG.exists():
        return ""
    return os.linesep.join(CONTAINERD_LOG.read_text(errors="replace").splitlines()[-lines:])
