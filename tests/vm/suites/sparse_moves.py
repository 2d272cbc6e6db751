"""Memory moves between nodes whose ids have a hole between them."""

from guest import oracles
from guest.case import case
from suites.numa_migrate import PATIENT, checked_pages, end_well, figures, resident_pages, start_helper


@case(seconds=60)
def across_the_hole(machine):
    """There by --to-node, back by --node-map: every page is on the named node, by numa_maps too."""
    first, last = oracles.nodes("has_memory")
    assert last - first > 1, "no hole: nothing is proved"
    helper, start, end = start_helper(machine, first, "16M")
    for target, argv in (last, ("--to-node", last)), (first, ("--node-map", f"{last}:{first}")):
        done = machine.run("numa-migrate", "--pid", helper.pid, "--range", f"{start:x}-{end:x}", *argv, *PATIENT)
        assert figures(done.stdout)["Moved"] == 4096, done.stdout
        assert resident_pages(helper.pid, start, end)[target] == 4096
        assert checked_pages(machine, helper.pid, "--range", f"{start:x}-{end:x}")[target] == 4096
    nobody = machine.run("numa-migrate", "--pid", helper.pid, "--to-node", first + 1, check=False)
    assert nobody.returncode == 1 and f"node {first + 1}: no such node is online" in nobody.stderr, nobody.stderr
    end_well(helper)
