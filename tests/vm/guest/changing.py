"""Processes that change while their memory moves: python3 -m guest.changing KIND READY BYTES

  exec     executes itself at SIGUSR1, and has new memory of the same size then
  fork     forks a child every two seconds; each checks the memory and writes a part of its copy
  release  the first 48 pages cannot move until SIGUSR1

The file READY appears when the memory is in place, and again after exec. At SIGTERM the process checks its memory: exit status
0 if every byte is as written, 1 otherwise.
"""

import ctypes
import fcntl
import hashlib
import mmap
import os
import pathlib
import signal
import struct
import sys
import zlib

LIBC = ctypes.CDLL(None, use_errno=True)
HELD_PAGES = 48


class Memory:
    """Private memory with a known content."""

    def __init__(self, size):
        self.bytes = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.bytes.madvise(mmap.MADV_NOHUGEPAGE)
        for at in range(0, size, mmap.PAGESIZE):
            page = hashlib.sha256(at.to_bytes(8, "little")).digest() * (mmap.PAGESIZE // 32)
            self.bytes[at:at + mmap.PAGESIZE] = page
        self._sum = zlib.crc32(self.bytes)

    def is_intact(self):
        return zlib.crc32(self.bytes) == self._sum

    def hold(self, pages):
        """Gives each of the first pages an extra reference, from a pipe, which is returned."""
        pipe = os.pipe()
        fcntl.fcntl(pipe[1], fcntl.F_SETPIPE_SZ, pages * mmap.PAGESIZE)  # a page fills a buffer
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.bytes))
        for page in range(pages):
            part = struct.pack("PN", start + page * mmap.PAGESIZE, 1)
            assert LIBC.vmsplice(pipe[1], part, 1, 0) == 1, os.strerror(ctypes.get_errno())
        return pipe


def forked_check(memory):
    """A child checks the memory, then writes every eighth page of its copy."""
    child = os.fork()
    if child == 0:
        is_intact = memory.is_intact()
        for at in range(0, len(memory.bytes), 8 * mmap.PAGESIZE):
            memory.bytes[at] = 255
        os._exit(0 if is_intact else 1)
    return os.waitpid(child, 0)[1] == 0


def main(kind, ready, size):
    memory = Memory(int(size))
    pipe = memory.hold(HELD_PAGES) if kind == "release" else None
    asked = {signal.SIGTERM, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, asked)
    pathlib.Path(ready).touch()
    is_intact = True
    while True:
        if kind == "fork":
            is_intact = forked_check(memory) and is_intact
            came = signal.sigtimedwait(asked, 2)
            number = came.si_signo if came else None
        else:
            number = signal.sigwait(asked)
        if number == signal.SIGTERM:
            return 0 if is_intact and memory.is_intact() else 1
        if number == signal.SIGUSR1 and kind == "exec":
            os.execv(sys.executable, [sys.executable, "-m", "guest.changing", kind, ready, size])
        if number == signal.SIGUSR1 and kind == "release":
            os.read(pipe[0], HELD_PAGES)  # a byte of each page


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
