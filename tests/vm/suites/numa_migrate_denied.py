"""numa-migrate without the permissions that it needs: it names what denies the call, and never moves another process."""

import ctypes
import errno

from guest.case import case
from suites.migrate import ends
from suites.numa_migrate import end_well, resident_pages, start_helper


def refusing(system_call, error):
    """A preexec_fn for subprocess: installs a seccomp filter that makes this system call fail with an error."""
    load_number, jump_if_equal, give = 0x20, 0x15, 0x06
    refused, allowed = 0x00050000 | error, 0x7FFF0000
    program = b"".join(code.to_bytes(2, "little") + bytes((0, otherwise)) + value.to_bytes(4, "little")
                       for code, otherwise, value in [(load_number, 0, 0), (jump_if_equal, 1, system_call),
                                                      (give, 0, refused), (give, 0, allowed)])
    text = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer((4).to_bytes(8, "little") + ctypes.addressof(text).to_bytes(8, "little"), 16)
    libc = ctypes.CDLL(None, use_errno=True)
    set_seccomp, filter_mode = 22, 2

    def install():
        if libc.prctl(set_seccomp, filter_mode, ctypes.byref(header), 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "seccomp")
    install.text = text  # must live as long
    return install


@case(seconds=60)
def a_seccomp_filter_is_named(machine):
    """A filter denies root move_pages, by either error that filters use: status 2, and the message names the filter."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "4M")
    move_pages = 279
    for error in errno.EPERM, errno.ENOSYS:
        for option in (), ("--dry-run",), ("--shared", "all"):
            refused = machine.start("numa-migrate", "--pid", helper.pid, "--to-node", far, *option,
                                    preexec_fn=refusing(move_pages, error))
            status = refused.wait(30)
            said = refused.log_path.read_text()
            if option == ("--dry-run",) and status == 0:
                continue  # page frames give the nodes: the kernel is not queried
            assert status == 2 and "seccomp filter" in said and "move_pages" in said, f"{error} {option}: {status} {said}"
    assert resident_pages(helper.pid, start, end)[near] == 1024
    end_well(helper)


@case(seconds=60)
def in_a_pid_namespace_of_its_own(machine):
    """A process outside the PID namespace is not found, and the message says why; no other process is taken for it."""
    near, far = ends()
    helper, start, end = start_helper(machine, near, "1M")
    for argv, pid in [(("--mount-proc",), helper.pid), ((), helper.pid), ((), 1)]:
        for command in ("--to-node", far), ("--check",):
            lost = machine.run("unshare", "--pid", "--fork", *argv, "numa-migrate", "--pid", pid, *command, check=False)
            assert lost.returncode == 1 and "PID namespace" in lost.stderr, f"{argv} {pid}: {lost.returncode} {lost.stderr}"
            assert lost.stdout == "", lost.stdout
    assert resident_pages(helper.pid, start, end)[near] == 256
    end_well(helper)
