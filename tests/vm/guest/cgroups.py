"""Where cgroups are: on cgroup v2 each has one directory, on v1 one in the tree of each controller.

And how kubelet and containerd name those of pods: with the cgroupfs driver, /kubepods[/burstable|/besteffort]/pod<uid>/<id>,
guaranteed pods without a level of their own; with systemd's, slices that have the names of all above them, and scopes.
"""

import os
import pathlib
import subprocess

ROOT = pathlib.Path("/sys/fs/cgroup")
V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids")


def is_v1():
    return not (ROOT / "cgroup.controllers").exists()


def has_systemd():
    return pathlib.Path("/proc/1/comm").read_text().strip() == "systemd"


def of_class(qos):
    """The cgroup of all pods of a QoS class: guaranteed, burstable or besteffort."""
    levels = ["kubepods"] + [qos] * (qos != "guaranteed")
    if not has_systemd():
        return "/" + "/".join(levels)
    return "".join(f"/{'-'.join(levels[:depth])}.slice" for depth in range(1, len(levels) + 1))


def of_pod(qos, uid):
    parent = of_class(qos)
    if not has_systemd():
        return f"{parent}/pod{uid}"
    return f"{parent}/{pathlib.Path(parent).stem}-pod{uid.replace('-', '_')}.slice"


def of_container(pod, container_id):
    return f"{pod}/cri-containerd-{container_id}.scope" if has_systemd() else f"{pod}/{container_id}"


def parent_for_runtime(pod):
    """The pod's cgroup as the runtime takes it: with systemd the slice's name, which contains its parents."""
    return pathlib.Path(pod).name if has_systemd() else pod


def directory(path, controller="memory"):
    """The directory of the cgroup `path` ("/a/b") that has this controller's files."""
    return (ROOT / controller if is_v1() else ROOT) / path.lstrip("/")


def directories(path):
    """All directories of the cgroup."""
    if not is_v1():
        return [directory(path)]
    return [tree / path.lstrip("/") for tree in sorted(ROOT.iterdir())
            if not tree.is_symlink() and tree.name != "unified"]


def make(path):
    """Makes a cgroup whose children have the controllers that kubelet asks for. systemd makes its own."""
    if has_systemd():
        return
    for each in directories(path):
        each.mkdir(exist_ok=True)
        if is_v1():
            if path.strip("/") and each == directory(path, "cpuset"):
                for name in ("cpuset.cpus", "cpuset.mems"):  # without them no process may enter
                    (each / name).write_text((each.parent / name).read_text())
            continue
        available = (each / "cgroup.controllers").read_text().split()
        wanted = [name for name in V2_CONTROLLERS if name in available]
        (each / "cgroup.subtree_control").write_text(" ".join("+" + name for name in wanted))


def effective_cpus(path):
    """The effective CPUs, as the kernel's list."""
    return (directory(path, "cpuset") / ("cpuset.effective_cpus" if is_v1() else "cpuset.cpus.effective")).read_text()


def is_empty(path):
    """Whether neither the cgroup nor any cgroup below it has a process."""
    return not any((pathlib.Path(below) / "cgroup.procs").read_text()
                   for each in directories(path) for below, _, _ in os.walk(each))


def remove(path):
    """Removes the cgroup with all below it."""
    if has_systemd():
        # This fails if no process has ever been in it.
        subprocess.run(["systemctl", "stop", pathlib.Path(path).name], check=False)
        return
    for each in directories(path):
        for below, _, _ in os.walk(each, topdown=False):
            os.rmdir(below)
