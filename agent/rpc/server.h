// The gRPC server: the API's services, health and reflection on a unix socket, and over TCP where
// that is configured.
#ifndef NUMALOCALITY_AGENT_RPC_SERVER_H_
#define NUMALOCALITY_AGENT_RPC_SERVER_H_

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/health/configuration_source.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/report/report_board.h"
#include "agent/engine/workload/container_resources.h"
#include "agent/model/configuration.h"
#include "agent/rpc/agent_service.h"
#include "agent/rpc/migration_service.h"
#include "agent/rpc/placement_service.h"

namespace numalocality {

// What the services speak for; all of it outlives the server.
struct Served {
  const EngineContext& context;
  Migrator& migrator;
  const ReportBoard& board;
  ContainerResources* runtime = nullptr;               // may be null
  const ConfigurationSource* configuration = nullptr;  // may be null
  ExplanationSources explanation = {};
  std::function<absl::Status()> changes = nullptr;  // as AgentService has it
  std::string node_name = {};                       // of the machine; may be empty
  GrpcOptions network = {};
};

// Serves from construction by Start until Shutdown. Methods are for one thread.
class Server {
 public:
  // Serves on the unix socket `path`, whose directory is made if need be and is for its owner only
  // (0700): whoever can open the socket can move memory. FAILED_PRECONDITION if the path is in
  // use by a live server or the directory is open to others. And over TCP, if `served.network` says
  // so, as StartNetworkServer.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& path,
                                                       const Served& served);

  // That of the network; 0 if there is none.
  int network_port() const { return network_port_; }

  // Reports NOT_SERVING, lets calls end for `grace`, then cuts them off.
  void Shutdown(absl::Duration grace);

 private:
  explicit Server(const Served& served);

  PlacementService placement_service_;
  MigrationService migration_service_;
  AgentService agent_service_;
  std::unique_ptr<grpc::Server> server_;   // of the socket
  std::unique_ptr<grpc::Server> network_;  // null: none
  int network_port_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SERVER_H_
