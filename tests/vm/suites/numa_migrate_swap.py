"""Two nodes swap a process's memory, though neither has room for all of the other's."""

import contextlib
import ctypes
import mmap
import os
import threading

from guest import oracles
from guest.case import case
from suites.migrate import MIB, PAGE, ends
from suites.numa_migrate import PATIENT, figures, resident_pages

# How much of each node is in use before the swap. What is free then is less than half of what is to come.
FULL = 0.70
# What a node keeps free, as numa-migrate has it by default; and what others in the guest may take meanwhile.
RESERVE = 0.02
OTHERS = 4 * MIB


class Memory:
    """Base pages of this very process on one node, with a mark in each.

    `advice` keeps the kernel from joining two of them to one mapping.
    """

    def __init__(self, node, size, advice):
        self.size = size
        self.map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for each in mmap.MADV_NOHUGEPAGE, mmap.MADV_DONTFORK, advice:
            self.map.madvise(each)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        cpus = os.sched_getaffinity(0)
        os.sched_setaffinity(0, oracles.node_cpus(node))
        for offset in range(0, size, PAGE):
            self.map[offset:offset + 8] = offset.to_bytes(8, "little")
        os.sched_setaffinity(0, cpus)

    def pages(self):
        return resident_pages(os.getpid(), self.start, self.start + self.size)

    def is_whole(self):
        return all(int.from_bytes(self.map[offset:offset + 8], "little") == offset
                   for offset in range(0, self.size, PAGE))


@contextlib.contextmanager
def lowest_free(nodes):
    """Gives {node: the fewest free bytes seen} that is kept up to date while the body runs."""
    lowest = {node: oracles.node_memory(node)["MemFree"] for node in nodes}
    ended = threading.Event()

    def watch():
        while not ended.wait(0.02):
            for node in nodes:
                lowest[node] = min(lowest[node], oracles.node_memory(node)["MemFree"])
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lowest
    finally:
        ended.set()
        watcher.join()


@case(seconds=420)
def two_full_nodes_swap(machine):
    """Both 70 % full: each page ends on the other node, in place, with no OOM and no node below its reserve."""
    nodes = ends()
    memories = []
    for node, advice in zip(nodes, (mmap.MADV_DODUMP, mmap.MADV_DONTDUMP)):
        found = oracles.node_memory(node)
        size = int(FULL * found["MemTotal"] - (found["MemTotal"] - found["MemFree"])) // (2 * MIB) * 2 * MIB
        memories.append(Memory(node, size, advice))
        machine.log(f"node {node}: {oracles.node_memory(node)['MemFree'] >> 20} of {found['MemTotal'] >> 20} MiB free, "
                    f"{size >> 20} MiB to move")
    for memory, node in zip(memories, nodes):
        assert memory.pages()[node] == memory.size // PAGE, "the memory is not where the case wants it at first"
        other, = set(nodes) - {node}
        assert oracles.node_memory(other)["MemFree"] < 0.6 * memory.size, "there is room: nothing is proved"
    kills = oracles.vmstat()["oom_kill"]
    with lowest_free(nodes) as lowest:
        done = machine.run("numa-migrate", "--pid", os.getpid(), "--node-map",
                           f"{nodes[0]}:{nodes[1]},{nodes[1]}:{nodes[0]}", *PATIENT, timeout=300)
    machine.log(f"fewest free MiB: { {node: free >> 20 for node, free in lowest.items()} }")
    counts = figures(done.stdout)
    assert counts["Moved"] >= sum(memory.size for memory in memories) // PAGE
    for memory, node in zip(memories, nodes):
        assert memory.pages()[node] == 0, f"left on node {node}: {memory.pages()}"
        assert lowest[node] >= RESERVE * oracles.node_memory(node)["MemTotal"] - OTHERS
    assert oracles.vmstat()["oom_kill"] == kills
    assert all(memory.is_whole() for memory in memories)
