"""The chart, rendered."""

import pathlib
import subprocess

import yaml

TOP = pathlib.Path(__file__).resolve().parents[2]
CHART = TOP / "helm" / "numa-locality-agent"
MANIFEST = TOP / "deploy" / "numa-locality-agent.yaml"
CONTROLLER = TOP / "deploy" / "examples" / "controller" / "controller.yaml"
SIDECAR = TOP / "deploy" / "sidecar-example.yaml"
NAMESPACE = "numa-locality"
# Each ci file is rendered for: the oldest version that the chart supports, the versions before and with the AppArmor field
# (1.30), and newer ones.
KUBERNETES = ["1.25", "1.29", "1.30", "1.33", "1.34"]

MANIFEST_HEAD = f"""\
# The agent on all Linux nodes, for Kubernetes 1.30 and later, rendered from helm/numa-locality-agent with its defaults.
# Do not edit: tests/helm/run.py --update writes it again.
# Load the image into the container runtime of each node, or change its name to the one in your registry.
#   kubectl apply -f deploy/numa-locality-agent.yaml
#   kubectl delete -f deploy/numa-locality-agent.yaml
# After deletion one file stays on each node. It has no effect by itself: /var/lib/kubelet/seccomp/numa-locality-agent.json
---
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    # Allows hostPID and hostPath.
    pod-security.kubernetes.io/enforce: privileged
"""


class RenderError(Exception):
    """The error message of helm, if it does not render."""


class Chart:
    def __init__(self, tools):
        self.tools = tools
        self.rendered = {}  # results that several checks use

    def values_files(self):
        return sorted((CHART / "ci").glob("*-values.yaml"))

    def run(self, *arguments, helm="helm 4"):
        return subprocess.run([self.tools.helm(helm), *map(str, arguments)], text=True, capture_output=True, check=False)

    def text(self, values, kubernetes="1.34", helm="helm 4", more=()):
        """The manifests for a values file, or for values as YAML or as a dict."""
        is_file = isinstance(values, pathlib.Path)
        place = str(values) if is_file else "-"
        text = values if isinstance(values, str) else "" if is_file else yaml.safe_dump(values)
        key = (place, text, kubernetes, helm, *more)
        if key not in self.rendered:
            command = [self.tools.helm(helm), "template", "numa-locality-agent", str(CHART), "--namespace", NAMESPACE,
                       "--kube-version", kubernetes, "--values", place, *more]
            done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
            if done.returncode != 0:
                raise RenderError(done.stderr.strip())
            self.rendered[key] = done.stdout
        return self.rendered[key]

    def objects(self, values, kubernetes="1.34"):
        return [document for document in yaml.safe_load_all(self.text(values, kubernetes)) if document]

    def manifest(self):
        """The expected content of deploy/numa-locality-agent.yaml. Labels that only helm needs are left out."""
        rendered = self.text({}, more=["--skip-tests"])
        kept = [line for line in rendered.splitlines()
                if not line.strip().startswith(("helm.sh/chart:", "app.kubernetes.io/managed-by:", "# Source:"))]
        return MANIFEST_HEAD + "\n".join(kept) + "\n"


def find(objects, kind, suffix=""):
    """The object of this kind whose name has this suffix; None if there is none."""
    for one in objects:
        if one["kind"] == kind and one["metadata"]["name"].endswith(suffix):
            return one
    return None


def agent_config(objects):
    return find(objects, "ConfigMap")["data"]["config.yaml"]


def agent_container(objects):
    return find(objects, "DaemonSet")["spec"]["template"]["spec"]["containers"][0]
