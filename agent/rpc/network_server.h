// The API over TCP: TLS 1.3 only, with clients that show a certificate of the CA that is trusted.
#ifndef NUMALOCALITY_AGENT_RPC_NETWORK_SERVER_H_
#define NUMALOCALITY_AGENT_RPC_NETWORK_SERVER_H_

#include <grpcpp/server.h>

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/model/configuration.h"

namespace numalocality {

// Reads the three files and says until when clients can be served by them, which may be past. An
// error names the file, what is wrong with it, and what to do.
absl::StatusOr<absl::Time> TlsFilesExpiry(const GrpcOptions& options);

// Whether clients can be served by what the files say now: also that no certificate has ended.
absl::Status CheckTlsFiles(const GrpcOptions& options);

// Serves `services`, which outlive it, at `options.address`; `port` becomes the port, also if any
// free one was asked for. The files are read again as they are replaced, in a thread of gRPC's. It
// has bounds of its own: whatever comes over the network, the unix socket answers. While a file is
// wrong, which is logged, all clients are refused. Fails if the address cannot be listened at.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartNetworkServer(
    const GrpcOptions& options, const std::vector<grpc::Service*>& services, int max_request_bytes,
    int& port);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_NETWORK_SERVER_H_
