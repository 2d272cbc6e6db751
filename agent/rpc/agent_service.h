// AgentService of the API.
#ifndef NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_
#define NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_

#include "numalocality/v1/agent.grpc.pb.h"

namespace numalocality {

// Thread-safe.
class AgentService final : public v1::AgentService::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                         v1::GetStatusResponse*) override {
    return {grpc::StatusCode::UNIMPLEMENTED,
            "GetStatus is not implemented yet; the agent's log tells what hinders it"};
  }

  grpc::Status GetPolicies(grpc::ServerContext*, const v1::GetPoliciesRequest*,
                           v1::GetPoliciesResponse*) override {
    return {grpc::StatusCode::UNIMPLEMENTED,
            "GetPolicies is not implemented yet; this agent moves memory on request only"};
  }
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_
