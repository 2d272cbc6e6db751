#include "agent/rpc/migration_service.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/migration_record.h"
#include "agent/rpc/convert/migration_request.h"
#include "agent/rpc/request_watch.h"

namespace numalocality {
namespace {

// How often a watch checks whether its caller has cancelled.
constexpr absl::Duration kMigrationWatchPoll = absl::Seconds(1);
// At most ten messages a second, as many as a person or a controller can follow.
constexpr absl::Duration kWatchInterval = absl::Milliseconds(100);
// See EncodePageToken.
constexpr char kMigrationPageOf[] = "migrations";
// Of a reservation without a ttl.
constexpr absl::Duration kDefaultTtl = absl::Minutes(5);

// The certificate's names of a caller over the network; "unix:" for the socket, to which only root
// has access.
std::string CallerOf(const grpc::ServerContext& context) {
  std::vector<std::string> names;
  for (const grpc::string_ref& name : context.auth_context()->GetPeerIdentity()) {
    names.emplace_back(name.data(), name.size());
  }
  return names.empty() ? context.peer() : absl::StrJoin(names, ",");
}

void LogOverride(const grpc::ServerContext& context, const Migration& migration) {
  std::vector<std::string> workloads;
  for (const WorkloadMigration& each : migration.workloads) {
    workloads.push_back(each.workload.ToString());
  }
  LogWarning(absl::StrCat("protection overridden id=", migration.id, " by=\"",
                          LogSafe(CallerOf(context)), "\" workloads=\"",
                          LogSafe(absl::StrJoin(workloads, ", ")), "\""));
}

}  // namespace

grpc::Status MigrationService::CreateMigration(grpc::ServerContext* context,
                                               const v1::CreateMigrationRequest* request,
                                               v1::CreateMigrationResponse* response) {
  const auto wanted = FromProto(*request);
  if (!wanted.ok()) return ToGrpc(wanted.status());
  RequestWatch watch(requests_, *context, "CreateMigration");
  if (request->validate_only()) watch.Reads("the workloads");
  const auto migration = request->validate_only()
                             ? migrator_.Plan(*wanted, [&] { return watch.IsCancelled(); })
                             : migrator_.Submit(*wanted);
  if (!migration.ok()) return ToGrpc(migration.status());
  if (wanted->override_protection && !request->validate_only()) LogOverride(*context, *migration);
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
    const auto now = migrator_.WaitForChange(request->id(), seen_version, kMigrationWatchPoll);
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
                                               const v1::ReserveWorkloadRequest* request,
                                               v1::ReserveWorkloadResponse* response) {
  return ToGrpc(Reserve(*request, *response));
}

grpc::Status MigrationService::ReleaseWorkload(grpc::ServerContext*,
                                               const v1::ReleaseWorkloadRequest* request,
                                               v1::ReleaseWorkloadResponse*) {
  return ToGrpc(migrator_.reservations().Release(request->token()));
}

absl::Status MigrationService::Reserve(const v1::ReserveWorkloadRequest& request,
                                       v1::ReserveWorkloadResponse& response) {
  ReservationRequest wanted;
  wanted.ttl = request.has_ttl() ? FromProto(request.ttl()) : kDefaultTtl;
  wanted.token = request.token();
  wanted.owner = request.owner();
  NL_ASSIGN_OR_RETURN(wanted.request_id, RequestIdFrom(request.request_id()));
  if (wanted.token.empty() || request.has_workload()) {
    NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
    auto found = finder_.Find(selector);
    if (found.ok()) {
      wanted.workloads = *std::move(found);
      if (selector.IsPod()) wanted.pod_uid = wanted.workloads.front().PodKey();
    } else if (wanted.token.empty() || !selector.IsPod() || !selector.pod_uid.has_value()) {
      return found.status();
    } else {
      wanted.pod_uid = *selector.pod_uid;  // a pod without containers at the moment
    }
  }
  NL_ASSIGN_OR_RETURN(const Reservation reservation, migrator_.Reserve(wanted));
  response.set_token(reservation.token);
  *response.mutable_expire_time() = ToProto(reservation.expire_time);
  for (const Workload& workload : reservation.workloads) {
    ToProto(workload, *response.add_workloads());
  }
  return absl::OkStatus();
}

absl::Status MigrationService::List(const v1::ListMigrationsRequest& request,
                                    v1::ListMigrationsResponse& response) const {
  NL_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  NL_ASSIGN_OR_RETURN(const std::string after,
                      DecodePageToken(kMigrationPageOf, request.page_token()));
  auto migrations = migrator_.ListBefore(after, page_size + 1);  // one more shows whether there is
  if (absl::IsNotFound(migrations.status())) {
    return InvalidField("page_token",
                        "its migration record has been removed; start again with the first page");
  }
  if (!migrations.ok()) return migrations.status();
  if (migrations->size() > page_size) {
    migrations->pop_back();
    response.set_next_page_token(EncodePageToken(kMigrationPageOf, migrations->back().id));
  }
  for (const Migration& migration : *migrations) ToProto(migration, *response.add_migrations());
  return absl::OkStatus();
}

}  // namespace numalocality
