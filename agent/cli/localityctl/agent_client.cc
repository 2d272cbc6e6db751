#include "agent/cli/localityctl/agent_client.h"

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

using Agent = v1::AgentService::StubInterface;
using Placement = v1::PlacementService::StubInterface;
using Migrations = v1::MigrationService::StubInterface;

absl::Status WithHint(const absl::Status& status, absl::string_view hint) {
  return absl::Status(status.code(), absl::StrCat(status.message(), hint));
}

}  // namespace

AgentClient::AgentClient(const std::string& endpoint, absl::Duration timeout)
    : endpoint_(endpoint), timeout_(timeout) {
  const auto channel = grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials());
  agent_ = v1::AgentService::NewStub(channel);
  placement_ = v1::PlacementService::NewStub(channel);
  migration_ = v1::MigrationService::NewStub(channel);
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> AgentClient::Call(Stub& stub,
                                           grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                        const Request&, Response*),
                                           const Request& request) const {
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout_));
  Response response;
  NL_RETURN_IF_ERROR(ToStatus((stub.*method)(&context, request, &response)));
  return response;
}

absl::StatusOr<v1::GetTopologyResponse> AgentClient::GetTopology() {
  return Call(*placement_, &Placement::GetTopology, v1::GetTopologyRequest());
}

absl::StatusOr<v1::GetPlacementResponse> AgentClient::GetPlacement(
    const v1::GetPlacementRequest& request) {
  return Call(*placement_, &Placement::GetPlacement, request);
}

absl::StatusOr<v1::GetStatusResponse> AgentClient::GetStatus() {
  return Call(*agent_, &Agent::GetStatus, v1::GetStatusRequest());
}

absl::StatusOr<v1::CreateMigrationResponse> AgentClient::CreateMigration(
    const v1::CreateMigrationRequest& request) {
  return Call(*migration_, &Migrations::CreateMigration, request);
}

absl::StatusOr<v1::CancelMigrationResponse> AgentClient::CancelMigration(const std::string& id) {
  v1::CancelMigrationRequest request;
  request.set_id(id);
  return Call(*migration_, &Migrations::CancelMigration, request);
}

absl::StatusOr<v1::ListPlacementsResponse> AgentClient::ListPlacements(v1::PlacementView view) {
  v1::ListPlacementsRequest request;
  request.set_view(view);
  v1::ListPlacementsResponse all;
  do {
    NL_ASSIGN_OR_RETURN(const auto page, Call(*placement_, &Placement::ListPlacements, request));
    all.mutable_placements()->MergeFrom(page.placements());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::ListMigrationsResponse> AgentClient::ListMigrations() {
  v1::ListMigrationsRequest request;
  v1::ListMigrationsResponse all;
  do {
    NL_ASSIGN_OR_RETURN(const auto page, Call(*migration_, &Migrations::ListMigrations, request));
    all.mutable_migrations()->MergeFrom(page.migrations());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return all;
}

absl::StatusOr<v1::Migration> AgentClient::WatchMigration(
    const std::string& id, absl::FunctionRef<void(const v1::Migration&)> on_change) {
  v1::WatchMigrationRequest request;
  request.set_id(id);
  grpc::ClientContext context;
  const auto stream = migration_->WatchMigration(&context, request);
  v1::WatchMigrationResponse response;
  while (stream->Read(&response)) on_change(response.migration());
  NL_RETURN_IF_ERROR(ToStatus(stream->Finish()));
  // The stream's contract: it ends well only with the final state.
  return response.migration();
}

absl::Status AgentClient::ToStatus(const grpc::Status& status) const {
  if (status.ok()) return absl::OkStatus();
  constexpr char kHint[] = "; is numa-locality-agent running? --endpoint names another socket";
  const std::string agent = absl::StrCat("the agent at ", endpoint_);
  const std::string path(absl::StripPrefix(endpoint_, "unix:"));
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    // gRPC says the same in words of its own, which no program should read.
    if (access(path.c_str(), R_OK | W_OK) != 0) {
      const absl::Status denied = ErrnoStatus(errno, absl::StrCat("cannot reach ", agent));
      if (!absl::IsPermissionDenied(denied)) return WithHint(denied, kHint);
      return WithHint(denied, "; run as root, or as a user who may use that socket");
    }
    return absl::UnavailableError(
        absl::StrCat("cannot reach ", agent, ": ", status.error_message(), kHint));
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(absl::StrCat(agent, " did not answer within ",
                                                    absl::FormatDuration(timeout_),
                                                    "; --timeout allows more"));
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

}  // namespace numalocality
