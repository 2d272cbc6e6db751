"""The agent under test, and its client: localityctl with JSON output."""

import json
import signal
import time

from guest import oracles
from guest.wait import wait_until

SOCKET = "/run/numa-locality-agent/agent.sock"
FINAL = {"SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED"}


class Client:
    """A client of the agent at SOCKET, however that was started."""

    def __init__(self, machine):
        self.machine = machine

    def ctl(self, *argv, **options):
        """Runs localityctl; returns the CompletedProcess. Options as of Machine.run."""
        return self.machine.run("localityctl", *argv, **{"timeout": 120, **options})

    def json(self, *argv, **options):
        """The JSON that localityctl prints."""
        return json.loads(self.ctl("--output", "json", *argv, log_output=False, **options).stdout)

    def policies(self):
        """The policies in force, as the configuration file has them."""
        return self.json("configuration")["settings"]["policies"]

    def placement(self, *selector, pages=False):
        """The placement of the one workload that the selector names."""
        found = self.json("top", *selector, *(["--pages"] if pages else []))["placements"]
        assert len(found) == 1, f"{selector} names {len(found)} workloads"
        return found[0]

    def start_migration(self, *argv):
        """Asks for a migration; returns its id."""
        return self.json("migrate", *argv)["id"]

    def migration(self, migration_id):
        """The record of a migration."""
        found = [record for record in self.json("migrations")["migrations"] if record["id"] == migration_id]
        assert found, f"no record of migration {migration_id}"
        return found[0]

    def wait_final(self, migration_id, seconds=300):
        """The record of a migration once its state is final; its counts are checked."""
        record = self.json("--timeout", f"{seconds}s", "watch", migration_id, check=False, timeout=seconds + 10)
        assert state(record) in FINAL
        check_counts(record)
        return record

    def migrate(self, *argv, seconds=300):
        """Migrates and waits; returns the final record."""
        return self.wait_final(self.start_migration(*argv), seconds)


class Agent(Client):
    """A running numa-locality-agent; `process` is its Popen."""

    def __init__(self, machine, *argv, prefix=()):
        """argv: further flags; prefix: a command that runs it, such as strace."""
        super().__init__(machine)
        self.process = machine.start(*prefix, "numa-locality-agent", "--socket", SOCKET, *argv)
        wait_until("the agent serves", lambda: self.process.poll() is not None or
                   "serving" in self.process.log_path.read_text(), 60)
        self.check_healthy()

    def check_healthy(self):
        assert self.process.poll() is None, f"the agent ended with status {self.process.returncode}"
        assert self.json("topology")["nodes"]

    def stop(self, seconds=5):
        """SIGTERM; returns (exit status, seconds it took)."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds + 10), time.monotonic() - start


def state(record):
    """SUCCEEDED, PARTIAL … of a migration or of one workload's part of it."""
    return record["state"].removeprefix("MIGRATION_STATE_")


def reason(record):
    return record.get("reason", "MIGRATION_REASON_UNSPECIFIED").removeprefix("MIGRATION_REASON_")


def outcomes(record):
    """{outcome: pages} of a migration of one workload, such as {"MOVED": 16384}."""
    (workload,) = record["workloads"]
    return {count["outcome"].removeprefix("PAGE_OUTCOME_"): int(count["page_count"])
            for count in workload.get("outcomes", [])}


def check_counts(record):
    """Asserts that every examined page has exactly one outcome."""
    for workload in record["workloads"]:
        total = sum(int(count["page_count"]) for count in workload.get("outcomes", []))
        assert total == int(workload.get("examined_page_count", 0)), f"counts do not add up: {workload}"


def bytes_per_node(placement, kind="anon"):
    """{node: bytes} of one kind, without nodes that have none, as the oracles count."""
    found = {int(usage.get("node_id", 0)): int(usage.get(f"{kind}_bytes", 0)) for usage in placement["node_usages"]}
    return {node: size for node, size in found.items() if size}


def assert_agrees_to_the_page(agent, container):
    """Asserts that the agent's page scan and numa_maps agree on a container's anonymous memory.

    numa_maps does not say on which node the anonymous pages of a partly anonymous mapping are: their number must
    be what the totals differ by, their place is the agent's word.
    """
    placement = agent.placement("--container", container.id, pages=True)
    scanned = bytes_per_node(placement)
    sure = dict(oracles.anonymous_bytes(container.pids()))
    unsure = oracles.unplaced_anonymous_bytes(container.pids())
    agent.machine.log(f"anonymous bytes: agent {scanned}, numa_maps {sure}, and {unsure} it does not place")
    assert sum(scanned.values()) == sum(sure.values()) + unsure
    for node in {*scanned, *sure}:
        assert sure.get(node, 0) <= scanned.get(node, 0) <= sure.get(node, 0) + unsure, f"node {node} differs"
