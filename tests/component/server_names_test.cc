// Names of pods in the API's requests and responses.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/workload/name_directory.h"
#include "agent/rpc/server.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/fake_name_source.h"

namespace numalocality::server_names_test {
namespace {

using ::testing::HasSubstr;

constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
constexpr char kPodName[] = "namespaces/shop/pods/db-0";

// A pod of one container, process 100, and a source that knows its names.
class ServerNamesTest : public ::testing::Test {
 protected:
  ServerNamesTest() {
    const std::string cgroup = std::string("/kubepods/pod") + kUid + "/" + std::string(64, 'a');
    machine_.Publish(*machine_.AddProcess(100, "0-3", cgroup));
    machine_.AddCgroup(cgroup, {100});
    source_->known = {{std::string(64, 'a'), kUid, {{"shop", "db-0", "mysql"}, PodMetadata(), {}}}};
    // What the self-test examines.
    machine_.AddProcess(1);
    machine_.tree().Write("proc/self/status", "CapEff:\t0\nSeccomp:\t0\nMems_allowed_list:\t0\n");
    machine_.tree().Write("proc/self/ns/pid", "");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    auto server = Server::Start(sockets_.Path("own/agent.sock"), {context_, migrator_, board_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = grpc::CreateChannel("unix:" + sockets_.Path("own/agent.sock"),
                                   grpc::InsecureChannelCredentials());
  }
  ~ServerNamesTest() override { server_->Shutdown(absl::ZeroDuration()); }

  static std::vector<std::unique_ptr<NameSource>> Vector(FakeNameSource*& source) {
    std::vector<std::unique_ptr<NameSource>> sources;
    sources.push_back(std::make_unique<FakeNameSource>("cri"));
    source = static_cast<FakeNameSource*>(sources.back().get());
    return sources;
  }

  grpc::Status GetPlacement(const std::string& resource_name) {
    grpc::ClientContext context;
    v1::GetPlacementRequest request;
    request.mutable_workload()->set_resource_name(resource_name);
    return v1::PlacementService::NewStub(channel_)->GetPlacement(&context, request, &placement_);
  }

  FakeMachine machine_;
  TempTree sockets_;
  FakeNameSource* source_ = nullptr;
  NameDirectory names_{Vector(source_), Clock::System()};
  const EngineContext context_{machine_.kernel(), Clock::System(), machine_.host(), {},
                               nullptr,           &names_};
  Migrator migrator_{context_};
  ReportBoard board_{Clock::System()};
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  v1::GetPlacementResponse placement_;
};

TEST_F(ServerNamesTest, APodIsFoundByName) {
  names_.ReadAll();
  for (const char* rest : {"", "/containers/mysql"}) {
    const grpc::Status status = GetPlacement(std::string(kPodName) + rest);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(placement_.placements_size(), 1);
    const v1::Workload& workload = placement_.placements(0).workload();
    EXPECT_EQ(workload.pod_namespace(), "shop");
    EXPECT_EQ(workload.pod_name(), "db-0");
    EXPECT_EQ(workload.container_name(), "mysql");
    EXPECT_EQ(workload.pod_uid(), kUid);
  }
  EXPECT_EQ(GetPlacement("namespaces/shop/pods/db-1").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GetPlacement("shop/db-0").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServerNamesTest, WithoutNamesTheErrorSaysWhy) {
  source_->status = absl::UnavailableError("nobody listens");
  names_.ReadAll();
  const grpc::Status status = GetPlacement(kPodName);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("fake cri: nobody listens"));
  EXPECT_THAT(status.error_message(), HasSubstr("localityctl doctor"));
}

TEST_F(ServerNamesTest, MigrationsAreOfNamedWorkloads) {
  names_.ReadAll();
  grpc::ClientContext context;
  v1::CreateMigrationRequest request;
  request.add_workloads()->set_resource_name(kPodName);
  v1::CreateMigrationResponse response;
  const grpc::Status status =
      v1::MigrationService::NewStub(channel_)->CreateMigration(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.migration().workloads(0).workload().pod_name(), "db-0");
}

TEST_F(ServerNamesTest, ProtectedPodsMoveOnlyIfTheRequestOverridesThat) {
  names_.ReadAll();
  HostLimits limits;
  limits.protected_namespaces = {"shop"};
  migrator_.SetLimits(limits, 0);
  v1::CreateMigrationRequest request;
  request.add_workloads()->set_resource_name(kPodName);
  const auto create = [&] {
    grpc::ClientContext context;
    v1::CreateMigrationResponse response;
    return v1::MigrationService::NewStub(channel_)->CreateMigration(&context, request, &response);
  };
  const grpc::Status refused = create();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("namespace shop is in protectedNamespaces"));
  request.set_override_protection(true);
  ::testing::internal::CaptureStdout();  // where the default logger writes
  const grpc::Status moved = create();
  EXPECT_TRUE(moved.ok()) << moved.error_message();
  const std::string log = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(log, HasSubstr("protection overridden"));
  EXPECT_THAT(log, HasSubstr("audit method=CreateMigration by=\"uid:"));
}

TEST_F(ServerNamesTest, StatusShowsTheSource) {
  for (const v1::SourceState state :
       {v1::SOURCE_STATE_ABSENT, v1::SOURCE_STATE_OK, v1::SOURCE_STATE_ERROR}) {
    if (state == v1::SOURCE_STATE_OK) names_.ReadAll();
    if (state == v1::SOURCE_STATE_ERROR) {
      source_->status = absl::UnavailableError("nobody\xfflistens");
      names_.Nudge();
      Clock::System().Sleep(NameDirectory::kShortest);
      names_.ReadAll();
    }
    grpc::ClientContext context;
    v1::GetStatusResponse status;
    const grpc::Status got = v1::AgentService::NewStub(channel_)->GetStatus(&context, {}, &status);
    ASSERT_TRUE(got.ok()) << got.error_message();
    ASSERT_EQ(status.sources_size(), 2) << "the runtime, which is not there, and this one";
    EXPECT_EQ(status.sources(1).name(), "fake cri");
    EXPECT_EQ(status.sources(1).address(), "/run/cri");
    EXPECT_EQ(status.sources(1).state(), state);
  }
}

}  // namespace
}  // namespace numalocality::server_names_test
