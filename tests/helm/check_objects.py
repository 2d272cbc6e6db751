"""The rendered objects: they are valid for Kubernetes, and grant no more privileges than needed."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading

import yaml

from chart import CONTROLLER, KUBERNETES, MANIFEST, SIDECAR, TOP, agent_config, agent_container, find

HERE = pathlib.Path(__file__).resolve().parent
KUBECTL_NUMA = TOP / "deploy/kubectl-numa"
LONGEST_START = 30  # seconds, of an agent
WITH_LABELS = {"sources": {"criSocket": "/run/containerd/containerd.sock"}}


def schemas(context):
    """Objects match the types of several Kubernetes versions, which know all fields, and pass validators, which know all rules."""
    for kubernetes in KUBERNETES:
        objects = [one for values in context.chart.values_files()
                   for one in context.chart.objects(values, kubernetes)]
        if kubernetes == KUBERNETES[-1]:
            for file in (MANIFEST, SIDECAR):
                objects += list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
            objects.append(find(example_controller(), "Deployment"))
        done = context.tools.node("validate.js", kubernetes, context.tools.directory, text=json.dumps(objects))
        yield f"{len(objects)} objects are valid for Kubernetes {kubernetes}", (
            "" if done.returncode == 0 else done.stdout + done.stderr)


def example_controller():
    """The objects of the example controller: a Deployment, and a Certificate of cert-manager, whose types are not at hand."""
    return list(yaml.safe_load_all(CONTROLLER.read_text(encoding="utf-8")))


def controller_finds_agents(context):
    """The example controller asks the chart's Service, with a certificate for an identity that api.clients may name."""
    values = {"networkApi": {"enabled": True, "secretName": "tls",
                             "clients": [{"identity": "example-controller", "role": "migrator", "namespaces": ["shop"]}]}}
    service = find(context.chart.objects(values), "Service")
    deployment, certificate = (find(example_controller(), kind) for kind in ("Deployment", "Certificate"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (port,) = service["spec"]["ports"]
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    wanted = f"--agents={name}.{namespace}.svc:{port['port']}"
    yield "the example controller asks the chart's Service", "" if wanted in container["args"] else f"{wanted} is not in {container['args']}"
    yield "its certificate is for a client", "" if "client auth" in certificate["spec"]["usages"] else str(certificate["spec"])
    configuration = yaml.safe_load(agent_config(context.chart.objects(values)))
    (client,) = configuration["api"]["clients"]
    yield "its identity has a role", "" if client["identity"] == certificate["spec"]["commonName"] else str(client)


def references(context):
    """Every mount has a volume, and every volume a mount; no two mounts have the same path; selectors match the pods."""
    for values in context.chart.values_files():
        objects = context.chart.objects(values)
        problems = []
        names = {(one["kind"], one["metadata"]["name"]) for one in objects}
        if len(names) != len(objects):
            problems.append("two objects of one kind and name")
        template = find(objects, "DaemonSet")["spec"]["template"]
        pod = template["spec"]
        containers = pod.get("initContainers", []) + pod["containers"]
        mounted = {mount["name"] for container in containers for mount in container["volumeMounts"]}
        volumes = [volume["name"] for volume in pod["volumes"]]
        if sorted(volumes) != sorted(mounted):
            problems.append(f"volumes {sorted(volumes)}, mounted {sorted(mounted)}")
        for container in containers:
            places = [mount["mountPath"] for mount in container["volumeMounts"]]
            if len(set(places)) != len(places):
                problems.append(f"two mounts in one place: {places}")
            # A rule of the API server that no schema contains.
            problems += [f"{mount['name']}: recursiveReadOnly with mountPropagation" for mount in container["volumeMounts"]
                         if "recursiveReadOnly" in mount and "mountPropagation" in mount]
        for volume in pod["volumes"]:
            if "configMap" in volume and ("ConfigMap", volume["configMap"]["name"]) not in names:
                problems.append(f"no ConfigMap {volume['configMap']['name']}")
        labels = template["metadata"]["labels"].items()
        for kind, path in [("DaemonSet", ["spec", "selector", "matchLabels"]), ("Service", ["spec", "selector"]),
                           ("NetworkPolicy", ["spec", "podSelector", "matchLabels"]),
                           ("PodMonitor", ["spec", "selector", "matchLabels"])]:
            selector = find(objects, kind)
            for key in path if selector else []:
                selector = selector[key]
            if selector and not selector.items() <= labels:
                problems.append(f"{kind} does not select the pods")
        yield f"references, {values.name}", "; ".join(problems)


def privileges(context):
    """Capabilities are only those that the enabled features need."""
    rows = [({}, []), ({"sharedPages": True}, ["SYS_NICE"]),
            ({"policies": [{"name": "a", "shared": "never"}]}, []),
            ({"policies": [{"name": "a", "shared": "owned"}]}, ["SYS_NICE"]),
            ({"policies": [{"name": "a", "shared": "all"}]}, ["SYS_NICE"]),
            ({**WITH_LABELS, "policies": [{"name": "a", "stick": "cpuset-mems"}]}, [])]
    for values, more in rows:
        capabilities = agent_container(context.chart.objects(values))["securityContext"]["capabilities"]
        expected = {"drop": ["ALL"], "add": ["SYS_PTRACE", "DAC_READ_SEARCH", *more]}
        yield f"capabilities with {values}", "" if capabilities == expected else str(capabilities)


def confinement(context):
    for values in context.chart.values_files():
        objects = context.chart.objects(values)
        pod = find(objects, "DaemonSet")["spec"]["template"]["spec"]
        problems = []
        for key, expected in [("hostPID", True), ("hostNetwork", None), ("hostIPC", None),
                              ("automountServiceAccountToken", False)]:
            if pod.get(key) != expected:
                problems.append(f"{key} is {pod.get(key)}")
        for one in objects:
            if one["kind"] in {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}:
                problems.append(f"a {one['kind']}")
        host = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
        for container in pod.get("initContainers", []) + pod["containers"]:
            security = container["securityContext"]
            if security.get("privileged") or security["allowPrivilegeEscalation"] or not security[
                    "readOnlyRootFilesystem"] or security["capabilities"]["drop"] != ["ALL"]:
                problems.append(f"{container['name']}: {security}")
            writable = {mount["name"] for mount in container["volumeMounts"]
                        if mount["name"] in host and not mount.get("readOnly")}
            allowed = {"agent": {"run"} | ({"self", "device-plugins"} & host), "front": set()}.get(container["name"], {"seccomp"})
            if writable != allowed:
                problems.append(f"{container['name']} may write to {sorted(writable)} of the node")
            if any("subPath" in mount for mount in container["volumeMounts"]):
                problems.append(f"{container['name']}: a subPath mount does not get new content")
        yield f"confinement, {values.name}", "; ".join(problems)


def front(context):
    """The container that clients of the network reach has no privileges, and sees nothing of the node."""
    for values in context.chart.values_files():
        pod = find(context.chart.objects(values), "DaemonSet")["spec"]["template"]["spec"]
        host = {volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
        for container in [one for one in pod["containers"] if one["name"] != "agent"]:
            security = container["securityContext"]
            problems = [f"{key} is {security.get(key)}" for key, expected in [
                ("runAsNonRoot", True), ("runAsUser", pod["securityContext"]["fsGroup"]), ("runAsGroup", security["runAsUser"]),
                ("capabilities", {"drop": ["ALL"]}), ("seccompProfile", {"type": "RuntimeDefault"}), ("seLinuxOptions", None)]
                if security.get(key) != expected]
            problems += [f"mounts {mount['name']} of the node" for mount in container["volumeMounts"] if mount["name"] in host]
            yield f"the front has no privileges, {values.name}", "; ".join(problems)
        agent = agent_container(context.chart.objects(values))
        yield f"the agent has no private key, {values.name}", (
            "it mounts one" if any(mount["name"] in {"tls", "client-ca"} for mount in agent["volumeMounts"]) else "")


def self_socket(context):
    """What the self socket and the device plugin need of the node, and only if they are on."""
    more = {"self": "/run/numa-locality-self", "device-plugins": "/k/device-plugins"}
    for on in [[], ["self"], ["self", "device-plugins"]]:
        values = {"self": {"enabled": "self" in on, "devicePlugin": "device-plugins" in on}, "sources": {"kubeletDir": "/k"}}
        pod = find(context.chart.objects(values), "DaemonSet")["spec"]["template"]["spec"]
        found = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"] if volume["name"] in more}
        mounted = {mount["name"]: mount["mountPath"] for container in pod["containers"] + pod["initContainers"]
                   for mount in container["volumeMounts"] if mount["name"] in more}
        expected = {name: more[name] for name in on}
        yield f"with {on} the agent writes to these of the node", (
            "" if found == mounted == expected else f"volumes {found}, mounts {mounted}")


def viewer_socket(context):
    """The agent serves it where kubectl-numa looks for it, and only if it is on."""
    path = re.search(r'^VIEWER_SOCKET = "(.+)"$', KUBECTL_NUMA.read_text(encoding="utf-8"), re.MULTILINE)[1]
    for is_on in [False, True]:
        arguments = agent_container(context.chart.objects({"viewerSocket": is_on}))["args"]
        found = [argument for argument in arguments if argument.startswith("--viewer-socket")]
        yield f"viewerSocket {is_on}", "" if found == [f"--viewer-socket={path}"] * is_on else str(found)


def restarts(context):
    """Pods restart if a value changes that agents read only at the start, and for no other change."""
    def pods(values):
        return find(context.chart.objects(values), "DaemonSet")["spec"]["template"]

    before = pods({})
    for values, restarts_pods in [
            ({"policies": [{"name": "a", "action": "repair"}]}, False), ({"period": "1m"}, False),
            ({"limits": {"bandwidth": "1Gi"}}, False), ({"protectedNamespaces": []}, False),
            ({"limits": {"concurrentMigrations": 3}}, False), ({"localDistance": 12}, True),
            ({"http": {"containerSeries": False}}, True), (WITH_LABELS, True),
            ({"sources": {"podLogsDir": ""}}, True), ({"policies": [{"name": "a", "shared": "owned"}]}, True),
            ({"networkApi": {"enabled": True, "secretName": "tls"}}, True), ({"self": {"enabled": True}}, True)]:
        same = pods(values) == before
        yield (f"{values} {'restarts' if restarts_pods else 'does not restart'} the agents",
               "" if same != restarts_pods else f"the pods are {'the same' if same else 'different'}")


def app_armor(context):
    """The field from 1.30 on, the annotation before: the API server refuses unknown fields."""
    for kubernetes, field in [("1.29", False), ("1.30", True)]:
        objects = context.chart.objects({}, kubernetes)
        annotations = find(objects, "DaemonSet")["spec"]["template"]["metadata"]["annotations"]
        has_field = "appArmorProfile" in agent_container(objects)["securityContext"]
        has_annotation = any(key.startswith("container.apparmor") for key in annotations)
        yield (f"AppArmor, Kubernetes {kubernetes}",
               "" if (has_field, has_annotation) == (field, not field) else f"{has_field=} {has_annotation=}")


def priority_quota(context):
    """Some clusters admit pods of system priority classes only with such a quota."""
    for values, expected in [({}, ["system-node-critical"]), ({"priorityClassName": "mine"}, None),
                             ({"resourceQuota": {"enabled": False}}, None)]:
        quota = find(context.chart.objects(values), "ResourceQuota")
        found = quota and quota["spec"]["scopeSelector"]["matchExpressions"][0]["values"]
        yield f"a quota for the priority class, {values}", "" if found == expected else f"it is for {found}"


def kubectl_reads_manifests(context):
    """Both that users apply; a client-side dry run would ask the API server which kinds it knows."""
    for file, expected in [(MANIFEST, {"namespace", "daemonset.apps", "configmap", "serviceaccount"}),
                           (CONTROLLER, {"deployment.apps", "certificate.cert-manager.io"})]:
        done = subprocess.run([context.tools.kubectl(), "label", "--local", "-f", file, "a=b", "-o", "name"], text=True,
                              capture_output=True, check=False)
        found = {line.split("/")[0] for line in done.stdout.splitlines()}
        missing = expected - found
        yield f"kubectl reads {file.name}", f"{missing} {done.stderr}" if missing else ""


def sidecar(context):
    """The sidecar equals the DaemonSet's container, with the same privileges, in the PID namespace of its pod instead of the host's."""
    pod = find(list(yaml.safe_load_all(SIDECAR.read_text(encoding="utf-8"))), "Pod")["spec"]
    (beside,) = [one for one in pod["containers"] if one["name"] == "numa-locality-agent"]
    agent = agent_container(context.chart.objects({}))
    template = find(context.chart.objects({}), "DaemonSet")["spec"]["template"]["spec"]
    user = {key: template["securityContext"][key] for key in ("runAsUser", "runAsGroup")}
    yield "the sidecar sees its pod's processes only", (
        "" if pod["shareProcessNamespace"] and not pod.get("hostPID") else "it shares others")
    for key in ("image", "command", "args"):
        yield f"the sidecar's {key} is the DaemonSet's", "" if beside[key] == agent[key] else f"{beside[key]}, {agent[key]}"
    expected = {**user, **agent["securityContext"]}
    yield "the sidecar has the DaemonSet's privileges", (
        "" if beside["securityContext"] == expected else f"{beside['securityContext']}, not {expected}")


def seccomp_profile(context):
    """Under the profile, the agent starts, serves and may call move_pages; without move_pages in the profile it may not."""
    if not context.agent:
        return
    profile = json.loads(find(context.chart.objects({}), "ConfigMap", "-seccomp")["data"]["profile.json"])
    without = json.loads(json.dumps(profile))
    for rule in without["syscalls"]:
        rule["names"] = [name for name in rule["names"] if name != "move_pages"]
    forbidden = "Pages cannot be located or moved"
    for name, one, expected in [("the chart's profile", profile, False), ("it without move_pages", without, True)]:
        said = status_under(one, pathlib.Path(context.agent).resolve())
        problem = "" if "Seccomp" in said and (forbidden in said) == expected else said
        yield f"move_pages under {name}: {'forbidden' if expected else 'allowed'}", problem


def status_under(profile, agent):
    """The output of 'localityctl doctor', with agent and localityctl running under the profile."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "profile.json")
        path.write_text(json.dumps(profile), encoding="utf-8")
        under = [sys.executable, str(HERE / "under_profile.py"), str(path)]
        socket = pathlib.Path(directory, "run", "agent.sock")
        with subprocess.Popen([*under, str(agent), "--config", os.devnull, "--socket", str(socket)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
            said = []
            too_long = threading.Timer(LONGEST_START, running.kill)
            too_long.start()
            for line in running.stdout:
                said.append(line)
                if "serving" in line:
                    ask = [*under, str(agent.parent / "localityctl"), "--endpoint", f"unix:{socket}", "doctor"]
                    done = subprocess.run(ask, text=True, capture_output=True, check=False)
                    said += [done.stdout, done.stderr]
                    break
            too_long.cancel()
            running.terminate()
            running.communicate()
        return "".join(said)


CHECKS = [schemas, controller_finds_agents, references, privileges, confinement, self_socket, viewer_socket, front, restarts,
          app_armor, priority_quota, kubectl_reads_manifests, sidecar, seccomp_profile]
