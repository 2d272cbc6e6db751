// A gRPC server: the API's services, health and reflection on a unix socket.
#ifndef NUMALOCALITY_AGENT_RPC_SERVER_H_
#define NUMALOCALITY_AGENT_RPC_SERVER_H_

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/configuration.h"
#include "agent/rpc/agent_service.h"
#include "agent/rpc/call_limits.h"
#include "agent/rpc/callers.h"
#include "agent/rpc/migration_service.h"
#include "agent/rpc/placement_service.h"

namespace numalocality {

// The components that the services use. All of them outlive the server.
struct Served {
  const EngineContext& context;
  Migrator& migrator;
  const ReportBoard& board;
  ContainerResources* runtime = nullptr;               // may be null
  const ConfigurationSource* configuration = nullptr;  // may be null
  ExplanationSources explanation = {};
  std::function<absl::Status()> changes = nullptr;                    // see AgentService
  std::string node_name = {};                                         // see AgentService
  std::function<std::vector<StalledCall>()> stalled_calls = nullptr;  // of the whole agent
  Watchdog* requests = nullptr;                           // that of the API's calls; may be null
  std::function<SourceStatus()> device_plugin = nullptr;  // null: none
  std::string instance_id = {};  // of this agent process, see the API's AgentInstance
  absl::Duration heartbeat = absl::Seconds(30);  // of watches, see WatchPump
};

// For lists and watches.
v1::AgentInstance InstanceOf(const Served& served);

// Whose socket a server serves.
enum class Door {
  kOwn,     // the agent's: who can open it may do everything
  kFront,   // the front's: clients have the rights of the identity in their certificate
  kViewer,  // for who may do everything, but wants to look only: a viewer of all namespaces
};

// Serves from construction by Start until Shutdown. Methods are for one thread.
class Server {
 public:
  // Serves on the unix socket `path`. Makes the socket's directory if it does not exist, with mode
  // 0700, because every process that can open the socket can move memory. The front's directory has
  // mode 0750, and its group may connect. FAILED_PRECONDITION if another server uses the path, or
  // others can open the directory.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& path,
                                                       const Served& served,
                                                       Door door = Door::kOwn);

  // Reports NOT_SERVING, waits `grace` for calls to end, then cancels them.
  void Shutdown(absl::Duration grace);

  // The counts of its calls. May outlive the server.
  std::shared_ptr<const CallLimits> calls() const { return callers_.limits(); }

 private:
  Server(const Served& served, Door door);

  const Callers callers_;
  PlacementService placement_service_;
  MigrationService migration_service_;
  AgentService agent_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SERVER_H_
