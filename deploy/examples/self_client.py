#!/usr/bin/python3
"""A container that asks for itself, at the self socket (proto/numalocality/v1/self.proto).

    self_client.py                      prints where its memory is, and moves it to the nodes of its CPUs
    self_client.py --buffer MIB NODE    allocates a buffer, and moves only that

Needs no gRPC: Debian's python3-protobuf, and the messages in PYTHONPATH. From the top of the checkout, with protobuf-compiler:
    protoc -I proto --python_out=. proto/numalocality/v1/{self,migration,placement,workload}.proto
"""

import ctypes
import mmap
import os
import socket
import struct
import sys

from numalocality.v1 import migration_pb2, self_pb2

SOCKET = os.environ.get("NUMA_LOCALITY_SELF_SOCKET", "/run/numa-locality-self/self.sock")  # set by the device plugin


class Refused(Exception):
    """An error that the agent returned. `error` is its SelfError: code, message, details."""

    def __init__(self, error):
        super().__init__(f"code {error.code}: {error.message}")
        self.error = error


def ask(**call):
    """The response of one call: ask(get_placement=...). Each request has a connection of its own."""
    message = self_pb2.SelfRequest(**call).SerializeToString()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(SOCKET)
        try:
            connection.sendall(struct.pack(">I", len(message)) + message)
        except BrokenPipeError:
            pass  # an agent that refuses the connection says why before it closes it
        answer = connection.makefile("rb")
        (length,) = struct.unpack(">I", answer.read(4))
        response = self_pb2.SelfResponse.FromString(answer.read(length))
    result = response.WhichOneof("result")
    if result == "error":
        raise Refused(response.error)
    return getattr(response, result)


def migrate(**request):
    """Moves what the request says, waits for the end, and returns the record."""
    created = ask(create_migration=migration_pb2.CreateMigrationRequest(**request)).migration
    return ask(watch_migration=migration_pb2.WatchMigrationRequest(id=created.id)).migration


def main():
    if sys.argv[1:2] == ["--buffer"]:
        size = int(sys.argv[2]) << 20
        buffer = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        buffer.write(b"x" * size)
        start = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        ended = migrate(address_ranges=[{"start": start, "end": start + size}], target_node_ids=[int(sys.argv[3])])
    else:
        for placement in ask(get_placement={}).placements:
            for usage in placement.node_usages:
                print(f"node {usage.node_id}: {usage.anon_bytes} bytes of anonymous memory")
        ended = migrate()
    for workload in ended.workloads:
        print(f"{migration_pb2.MigrationState.Name(ended.state)}: {workload.on_target_page_count} of "
              f"{workload.examined_page_count} pages are on the target")
    return ended.state != migration_pb2.MIGRATION_STATE_SUCCEEDED


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, Refused) as problem:
        sys.exit(f"ERROR: {problem}")
