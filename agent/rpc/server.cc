#include "agent/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/status.h"
#include "agent/os/unix_socket.h"

namespace numalocality {
namespace {

// A request names at most some hundred workloads of some hundred bytes.
constexpr int kMaxRequestBytes = 256 << 10;
// A watcher or a slow page scan keeps its thread.
constexpr int kMaxThreads = 64;

}  // namespace

Server::Server(const MigrationContext& context, Migrator& migrator, ContainerResources* runtime)
    : placement_service_(context.kernel, context.paths, context.clock),
      migration_service_(migrator),
      agent_service_(context, runtime) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::string& path,
                                                      const MigrationContext& context,
                                                      Migrator& migrator,
                                                      ContainerResources* runtime) {
  NL_RETURN_IF_ERROR(PrepareSocketPath(path));
  std::unique_ptr<Server> self(new Server(context, migrator, runtime));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kMaxThreads);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddListeningPort(absl::StrCat("unix:", path), grpc::InsecureServerCredentials());
  builder.RegisterService(&self->placement_service_);
  builder.RegisterService(&self->migration_service_);
  builder.RegisterService(&self->agent_service_);
  self->server_ = builder.BuildAndStart();
  if (self->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("socket ", path, ": gRPC cannot listen there"));
  }
  return self;
}

void Server::Shutdown(absl::Duration grace) {
  server_->GetHealthCheckService()->SetServingStatus(false);
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
}

}  // namespace numalocality
