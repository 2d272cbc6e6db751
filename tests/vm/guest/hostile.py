"""Processes that misbehave without privileges: python3 -m guest.hostile KIND READY BEGIN ARGUMENT...

  fork-storm              processes that end at once, without a pause
  affinity-storm THREADS  threads that choose other CPUs without a pause
  pinned BYTES            memory registered with io_uring: the kernel cannot move it
  thrash BYTES            writes the memory again and again
  mappings COUNT          that many mappings of a page each
  swap-in FILE BYTES      maps FILE over its own shared memory, and its own memory over FILE, without a pause

The file READY appears when the memory is in place. The process misbehaves from when the file BEGIN exists, which may be the same.
"""

import contextlib
import ctypes
import mmap
import os
import pathlib
import random
import struct
import sys
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
IO_URING_SETUP, IO_URING_REGISTER = 425, 427
IORING_REGISTER_BUFFERS = 0
MAP_FIXED = 0x10
FAILED = ctypes.c_void_p(-1).value


def checked(result):
    """The result of a libc function that returns -1 and errno on failure."""
    if result in (-1, FAILED):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def memory_of(size):
    """Private memory, every page written once, without transparent huge pages."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    write_all(memory)
    return memory


def write_all(memory):
    for at in range(0, len(memory), mmap.PAGESIZE):
        memory[at] = 1


def address_of(memory):
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


def fork_storm(begin):
    begin()
    while True:
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


def affinity_storm(begin, threads):
    def storm():
        while True:
            with contextlib.suppress(OSError):  # a CPU outside of its cpuset
                os.sched_setaffinity(0, {random.randrange(os.cpu_count())})  # of this thread
    begin()
    for _ in range(int(threads)):
        threading.Thread(target=storm).start()


def pinned(begin, size):
    memory = memory_of(int(size))
    ring = checked(LIBC.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(120)))
    buffers = struct.pack("PN", address_of(memory), len(memory))
    checked(LIBC.syscall(IO_URING_REGISTER, ring, IORING_REGISTER_BUFFERS, buffers, 1))
    begin()
    time.sleep(86400)


def thrash(begin, size):
    memory = memory_of(int(size))
    begin()
    while True:
        write_all(memory)


def mappings(begin, count):
    memory = mmap.mmap(-1, int(count) * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = address_of(memory)
    for page in range(0, int(count), 2):  # neighbours with different permissions are different mappings
        checked(LIBC.mprotect(ctypes.c_void_p(start + page * mmap.PAGESIZE), mmap.PAGESIZE, mmap.PROT_READ))
    begin()
    time.sleep(86400)


def swap_in(begin, path, size):
    size = int(size)
    theirs = os.open(path, os.O_RDONLY)
    own = os.memfd_create("own")
    os.truncate(own, size)
    start = checked(LIBC.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, own, 0))
    ctypes.memset(start, 1, size)
    os.fork()  # two processes map it: memory that is shared within the workload
    begin()
    while True:
        for file in theirs, own:
            checked(LIBC.mmap(start, size, mmap.PROT_READ, mmap.MAP_SHARED | MAP_FIXED, file, 0))
            ctypes.string_at(start, size)  # maps every page


def main(kind, ready, begin, *arguments):
    kinds = {function.__name__.replace("_", "-"): function
             for function in (fork_storm, affinity_storm, pinned, thrash, mappings, swap_in)}

    def wait_to_begin():
        pathlib.Path(ready).touch()
        while not pathlib.Path(begin).exists():
            time.sleep(0.1)
    kinds[kind](wait_to_begin, *arguments)


if __name__ == "__main__":
    main(*sys.argv[1:])
