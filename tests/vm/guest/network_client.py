"""A client independent of the project's code: Python's gRPC over mutual TLS, as a program.

  python3 -m guest.network_client ADDRESS SERVER_NAME CERTIFICATES CLIENT list
  python3 -m guest.network_client ADDRESS SERVER_NAME CERTIFICATES CLIENT repair CONTAINER_ID

CERTIFICATES: a directory with ca.crt; CLIENT: the name of the certificate to present, or "none". Prints JSON: the answer, or
{"code": …} if the call failed.
"""

import json
import pathlib
import sys
import time

import grpc
from google.protobuf.json_format import MessageToDict

from numalocality.v1 import migration_pb2, placement_pb2  # made from proto/ when the job disk is built

SECONDS = 60


def connect(address, server_name, certificates, client, options=()):
    shown = {} if client == "none" else {"private_key": (certificates / f"{client}.key").read_bytes(),
                                         "certificate_chain": (certificates / f"{client}.crt").read_bytes()}
    credentials = grpc.ssl_channel_credentials(root_certificates=(certificates / "ca.crt").read_bytes(), **shown)
    return grpc.secure_channel(address, credentials, options=[("grpc.ssl_target_name_override", server_name), *options])


def call(channel, service, method, request, response):
    stub = channel.unary_unary(f"/numalocality.v1.{service}/{method}", request_serializer=request.SerializeToString,
                               response_deserializer=response.FromString)
    return MessageToDict(stub(request, timeout=SECONDS), preserving_proto_field_name=True)


def list_placements(channel):
    return call(channel, "PlacementService", "ListPlacements", placement_pb2.ListPlacementsRequest(),
                placement_pb2.ListPlacementsResponse)


def repair(channel, container_id):
    """Migrates the container's memory to its CPUs; returns the migration once it has ended."""
    request = migration_pb2.CreateMigrationRequest()
    request.workloads.add().container_id = container_id
    migration = call(channel, "MigrationService", "CreateMigration", request,
                     migration_pb2.CreateMigrationResponse)["migration"]
    while migration["state"] in ("MIGRATION_STATE_PENDING", "MIGRATION_STATE_RUNNING", "MIGRATION_STATE_VERIFYING"):
        time.sleep(0.5)
        migration = call(channel, "MigrationService", "GetMigration",
                         migration_pb2.GetMigrationRequest(id=migration["id"]),
                         migration_pb2.GetMigrationResponse)["migration"]
    return migration


def main(address, server_name, certificates, client, verb, *arguments):
    channel = connect(address, server_name, pathlib.Path(certificates), client)
    try:
        answer = {"list": list_placements, "repair": repair}[verb](channel, *arguments)
    except grpc.RpcError as error:
        answer = {"code": error.code().name, "details": error.details()}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
