#include "tests/unit/cli/fake_agent.h"

namespace numalocality {

FakeAgent::FakeAgent() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(endpoint(), grpc::InsecureServerCredentials());
  builder.RegisterService(static_cast<v1::PlacementService::Service*>(this));
  builder.RegisterService(static_cast<v1::MigrationService::Service*>(this));
  builder.RegisterService(static_cast<v1::AgentService::Service*>(this));
  server_ = builder.BuildAndStart();
}

FakeAgent::~FakeAgent() { server_->Shutdown(); }

grpc::Status FakeAgent::ListPlacements(grpc::ServerContext*,
                                       const v1::ListPlacementsRequest* request,
                                       v1::ListPlacementsResponse* response) {
  const size_t page = request->page_token().empty() ? 0 : std::stoul(request->page_token());
  if (page < placement_pages.size()) *response = placement_pages[page];
  if (page + 1 < placement_pages.size()) response->set_next_page_token(std::to_string(page + 1));
  return status;
}

grpc::Status FakeAgent::GetPlacement(grpc::ServerContext*, const v1::GetPlacementRequest* request,
                                     v1::GetPlacementResponse* response) {
  placement_request = *request;
  *response = placement;
  return status;
}

grpc::Status FakeAgent::GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                                  v1::GetStatusResponse* response) {
  *response = agent_status;
  return status;
}

grpc::Status FakeAgent::CreateMigration(grpc::ServerContext*,
                                        const v1::CreateMigrationRequest* request,
                                        v1::CreateMigrationResponse* response) {
  create_request = *request;
  response->mutable_migration()->set_id("m-1");
  return status;
}

grpc::Status FakeAgent::WatchMigration(grpc::ServerContext*,
                                       const v1::WatchMigrationRequest* request,
                                       grpc::ServerWriter<v1::WatchMigrationResponse>* writer) {
  for (const v1::Migration& migration : migration_states) {
    v1::WatchMigrationResponse response;
    *response.mutable_migration() = migration;
    response.mutable_migration()->set_id(request->id());
    writer->Write(response);
  }
  return status;
}

}  // namespace numalocality
