// An agent that answers what a test tells it to, on a socket of its own.
#ifndef NUMALOCALITY_TESTS_UNIT_CLI_FAKE_AGENT_H_
#define NUMALOCALITY_TESTS_UNIT_CLI_FAKE_AGENT_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality {

// Set the answers before the first call, read the requests after it.
class FakeAgent final : public v1::PlacementService::Service,
                        public v1::MigrationService::Service,
                        public v1::AgentService::Service {
 public:
  FakeAgent();
  ~FakeAgent() override;

  std::string endpoint() const { return "unix:" + tree_.Path("agent.sock"); }

  grpc::Status status;  // what every call ends with
  std::vector<v1::ListPlacementsResponse> placement_pages;
  v1::GetPlacementResponse placement;
  std::vector<v1::Migration> migration_states;  // what a watcher sees; the last is the record

  v1::GetStatusResponse agent_status;

  v1::GetPlacementRequest placement_request;
  v1::CreateMigrationRequest create_request;

  grpc::Status ListPlacements(grpc::ServerContext* context,
                              const v1::ListPlacementsRequest* request,
                              v1::ListPlacementsResponse* response) override;
  grpc::Status GetPlacement(grpc::ServerContext* context, const v1::GetPlacementRequest* request,
                            v1::GetPlacementResponse* response) override;
  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;
  grpc::Status CreateMigration(grpc::ServerContext* context,
                               const v1::CreateMigrationRequest* request,
                               v1::CreateMigrationResponse* response) override;
  grpc::Status WatchMigration(grpc::ServerContext* context,
                              const v1::WatchMigrationRequest* request,
                              grpc::ServerWriter<v1::WatchMigrationResponse>* writer) override;

 private:
  TempTree tree_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_CLI_FAKE_AGENT_H_
