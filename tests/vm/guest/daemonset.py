"""A DaemonSet's pod on this node, as kubelet creates it from the rendered chart, with volumes and security context."""

import functools
import json
import pathlib

from guest.agent import Client
from guest.containers import CONTAINER_NAMESPACE, HOST_NAMESPACE, POD_NAMESPACE
from guest.volumes import Volumes, swap
from guest.wait import wait_until

CLUSTER = pathlib.Path("/job/cluster")
NODE_NAME = "numavm"
PROFILE_TYPES = {"RuntimeDefault": 0, "Unconfined": 1, "Localhost": 2}
SECCOMP_PROFILES = "/var/lib/kubelet/seccomp"
PROPAGATION = {"None": 0, "HostToContainer": 1, "Bidirectional": 2}
# Of every container that is not privileged.
MASKED_PATHS = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY_PATHS = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}


class Rendered:
    """The objects of a rendered chart; host/cluster.py has their names. Cases may change them before they use them."""

    def __init__(self, name="default"):
        self.objects = json.loads((CLUSTER / f"{name}.json").read_text())

    def find(self, kind, suffix=""):
        (found,) = [one for one in self.objects if one["kind"] == kind and one["metadata"]["name"].endswith(suffix)]
        return found

    @functools.cached_property
    def template(self):
        """The DaemonSet's pod; not a copy."""
        return self.find("DaemonSet")["spec"]["template"]["spec"]

    @functools.cached_property
    def agent(self):
        """Its first container."""
        return self.template["containers"][0]

    def config_map(self):
        """The agent's configuration."""
        (found,) = [one for one in self.objects if "config.yaml" in one.get("data", {})]
        return found

    def config(self):
        return self.config_map()["data"]["config.yaml"]

    def contents(self):
        return {(one["kind"], one["metadata"]["name"]): one["data"] for one in self.objects if one["kind"] == "ConfigMap"}


class RenderedPod:
    """A running pod: its init containers have succeeded, `container` (the first one) and `others` run. Removed when the case ends."""

    def __init__(self, machine, rendered, name, spec=None, config=None, secrets=None):
        """spec: a pod's spec (default: the DaemonSet's); config: replaces the chart's; secrets: {name: {file: text}}."""
        spec = spec or rendered.template
        self._spec = spec
        kubelet = machine.kubelet
        kubelet.import_image(CLUSTER / "image.tar")
        contents = rendered.contents()
        if config is not None:
            contents["ConfigMap", rendered.config_map()["metadata"]["name"]] = {"config.yaml": config}
        contents.update({("Secret", name): files for name, files in (secrets or {}).items()})
        self.pod = kubelet.start_pod(name, namespace="numa-locality", pid_namespace=_pid_namespace(spec))
        self.volumes = Volumes(self.pod.uid, spec["volumes"], contents, spec.get("securityContext", {}).get("fsGroup"))
        machine.cleanup.callback(self.volumes.remove)
        for container in spec.get("initContainers", []):
            started = self._start(container)
            status = wait_end(started)
            assert status.exit_code == 0, f"{container['name']}: {started.output()}"
        self.container, *self.others = [self._start(container) for container in spec["containers"]]

    def swap_config(self, text):
        """Replaces the configuration as kubelet does after a change of the ConfigMap."""
        swap(self.volumes.path("config"), {"config.yaml": text})

    def exec(self, *argv, seconds=60):
        """(exit code, standard output, standard error) of a program in the container, as kubectl exec starts it."""
        done = self.pod.cri.call("ExecSync", deadline_seconds=seconds, container_id=self.container.id,
                                 cmd=[str(arg) for arg in argv], timeout=seconds)
        return done.exit_code, done.stdout.decode(), done.stderr.decode()

    def _start(self, spec):
        return self.pod.run(
            spec["name"], oom_score_adj=900, memory_limit_bytes=_bytes(spec["resources"]["limits"]["memory"]),
            image=spec["image"], command=spec["command"], args=spec.get("args", []),
            envs=[{"key": one["name"], "value": _value(one)} for one in spec.get("env", [])],
            mounts=[self._mount(mount) for mount in spec.get("volumeMounts", [])],
            security_context=_security_context({**self._spec.get("securityContext", {}), **spec["securityContext"]}))

    def _mount(self, mount):
        return {"host_path": str(self.volumes.path(mount["name"])), "container_path": mount["mountPath"],
                "readonly": mount.get("readOnly", False),
                "propagation": PROPAGATION[mount.get("mountPropagation", "None")]}


