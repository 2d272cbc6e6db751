// ExplainPlacement as a client sees it.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/engine/migrate/migrator.h"
#include "agent/rpc/server.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::explain_test {
namespace {

using ::testing::HasSubstr;

constexpr char kPod[] = "01234567-cccc-dddd-eeee-ffff00001111";

// A pod of two containers, whose CPUs are on node 1 and whose memory is on node 0.
class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    for (const pid_t pid : {100, 101}) {
      const std::string path = absl::StrCat("/kubepods/burstable/pod", kPod, "/",
                                            std::string(64, pid == 100 ? 'a' : 'b'));
      const auto process = machine_.AddProcess(pid, "4-7", path);
      process->AddPages(0x10000000, 1000, 0);
      machine_.Publish(*process);
      machine_.AddCgroup(path, {pid});
      machine_.WriteCgroupFile(path, "memory.numa_stat",
                               "anon N0=4096000 N1=0\nfile N0=8192 N1=0\nshmem N0=0 N1=0\n");
    }
    auto server = Server::Start(socket_, {context_, migrator_, board_});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    placements_ = v1::PlacementService::NewStub(
        grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials()));
  }
  ~ExplainTest() override { server_->Shutdown(absl::ZeroDuration()); }

  grpc::Status Explain(const v1::ExplainPlacementRequest& request) {
    grpc::ClientContext context;
    return placements_->ExplainPlacement(&context, request, &response_);
  }

  FakeMachine machine_;
  const EngineContext context_ = machine_.context();
  Migrator migrator_{context_, nullptr};
  ReportBoard board_{Clock::System()};
  const std::string socket_ = machine_.tree().Path("run/agent.sock");
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::PlacementService::Stub> placements_;
  v1::ExplainPlacementResponse response_;
};

TEST_F(ExplainTest, EveryContainerOfAPodIsExplained) {
  v1::ExplainPlacementRequest request;
  request.mutable_workload()->mutable_pod()->set_uid(kPod);
  request.set_complete(true);
  const grpc::Status status = Explain(request);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response_.explanations_size(), 2);
  const v1::PlacementExplanation& first = response_.explanations(0);
  EXPECT_EQ(first.placement().workload().container_id(), std::string(64, 'a'));
  EXPECT_EQ(first.placement().local_fraction(), 0);
  EXPECT_TRUE(first.complete());
  EXPECT_EQ(first.sampled_page_count(), 1000);
  EXPECT_EQ(first.error_bound(), 0);
  ASSERT_EQ(first.parts_size(), 2);
  EXPECT_EQ(first.parts(0).reason(), v1::REMOTE_REASON_REPAIRABLE);
  EXPECT_EQ(first.parts(0).bytes(), 4096000);
  EXPECT_THAT(first.parts(0).advice(), HasSubstr("localityctl migrate --container aaaaaaaaaaaa"));
  EXPECT_EQ(first.parts(1).reason(), v1::REMOTE_REASON_PAGE_CACHE);
  EXPECT_EQ(first.parts(1).bytes(), 8192);
}

TEST_F(ExplainTest, WhatIsNotThereIsNotFound) {
  v1::ExplainPlacementRequest request;
  EXPECT_EQ(Explain(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_workload()->set_pid(4);
  EXPECT_EQ(Explain(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace numalocality::explain_test
