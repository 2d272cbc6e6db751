"""A client of the container runtime interface: one method, named like the calls of the interface."""

import grpc

from guest import cri_pb2  # made from cri.proto when the job disk is built


class CriError(Exception):
    """A call that containerd refused: its name, the code and containerd's reason."""


class Cri:
    """Calls of runtime.v1.RuntimeService over a unix socket."""

    def __init__(self, socket):
        self._channel = grpc.insecure_channel(f"unix://{socket}")

    def call(self, method, deadline_seconds=60, **fields):
        """Calls METHOD with METHODRequest(**fields) and returns METHODResponse; CriError if it fails."""
        request = getattr(cri_pb2, method + "Request")
        response = getattr(cri_pb2, method + "Response")
        stub = self._channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                         request_serializer=request.SerializeToString,
                                         response_deserializer=response.FromString)
        try:
            return stub(request(**fields), timeout=deadline_seconds)
        except grpc.RpcError as error:
            raise CriError(f"{method}: {error.code().name}: {error.details()}") from None

    def is_up(self):
        try:
            return self.call("Version", deadline_seconds=2)
        except CriError:
            return None
