#!/usr/bin/python3
"""A controller of the NUMA locality agents, as an example: it asks for migrations by a rule of its own.

It watches the placements of the agents. A container of the given namespaces that has had too much remote memory for some
periods in a row is reserved, migrated to its home nodes, and released. Needs Debian's python3-grpcio and python3-protobuf,
and modules made from proto/ (README.md).

  controller.py --agents numa-locality-agent.numa-locality.svc:9463 --certificates /run/secrets/controller --namespace shop
  controller.py --agents unix:/run/numa-locality-agent/agent.sock --namespace shop
"""

import argparse
import dataclasses
import logging
import os
import pathlib
import queue
import socket
import threading
import time
import uuid

import grpc

from numalocality.errors.v1 import error_details_pb2
from numalocality.v1 import migration_pb2, migration_pb2_grpc, placement_pb2, placement_pb2_grpc, workload_pb2

CALL_SECONDS = 30
RESERVED_SECONDS = 600  # of a workload; a migration ends before
MOVING_SECONDS = 480
ENDED = {migration_pb2.MIGRATION_STATE_SUCCEEDED, migration_pb2.MIGRATION_STATE_PARTIAL, migration_pb2.MIGRATION_STATE_FAILED,
         migration_pb2.MIGRATION_STATE_CANCELLED}
# The call may have reached the agent or not. The same request is safe, as its request_id is the same.
AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED,
         grpc.StatusCode.RESOURCE_EXHAUSTED}
log = logging.getLogger("controller")


@dataclasses.dataclass(frozen=True)
class Rule:
    """Which containers to migrate."""
    namespaces: frozenset
    remote: float = 0.2  # their share of remote memory is at least this ...
    min_bytes: int = 64 << 20  # ... and so many bytes ...
    periods: int = 3  # ... for so many periods in a row
    cooldown: float = 300  # seconds from the end of one attempt to the next

    def matches(self, placement):
        workload = placement.workload
        if workload.pod_namespace not in self.namespaces or placement.is_sandbox or not placement.HasField("local_fraction"):
            return False
        if placement.decision.verdict == placement_pb2.REPAIR_VERDICT_REPAIR:
            return False  # the agent's own policy is at it
        share = 1 - placement.local_fraction
        return share >= self.remote and share * memory_bytes(placement) >= self.min_bytes


def memory_bytes(placement):
    return sum(usage.anon_bytes + usage.shmem_bytes for usage in placement.node_usages)


def key_of(workload):
    return workload.pod_uid, workload.container_id, workload.cgroup_path


class Board:
    """The placements of one agent, kept up to date by its watch."""

    def __init__(self):
        self.placements = {}
        self.is_complete = False  # between a resync and the mark that ends it some are missing

    def apply(self, change):
        kind = change.WhichOneof("change")
        if kind == "placement":
            self.placements[key_of(change.placement.workload)] = change.placement
        elif kind == "gone":
            self.placements.pop(key_of(change.gone), None)
        elif kind == "resync":
            self.placements.clear()
            self.is_complete = False
        elif kind == "synced":
            self.is_complete = True
        # Others are of a newer agent.


def details_of(error):
    """({fact: value} of ErrorInfo with its reason, seconds of RetryInfo or None) of a grpc.RpcError."""
    facts, delay = {}, None
    for name, value in error.trailing_metadata() or ():
        if name != "grpc-status-details-bin":
            continue
        for detail in error_details_pb2.ErrorStatus.FromString(value).details:
            if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
                facts = dict(info.metadata, reason=info.reason)
            elif detail.type_url.endswith("/google.rpc.RetryInfo"):
                delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay.ToTimedelta().total_seconds()
    return facts, delay


