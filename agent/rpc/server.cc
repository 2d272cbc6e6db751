#include "agent/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>

#include <cstdint>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/base/unix_socket.h"
#include "agent/rpc/network_server.h"

namespace numalocality {
namespace {

// A request has at most some hundred workloads of some hundred bytes.
constexpr int kMaxRequestBytes = 256 << 10;
// A watch or a slow page scan occupies a thread.
constexpr int kMaxThreads = 64;

v1::AgentInstance NewInstance(const std::string& node_name) {
  v1::AgentInstance instance;
  instance.set_node_name(Printable(node_name));
  instance.set_id(absl::StrFormat("%016x", absl::Uniform<uint64_t>(absl::BitGen())));
  return instance;
}

}  // namespace

Server::Server(const Served& served, const v1::AgentInstance& instance)
    : placement_service_(served.context, served.board, served.explanation, served.requests,
                         instance),
      migration_service_(served.migrator, served.context, served.requests, instance),
      agent_service_(served.context, served.runtime, served.configuration, served.migrator,
                     served.board, served.changes, served.node_name, served.network,
                     served.stalled_calls) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::string& path,
                                                      const Served& served) {
  NL_RETURN_IF_ERROR(PrepareSocketPath(path));
  std::unique_ptr<Server> self(new Server(served, NewInstance(served.node_name)));
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
  placement_service_.StopWatches();
  migration_service_.StopWatches();
  for (grpc::Server* const server : {network_.get(), server_.get()}) {
    if (server != nullptr) server->Shutdown(end);
  }
}

}  // namespace numalocality
