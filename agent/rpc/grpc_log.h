// Writes gRPC's own errors to the agent's log.
#ifndef NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_
#define NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_

namespace numalocality {

// From now on gRPC's log lines are warnings of the agent, limited by a LineBudget: clients of the
// front can cause them.
void TakeOverGrpcLog();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_
