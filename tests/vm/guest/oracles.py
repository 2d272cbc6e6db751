"""Where memory is, read from the kernel without the project's code.

Formats: the kernel's Documentation/filesystems/proc.rst (numa_maps) and admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst
(memory.numa_stat).
"""

import collections
import os
import pathlib
import re

NODES = pathlib.Path("/sys/devices/system/node")
PAGE = os.sysconf("SC_PAGE_SIZE")


def parse_list(text):
    """'0-2,4' -> [0, 1, 2, 4]; '' -> []."""
    ids = []
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        ids.extend(range(int(first), int(last or first) + 1))
    return ids


def nodes(kind="online"):
    """Node ids from sysfs; kind is online, possible, has_cpu, has_memory."""
    return parse_list((NODES / kind).read_text())


def node_cpus(node):
    """CPU ids of a node."""
    return parse_list((NODES / f"node{node}" / "cpulist").read_text())


def node_distances(node):
    """{node: distance} by sysfs."""
    values = (NODES / f"node{node}" / "distance").read_text().split()
    return dict(zip(nodes("online"), map(int, values)))


def node_memory(node):
    """{field: bytes} of the node's meminfo, such as MemTotal and MemFree."""
    found = re.findall(r"Node \d+ (\S+):\s+(\d+) kB", (NODES / f"node{node}" / "meminfo").read_text())
    return {field: int(kib) * 1024 for field, kib in found}


def parse_numa_maps(text):
    """Counter {node: bytes} of the anonymous memory in the text of a numa_maps file.

    A mapping that is partly anonymous (a private file mapping with some pages written) does not say on which node
    its anonymous pages are: it is left out. Executables have a few pages of that kind.
    """
    total = collections.Counter()
    for line in text.splitlines():
        fields = dict(re.findall(r"\b(\w+)=(\S+)", line))
        per_node = {int(node): int(count) for node, count in re.findall(r"\bN(\d+)=(\d+)", line)}
        if int(fields.get("anon", 0)) == sum(per_node.values()) > 0:
            for node, count in per_node.items():
                total[node] += count * int(fields["kernelpagesize_kB"]) * 1024
    return total


def mapped_bytes(pid):
    """{start address: Counter {node: bytes}} of a process's mappings of every kind, shared or not."""
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/numa_maps").read_text().splitlines():
        start, *fields = line.split()
        page_kib = int((re.findall(r"\bkernelpagesize_kB=(\d+)", line) or [4])[0])
        per_node = re.findall(r"\bN(\d+)=(\d+)", " ".join(fields))
        found[int(start, 16)] = collections.Counter({int(node): int(count) * page_kib * 1024 for node, count in per_node})
    return found


def anonymous_bytes(pids):
    """Counter {node: bytes} of the anonymous memory of one process or several, from numa_maps."""
    texts = [pathlib.Path(f"/proc/{pid}/numa_maps").read_text() for pid in ([pids] if isinstance(pids, int) else pids)]
    return sum(map(parse_numa_maps, texts), collections.Counter())


def unplaced_anonymous_bytes(pids):
    """Anonymous bytes that parse_numa_maps leaves out, of all the processes."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/numa_maps").read_text().splitlines():
            fields = dict(re.findall(r"\b(\w+)=(\S+)", line))
            per_node = [int(count) for count in re.findall(r"\bN\d+=(\d+)", line)]
            if 0 < int(fields.get("anon", 0)) != sum(per_node):
                total += int(fields["anon"]) * int(fields["kernelpagesize_kB"]) * 1024
    return total


def numa_stat(cgroup, kind="anon"):
    """Counter {node: bytes} of one line of a cgroup's memory.numa_stat (anon, file, shmem, anon_thp …).

    The kernel batches these figures per CPU: they may lag by 64 pages a CPU. cgroup v1 has pages, of anon and file.
    """
    for line in (pathlib.Path(cgroup) / "memory.numa_stat").read_text().splitlines():
        name, *values = line.split()
        is_v1 = name.startswith(f"hierarchical_{kind}=")
        if name == kind or is_v1:
            return collections.Counter({int(node): int(size) * (PAGE if is_v1 else 1) for node, size in
                                        (value.removeprefix("N").split("=") for value in values)})
    raise AssertionError(f"{cgroup}/memory.numa_stat has no line {kind}")


def share(per_node, node):
    """The fraction (0 to 1) of a per-node count that is on `node`."""
    total = sum(per_node.values())
    assert total > 0, "no memory was counted at all"
    return per_node[node] / total


def vmstat():
    """{counter: value} of /proc/vmstat, such as pgmigrate_success and numa_pages_migrated."""
    return {name: int(value) for name, value in
            (line.split() for line in pathlib.Path("/proc/vmstat").read_text().splitlines())}


def cgroup_pids(cgroup):
    """The processes in one cgroup directory (not below it)."""
    return [int(pid) for pid in (pathlib.Path(cgroup) / "cgroup.procs").read_text().split()]