class Task:
    """One container's way from the rule to the end of its migration. Each step makes the next call that is due.

    A step that fails is made again, with the same request: nothing happens twice.
    """

    def __init__(self, workload):
        self.workload = workload
        self.reserve_id, self.migrate_id = str(uuid.uuid4()), str(uuid.uuid4())
        self.token = ""
        self.migration = ""
        self.other = ""  # a migration by somebody else, which we wait for
        self.is_refused = False  # by the wish of somebody else, for a while
        self.not_before = 0.0
        self.failures = 0
        self.result = ""  # set at the end

    def step(self, stub, now):
        """Makes calls until one has to be waited for. `now`: of a monotonic clock, in seconds."""
        if now < self.not_before:
            return
        try:
            if self.other:
                self._wait_for_other(stub)
            elif not self.token:
                self._reserve(stub)
            elif not self.migration:
                self._migrate(stub)
            else:
                self._wait_for_end(stub)
            self.failures = 0
        except grpc.RpcError as error:
            self._fail(stub, error, now)

    def _wait_for_other(self, stub):
        request = migration_pb2.GetMigrationRequest(id=self.other)
        if stub.GetMigration(request, timeout=CALL_SECONDS).migration.state in ENDED:
            self._end(stub, f"migration {self.other} of somebody else has ended")

    def _reserve(self, stub):
        request = migration_pb2.ReserveWorkloadRequest(owner="example-controller", request_id=self.reserve_id)
        self._name(request.workload)
        request.ttl.FromSeconds(RESERVED_SECONDS)
        self.token = stub.ReserveWorkload(request, timeout=CALL_SECONDS).token
        self._migrate(stub)

    def _migrate(self, stub):
        request = migration_pb2.CreateMigrationRequest(request_id=self.migrate_id, reservation_tokens=[self.token])
        self._name(request.workloads.add())
        request.timeout.FromSeconds(MOVING_SECONDS)
        self.migration = stub.CreateMigration(request, timeout=CALL_SECONDS).migration.id

    def _wait_for_end(self, stub):
        request = migration_pb2.GetMigrationRequest(id=self.migration)
        migration = stub.GetMigration(request, timeout=CALL_SECONDS).migration
        if migration.state in ENDED:
            state = migration_pb2.MigrationState.Name(migration.state).removeprefix("MIGRATION_STATE_")
            self._end(stub, f"migration {self.migration}: {state} {migration.message}".rstrip())

    def _name(self, selector):
        selector.pod.uid = self.workload.pod_uid
        selector.pod.container_id = self.workload.container_id

    def _end(self, stub, result):
        self.result = result
        if self.token:
            try:
                stub.ReleaseWorkload(migration_pb2.ReleaseWorkloadRequest(token=self.token), timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                log.info("the reservation of %s ends by itself: %s", name_of(self.workload), error.details())

    def _fail(self, stub, error, now):
        facts, delay = details_of(error)
        self.is_refused = error.code() == grpc.StatusCode.ABORTED
        if self.is_refused and "migration_id" in facts:
            self.other = facts["migration_id"]
            log.info("%s: wait for migration %s of %s", name_of(self.workload), self.other, facts.get("created_by") or "its policy")
        elif self.is_refused and delay is not None:
            self.not_before = now + delay
            log.info("%s: reserved by %s ('%s') until %s", name_of(self.workload), facts.get("created_by"), facts.get("owner"),
                     facts.get("expire_time"))
        elif error.code() in AGAIN or self.is_refused:
            self.not_before = now + min(60, 2 ** self.failures)
            self.failures += 1
            log.info("%s: try again: %s", name_of(self.workload), error.details())
        elif self.other and error.code() == grpc.StatusCode.NOT_FOUND:
            self._end(stub, f"the record of migration {self.other} is gone")
        else:
            self._end(stub, f"given up: {error.code().name}: {error.details()}")


def name_of(workload):
    return f"{workload.pod_namespace}/{workload.pod_name} container {workload.container_name}"


class Controller:
    """Applies the rule to the placements of one agent. Keeps what it knows while the agent restarts."""

    def __init__(self, rule):
        self.rule = rule
        self.board = Board()
        self.counts = {}  # key -> periods in a row in which the rule matched
        self.tasks = {}
        self.quiet_until = {}  # key -> monotonic time

    def tick(self, stub, now):
        """Once a period."""
        if not self.board.is_complete:
            return
        placements = self.board.placements
        self.counts = {key: self.counts.get(key, 0) + 1 for key, placement in placements.items() if self.rule.matches(placement)}
        for key, count in self.counts.items():
            if count >= self.rule.periods and key not in self.tasks and now >= self.quiet_until.get(key, now):
                log.info("%s: %.0f%% of its memory is remote", name_of(placements[key].workload),
                         100 * (1 - placements[key].local_fraction))
                self.tasks[key] = Task(placements[key].workload)
        for key, task in list(self.tasks.items()):
            if task.is_refused and not task.token and key not in self.counts:
                del self.tasks[key]  # nothing is left to do once the other one has ended
                continue
            task.step(stub, now)
            if task.result:
                log.info("%s: %s", name_of(task.workload), task.result)
                del self.tasks[key]
                self.counts.pop(key, None)
                self.quiet_until[key] = now + self.rule.cooldown
        self.quiet_until = {key: until for key, until in self.quiet_until.items() if until > now}

    def run(self, channel, period, stop):
        """Until `stop` is set. The end of the watch is a grpc.RpcError or OSError."""
        migrations = migration_pb2_grpc.MigrationServiceStub(channel)
        changes = queue.Queue()
        stream = placement_pb2_grpc.PlacementServiceStub(channel).WatchPlacements(
            placement_pb2.WatchPlacementsRequest(detail=workload_pb2.DETAIL_SUMMARY))
        threading.Thread(target=pump, args=(stream, changes), daemon=True).start()
        next_tick = time.monotonic() + period
        while not stop.is_set():
            try:
                change = changes.get(timeout=max(0.0, next_tick - time.monotonic()))
            except queue.Empty:
                self.tick(migrations, time.monotonic())
                next_tick = time.monotonic() + period
                continue
            if isinstance(change, Exception):
                raise change
            self.board.apply(change)
            if change.synced:
                log.info("the agent has %d containers", len(self.board.placements))


def pump(stream, changes):
    """Puts the messages of a watch, and its end, into a queue."""
    try:
        for change in stream:
            changes.put(change)
        changes.put(ConnectionError("the agent has ended the watch"))
    except grpc.RpcError as error:
        changes.put(error)


def connect(address, options):
    if address.startswith("unix:"):
        return grpc.insecure_channel(address)
    files = [(options.certificates / name).read_bytes() for name in ("ca.crt", "tls.key", "tls.crt")]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(*files), [
        ("grpc.default_authority", options.server_name or options.agents.rpartition(":")[0]),
        # Pings show whether the other machine is still there, sooner than a missing heartbeat.
        ("grpc.keepalive_time_ms", 30000), ("grpc.keepalive_timeout_ms", 20000),
        ("grpc.http2.max_pings_without_data", 0), ("grpc.http2.min_time_between_pings_ms", 30000)])


