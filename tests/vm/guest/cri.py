"""A client of the container runtime interface: one method, named like the calls of the interface."""

import grpc

from guest import cri_pb2  # made from cri.proto when the job disk is built


class Cri:
    """Calls of runtime.v1.RuntimeService over a unix socket."""

    def __init__(self, socket):
        self._channel = grpc.insecure_channel(f"unix://{socket}")

    def call(self, method, timeout=60, **fields):
        """Calls METHOD with METHODRequest(**fields) and returns METHODResponse; grpc.RpcError if it fails."""
        request = getattr(cri_pb2, method + "Request")
        response = getattr(cri_pb2, method + "Response")
        stub = self._channel.unary_unary(f"/runtime.v1.RuntimeService/{method}",
                                         request_serializer=request.SerializeToString,
                                         response_deserializer=response.FromString)
        return stub(request(**fields), timeout=timeout)

    def is_up(self):
        try:
            return self.call("Version", timeout=2)
        except grpc.RpcError:
            return None
