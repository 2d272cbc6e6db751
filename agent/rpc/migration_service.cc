#include "agent/rpc/migration_service.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
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

void ToMessage(const Access& access, const Migration& migration, v1::Migration& message) {
  ToProto(migration, message);
  // It may name processes of other namespaces.
  if (access.SeesAll()) return;
  for (auto& workload : *message.mutable_workloads()) workload.clear_sharing_note();
}

// For the audit line.
std::string Named(const MigrationRequest& request) {
  std::string names = absl::StrJoin(request.workloads, ", ",
                                    [](std::string* text, const WorkloadSelector& selector) {
                                      absl::StrAppend(text, selector.ToString());
                                    });
  if (request.evacuation.has_value()) {
    absl::StrAppend(&names, "node ", request.evacuation->node.value);
  }
  if (request.override_protection) absl::StrAppend(&names, " (protection overridden)");
  return names;
}

}  // namespace

grpc::Status MigrationService::CreateMigration(grpc::ServerContext* context,
                                               const v1::CreateMigrationRequest* request,
                                               v1::CreateMigrationResponse* response) {
  Call call(callers_, *context, "CreateMigration");
  if (!request->validate_only()) call.Changes(request->request_id());
  return call.End(Create(call, *context, *request, *response));
}

grpc::Status MigrationService::GetMigration(grpc::ServerContext* context,
                                            const v1::GetMigrationRequest* request,
                                            v1::GetMigrationResponse* response) {
  const Call call(callers_, *context, "GetMigration");
  return call.End(Get(call, *request, *response));
}

grpc::Status MigrationService::ListMigrations(grpc::ServerContext* context,
                                              const v1::ListMigrationsRequest* request,
                                              v1::ListMigrationsResponse* response) {
  const Call call(callers_, *context, "ListMigrations");
  return call.End(List(call, *request, *response));
}

grpc::Status MigrationService::CancelMigration(grpc::ServerContext* context,
                                               const v1::CancelMigrationRequest* request,
                                               v1::CancelMigrationResponse* response) {
  Call call(callers_, *context, "CancelMigration");
  call.Changes("");
  return call.End(Cancel(call, *request, *response));
}

grpc::ServerWriteReactor<v1::WatchMigrationResponse>* MigrationService::WatchMigration(
    grpc::CallbackServerContext* context, const v1::WatchMigrationRequest* request) {
  using Message = v1::WatchMigrationResponse;
  auto call = std::make_unique<Call>(callers_, *context, "WatchMigration", CallKind::kWatch);
  const absl::StatusOr<Access> access = call->access();
  const absl::Status visible =
      access.ok() ? Find(*access, request->id()).status() : access.status();
  if (!visible.ok()) return Watch<Message>::Refuse(pump_, std::move(call), visible);
  const auto source = [this, id = request->id(), seen_version = uint64_t{0}](
                          const Access& access_now, Message& message,
                          bool new_round) mutable -> WatchStep {
    if (!new_round) return {};
    const auto now = migrator_.Snapshot(id);
    if (!now.ok()) return {.end = now.status()};
    if (!access_now.CheckSee(now->migration).ok()) return {.end = NoMigration(id)};
    if (now->version == seen_version) return {};
    seen_version = now->version;
    ToMessage(access_now, now->migration, *message.mutable_migration());
    WatchStep step = {.has_message = true};
    if (IsFinal(now->migration.state)) step.end = absl::OkStatus();
    return step;
  };
  return Watch<Message>::Start(pump_, std::move(call), source, agent_);
}

grpc::ServerWriteReactor<v1::WatchMigrationsResponse>* MigrationService::WatchMigrations(
    grpc::CallbackServerContext* context, const v1::WatchMigrationsRequest* request) {
  using Message = v1::WatchMigrationsResponse;
  auto call = std::make_unique<Call>(callers_, *context, "WatchMigrations", CallKind::kWatch);
  const absl::Status allowed = call->access().status();
  if (!allowed.ok()) return Watch<Message>::Refuse(pump_, std::move(call), allowed);
  const auto filter = FromProto(request->filter());
  if (!filter.ok()) return Watch<Message>::Refuse(pump_, std::move(call), filter.status());
  const auto is_summary = IsSummary(request->detail());
  if (!is_summary.ok()) return Watch<Message>::Refuse(pump_, std::move(call), is_summary.status());
  // A record that changes all the time is sent once in a round.
  const auto source = [this, filter = *filter, is_summary = *is_summary, is_synced = false,
                       seen_version = uint64_t{0},
                       last_of_round = uint64_t{0}](const Access& access, Message& message,
                                                    bool new_round) mutable -> WatchStep {
    if (new_round) last_of_round = migrator_.LatestVersion();
    while (const auto next = migrator_.NextChange(seen_version)) {
      if (next->version > last_of_round) break;
      seen_version = next->version;
      if (!filter.Matches(next->migration) || !access.CheckSee(next->migration).ok()) continue;
      ToMessage(access, next->migration, *message.mutable_migration());
      if (is_summary) Summarize(*message.mutable_migration());
      return {.has_message = true, .ask_again = true};
    }
    if (std::exchange(is_synced, true)) return {};
    message.set_synced(true);
    return {.has_message = true};
  };
  return Watch<Message>::Start(pump_, std::move(call), source, agent_);
}

