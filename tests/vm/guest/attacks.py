"""Attacks on the agent's doors, as programs. Each prints JSON: what came of it, once the other side has ended everything.

  python3 -m guest.attacks ADDRESS SERVER_NAME CERTIFICATES CLIENT KIND    at the front; CLIENT: a certificate's name, or "none"
  python3 -m guest.attacks self CGROUP KIND        at the self socket, from a process that moves itself into CGROUP first

KIND of the front: connections, handshakes, header, watches. Of the self socket: connections, length, garbage, and honest, which is no attack.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import random
import select
import socket
import ssl
import struct
import sys
import time

from guest.network_client import connect
from numalocality.v1 import placement_pb2, self_pb2

SELF_SOCKET = "/run/numa-locality-self/self.sock"
CONNECTIONS = 400
ENCRYPTED = 100  # handshakes are slow here
WATCHES = 200
WATCHES_PER_CHANNEL = 20
MIB = 1 << 20
HEADER_BYTES = 24 * MIB
PATIENCE = 120  # seconds until everything must have ended
HTTP2_START = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"  # with SETTINGS
# HEADERS without END_HEADERS on stream 1: one literal header, whose name is "a" and whose value has 2 MiB, the longest
# that nginx does not take for a wrong length.
HEADER_START = b"\0\0\7\1\0\0\0\0\1" + b"\0\1a\x7f\xff\xff\x7f"
CONTINUATION = b"\0\x40\0\x09\0\0\0\0\1" + 16384 * b"x"


def has_ended(connection):
    """Whether the other side has ended the connection. Reads what has come."""
    try:
        return not connection.recv(1 << 20)
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True


def wait_for_ends(connections):
    """How many of them the other side has ended, before PATIENCE is over."""
    poll, still_open = select.poll(), {}
    for connection in connections:
        connection.setblocking(False)
        still_open[connection.fileno()] = connection
        poll.register(connection, select.POLLIN)
    deadline = time.monotonic() + PATIENCE
    while still_open and time.monotonic() < deadline:
        for descriptor, _ in poll.poll(1000):
            if has_ended(still_open[descriptor]):
                poll.unregister(descriptor)
                del still_open[descriptor]
    return len(connections) - len(still_open)


def send_until_refused(connection, parts):
    """Bytes that could be sent before the other side ended the connection."""
    sent = 0
    with contextlib.suppress(OSError):
        for part in parts:
            connection.sendall(part)
            sent += len(part)
    return sent


def error_in(frames):
    """The error of the frame GOAWAY (RFC 9113, section 6.8) among HTTP/2 frames; 0 without one."""
    while len(frames) >= 9:
        size, kind = int.from_bytes(frames[:3], "big"), frames[3]
        if kind == 7:
            return int.from_bytes(frames[13:17], "big")
        frames = frames[9 + size:]
    return 0


class Front:
    """The front at an address, for one client."""

    def __init__(self, address, server_name, certificates, client):
        self.host, _, port = address.rpartition(":")
        self.port, self.address, self.server_name = int(port), address, server_name
        self.certificates, self.client = pathlib.Path(certificates), client
        self.tls = ssl.create_default_context(cafile=self.certificates / "ca.crt")
        self.tls.set_alpn_protocols(["h2"])
        if client != "none":
            self.tls.load_cert_chain(self.certificates / f"{client}.crt", self.certificates / f"{client}.key")

    def plain(self):
        return socket.create_connection((self.host, self.port), timeout=PATIENCE)

    def encrypted(self):
        return self.tls.wrap_socket(self.plain(), server_hostname=self.server_name)

    def connections(self):
        """Many connections at once that say nothing: TCP without a certificate, TLS with one."""
        opened = ([self.plain() for _ in range(CONNECTIONS)] if self.client == "none" else
                  [self.encrypted() for _ in range(ENCRYPTED)])
        return {"opened": len(opened), "ended": wait_for_ends(opened)}

    def handshakes(self):
        """Many TLS handshakes at once that stop in their middle."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.wrap_bio(incoming, outgoing, server_hostname=self.server_name).do_handshake()
        hello = outgoing.read()
        opened = [self.plain() for _ in range(CONNECTIONS)]
        for number, connection in enumerate(opened):
            connection.sendall(hello if number % 2 else hello[:50])  # the whole first message, and a part of it
        return {"opened": len(opened), "ended": wait_for_ends(opened)}

    def header(self):
        """One header over CONTINUATION frames. {"error": …}: with which HTTP/2 error the connection was ended, 0 without one."""
        with self.encrypted() as connection:
            sent = send_until_refused(connection, (HTTP2_START, HEADER_START, *[CONTINUATION] * (HEADER_BYTES // len(CONTINUATION))))
            received = b""
            with contextlib.suppress(OSError):
                while part := connection.recv(65536):
                    received += part
        return {"sent": sent, "error": error_in(received)}

    def watches(self):
        """Many watches at once, on several connections; held until each has had an answer."""
        stubs = [connect(self.address, self.server_name, self.certificates, self.client, [("grpc.use_local_subchannel_pool", 1)])
                 .unary_stream("/numalocality.v1.PlacementService/WatchPlacements",
                               request_serializer=placement_pb2.WatchPlacementsRequest.SerializeToString,
                               response_deserializer=placement_pb2.WatchPlacementsResponse.FromString)
                 for _ in range(WATCHES // WATCHES_PER_CHANNEL)]
        calls = [stubs[number % len(stubs)](placement_pb2.WatchPlacementsRequest(), timeout=PATIENCE) for number in range(WATCHES)]

        def answer(call):
            try:
                next(call)
            except Exception:  # grpc.RpcError; a call is one itself
                return call.code().name
            return "OK"
        with concurrent.futures.ThreadPoolExecutor(max_workers=WATCHES) as pool:
            answers = list(pool.map(answer, calls))
        for call in calls:
            call.cancel()
        return {code: answers.count(code) for code in set(answers)}


def self_connection():
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(SELF_SOCKET)  # without a timeout: with one, a full backlog would be EAGAIN
    connection.settimeout(PATIENCE)
    return connection


class SelfSocket:
    """The self socket, from a container."""

    def connections(self):
        """Many connections at once that say nothing."""
        opened = [self_connection() for _ in range(CONNECTIONS)]
        return {"opened": len(opened), "ended": wait_for_ends(opened)}

    def length(self):
        """A request of 24 MiB."""
        connection = self_connection()
        parts = (16384 * b"x" for _ in range(HEADER_BYTES // 16384))
        return {"sent": send_until_refused(connection, (struct.pack(">I", HEADER_BYTES), *parts)), "ended": wait_for_ends([connection])}

    def honest(self):
        """No attack: asks for its own placement until standard input ends. [(seconds, answer)]."""
        asked = []
        while not select.select([sys.stdin], [], [], 0.5)[0]:
            start = time.monotonic()
            answer = ask_for_itself()
            asked.append((time.monotonic() - start, answer))
        return asked

    def garbage(self):
        """Connections one after the other, with HTTP/2's attack, random bytes, and random bytes as the request."""
        dice, ended = random.Random(1), 0
        for number in range(CONNECTIONS):
            size = dice.randrange(1, 65536)
            bytes_ = (HTTP2_START + HEADER_START + 4 * CONTINUATION, dice.randbytes(size),
                      struct.pack(">I", size) + dice.randbytes(size))[number % 3]
            connection = self_connection()
            send_until_refused(connection, [bytes_])
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            ended += wait_for_ends([connection])
            connection.close()
        return {"opened": CONNECTIONS, "ended": ended}


def enter(cgroup):
    """Makes this process one of the container with this cgroup: the agent knows its clients by that."""
    (pathlib.Path(cgroup) / "cgroup.procs").write_text(str(os.getpid()))


def ask_for_itself():
    """"OK", or the code of the error that the agent returns."""
    message = self_pb2.SelfRequest(get_placement={}).SerializeToString()
    connection = self_connection()
    with connection, connection.makefile("rb") as answer:
        connection.sendall(struct.pack(">I", len(message)) + message)
        (length,) = struct.unpack(">I", answer.read(4))
        response = self_pb2.SelfResponse.FromString(answer.read(length))
    return f"code {response.error.code}" if response.HasField("error") else "OK"


def main(*arguments):
    if arguments[0] == "self":
        _, cgroup, kind = arguments
        enter(cgroup)
        print(json.dumps(getattr(SelfSocket(), kind)()))
    else:
        print(json.dumps(getattr(Front(*arguments[:4]), arguments[4])()))


if __name__ == "__main__":
    main(*sys.argv[1:])
