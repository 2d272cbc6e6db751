// The agent as its callers see it: one method a call, errors as absl::Status with the endpoint and
// what to do about it.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_AGENT_CLIENT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_AGENT_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"

namespace numalocality::localityctl {

// Errors are the agent's; and UNAVAILABLE if it cannot be reached, PERMISSION_DENIED if its socket
// may not be used, DEADLINE_EXCEEDED if a call takes longer than the timeout.
class AgentClient {
 public:
  // `endpoint`: as `channel` was made for, or a unix socket's. Connects with the first call.
  // `timeout`: of each call but the watches.
  AgentClient(const std::string& endpoint, const std::shared_ptr<grpc::Channel>& channel,
              absl::Duration timeout);
  AgentClient(const std::string& unix_endpoint, absl::Duration timeout);

  absl::StatusOr<v1::GetTopologyResponse> GetTopology();
  absl::StatusOr<v1::GetPlacementResponse> GetPlacement(const v1::GetPlacementRequest& request);
  absl::StatusOr<v1::ExplainPlacementResponse> ExplainPlacement(
      const v1::ExplainPlacementRequest& request);
  absl::StatusOr<v1::CreateMigrationResponse> CreateMigration(
      const v1::CreateMigrationRequest& request);
  absl::StatusOr<v1::GetStatusResponse> GetStatus();
  absl::StatusOr<v1::GetPoliciesResponse> GetPolicies();
  absl::StatusOr<v1::CancelMigrationResponse> CancelMigration(const std::string& id);
  absl::StatusOr<v1::ReserveWorkloadResponse> ReserveWorkload(
      const v1::ReserveWorkloadRequest& request);
  absl::StatusOr<v1::ReleaseWorkloadResponse> ReleaseWorkload(
      const v1::ReleaseWorkloadRequest& request);

  // All pages of the list as one.
  absl::StatusOr<v1::ListPlacementsResponse> ListPlacements(v1::PlacementView view);
  absl::StatusOr<v1::ListMigrationsResponse> ListMigrations();

  // Calls `on_change` with the migration as it goes on, until it has ended; returns it then.
  absl::StatusOr<v1::Migration> WatchMigration(
      const std::string& id, absl::FunctionRef<void(const v1::Migration&)> on_change);

  // Calls `on_change` with every change of placements until that returns false: OK; or until the
  // agent ends the stream: UNAVAILABLE if it gave no other error.
  absl::Status WatchPlacements(
      absl::FunctionRef<bool(const v1::WatchPlacementsResponse&)> on_change);

 private:
  // `method`: of the generated stub, called with a deadline.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) const;
  absl::Status ToStatus(const grpc::Status& status) const;
  absl::Status OutOfReach(const std::string& why) const;

  std::string endpoint_;
  absl::Duration timeout_;
  std::unique_ptr<v1::AgentService::StubInterface> agent_;
  std::unique_ptr<v1::PlacementService::StubInterface> placement_;
  std::unique_ptr<v1::MigrationService::StubInterface> migration_;
};

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_AGENT_CLIENT_H_