grpc::Status MigrationService::ReserveWorkload(grpc::ServerContext* context,
                                               const v1::ReserveWorkloadRequest* request,
                                               v1::ReserveWorkloadResponse* response) {
  Call call(callers_, *context, "ReserveWorkload");
  call.Changes(request->request_id());
  return call.End(Reserve(call, *request, *response));
}

grpc::Status MigrationService::ReleaseWorkload(grpc::ServerContext* context,
                                               const v1::ReleaseWorkloadRequest* request,
                                               v1::ReleaseWorkloadResponse*) {
  Call call(callers_, *context, "ReleaseWorkload");
  call.Changes("");
  return call.End(Release(call, *request));
}

grpc::Status MigrationService::ListReservations(grpc::ServerContext* context,
                                                const v1::ListReservationsRequest* request,
                                                v1::ListReservationsResponse* response) {
  const Call call(callers_, *context, "ListReservations");
  return call.End(List(call, *request, *response));
}

absl::Status MigrationService::List(const Call& call, const v1::ListReservationsRequest& request,
                                    v1::ListReservationsResponse& response) const {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  const WorkloadFilter filter = FromProto(request.filter());
  *response.mutable_agent() = agent_;
  for (const Reservation& reservation : migrator_.reservations().List()) {
    const std::vector<Workload>& workloads = reservation.workloads;
    const bool is_shown =
        filter == WorkloadFilter() ||
        std::any_of(workloads.begin(), workloads.end(),
                    [&](const Workload& workload) { return filter.Matches(workload); });
    if (!is_shown || !access.CheckAll(Role::kViewer, workloads).ok()) continue;
    v1::Reservation* const message = response.add_reservations();
    for (const Workload& workload : workloads) ToProto(workload, *message->add_workloads());
    message->set_pod_uid(reservation.pod_uid);
    message->set_owner(Printable(reservation.owner));
    message->set_created_by(Printable(reservation.created_by));
    *message->mutable_expire_time() = ToProto(reservation.expire_time);
  }
  return absl::OkStatus();
}

absl::Status MigrationService::Create(Call& call, const grpc::ServerContext& context,
                                      const v1::CreateMigrationRequest& request,
                                      v1::CreateMigrationResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_ASSIGN_OR_RETURN(MigrationRequest wanted, FromProto(request));
  wanted.created_by = access.identity();
  call.On(Named(wanted));
  RequestWatch watch(requests_, context, "CreateMigration");
  watch.Reads("the workloads");
  const auto is_cancelled = [&] { return watch.IsCancelled(); };
  if (request.validate_only()) {
    const auto plan = migrator_.Plan(wanted, is_cancelled, access);
    if (!plan.ok()) return watch.Ended(plan.status());
    ToMessage(access, *plan, *response.mutable_migration());
    return absl::OkStatus();
  }
  const auto migration = migrator_.Submit(wanted, access, is_cancelled);
  if (!migration.ok()) return watch.Ended(WithoutUnseen(access, migration.status()));
  call.On(absl::StrCat(Named(wanted), ": migration ", migration->id));
  ToMessage(access, *migration, *response.mutable_migration());
  return absl::OkStatus();
}

absl::StatusOr<Migration> MigrationService::Find(const Access& access,
                                                 const std::string& id) const {
  absl::StatusOr<Migration> migration = migrator_.Get(id);
  // Clients must not learn which ids exist.
  if (migration.ok() && !access.CheckSee(*migration).ok()) return NoMigration(id);
  return migration;
}

absl::StatusOr<Reservation> MigrationService::FindReservation(const Access& access,
                                                              const std::string& token) const {
  absl::StatusOr<Reservation> reservation = migrator_.reservations().Find(token);
  if (reservation.ok() && !access.CheckAll(Role::kViewer, reservation->workloads).ok()) {
    return NoReservation();
  }
  return reservation;
}

absl::Status MigrationService::WithoutUnseen(const Access& access,
                                             const absl::Status& refused) const {
  const std::optional<ErrorDetails> details = DetailsOf(refused);
  if (!details.has_value()) return refused;
  const auto id = details->metadata.find("migration_id");
  if (id == details->metadata.end() || Find(access, id->second).ok()) return refused;
  const std::string message =
      absl::StrReplaceAll(refused.message(), {{id->second, "(which the client may not see)"}});
  return WithDetails(absl::Status(refused.code(), message),
                     {details->reason, {}, details->retry_after});
}

