#include "agent/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/status.h"
#include "agent/os/base/unix_socket.h"
#include "agent/rpc/network_server.h"

namespace numalocality {
namespace {

// A request has at most some hundred workloads of some hundred bytes.
constexpr int kMaxRequestBytes = 256 << 10;
// A watch or a slow page scan occupies a thread.
constexpr int kMaxThreads = 64;

// The certificate in a call's metadata, and the client's own metadata.
constexpr int kMaxMetadataBytes = 64 << 10;

Callers CallersOf(Door door, const ConfigurationSource* configuration) {
  if (door == Door::kOwn) return {};
  return Callers([configuration] {
    return configuration == nullptr ? std::vector<ApiClient>()
                                    : configuration->Current()->api.clients;
  });
}

}  // namespace

Server::Server(const Served& served, Door door)
    : callers_(CallersOf(door, served.configuration)),
      placement_service_(callers_, served.context, served.board, served.explanation,
                         served.requests),
      migration_service_(callers_, served.migrator, served.context, served.requests),
      agent_service_(callers_, served.context, served.runtime, served.configuration,
                     served.migrator, served.board, served.changes, served.node_name,
                     served.network, served.stalled_calls, served.device_plugin) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::string& path, const Served& served,
                                                      Door door) {
  const bool is_front = door == Door::kFront;
  NL_RETURN_IF_ERROR(PrepareSocketPath(path, is_front ? SocketReach::kGroup : SocketReach::kOwner));
  std::unique_ptr<Server> self(new Server(served, door));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  if (is_front) builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddListeningPort(absl::StrCat("unix:", path), grpc::InsecureServerCredentials());
  builder.RegisterService(&self->placement_service_);
  builder.RegisterService(&self->migration_service_);
  builder.RegisterService(&self->agent_service_);
  self->server_ = builder.BuildAndStart();
  if (self->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("socket ", path, ": gRPC cannot listen there"));
  }
  if (is_front) {
    NL_RETURN_IF_ERROR(OpenToGroup(path));
    return self;
  }
  if (!served.network.address.empty()) {
    NL_ASSIGN_OR_RETURN(self->network_,
                        StartNetworkServer(served.network,
                                           {&self->placement_service_, &self->migration_service_,
                                            &self->agent_service_},
                                           kMaxRequestBytes, self->network_port_));
  }
  return self;
}

void Server::Shutdown(absl::Duration grace) {
  const auto end = absl::ToChronoTime(absl::Now() + grace);
  for (grpc::Server* const server : {server_.get(), network_.get()}) {
    if (server != nullptr) server->GetHealthCheckService()->SetServingStatus(false);
  }
  for (grpc::Server* const server : {network_.get(), server_.get()}) {
    if (server != nullptr) server->Shutdown(end);
  }
}

}  // namespace numalocality
