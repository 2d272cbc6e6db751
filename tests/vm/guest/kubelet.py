"""The part of kubelet's work that the cases need: cgroups, containerd, pods.

Of the cgroups (guest/cgroups.py) containerd makes the last level, kubelet (here: this file) the ones above it and the
clean-up.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import uuid

import grpc

from guest import cgroups
from guest.containers import CONTAINER_NAMESPACE, Pod
from guest.cri import Cri
from guest.wait import wait_until

CGROUPS = cgroups.ROOT
POD_RESOURCES = pathlib.Path("/var/lib/kubelet/pod-resources")
SOCKET = "/run/containerd/containerd.sock"
CONTAINERD_LOG = pathlib.Path("/run/containerd.log")
CONTAINERD_TEMPLATE = pathlib.Path("/job/guest/containerd.toml")
CONTAINERD_CONFIG = pathlib.Path("/run/containerd.toml")
QOS_CLASSES = ("guaranteed", "burstable", "besteffort")


class Kubelet:
    """Runs containerd and starts pods in it. A start takes about 8 seconds: all cases of a guest share one."""

    def __init__(self, start_containerd=True):
        self.cri = Cri(SOCKET)
        self.pods = []
        self._images = set()
        if start_containerd:
            for parent in ("/", *map(cgroups.of_class, QOS_CLASSES)):
                cgroups.make(parent)
            self.start_containerd()
            self.import_image("/job/workload.tar")

    def serve_pod_resources(self):
        """Serves kubelet's socket of that name until the guest ends, with an empty answer."""
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: b"")
        server = grpc.server(concurrent.futures.ThreadPoolExecutor(max_workers=2))
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("v1.PodResourcesLister", {"List": handler})])
        POD_RESOURCES.mkdir(parents=True, exist_ok=True)
        server.add_insecure_port(f"unix:{POD_RESOURCES}/kubelet.sock")
        server.start()
        self._pod_resources = server

    def start_containerd(self, apparmor=False):
        """Starts containerd, also after stop_containerd, which leaves pods running. apparmor: confine new containers."""
        config = CONTAINERD_TEMPLATE.read_text()
        if cgroups.has_systemd():
            config = config.replace("SystemdCgroup = false", "SystemdCgroup = true")
        if apparmor:
            config = config.replace("disable_apparmor = true", "disable_apparmor = false")
        CONTAINERD_CONFIG.write_text(config)
        self.containerd = subprocess.Popen(["containerd", "-c", CONTAINERD_CONFIG], stdin=subprocess.DEVNULL,
                                           stdout=CONTAINERD_LOG.open("a"), stderr=subprocess.STDOUT,
                                           start_new_session=True)
        wait_until("containerd answers", self.cri.is_up, seconds=120)

    def stop_containerd(self):
        """Stops containerd; its shims, and with them the pods, keep running."""
        self.containerd.terminate()
        self.containerd.wait(timeout=60)

    def import_image(self, archive):
        """Loads the image into containerd, once."""
        if archive not in self._images:
            subprocess.run(["ctr", "-n", "k8s.io", "images", "import", archive],
                           check=True, timeout=120, stdout=subprocess.DEVNULL)
        self._images.add(archive)

    def start_pod(self, name, qos="burstable", namespace="default", labels=None, annotations=None,
                  pid_namespace=CONTAINER_NAMESPACE):
        """A running pod without containers. QoS: guaranteed, burstable or besteffort."""
        uid = str(uuid.uuid4())
        cgroup = cgroups.of_pod(qos, uid)
        cgroups.make(cgroup)
        pod = Pod(self.cri, name, namespace, uid, qos, cgroup, labels or {}, annotations or {}, pid_namespace)
        self.pods.append(pod)
        pod.start()
        return pod

    def remove_pods(self):
        """Removes all pods with their cgroups."""
        while self.pods:
            self.pods.pop().remove()


def containerd_log_tail(lines=20):
    """The end of containerd's own log, for failures; empty if it was never started."""
    if not CONTAINERD_LOG.exists():
        return ""
    return os.linesep.join(CONTAINERD_LOG.read_text(errors="replace").splitlines()[-lines:])