absl::Status MigrationService::Get(const Call& call, const v1::GetMigrationRequest& request,
                                   v1::GetMigrationResponse& response) const {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_ASSIGN_OR_RETURN(const Migration migration, Find(access, request.id()));
  ToMessage(access, migration, *response.mutable_migration());
  return absl::OkStatus();
}

absl::Status MigrationService::Cancel(Call& call, const v1::CancelMigrationRequest& request,
                                      v1::CancelMigrationResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_ASSIGN_OR_RETURN(const Migration migration, Find(access, request.id()));
  const std::vector<Workload> workloads = migration.Workloads();
  call.On(workloads);
  NL_RETURN_IF_ERROR(access.CheckCancel(migration));
  if (!access.CheckAll(Role::kAdmin, workloads).ok()) {
    NL_RETURN_IF_ERROR(migrator_.reservations().Check(
        workloads, {request.reservation_tokens().begin(), request.reservation_tokens().end()}));
  }
  NL_ASSIGN_OR_RETURN(const Migration now, migrator_.Cancel(request.id()));
  ToMessage(access, now, *response.mutable_migration());
  return absl::OkStatus();
}

absl::Status MigrationService::Release(Call& call, const v1::ReleaseWorkloadRequest& request) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  if (!request.has_workload()) {
    NL_ASSIGN_OR_RETURN(const Reservation reservation, FindReservation(access, request.token()));
    call.On(reservation.workloads);
    NL_RETURN_IF_ERROR(access.CheckAll(Role::kMigrator, reservation.workloads));
    return migrator_.reservations().Release(request.token());
  }
  if (!request.token().empty()) return InvalidField("workload", "cannot be combined with token");
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
  call.On(selector.ToString());
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, finder_.Find(selector));
  for (const Workload& workload : workloads) {
    NL_RETURN_IF_ERROR(access.CheckNamed(Role::kAdmin, selector, workload));
  }
  return migrator_.reservations().ReleaseAll(workloads);
}

absl::Status MigrationService::Reserve(Call& call, const v1::ReserveWorkloadRequest& request,
                                       v1::ReserveWorkloadResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  ReservationRequest wanted;
  wanted.created_by = access.identity();
  wanted.ttl = request.has_ttl() ? FromProto(request.ttl()) : kDefaultTtl;
  wanted.token = request.token();
  wanted.owner = request.owner();
  NL_ASSIGN_OR_RETURN(wanted.request_id, RequestIdFrom(request.request_id()));
  if (wanted.token.empty() || request.has_workload()) {
    NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
    call.On(selector.ToString());
    auto found = finder_.Find(selector);
    if (found.ok()) {
      for (const Workload& workload : *found) {
        NL_RETURN_IF_ERROR(access.CheckNamed(Role::kMigrator, selector, workload));
      }
      wanted.workloads = *std::move(found);
      if (selector.IsPod()) wanted.pod_uid = wanted.workloads.front().PodKey();
    } else if (wanted.token.empty() || !selector.IsPod() || !selector.pod_uid.has_value()) {
      return found.status();
    } else {
      wanted.pod_uid = *selector.pod_uid;  // a pod without containers at the moment
    }
  }
  if (!wanted.token.empty()) {
    NL_ASSIGN_OR_RETURN(const Reservation held, FindReservation(access, wanted.token));
    NL_RETURN_IF_ERROR(access.CheckAll(Role::kMigrator, held.workloads));
  }
  const auto reservation = migrator_.Reserve(wanted);
  if (!reservation.ok()) return WithoutUnseen(access, reservation.status());
  call.On(reservation->workloads);
  response.set_token(reservation->token);
  *response.mutable_expire_time() = ToProto(reservation->expire_time);
  for (const Workload& workload : reservation->workloads) {
    ToProto(workload, *response.add_workloads());
  }
  return absl::OkStatus();
}

absl::Status MigrationService::List(const Call& call, const v1::ListMigrationsRequest& request,
                                    v1::ListMigrationsResponse& response) const {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  NL_ASSIGN_OR_RETURN(const MigrationFilter filter, FromProto(request.filter()));
  NL_ASSIGN_OR_RETURN(std::string after, DecodePageToken(kMigrationPageOf, request.page_token()));
  NL_ASSIGN_OR_RETURN(const bool is_summary, IsSummary(request.detail()));
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
      if (!filter.Matches(migration) || !access.CheckSee(migration).ok()) continue;
      if (static_cast<size_t>(response.migrations_size()) == page_size) {
        response.set_next_page_token(EncodePageToken(kMigrationPageOf, last));
        return absl::OkStatus();
      }
      last = migration.id;
      v1::Migration& message = *response.add_migrations();
      ToMessage(access, migration, message);
      if (is_summary) Summarize(message);
    }
    if (migrations->size() < kListChunk) return absl::OkStatus();
  }
}

}  // namespace numalocality
