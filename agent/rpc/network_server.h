// The API over TCP: TLS 1.3 only, for clients with a certificate of the configured CA.
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

// Reads the three TLS files and returns when the first of the certificates expires, which may be in
// the past. An error names the file, what is wrong with it, and what to do.
absl::StatusOr<absl::Time> TlsFilesExpiry(const GrpcOptions& options);

// Checks that the TLS files can be used now: they are readable, match, and have not expired.
absl::Status CheckTlsFiles(const GrpcOptions& options);

// Serves `services`, which outlive it, at `options.address`, and sets `port` to the port in use. A
// gRPC thread reads the files again when they are replaced. Threads and memory are limited
// separately from the unix socket, which therefore stays responsive. While a file is invalid, which
// is logged, all clients are refused. UNAVAILABLE if it cannot listen at the address.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartNetworkServer(
    const GrpcOptions& options, const std::vector<grpc::Service*>& services, int max_request_bytes,
    int& port);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_NETWORK_SERVER_H_
