#include "agent/rpc/migration_service.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/base/status.h"
#include "agent/rpc/convert.h"
#include "agent/rpc/migration_record.h"
#include "agent/rpc/migration_request.h"

namespace numalocality {
namespace {

// How often a watcher looks whether its caller is still there.
constexpr absl::Duration kWatchPoll = absl::Seconds(1);
// At most ten messages a second: what a person, or a controller, can follow.
constexpr absl::Duration kWatchInterval = absl::Milliseconds(100);

}  // namespace

grpc::Status MigrationService::CreateMigration(grpc::ServerContext* context,
                                               const v1::CreateMigrationRequest* request,
                                               v1::CreateMigrationResponse* response) {
  const auto wanted = FromProto(*request);
  if (!wanted.ok()) return ToGrpc(wanted.status());
  const auto migration = request->validate_only()
                             ? migrator_.Plan(*wanted, [context] { return context->IsCancelled(); })
                             : migrator_.Submit(*wanted);
  if (!migration.ok()) return ToGrpc(migration.status());
  ToProto(*migration, *response->mutable_migration());
  return grpc::Status::OK;
}

grpc::Status MigrationService::GetMigration(grpc::ServerContext*,
                                            const v1::GetMigrationRequest* request,
                                            v1::GetMigrationResponse* response) {
  const auto migration = migrator_.Get(request->id());
  if (!migration.ok()) return ToGrpc(migration.status());
  ToProto(*migration, *response->mutable_migration());
  return grpc::Status::OK;
}

grpc::Status MigrationService::ListMigrations(grpc::ServerContext*,
                                              const v1::ListMigrationsRequest* request,
                                              v1::ListMigrationsResponse* response) {
  return ToGrpc(List(*request, *response));
}

grpc::Status MigrationService::CancelMigration(grpc::ServerContext*,
                                               const v1::CancelMigrationRequest* request,
                                               v1::CancelMigrationResponse* response) {
  const auto migration = migrator_.Cancel(request->id());
  if (!migration.ok()) return ToGrpc(migration.status());
  ToProto(*migration, *response->mutable_migration());
  return grpc::Status::OK;
}

grpc::Status MigrationService::WatchMigration(
    grpc::ServerContext* context, const v1::WatchMigrationRequest* request,
    grpc::ServerWriter<v1::WatchMigrationResponse>* writer) {
  uint64_t seen_version = 0;
  while (!context->IsCancelled()) {
    const auto now = migrator_.WaitForChange(request->id(), seen_version, kWatchPoll);
    if (!now.ok()) return ToGrpc(now.status());
    if (now->version == seen_version) continue;
    seen_version = now->version;
    v1::WatchMigrationResponse message;
    ToProto(now->migration, *message.mutable_migration());
    if (!writer->Write(message)) break;
    if (IsFinal(now->migration.state)) return grpc::Status::OK;
    absl::SleepFor(kWatchInterval);
  }
  return grpc::Status::CANCELLED;
}

grpc::Status MigrationService::ReserveWorkload(grpc::ServerContext*,
                                               const v1::ReserveWorkloadRequest*,
                                               v1::ReserveWorkloadResponse*) {
  return {grpc::StatusCode::UNIMPLEMENTED,
          "ReserveWorkload is not implemented yet; nothing but requests moves memory so far"};
}

grpc::Status MigrationService::ReleaseWorkload(grpc::ServerContext*,
                                               const v1::ReleaseWorkloadRequest*,
                                               v1::ReleaseWorkloadResponse*) {
  return {grpc::StatusCode::UNIMPLEMENTED,
          "ReleaseWorkload is not implemented yet, and neither is ReserveWorkload"};
}

absl::Status MigrationService::List(const v1::ListMigrationsRequest& request,
                                    v1::ListMigrationsResponse& response) const {
  NL_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  NL_ASSIGN_OR_RETURN(const std::string after, DecodePageToken(request.page_token()));
  std::vector<Migration> migrations = migrator_.List();
  std::reverse(migrations.begin(), migrations.end());
  auto next = migrations.begin();
  if (!after.empty()) {
    next = std::find_if(migrations.begin(), migrations.end(),
                        [&](const Migration& migration) { return migration.id == after; });
    if (next == migrations.end()) {
      return absl::InvalidArgumentError("page_token: its migration has been forgotten; start anew");
    }
    ++next;
  }
  for (; next != migrations.end(); ++next) {
    if (static_cast<size_t>(response.migrations_size()) == page_size) {
      response.set_next_page_token(EncodePageToken(std::prev(next)->id));
      break;
    }
    ToProto(*next, *response.add_migrations());
  }
  return absl::OkStatus();
}

}  // namespace numalocality
