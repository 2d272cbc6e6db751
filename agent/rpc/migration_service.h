// MigrationService of the API.
#ifndef NUMALOCALITY_AGENT_RPC_MIGRATION_SERVICE_H_
#define NUMALOCALITY_AGENT_RPC_MIGRATION_SERVICE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/watchdog.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/rpc/call.h"
#include "agent/rpc/callers.h"
#include "agent/rpc/watch.h"
#include "numalocality/v1/migration.grpc.pb.h"

namespace numalocality {

// The methods that are served with gRPC's callback API.
using MigrationServiceBase = v1::MigrationService::WithCallbackMethod_WatchMigration<
    v1::MigrationService::WithCallbackMethod_WatchMigrations<v1::MigrationService::Service>>;

// Thread-safe.
class MigrationService final : public MigrationServiceBase {
 public:
  // All outlive this. `requests` may be null, see RequestWatch. `agent`: for lists and watches.
  // `heartbeat`: see WatchPump.
  MigrationService(const Callers& callers, Migrator& migrator, const EngineContext& context,
                   Watchdog* requests, const v1::AgentInstance& agent, absl::Duration heartbeat)
      : callers_(callers),
        migrator_(migrator),
        finder_(context.host, context.names),
        requests_(requests),
        agent_(agent),
        pump_([this] { seen_version_ = migrator_.WaitForAnyChange(seen_version_, kPumpWait); },
              heartbeat) {}

  // Ends all watches.
  void StopWatches() { pump_.Stop(); }

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
  grpc::ServerWriteReactor<v1::WatchMigrationResponse>* WatchMigration(
      grpc::CallbackServerContext* context, const v1::WatchMigrationRequest* request) override;
  grpc::ServerWriteReactor<v1::WatchMigrationsResponse>* WatchMigrations(
      grpc::CallbackServerContext* context, const v1::WatchMigrationsRequest* request) override;
  grpc::Status ReserveWorkload(grpc::ServerContext* context,
                               const v1::ReserveWorkloadRequest* request,
                               v1::ReserveWorkloadResponse* response) override;
  grpc::Status ReleaseWorkload(grpc::ServerContext* context,
                               const v1::ReleaseWorkloadRequest* request,
                               v1::ReleaseWorkloadResponse* response) override;
  grpc::Status ListReservations(grpc::ServerContext* context,
                                const v1::ListReservationsRequest* request,
                                v1::ListReservationsResponse* response) override;

 private:
  // How long the pump waits for changes.
  static constexpr absl::Duration kPumpWait = absl::Seconds(1);

  absl::Status Create(Call& call, const grpc::ServerContext& context,
                      const v1::CreateMigrationRequest& request,
                      v1::CreateMigrationResponse& response);
  // NOT_FOUND also for what the client may not see.
  absl::StatusOr<Migration> Find(const Access& access, const std::string& id) const;
  absl::StatusOr<Reservation> FindReservation(const Access& access, const std::string& token) const;
  // `refused`, an error, without the id of a migration that the client may not see.
  absl::Status WithoutUnseen(const Access& access, const absl::Status& refused) const;
  absl::Status Get(const Call& call, const v1::GetMigrationRequest& request,
                   v1::GetMigrationResponse& response) const;
  absl::Status List(const Call& call, const v1::ListMigrationsRequest& request,
                    v1::ListMigrationsResponse& response) const;
  absl::Status Cancel(Call& call, const v1::CancelMigrationRequest& request,
                      v1::CancelMigrationResponse& response);
  absl::Status Reserve(Call& call, const v1::ReserveWorkloadRequest& request,
                       v1::ReserveWorkloadResponse& response);
  absl::Status List(const Call& call, const v1::ListReservationsRequest& request,
                    v1::ListReservationsResponse& response) const;
  absl::Status Release(Call& call, const v1::ReleaseWorkloadRequest& request);

  const Callers& callers_;
  Migrator& migrator_;
  const WorkloadFinder finder_;
  Watchdog* const requests_;
  const v1::AgentInstance agent_;
  uint64_t seen_version_ = 0;  // for the pump's thread
  WatchPump pump_;             // last: its thread uses the others
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_MIGRATION_SERVICE_H_
