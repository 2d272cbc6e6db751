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
// Records that ListMigrations copies at once.
constexpr size_t kRecordsAtOnce = 250;
// Of a reservation without a ttl.
constexpr absl::Duration kDefaultTtl = absl::Minutes(5);

std::vector<Workload> MigratedBy(const Migration& migration) {
  std::vector<Workload> workloads;
  for (const WorkloadMigration& each : migration.workloads) workloads.push_back(each.workload);
  return workloads;
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

grpc::Status MigrationService::WatchMigration(
    grpc::ServerContext* context, const v1::WatchMigrationRequest* request,
    grpc::ServerWriter<v1::WatchMigrationResponse>* writer) {
  uint64_t seen_version = 0;
  while (!context->IsCancelled()) {
    // Each time: the configuration may have taken the role away.
    const Call call(callers_, *context, "WatchMigration");
    if (const absl::Status known = call.CheckKnown(); !known.ok()) return call.End(known);
    const auto now = migrator_.WaitForChange(request->id(), seen_version, kMigrationWatchPoll);
    if (!now.ok()) return ToGrpc(now.status());
    if (const absl::Status seen = call.access()->CheckSee(now->migration); !seen.ok()) {
      return call.End(seen);
    }
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

absl::Status MigrationService::Create(Call& call, const grpc::ServerContext& context,
                                      const v1::CreateMigrationRequest& request,
                                      v1::CreateMigrationResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_RETURN_IF_ERROR(access.CheckKnown());
  NL_ASSIGN_OR_RETURN(MigrationRequest wanted, FromProto(request));
  wanted.created_by = access.identity();
  call.On(Named(wanted));
  RequestWatch watch(requests_, context, "CreateMigration");
  if (request.validate_only()) {
    watch.Reads("the workloads");
    NL_ASSIGN_OR_RETURN(const Migration plan,
                        migrator_.Plan(
                            wanted, [&] { return watch.IsCancelled(); }, access));
    ToProto(plan, *response.mutable_migration());
    return absl::OkStatus();
  }
  NL_ASSIGN_OR_RETURN(const Migration migration, migrator_.Submit(wanted, access));
  call.On(absl::StrCat(Named(wanted), ": migration ", migration.id));
  ToProto(migration, *response.mutable_migration());
  return absl::OkStatus();
}

absl::Status MigrationService::Get(const Call& call, const v1::GetMigrationRequest& request,
                                   v1::GetMigrationResponse& response) const {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_RETURN_IF_ERROR(access.CheckKnown());
  NL_ASSIGN_OR_RETURN(const Migration migration, migrator_.Get(request.id()));
  NL_RETURN_IF_ERROR(access.CheckSee(migration));
  ToProto(migration, *response.mutable_migration());
  return absl::OkStatus();
}

absl::Status MigrationService::Cancel(Call& call, const v1::CancelMigrationRequest& request,
                                      v1::CancelMigrationResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_RETURN_IF_ERROR(access.CheckKnown());
  NL_ASSIGN_OR_RETURN(const Migration migration, migrator_.Get(request.id()));
  const std::vector<Workload> workloads = MigratedBy(migration);
  call.On(workloads);
  NL_RETURN_IF_ERROR(access.CheckCancel(migration));
  if (!access.CheckAll(Role::kAdmin, workloads).ok()) {
    NL_RETURN_IF_ERROR(migrator_.reservations().Check(
        workloads, {request.reservation_tokens().begin(), request.reservation_tokens().end()}));
  }
  NL_ASSIGN_OR_RETURN(const Migration now, migrator_.Cancel(request.id()));
  ToProto(now, *response.mutable_migration());
  return absl::OkStatus();
}

absl::Status MigrationService::Release(Call& call, const v1::ReleaseWorkloadRequest& request) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_RETURN_IF_ERROR(access.CheckKnown());
  if (!request.has_workload()) {
    NL_ASSIGN_OR_RETURN(const Reservation reservation,
                        migrator_.reservations().Find(request.token()));
    call.On(reservation.workloads);
    NL_RETURN_IF_ERROR(access.CheckAll(Role::kMigrator, reservation.workloads));
    return migrator_.reservations().Release(request.token());
  }
  if (!request.token().empty()) return InvalidField("workload", "cannot be combined with token");
  NL_ASSIGN_OR_RETURN(const WorkloadSelector selector, FromProto(request.workload()));
  call.On(selector.ToString());
  NL_ASSIGN_OR_RETURN(const std::vector<Workload> workloads, finder_.Find(selector));
  NL_RETURN_IF_ERROR(access.CheckAll(Role::kAdmin, workloads));
  return migrator_.reservations().ReleaseAll(workloads);
}

absl::Status MigrationService::Reserve(Call& call, const v1::ReserveWorkloadRequest& request,
                                       v1::ReserveWorkloadResponse& response) {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_RETURN_IF_ERROR(access.CheckKnown());
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
    NL_ASSIGN_OR_RETURN(const Reservation held, migrator_.reservations().Find(wanted.token));
    NL_RETURN_IF_ERROR(access.CheckAll(Role::kMigrator, held.workloads));
  }
  NL_ASSIGN_OR_RETURN(const Reservation reservation, migrator_.Reserve(wanted));
  call.On(reservation.workloads);
  response.set_token(reservation.token);
  *response.mutable_expire_time() = ToProto(reservation.expire_time);
  for (const Workload& workload : reservation.workloads) {
    ToProto(workload, *response.add_workloads());
  }
  return absl::OkStatus();
}

absl::Status MigrationService::List(const Call& call, const v1::ListMigrationsRequest& request,
                                    v1::ListMigrationsResponse& response) const {
  NL_ASSIGN_OR_RETURN(const Access access, call.access());
  NL_RETURN_IF_ERROR(access.CheckKnown());
  NL_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  NL_ASSIGN_OR_RETURN(std::string after, DecodePageToken(kMigrationPageOf, request.page_token()));
  while (true) {
    const auto migrations = migrator_.ListBefore(after, kRecordsAtOnce);
    if (absl::IsNotFound(migrations.status())) {
      return InvalidField("page_token",
                          "its migration record has been removed; start again with the first page");
    }
    if (!migrations.ok()) return migrations.status();
    for (const Migration& migration : *migrations) {
      if (!access.CheckSee(migration).ok()) continue;
      // One more shows that there is another page.
      if (static_cast<size_t>(response.migrations_size()) == page_size) {
        response.set_next_page_token(
            EncodePageToken(kMigrationPageOf, response.migrations().rbegin()->id()));
        return absl::OkStatus();
      }
      ToProto(migration, *response.add_migrations());
    }
    if (migrations->size() < kRecordsAtOnce) return absl::OkStatus();
    after = migrations->back().id;
  }
}

}  // namespace numalocality
