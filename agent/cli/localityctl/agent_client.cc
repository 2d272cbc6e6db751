#include "agent/cli/localityctl/agent_client.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/cli/localityctl/connection.h"
#include "agent/cli/localityctl/reconnect.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"

namespace numalocality::localityctl {
namespace {

using Agent = v1::AgentService::StubInterface;
using Placement = v1::PlacementService::StubInterface;
using Migrations = v1::MigrationService::StubInterface;

// gRPC reports the reason only as text. For an unknown text the advice names every likely cause.
absl::string_view TlsHint(absl::string_view why) {
  if (absl::StrContains(why, "Hostname Verification Check failed") ||
      absl::StrContains(why, "is not in peer certificate")) {
    return "; the agent's certificate is for another name: give that name with --server-name";
  }
  if (absl::StrContains(why, "certificate verify failed")) {
    return "; the agent's certificate has expired, or its CA is not the one in --ca";
  }
  if (absl::StrContains(why, "Connection refused")) {
    return "; check that the agent's network API is on (numa-locality-front runs, in Kubernetes "
           "networkApi.enabled) and has this port";
  }
  return "; check that the agent has a network API at this address";
}

}  // namespace

struct AgentClient::Stubs {
  std::unique_ptr<Agent> agent;
  std::unique_ptr<Placement> placement;
  std::unique_ptr<Migrations> migration;
};

AgentClient::AgentClient(const std::string& unix_endpoint, absl::Duration timeout,
                         const Clock& clock)
    : AgentClient(unix_endpoint, OpenUnixChannel(unix_endpoint), timeout, clock) {}

AgentClient::AgentClient(const std::string& endpoint, const std::shared_ptr<grpc::Channel>& channel,
                         absl::Duration timeout, const Clock& clock)
    : endpoint_(endpoint),
      timeout_(timeout),
      clock_(&clock),
      channel_(channel),
      stubs_(std::make_shared<Stubs>(Stubs{v1::AgentService::NewStub(channel),
                                           v1::PlacementService::NewStub(channel),
                                           v1::MigrationService::NewStub(channel)})) {}

AgentClient AgentClient::Within(absl::Duration limit) const {
  AgentClient limited = *this;
  limited.deadline_ = clock_->Monotonic() + limit;
  return limited;
}

gpr_timespec AgentClient::Deadline() const {
  const absl::Duration left = std::min(timeout_, deadline_ - clock_->Monotonic());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(absl::ToInt64Milliseconds(left), GPR_TIMESPAN));
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> AgentClient::Call(Stub& stub,
                                           grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                        const Request&, Response*),
                                           const Request& request) const {
  grpc::ClientContext context;
  context.set_deadline(Deadline());
  Response response;
  NL_RETURN_IF_ERROR(ToStatus((stub.*method)(&context, request, &response)));
  return response;
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> AgentClient::Persist(
    Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request) const {
  Reconnect reconnect(*clock_, timeout_);
  if (Connect()) reconnect.Reached();
  while (true) {
    auto response = Call(stub, method, request);
    const absl::Status& status = response.status();
    if (absl::IsUnavailable(status) && reconnect.WaitAfter(status)) continue;
    return response;
  }
}

bool AgentClient::Connect() const {
  const gpr_timespec deadline = Deadline();
  grpc_connectivity_state state = channel_->GetState(true);
  while (state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING) {
    if (!channel_->WaitForStateChange(state, deadline)) return false;
    state = channel_->GetState(true);
  }
  return state == GRPC_CHANNEL_READY;
}

absl::StatusOr<v1::GetTopologyResponse> AgentClient::GetTopology() {
  return Call(*stubs_->placement, &Placement::GetTopology, v1::GetTopologyRequest());
}

absl::StatusOr<v1::GetPlacementResponse> AgentClient::GetPlacement(
    const v1::GetPlacementRequest& request) {
  return Call(*stubs_->placement, &Placement::GetPlacement, request);
}

absl::StatusOr<v1::ExplainPlacementResponse> AgentClient::ExplainPlacement(
    const v1::ExplainPlacementRequest& request) {
  return Call(*stubs_->placement, &Placement::ExplainPlacement, request);
}

absl::StatusOr<v1::GetStatusResponse> AgentClient::GetStatus() {
  return Call(*stubs_->agent, &Agent::GetStatus, v1::GetStatusRequest());
}

absl::StatusOr<v1::GetConfigurationResponse> AgentClient::GetConfiguration() {
  return Call(*stubs_->agent, &Agent::GetConfiguration, v1::GetConfigurationRequest());
}

absl::StatusOr<v1::CreateMigrationResponse> AgentClient::CreateMigration(
    const v1::CreateMigrationRequest& request) {
  return Persist(*stubs_->migration, &Migrations::CreateMigration, request);
}

absl::StatusOr<v1::CancelMigrationResponse> AgentClient::CancelMigration(const std::string& id) {
  v1::CancelMigrationRequest request;
  request.set_id(id);
  return Call(*stubs_->migration, &Migrations::CancelMigration, request);
}

absl::StatusOr<v1::ReserveWorkloadResponse> AgentClient::ReserveWorkload(
    const v1::ReserveWorkloadRequest& request) {
  return Persist(*stubs_->migration, &Migrations::ReserveWorkload, request);
}

absl::StatusOr<v1::ReleaseWorkloadResponse> AgentClient::ReleaseWorkload(
    const v1::ReleaseWorkloadRequest& request) {
  return Call(*stubs_->migration, &Migrations::ReleaseWorkload, request);
}

absl::StatusOr<v1::ListReservationsResponse> AgentClient::ListReservations() {
  return Call(*stubs_->migration, &Migrations::ListReservations, v1::ListReservationsRequest());
}

absl::StatusOr<v1::ListPlacementsResponse> AgentClient::ListPlacements(v1::PlacementView view) {
  v1::ListPlacementsRequest request;
  request.set_view(view);
  v1::ListPlacementsResponse all;
  do {
    NL_ASSIGN_OR_RETURN(const auto page,
                        Call(*stubs_->placement, &Placement::ListPlacements, request));
    all.mutable_placements()->MergeFrom(page.placements());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::ListMigrationsResponse> AgentClient::ListMigrations(v1::Detail detail) {
  v1::ListMigrationsRequest request;
  request.set_detail(detail);
  v1::ListMigrationsResponse all;
  do {
    NL_ASSIGN_OR_RETURN(const auto page,
                        Call(*stubs_->migration, &Migrations::ListMigrations, request));
    all.mutable_migrations()->MergeFrom(page.migrations());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

template <typename Message, typename Open, typename OnMessage>
absl::Status AgentClient::Watch(const Open& open, const OnMessage& on_message) const {
  Reconnect reconnect(*clock_, kWatchPatience);
  if (Connect()) reconnect.Reached();
  while (true) {
    grpc::ClientContext context;
    const auto stream = open(&context);
    Message message;
    while (stream->Read(&message)) {
      reconnect.Reached();
      if (on_message(message)) continue;
      context.TryCancel();
      return absl::OkStatus();
    }
    absl::Status end = ToStatus(stream->Finish());
    if (end.ok() || !reconnect.WaitAfter(end)) return end;
  }
}

absl::StatusOr<v1::Migration> AgentClient::WatchMigration(
    const std::string& id, absl::FunctionRef<void(const v1::Migration&)> on_change) {
  v1::WatchMigrationRequest request;
  request.set_id(id);
  v1::Migration last;
  NL_RETURN_IF_ERROR(Watch<v1::WatchMigrationResponse>(
      [&](grpc::ClientContext* context) {
        return stubs_->migration->WatchMigration(context, request);
      },
      [&](const v1::WatchMigrationResponse& response) {
        if (!response.has_migration()) return true;  // a heartbeat
        last = response.migration();
        on_change(last);
        return true;
      }));
  // The API guarantees that the last message before OK has the final state.
  return last;
}

absl::Status AgentClient::WatchPlacements(
    absl::FunctionRef<bool(const v1::WatchPlacementsResponse&)> on_change) {
  bool is_enough = false;
  NL_RETURN_IF_ERROR(Watch<v1::WatchPlacementsResponse>(
      [&](grpc::ClientContext* context) {
        return stubs_->placement->WatchPlacements(context, v1::WatchPlacementsRequest());
      },
      [&](const v1::WatchPlacementsResponse& response) {
        is_enough = !on_change(response);
        return !is_enough;
      }));
  if (is_enough) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the agent at ", endpoint_, " ended the watch"));
}

absl::Status AgentClient::OutOfReach(const std::string& why) const {
  const std::string what = absl::StrCat("cannot reach the agent at ", endpoint_);
  if (!IsUnixEndpoint(endpoint_)) {
    return absl::UnavailableError(absl::StrCat(what, ": ", why, TlsHint(why)));
  }
  constexpr char kHint[] =
      "; check that numa-locality-agent runs, or name another socket with --endpoint";
  // errno distinguishes the reasons; gRPC reports them only as text.
  const std::string path(absl::StripPrefix(endpoint_, "unix:"));
  if (access(path.c_str(), R_OK | W_OK) != 0) {
    const absl::Status reason = ErrnoStatus(errno, what);
    if (absl::IsPermissionDenied(reason)) {
      return absl::PermissionDeniedError(
          absl::StrCat(reason.message(), "; run as root, or as a user who may use the socket"));
    }
    return absl::UnavailableError(absl::StrCat(reason.message(), kHint));
  }
  return absl::UnavailableError(absl::StrCat(what, ": ", why, kHint));
}

absl::Status AgentClient::ToStatus(const grpc::Status& status) const {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return OutOfReach(status.error_message());
  }
  if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    return absl::UnauthenticatedError(absl::StrCat(
        "the agent at ", endpoint_, " refuses the certificate in --cert: ", status.error_message(),
        "; check that it has not expired, is not revoked, and that a CA that the "
        "agent's front trusts (--client-ca) signed it"));
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(
        absl::StrCat("the agent at ", endpoint_, " did not answer within ",
                     absl::FormatDuration(timeout_), "; allow more time with --timeout"));
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace numalocality::localityctl
