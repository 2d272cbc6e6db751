"""A process without privileges whose /proc/PID/maps is large: python3 -m guest.deep_maps DIRECTORY LEVELS MAPPINGS

It maps a file below LEVELS nested directories MAPPINGS times. Each line of its maps has the whole path, 200 bytes a level, so
maps has about LEVELS * MAPPINGS * 200 bytes. The process then fills 8 MiB and sleeps.
"""

import mmap
import os
import pathlib
import sys
import time


def main(directory, levels, mappings):
    os.chdir(directory)
    for _ in range(levels):  # step by step: the whole path is too long for one call
        os.mkdir("d" * 199)
        os.chdir("d" * 199)
    # Every other page: neighbours would become one mapping.
    offsets = range(0, 2 * mappings * mmap.PAGESIZE, 2 * mmap.PAGESIZE)
    file = os.open("file", os.O_CREAT | os.O_RDWR)
    os.truncate(file, offsets.stop)
    kept = [mmap.mmap(file, mmap.PAGESIZE, prot=mmap.PROT_READ, offset=offset) for offset in offsets]
    # The agent samples a process again when the memory of its cgroup has changed by more than 2 %.
    kept.append(b"x" * (8 << 20))
    pathlib.Path(directory, "ready").touch()
    time.sleep(86400)
    return kept


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
