#include "agent/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/base/unix_socket.h"
#include "agent/rpc/grpc_log.h"

namespace numalocality {
namespace {

// A request has at most some hundred workloads of some hundred bytes.
constexpr int kMaxRequestBytes = 256 << 10;
// A slow page scan occupies a thread.
constexpr int kMaxThreads = 64;
static_assert(kNetworkLimits.calls <= kMaxThreads / 4);

// The certificate in a call's metadata, and the client's own metadata.
constexpr int kMaxMetadataBytes = 64 << 10;

Callers CallersOf(Door door, const Served& served) {
  if (door == Door::kOwn) return {};
  if (door == Door::kViewer) return Callers::Viewers();
  return Callers(
      [configuration = served.configuration] {
        return configuration == nullptr ? std::vector<ApiClient>()
                                        : configuration->Current()->api.clients;
      },
      served.context.clock);
}

}  // namespace

v1::AgentInstance InstanceOf(const Served& served) {
  v1::AgentInstance instance;
  instance.set_node_name(Printable(served.node_name));
  instance.set_id(served.instance_id);
  return instance;
}

Server::Server(const Served& served, Door door)
    : callers_(CallersOf(door, served)),
      placement_service_(callers_, served.context, served.board, served.explanation,
                         served.requests, InstanceOf(served), served.heartbeat),
      migration_service_(callers_, served.migrator, served.context, served.requests,
                         InstanceOf(served), served.heartbeat),
      agent_service_(callers_, served.context, served.runtime, served.configuration, served.board,
                     served.changes, served.node_name, served.stalled_calls, served.device_plugin) {
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::string& path, const Served& served,
                                                      Door door) {
  const bool is_front = door == Door::kFront;
  if (is_front) TakeOverGrpcLog();
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
  if (is_front) NL_RETURN_IF_ERROR(OpenToGroup(path));
  return self;
}

void Server::Shutdown(absl::Duration grace) {
  server_->GetHealthCheckService()->SetServingStatus(false);
  placement_service_.StopWatches();
  migration_service_.StopWatches();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
}

}  // namespace numalocality
