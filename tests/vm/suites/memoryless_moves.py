"""Memory moves on a machine whose node 0 has no memory, as it does elsewhere."""

import json

from guest import oracles
from guest.case import case
from suites.numa_migrate import PATIENT, end_well, resident_pages, start_helper


@case(seconds=60)
def few_calls(machine):
    """Batches are as large as on a machine whose node 0 has memory: 16,384 pages take few calls."""
    near, far = oracles.nodes("has_memory")
    assert near > 0, "node 0 has memory: nothing is proved"
    helper, start, end = start_helper(machine, near, "64M")
    done = machine.run("numa-migrate", "--pid", helper.pid, "--range", f"{start:x}-{end:x}", "--to-node", far, "--json", *PATIENT)
    result = json.loads(done.stdout)
    machine.log(f"calls: {result['move_calls']}")
    assert result["moved"] == 16384 and resident_pages(helper.pid, start, end)[far] == 16384
    assert result["move_calls"]["count"] <= 200
    end_well(helper)