def serve(address, controller, options, stop):
    """Follows the agent at one address until `stop` is set. Each connection reads the certificates again."""
    delay = 1
    while not stop.is_set():
        try:
            with connect(address, options) as channel:
                controller.run(channel, options.period, stop)
        except (grpc.RpcError, OSError) as error:
            reason = error.details() if isinstance(error, grpc.RpcError) else error
            delay = 1 if controller.board.is_complete else min(60, 2 * delay)  # complete: the agent was there
            controller.board.is_complete = False
            log.warning("lost the agent at %s: %s; trying again in %d s", address, reason, delay)
        stop.wait(delay)


class Agents:
    """Follows the agents at some addresses, each in a thread of its own, and never in two for one address."""

    def __init__(self, follow):
        self._follow = follow  # called with an address and an Event; returns some time after that is set
        self._threads = {}  # address -> (thread, Event)

    def update(self, addresses):
        for address, (thread, stop) in list(self._threads.items()):
            if not thread.is_alive():
                del self._threads[address]
            elif address in addresses:
                stop.clear()  # it may have left, and returned before the thread has ended
            else:
                stop.set()
        for address in addresses - self._threads.keys():
            stop = threading.Event()
            thread = threading.Thread(target=self._follow, args=(address, stop), daemon=True)
            self._threads[address] = thread, stop
            thread.start()


def addresses_of(agents):
    if agents.startswith("unix:"):
        return {agents}
    host, _, port = agents.rpartition(":")
    found = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    return {f"[{where[0]}]:{port}" if family == socket.AF_INET6 else f"{where[0]}:{port}" for family, _, _, _, where in found}


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", required=True, metavar="unix:PATH|NAME:PORT", help="one agent, or all behind a DNS name")
    parser.add_argument("--certificates", type=pathlib.Path, help="directory with ca.crt, tls.crt and tls.key")
    parser.add_argument("--server-name", default="", help="the name in the agents' certificates; default NAME")
    parser.add_argument("--namespace", action="append", required=True, help="of the pods to look after; may be repeated")
    parser.add_argument("--remote", type=float, default=Rule.remote, help="share of remote memory, 0 to 1")
    parser.add_argument("--min-bytes", type=int, default=Rule.min_bytes, help="and at least so many remote bytes")
    parser.add_argument("--periods", type=int, default=Rule.periods, help="for so many periods in a row")
    parser.add_argument("--cooldown", type=float, default=Rule.cooldown, help="seconds between two attempts")
    parser.add_argument("--period", type=float, default=30, help="seconds between two looks")
    return parser.parse_args(arguments)


def main():
    options = parse()
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(asctime)s %(levelname)s %(message)s")
    rule = Rule(frozenset(options.namespace), options.remote, options.min_bytes, options.periods, options.cooldown)
    agents = Agents(lambda address, stop: serve(address, Controller(rule), options, stop))
    while True:  # agents come and go
        try:
            agents.update(addresses_of(options.agents))
        except OSError as error:
            log.warning("%s has no address: %s", options.agents, error)
        time.sleep(30)


if __name__ == "__main__":
    main()
