// MigrationService of the API.
#ifndef NUMALOCALITY_AGENT_RPC_MIGRATION_SERVICE_H_
#define NUMALOCALITY_AGENT_RPC_MIGRATION_SERVICE_H_

#include <string>

#include "absl/status/status.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/rpc/call.h"
#include "agent/rpc/callers.h"
#include "numalocality/v1/migration.grpc.pb.h"

namespace numalocality {

// Thread-safe.
class MigrationService final : public v1::MigrationService::Service {
 public:
  // All outlive this. `requests` may be null, see RequestWatch.
  MigrationService(const Callers& callers, Migrator& migrator, const EngineContext& context,
                   Watchdog* requests)
      : callers_(callers),
        migrator_(migrator),
        finder_(context.host, context.names),
        requests_(requests) {}

  grpc::Status CreateMigration(grpc::ServerContext* context,
                               const v1::CreateMigrationRequest* request,
                               v1::CreateMigrationResponse* response) override;
  grpc::Status GetMigration(grpc::ServerContext* context, const v1::GetMigrationRequest* request,
                            v1::GetMigrationResponse* response) override;
  grpc::Status ListMigrations(grpc::ServerContext* context,
                              const v1::ListMigrationsRequest* request,
                              v1::ListMigrationsResponse* response) override;
  grpc::Status CancelMigration(grpc::ServerContext* context,
                               const v1::CancelMigrationRequest* request,
                               v1::CancelMigrationResponse* response) override;
  grpc::Status WatchMigration(grpc::ServerContext* context,
                              const v1::WatchMigrationRequest* request,
                              grpc::ServerWriter<v1::WatchMigrationResponse>* writer) override;
  grpc::Status ReserveWorkload(grpc::ServerContext* context,
                               const v1::ReserveWorkloadRequest* request,
                               v1::ReserveWorkloadResponse* response) override;
  grpc::Status ReleaseWorkload(grpc::ServerContext* context,
                               const v1::ReleaseWorkloadRequest* request,
                               v1::ReleaseWorkloadResponse* response) override;

 private:
  absl::Status Create(Call& call, const grpc::ServerContext& context,
                      const v1::CreateMigrationRequest& request,
                      v1::CreateMigrationResponse& response);
  absl::Status Get(const Call& call, const v1::GetMigrationRequest& request,
                   v1::GetMigrationResponse& response) const;
  absl::Status List(const Call& call, const v1::ListMigrationsRequest& request,
                    v1::ListMigrationsResponse& response) const;
  absl::Status Cancel(Call& call, const v1::CancelMigrationRequest& request,
                      v1::CancelMigrationResponse& response);
  absl::Status Reserve(Call& call, const v1::ReserveWorkloadRequest& request,
                       v1::ReserveWorkloadResponse& response);
  absl::Status Release(Call& call, const v1::ReleaseWorkloadRequest& request);

  const Callers& callers_;
  Migrator& migrator_;
  const WorkloadFinder finder_;
  Watchdog* const requests_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_MIGRATION_SERVICE_H_