def wait_end(container):
    """Waits until the container has ended; returns its status."""
    return wait_until(f"container {container.name} has ended", lambda: (found := container.status()).state == 2 and found, 60)


def _pid_namespace(spec):
    if spec.get("hostPID", False):
        return HOST_NAMESPACE
    return POD_NAMESPACE if spec.get("shareProcessNamespace", False) else CONTAINER_NAMESPACE


def _bytes(quantity):
    return int(quantity[:-2]) * UNITS[quantity[-2:]]


def _value(variable):
    if "value" in variable:
        return variable["value"]
    assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}, variable
    return NODE_NAME


def _security_context(context):
    """CRI's form of a container's securityContext; unknown fields fail."""
    known = {"runAsUser", "runAsGroup", "readOnlyRootFilesystem", "allowPrivilegeEscalation", "capabilities",
             "seccompProfile", "appArmorProfile", "seLinuxOptions", "runAsNonRoot", "fsGroup"}
    assert context["runAsUser"] or not context.get("runAsNonRoot"), context
    assert context.keys() <= known, f"securityContext: {context.keys() - known} are not known to this kubelet"
    capabilities = context.get("capabilities", {})
    seccomp = context.get("seccompProfile", {"type": "Unconfined"})
    profile = {"profile_type": PROFILE_TYPES[seccomp["type"]]}
    if seccomp["type"] == "Localhost":
        profile["localhost_ref"] = f"{SECCOMP_PROFILES}/{seccomp['localhostProfile']}"
    more = {"supplemental_groups": [context["fsGroup"]]} if "fsGroup" in context else {}
    if "appArmorProfile" in context:  # a runtime without AppArmor refuses an explicit default
        more["apparmor"] = {"profile_type": PROFILE_TYPES[context["appArmorProfile"]["type"]]}
    return {
        "capabilities": {"add_capabilities": capabilities.get("add", []), "drop_capabilities": capabilities.get("drop", [])},
        "run_as_user": {"value": context["runAsUser"]}, "run_as_group": {"value": context["runAsGroup"]},
        "readonly_rootfs": context.get("readOnlyRootFilesystem", False),
        "no_new_privs": not context.get("allowPrivilegeEscalation", True),
        "masked_paths": MASKED_PATHS, "readonly_paths": READ_ONLY_PATHS, "seccomp": profile, **more,
    }


class InClusterAgent(Client):
    """The agent in a DaemonSet's pod, called through its socket on the node."""

    def __init__(self, machine, rendered=None, **options):
        """options: those of RenderedPod."""
        super().__init__(machine)
        self.pod = RenderedPod(machine, rendered or Rendered(), "numa-locality-agent-x1y2z", **options)
        self.container = self.pod.container
        machine.cleanup.callback(lambda: machine.log("\n".join(self.container.output()[-30:])))
        wait_until("the agent serves", lambda: self.has_ended() or any("serving" in line for line in self.container.output()),
                   60)
        self.check_healthy()

    def has_ended(self):
        return self.container.status().state == 2

    def check_healthy(self):
        assert not self.has_ended(), self.container.output()
        assert self.json("topology")["nodes"]

    def privileges(self, container=None):
        """{field: text} of the status of a container's first process (default: the agent's) in the host's /proc."""
        pid = min((container or self.container).pids())
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

