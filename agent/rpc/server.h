// The gRPC server: the API's services, health and reflection on a unix socket.
#ifndef NUMALOCALITY_AGENT_RPC_SERVER_H_
#define NUMALOCALITY_AGENT_RPC_SERVER_H_

#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/engine/container_resources.h"
#include "agent/engine/migration_run.h"
#include "agent/engine/migrator.h"
#include "agent/rpc/agent_service.h"
#include "agent/rpc/migration_service.h"
#include "agent/rpc/placement_service.h"

namespace numalocality {

// Serves from construction by Start until Shutdown. Methods are for one thread.
class Server {
 public:
  // Serves on the unix socket `path`, whose directory is made if need be and is for its owner only
  // (0700): whoever can open the socket can move memory. FAILED_PRECONDITION if the path is in
  // use by a live server or the directory is open to others.
  // `runtime` may be null.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& path,
                                                       const MigrationContext& context,
                                                       Migrator& migrator,
                                                       ContainerResources* runtime);

  // Reports NOT_SERVING, lets calls end for `grace`, then cuts them off.
  void Shutdown(absl::Duration grace);

 private:
  Server(const MigrationContext& context, Migrator& migrator, ContainerResources* runtime);

  PlacementService placement_service_;
  MigrationService migration_service_;
  AgentService agent_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SERVER_H_
