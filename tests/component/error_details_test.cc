// Details of errors as a client reads them, from the trailer that gRPC keeps for them.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/engine/migrate/migrator.h"
#include "agent/rpc/server.h"
#include "numalocality/errors/v1/error_details.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::error_details_test {
namespace {

using ::testing::HasSubstr;

errors::v1::ErrorStatus DetailsIn(const grpc::Status& status) {
  errors::v1::ErrorStatus details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  EXPECT_EQ(details.message(), status.error_message());
  return details;
}

// The detail of this type.
template <typename Message>
Message Find(const errors::v1::ErrorStatus& status, const std::string& type) {
  Message message;
  for (const auto& detail : status.details()) {
    if (detail.type_url() != "type.googleapis.com/google.rpc." + type) continue;
    EXPECT_TRUE(message.ParseFromString(detail.value()));
    return message;
  }
  ADD_FAILURE() << "no " << type << " in " << status.ShortDebugString();
  return message;
}

// One process, and a migrator that has not started: its migrations wait.
class ErrorDetailsTest : public testing::Test {
 protected:
  ErrorDetailsTest() {
    const auto process = machine_.AddProcess(100, "4-7", "/job");
    process->AddPages(0x10000000, 10, 0);
    machine_.Publish(*process);
    machine_.AddCgroup("/job", {100});
    request_.add_workloads()->set_cgroup_path("/job");
    auto server = Server::Start(socket_, {context_, migrator_, board_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    migrations_ = v1::MigrationService::NewStub(
        grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials()));
  }
  ~ErrorDetailsTest() override { server_->Shutdown(absl::ZeroDuration()); }

  grpc::Status Create() {
    grpc::ClientContext context;
    return migrations_->CreateMigration(&context, request_, &response_);
  }

  FakeMachine machine_;
  const EngineContext context_ = machine_.context();
  Migrator migrator_{context_, nullptr};
  ReportBoard board_{Clock::System()};
  const std::string socket_ = machine_.tree().Path("run/agent.sock");
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::MigrationService::Stub> migrations_;
  v1::CreateMigrationRequest request_;
  v1::CreateMigrationResponse response_;
};

TEST_F(ErrorDetailsTest, ABusyWorkloadNamesItsMigration) {
  ASSERT_TRUE(Create().ok());
  const grpc::Status refused = Create();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ABORTED);
  const auto info = Find<errors::v1::ErrorInfo>(DetailsIn(refused), "ErrorInfo");
  EXPECT_EQ(info.reason(), "MIGRATION_RUNNING");
  EXPECT_EQ(info.domain(), "numa-locality.io");
  EXPECT_EQ(info.metadata().at("migration_id"), response_.migration().id());
}

TEST_F(ErrorDetailsTest, AReservationNamesItsOwnerAndItsEnd) {
  v1::ReserveWorkloadRequest reserve;
  reserve.mutable_workload()->set_cgroup_path("/job");
  reserve.mutable_ttl()->set_seconds(60);
  reserve.set_owner("a controller");
  {
    grpc::ClientContext context;
    v1::ReserveWorkloadResponse response;
    ASSERT_TRUE(migrations_->ReserveWorkload(&context, reserve, &response).ok());
  }
  const grpc::Status refused = Create();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ABORTED);
  const errors::v1::ErrorStatus details = DetailsIn(refused);
  const auto info = Find<errors::v1::ErrorInfo>(details, "ErrorInfo");
  EXPECT_EQ(info.reason(), "RESERVED");
  EXPECT_EQ(info.metadata().at("owner"), "a controller");
  EXPECT_THAT(refused.error_message(), HasSubstr(info.metadata().at("expire_time")));
  EXPECT_EQ(Find<errors::v1::RetryInfo>(details, "RetryInfo").retry_delay().seconds(), 60);
}

TEST_F(ErrorDetailsTest, AReusedRequestIdNamesItsMigration) {
  request_.set_request_id("one");
  ASSERT_TRUE(Create().ok());
  request_.add_target_node_ids(1);
  const grpc::Status refused = Create();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  const auto info = Find<errors::v1::ErrorInfo>(DetailsIn(refused), "ErrorInfo");
  EXPECT_EQ(info.reason(), "REQUEST_ID_USED");
  EXPECT_EQ(info.metadata().at("migration_id"), response_.migration().id());
}

TEST_F(ErrorDetailsTest, AnInvalidFieldIsNamed) {
  request_.add_node_map();
  const errors::v1::ErrorStatus details = DetailsIn(Create());
  EXPECT_EQ(Find<errors::v1::ErrorInfo>(details, "ErrorInfo").reason(), "INVALID_FIELD");
  const auto bad = Find<errors::v1::BadRequest>(details, "BadRequest");
  ASSERT_EQ(bad.field_violations_size(), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "node_map");
  EXPECT_THAT(bad.field_violations(0).description(), HasSubstr("lacks source_node_id"));
}

TEST_F(ErrorDetailsTest, OtherErrorsHaveNone) {
  request_.mutable_workloads(0)->set_cgroup_path("/none");
  EXPECT_EQ(Create().error_details(), "");
}

}  // namespace
}  // namespace numalocality::error_details_test
