// AgentService of the API.
#ifndef NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_
#define NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "agent/engine/context.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/engine/workload/name_source.h"
#include "agent/rpc/callers.h"
#include "numalocality/v1/agent.grpc.pb.h"

namespace numalocality {

// Thread-safe.
class AgentService final : public v1::AgentService::Service {
 public:
  // All references and pointers outlive this; `runtime`, `configuration`, `changes`
  // (PolicyLoop::watch_status), `stalled_calls` and `device_plugin` may be null. `node_name`:
  // Kubernetes node, or host name; may be empty.
  AgentService(const Callers& callers, const EngineContext& context, ContainerResources* runtime,
               const ConfigurationSource* configuration, const ReportBoard& board,
               std::function<absl::Status()> changes = nullptr, std::string node_name = {},
               std::function<std::vector<StalledCall>()> stalled_calls = nullptr,
               std::function<SourceStatus()> device_plugin = nullptr)
      : callers_(callers),
        context_(context),
        runtime_(runtime),
        configuration_(configuration),
        board_(board),
        changes_(std::move(changes)),
        node_name_(std::move(node_name)),
        stalled_calls_(std::move(stalled_calls)),
        device_plugin_(std::move(device_plugin)) {}

  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;
  grpc::Status GetConfiguration(grpc::ServerContext* context,
                                const v1::GetConfigurationRequest* request,
                                v1::GetConfigurationResponse* response) override;

 private:
  const Callers& callers_;
  const EngineContext context_;
  ContainerResources* const runtime_;
  const ConfigurationSource* const configuration_;
  const ReportBoard& board_;
  const std::function<absl::Status()> changes_;
  const std::string node_name_;
  const std::function<std::vector<StalledCall>()> stalled_calls_;
  const std::function<SourceStatus()> device_plugin_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_AGENT_SERVICE_H_
