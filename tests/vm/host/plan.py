"""Which guests there are and which cases each runs, read from guests.toml and the suites' source."""

import ast
import dataclasses
import pathlib
import tomllib

from host import topology
from host.failure import Failure
from host.images import KERNELS

HERE = pathlib.Path(__file__).resolve().parents[1]
SUITES = HERE / "suites"
KEYS = {"name", "topology", "suites", "kernels", "long_kernels", "binaries", "cluster", "files", "limit_seconds", "cgroups", "init"}
CHOICES = {"cgroups": ["v2", "v1"], "init": ["script", "systemd"]}  # the first is the default


@dataclasses.dataclass
class Run:
    """One boot: a guest on a kernel. `name` is KERNEL.GUEST, cases are SUITE.CASE."""
    name: str
    kernel: str
    topology: str
    cases: list
    binaries: list
    cluster: bool
    files: list
    limit_seconds: int
    long: bool
    kernel_words: str  # what the guest's first process is told on the kernel's command line


def cases_of(suite):
    """Names of the functions that @case(...) decorates, in order, without importing the suite (it needs the guest)."""
    path = SUITES / f"{suite}.py"
    if not path.exists():
        raise Failure(f"no suite {suite}: {path} does not exist")

    def is_case(decorator):
        return isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "case"

    names = [f"{suite}.{node.name}" for node in ast.parse(path.read_text(), str(path)).body
             if isinstance(node, ast.FunctionDef) and any(map(is_case, node.decorator_list))]
    if not names or len(names) != len(set(names)):
        raise Failure(f"{path}: has no case, or two of one name; a case is a function decorated with @case()")
    return names


def runs():
    """All boots, in the order of guests.toml; Failure on anything that is not as its head says."""
    path = HERE / "guests.toml"
    found = {}
    for guest in tomllib.loads(path.read_text())["guest"]:
        name = guest.get("name", guest.get("topology"))
        if unknown := guest.keys() - KEYS:
            raise Failure(f"{path}: guest {name}: unknown {', '.join(sorted(unknown))}")
        topology.load(guest["topology"])
        chosen = {key: guest.get(key, values[0]) for key, values in CHOICES.items()}
        for key, value in chosen.items():
            if value not in CHOICES[key]:
                raise Failure(f"{path}: guest {name}: {key} is {value}, not one of {', '.join(CHOICES[key])}")
        words = " ".join(f"numavm.{key}={value}" for key, value in chosen.items())
        cases = [case for suite in guest["suites"] for case in cases_of(suite)]
        for key in ("kernels", "long_kernels"):
            for kernel in guest.get(key, []):
                run = Run(f"{kernel}.{name}", kernel, guest["topology"], cases, guest.get("binaries", []),
                          guest.get("cluster", False), guest.get("files", []), guest["limit_seconds"], key == "long_kernels", words)
                if kernel not in KERNELS or run.name in found:
                    raise Failure(f"{path}: guest {run.name}: no such kernel, or listed twice")
                found[run.name] = run
    return list(found.values())
