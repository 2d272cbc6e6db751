"""Runs a command under a seccomp profile as a container runtime would: under_profile.py PROFILE COMMAND..."""

import ctypes
import json
import os
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000
MASKED_EQUAL = 7
UNKNOWN = -1  # libseccomp's answer for an unknown name


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int),
                ("value", ctypes.c_uint64), ("second", ctypes.c_uint64)]


def action_of(entry, errno_key):
    if entry in ("SCMP_ACT_ALLOW",):
        return ALLOW
    if entry == "SCMP_ACT_ERRNO":
        return ERRNO | errno_key
    raise SystemExit(f"under_profile: action {entry} is not used by the chart's profile")


def load(profile):
    """Applies the profile to this process, and to the program that it executes."""
    seccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_init.argtypes = [ctypes.c_uint32]
    seccomp.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint,
                                               ctypes.POINTER(Comparison)]
    seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
    context = seccomp.seccomp_init(action_of(profile["defaultAction"], profile["defaultErrnoRet"]))
    for rule in profile["syscalls"]:
        comparisons = [Comparison(arg["index"], MASKED_EQUAL, arg["value"], arg["valueTwo"])
                       for arg in rule.get("args", [])]
        array = (Comparison * len(comparisons))(*comparisons)
        for name in rule["names"]:
            number = seccomp.seccomp_syscall_resolve_name(name.encode())
            if number == UNKNOWN:
                continue  # a call that this libseccomp does not know yet: runtimes ignore it too
            done = seccomp.seccomp_rule_add_array(context, action_of(rule["action"], rule.get("errnoRet", 0)), number,
                                                  len(comparisons), array)
            if done != 0:
                raise SystemExit(f"under_profile: rule for {name}: {os.strerror(-done)}")
    done = seccomp.seccomp_load(context)
    if done != 0:
        raise SystemExit(f"under_profile: load: {os.strerror(-done)}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        load(json.load(file))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
