"""The guests and the cases that each runs, read from guests.toml and the source of the suites."""

import ast
import dataclasses
import pathlib
import tomllib

from host import topology
from host.failure import Failure
from host.images import KERNELS

HERE = pathlib.Path(__file__).resolve().parents[1]
SUITES = HERE / "suites"
KEYS = {"name", "topology", "suites", "kernels", "long_kernels", "binaries", "cluster", "files", "limit_seconds",
        "cgroups", "init"}
CHOICES = {"cgroups": ["v2", "v1"], "init": ["script", "systemd"]}  # the first is the default


@dataclasses.dataclass
class Case:
    """One function of a suite: `name` is SUITE.CASE; the rest are the arguments of its decorator (guest/case.py)."""
    name: str
    seconds: int
    long_kernels: list


@dataclasses.dataclass
class Run:
    """One boot: a guest on a kernel. `name` is KERNEL.GUEST; `cases` are names."""
    name: str
    kernel: str
    topology: str
    cases: list
    binaries: list
    cluster: bool
    files: list
    limit_seconds: int
    long: bool
    kernel_words: str  # for the kernel's command line, where the guest's first process reads them


def cases_of(suite):
    """The Cases of a suite: its functions that @case(...) decorates, in order, without importing it (it needs the guest)."""
    path = SUITES / f"{suite}.py"
    if not path.exists():
        raise Failure(f"no suite {suite}: {path} does not exist")
    found = []
    for node in ast.parse(path.read_text(), str(path)).body:
        for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
            if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "case":
                given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords}
                found.append(Case(f"{suite}.{node.name}", given.get("seconds", 60), list(given.get("long", []))))
    if not found or len(found) != len({case.name for case in found}):
        raise Failure(f"{path}: has no case, or two of one name; a case is a function decorated with @case()")
    for case in found:
        if unknown := set(case.long_kernels) - set(KERNELS):
            raise Failure(f"{path}: {case.name}: no kernel {', '.join(sorted(unknown))}")
    return found


def runs():
    """All boots, in the order of guests.toml; Failure if an entry is not as the head of that file says.

    On a kernel of `kernels`, cases that are long there have a boot of their own, KERNEL.GUEST_long.
    """
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
        for run_name, kernel, of_run, long in boots(path, name, guest, cases):
            if kernel not in KERNELS or run_name in found:
                raise Failure(f"{path}: guest {run_name}: no such kernel, or listed twice")
            limit = guest["limit_seconds"] + sum(case.seconds for case in of_run if long and kernel in case.long_kernels)
            found[run_name] = Run(run_name, kernel, guest["topology"], [case.name for case in of_run],
                                  guest.get("binaries", []), guest.get("cluster", False), guest.get("files", []),
                                  limit, long, words)
    return list(found.values())


def boots(path, name, guest, cases):
    """(name, kernel, cases, whether --long only) of each boot of a guest."""
    for kernel in guest.get("kernels", []):
        usual = [case for case in cases if kernel not in case.long_kernels]
        if not usual:
            raise Failure(f"{path}: guest {name}: all its cases are long on {kernel}: move {kernel} to long_kernels")
        yield f"{kernel}.{name}", kernel, usual, False
        if len(usual) < len(cases):
            yield f"{kernel}.{name}_long", kernel, [case for case in cases if kernel in case.long_kernels], True
    for kernel in guest.get("long_kernels", []):
        yield f"{kernel}.{name}", kernel, cases, True
