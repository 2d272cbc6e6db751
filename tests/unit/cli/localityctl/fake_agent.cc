#include "tests/unit/cli/localityctl/fake_agent.h"

namespace numalocality::localityctl {

FakeAgent::FakeAgent() : endpoint_("unix:" + tree_.Path("agent.sock")) {
  Start(endpoint_, grpc::InsecureServerCredentials(), nullptr);
}

FakeAgent::FakeAgent(const std::string& unix_endpoint) : endpoint_(unix_endpoint) {
  Start(endpoint_, grpc::InsecureServerCredentials(), nullptr);
}

FakeAgent::FakeAgent(const std::string& ip,
                     const std::shared_ptr<grpc::ServerCredentials>& credentials) {
  int port = 0;
  Start(ip + ":0", credentials, &port);
  endpoint_ = ip + ":" + std::to_string(port);
}

void FakeAgent::Start(const std::string& address,
                      const std::shared_ptr<grpc::ServerCredentials>& credentials, int* port) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, credentials, port);
  builder.RegisterService(static_cast<v1::PlacementService::Service*>(this));
  builder.RegisterService(static_cast<v1::MigrationService::Service*>(this));
  builder.RegisterService(static_cast<v1::AgentService::Service*>(this));
  server_ = builder.BuildAndStart();
}

FakeAgent::~FakeAgent() { server_->Shutdown(); }

grpc::Status FakeAgent::NextStatus() {
  if (first_statuses.empty()) return status;
  const grpc::Status next = first_statuses.front();
  first_statuses.pop_front();
  return next;
}

grpc::Status FakeAgent::GetTopology(grpc::ServerContext*, const v1::GetTopologyRequest*,
                                    v1::GetTopologyResponse* response) {
  *response = topology;
  return status;
}

grpc::Status FakeAgent::ListMigrations(grpc::ServerContext*,
                                       const v1::ListMigrationsRequest* request,
                                       v1::ListMigrationsResponse* response) {
  list_migrations_request = *request;
  *response = migrations;
  return status;
}

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
  return placement_status.ok() ? NextStatus() : placement_status;
}

grpc::Status FakeAgent::ExplainPlacement(grpc::ServerContext*,
                                         const v1::ExplainPlacementRequest* request,
                                         v1::ExplainPlacementResponse* response) {
  explain_request = *request;
  *response = explanation;
  return placement_status.ok() ? status : placement_status;
}

grpc::Status FakeAgent::WatchPlacements(grpc::ServerContext*, const v1::WatchPlacementsRequest*,
                                        grpc::ServerWriter<v1::WatchPlacementsResponse>* writer) {
  for (const auto& change : placement_changes) writer->Write(change);
  return NextStatus();
}

grpc::Status FakeAgent::ReserveWorkload(grpc::ServerContext*,
                                        const v1::ReserveWorkloadRequest* request,
                                        v1::ReserveWorkloadResponse* response) {
  reserve_request = *request;
  *response = reservation;
  return NextStatus();
}

grpc::Status FakeAgent::ReleaseWorkload(grpc::ServerContext*,
                                        const v1::ReleaseWorkloadRequest* request,
                                        v1::ReleaseWorkloadResponse*) {
  release_request = *request;
  return status;
}

grpc::Status FakeAgent::GetStatus(grpc::ServerContext*, const v1::GetStatusRequest*,
                                  v1::GetStatusResponse* response) {
  *response = agent_status;
  return status;
}

grpc::Status FakeAgent::GetConfiguration(grpc::ServerContext*, const v1::GetConfigurationRequest*,
                                         v1::GetConfigurationResponse* response) {
  *response = configuration;
  return status;
}

grpc::Status FakeAgent::CreateMigration(grpc::ServerContext*,
                                        const v1::CreateMigrationRequest* request,
                                        v1::CreateMigrationResponse* response) {
  create_request = *request;
  create_requests.push_back(*request);
  if (request->validate_only()) {
    *response->mutable_migration() = plan;
  } else {
    response->mutable_migration()->set_id("m-1");
  }
  return NextStatus();
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
  return NextStatus();
}

}  // namespace numalocality::localityctl
