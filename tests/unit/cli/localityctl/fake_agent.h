// An agent that gives the answers that a test sets, on its own socket.
#ifndef NUMALOCALITY_TESTS_UNIT_CLI_LOCALITYCTL_FAKE_AGENT_H_
#define NUMALOCALITY_TESTS_UNIT_CLI_LOCALITYCTL_FAKE_AGENT_H_

#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::localityctl {

// Set the answers before the first call, read the requests after it.
class FakeAgent final : public v1::PlacementService::Service,
                        public v1::MigrationService::Service,
                        public v1::AgentService::Service {
 public:
  FakeAgent();
  // Listens on this unix socket.
  explicit FakeAgent(const std::string& unix_endpoint);
  // Listens on a free port of this IPv4 address.
  FakeAgent(const std::string& ip, const std::shared_ptr<grpc::ServerCredentials>& credentials);
  ~FakeAgent() override;

  const std::string& endpoint() const { return endpoint_; }

  grpc::Status status;  // what every call ends with
  // What the first calls end with: of CreateMigration, ReserveWorkload, GetPlacement and the
  // watches.
  std::deque<grpc::Status> first_statuses;
  grpc::Status placement_status;  // the same, of calls about one workload's placement, if not OK
  std::vector<v1::ListPlacementsResponse> placement_pages;
  v1::GetPlacementResponse placement;
  std::vector<v1::Migration> migration_states;  // what a watcher sees; the last is the record

  v1::GetTopologyResponse topology;
  v1::ListMigrationsResponse migrations;
  v1::GetStatusResponse agent_status;
  v1::GetConfigurationResponse configuration;
  v1::ExplainPlacementResponse explanation;
  std::vector<v1::WatchPlacementsResponse> placement_changes;  // then the stream ends
  v1::Migration plan;                                          // for validate_only
  v1::ReserveWorkloadResponse reservation;

  v1::GetPlacementRequest placement_request;
  v1::CreateMigrationRequest create_request;                // the last one
  std::vector<v1::CreateMigrationRequest> create_requests;  // all
  v1::ExplainPlacementRequest explain_request;
  v1::ReserveWorkloadRequest reserve_request;
  v1::ReleaseWorkloadRequest release_request;
  v1::ListMigrationsRequest list_migrations_request;

  grpc::Status GetTopology(grpc::ServerContext* context, const v1::GetTopologyRequest* request,
                           v1::GetTopologyResponse* response) override;
  grpc::Status ListMigrations(grpc::ServerContext* context,
                              const v1::ListMigrationsRequest* request,
                              v1::ListMigrationsResponse* response) override;
  grpc::Status ListPlacements(grpc::ServerContext* context,
                              const v1::ListPlacementsRequest* request,
                              v1::ListPlacementsResponse* response) override;
  grpc::Status GetPlacement(grpc::ServerContext* context, const v1::GetPlacementRequest* request,
                            v1::GetPlacementResponse* response) override;
  grpc::Status ExplainPlacement(grpc::ServerContext* context,
                                const v1::ExplainPlacementRequest* request,
                                v1::ExplainPlacementResponse* response) override;
  grpc::Status WatchPlacements(grpc::ServerContext* context,
                               const v1::WatchPlacementsRequest* request,
                               grpc::ServerWriter<v1::WatchPlacementsResponse>* writer) override;
  grpc::Status ReserveWorkload(grpc::ServerContext* context,
                               const v1::ReserveWorkloadRequest* request,
                               v1::ReserveWorkloadResponse* response) override;
  grpc::Status ReleaseWorkload(grpc::ServerContext* context,
                               const v1::ReleaseWorkloadRequest* request,
                               v1::ReleaseWorkloadResponse* response) override;
  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;
  grpc::Status GetConfiguration(grpc::ServerContext* context,
                                const v1::GetConfigurationRequest* request,
                                v1::GetConfigurationResponse* response) override;
  grpc::Status CreateMigration(grpc::ServerContext* context,
                               const v1::CreateMigrationRequest* request,
                               v1::CreateMigrationResponse* response) override;
  grpc::Status WatchMigration(grpc::ServerContext* context,
                              const v1::WatchMigrationRequest* request,
                              grpc::ServerWriter<v1::WatchMigrationResponse>* writer) override;

 private:
  void Start(const std::string& address,
             const std::shared_ptr<grpc::ServerCredentials>& credentials, int* port);
  // The next of `first_statuses`, then `status`.
  grpc::Status NextStatus();

  TempTree tree_;
  std::string endpoint_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_TESTS_UNIT_CLI_LOCALITYCTL_FAKE_AGENT_H_
