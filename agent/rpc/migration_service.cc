#include "agent/rpc/migration_service.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/model/error_details.h"
#include "agent/model/filter.h"
#include "agent/rpc/convert/common.h"
#include "agent/rpc/convert/migration_record.h"
#include "agent/rpc/convert/migration_request.h"
#include "agent/rpc/request_watch.h"

namespace numalocality {
namespace {

// Records that a list copies before it looks at them.
constexpr size_t kListChunk = 100;
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

grpc::ServerWriteReactor<v1::WatchMigrationResponse>* MigrationService::WatchMigration(
    grpc::CallbackServerContext*, const v1::WatchMigrationRequest* request) {
  using Message = v1::WatchMigrationResponse;
  if (const auto found = migrator_.Get(request->id()); !found.ok()) {
    return Watch<Message>::Refuse(pump_, ToGrpc(found.status()));
  }
  const auto source = [this, id = request->id(), seen_version = uint64_t{0}](
                          Message& message, bool new_round) mutable -> WatchStep {
    if (!new_round) return {};
    const auto now = migrator_.WaitForChange(id, seen_version, absl::ZeroDuration());
    if (!now.ok()) return {.end = ToGrpc(now.status())};
    if (now->version == seen_version) return {};
    seen_version = now->version;
    ToProto(now->migration, *message.mutable_migration());
    WatchStep step = {.has_message = true};
    if (IsFinal(now->migration.state)) step.end = grpc::Status::OK;
    return step;
  };
  return Watch<Message>::Start(pump_, source,
                               [this](Message& message) { *message.mutable_agent() = agent_; });
}

grpc::ServerWriteReactor<v1::WatchMigrationsResponse>* MigrationService::WatchMigrations(
    grpc::CallbackServerContext*, const v1::WatchMigrationsRequest* request) {
  using Message = v1::WatchMigrationsResponse;
  const auto filter = FromProto(request->filter());
  if (!filter.ok()) return Watch<Message>::Refuse(pump_, ToGrpc(filter.status()));
  // A record that changes all the time is sent once in a round.
  const auto source = [this, filter = *filter, is_synced = false, seen_version = uint64_t{0},
                       last_of_round = uint64_t{0}](Message& message,
                                                    bool new_round) mutable -> WatchStep {
    if (new_round) last_of_round = migrator_.WaitForAnyChange(0, absl::ZeroDuration());
    while (const auto next = migrator_.NextChange(seen_version)) {
      if (next->version > last_of_round) break;
      seen_version = next->version;
      if (!filter.Matches(next->migration)) continue;
      ToProto(next->migration, *message.mutable_migration());
      return {.has_message = true, .ask_again = true};
    }
    if (std::exchange(is_synced, true)) return {};
    message.set_synced(true);
    return {.has_message = true};
  };
  return Watch<Message>::Start(pump_, source,
                               [this](Message& message) { *message.mutable_agent() = agent_; });
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
  NL_ASSIGN_OR_RETURN(const MigrationFilter filter, FromProto(request.filter()));
  NL_ASSIGN_OR_RETURN(std::string after, DecodePageToken(kMigrationPageOf, request.page_token()));
  *response.mutable_agent() = agent_;
  std::string last = after;
  for (;;) {
    const auto migrations = migrator_.ListBefore(after, kListChunk);
    if (absl::IsNotFound(migrations.status())) {
      return InvalidField("page_token",
                          "its migration record has been removed; start again with the first page");
    }
    if (!migrations.ok()) return migrations.status();
    for (const Migration& migration : *migrations) {
      after = migration.id;
      if (!filter.Matches(migration)) continue;
      if (static_cast<size_t>(response.migrations_size()) == page_size) {
        response.set_next_page_token(EncodePageToken(kMigrationPageOf, last));
        return absl::OkStatus();
      }
      last = migration.id;
      ToProto(migration, *response.add_migrations());
    }
    if (migrations->size() < kListChunk) return absl::OkStatus();
  }
}

}  // namespace numalocality
