// AgentService of the API.
#ifndef NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_
#define NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_

#include "agent/engine/container_resources.h"
#include "agent/engine/migration_run.h"
#include "numalocality/v1/agent.grpc.pb.h"

namespace numalocality {

// Thread-safe.
class AgentService final : public v1::AgentService::Service {
 public:
  // `runtime` may be null; outlives this.
  AgentService(const MigrationContext& context, ContainerResources* runtime)
      : context_(context), runtime_(runtime) {}

  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;
  grpc::Status GetPolicies(grpc::ServerContext* context, const v1::GetPoliciesRequest* request,
                           v1::GetPoliciesResponse* response) override;

 private:
  const MigrationContext context_;
  ContainerResources* const runtime_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_
