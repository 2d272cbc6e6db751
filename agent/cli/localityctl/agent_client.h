// The agent's gRPC API as blocking methods that return absl::Status.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_AGENT_CLIENT_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_AGENT_CLIENT_H_

#include <google/protobuf/util/time_util.h>
#include <grpc/support/time.h>
#include <grpcpp/support/status.h>

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "numalocality/v1/agent.pb.h"
#include "numalocality/v1/migration.pb.h"
#include "numalocality/v1/placement.pb.h"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace numalocality::localityctl {

// `duration` as the API has it.
inline google::protobuf::Duration ToProto(absl::Duration duration) {
  return google::protobuf::util::TimeUtil::NanosecondsToDuration(
      absl::ToInt64Nanoseconds(duration));
}

// A client of one agent. Its methods return the agent's errors; UNAVAILABLE if the agent cannot be
// reached, PERMISSION_DENIED if this user may not use its socket, DEADLINE_EXCEEDED if a call takes
// longer than the timeout. Messages name the endpoint and what to do. If the agent is lost after it
// was connected, watches and the calls that have a request ID try again (see Reconnect).
class AgentClient {
 public:
  // Connects with the first call. `endpoint` appears in error messages only. `timeout` limits each
  // call except the watches. `clock`, which outlives the client, is that of limits of several calls
  // together and of pauses between attempts.
  AgentClient(const std::string& endpoint, const std::shared_ptr<grpc::Channel>& channel,
              absl::Duration timeout, const Clock& clock = Clock::System());
  AgentClient(const std::string& unix_endpoint, absl::Duration timeout,
              const Clock& clock = Clock::System());

  // This client with `limit` for all its calls together, watches excepted, from now on.
  AgentClient Within(absl::Duration limit) const;

  absl::StatusOr<v1::GetTopologyResponse> GetTopology();
  absl::StatusOr<v1::GetPlacementResponse> GetPlacement(const v1::GetPlacementRequest& request);
  absl::StatusOr<v1::ExplainPlacementResponse> ExplainPlacement(
      const v1::ExplainPlacementRequest& request);
  // The request should have a request ID, so that trying again is safe.
  absl::StatusOr<v1::CreateMigrationResponse> CreateMigration(
      const v1::CreateMigrationRequest& request);
  absl::StatusOr<v1::GetStatusResponse> GetStatus();
  absl::StatusOr<v1::GetConfigurationResponse> GetConfiguration();
  absl::StatusOr<v1::CancelMigrationResponse> CancelMigration(const std::string& id);
  // As CreateMigration; a request with a token needs no request ID.
  absl::StatusOr<v1::ReserveWorkloadResponse> ReserveWorkload(
      const v1::ReserveWorkloadRequest& request);
  absl::StatusOr<v1::ReleaseWorkloadResponse> ReleaseWorkload(
      const v1::ReleaseWorkloadRequest& request);
  absl::StatusOr<v1::ListReservationsResponse> ListReservations();

  // The pages of the list joined into one response.
  absl::StatusOr<v1::ListPlacementsResponse> ListPlacements(v1::PlacementView view);
  absl::StatusOr<v1::ListMigrationsResponse> ListMigrations(v1::Detail detail);

  // Calls `on_change` with each change of the migration until it ends. Returns its final state.
  absl::StatusOr<v1::Migration> WatchMigration(
      const std::string& id, absl::FunctionRef<void(const v1::Migration&)> on_change);

  // Calls `on_change` with each change of placements, after a reconnection with a resync first.
  // Returns OK when `on_change` returns false.
  absl::Status WatchPlacements(
      absl::FunctionRef<bool(const v1::WatchPlacementsResponse&)> on_change);

 private:
  struct Stubs;  // the generated stubs, whose headers are large

  // Calls `method` of the generated stub with a deadline.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) const;
  // The same, again if the agent is lost.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Persist(Stub& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                                   const Request& request) const;
  // Reads the stream of `open` until `on_message` returns false or the stream ends with OK.
  template <typename Message, typename Open, typename OnMessage>
  absl::Status Watch(const Open& open, const OnMessage& on_message) const;
  // Connects. False if that fails.
  bool Connect() const;
  // When a call that begins now must have ended.
  gpr_timespec Deadline() const;
  absl::Status ToStatus(const grpc::Status& status) const;
  // The error for UNAVAILABLE: `why` with the endpoint and advice.
  absl::Status OutOfReach(const std::string& why) const;

  std::string endpoint_;
  absl::Duration timeout_;
  absl::Duration deadline_ = absl::InfiniteDuration();  // of all calls; monotonic
  const Clock* clock_;
  std::shared_ptr<grpc::Channel> channel_;  // copies of a client share it and the stubs
  std::shared_ptr<Stubs> stubs_;
};

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_AGENT_CLIENT_H_
