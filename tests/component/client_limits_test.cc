// How much one client of the network may occupy, and for how long. The front is played by the test.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/model/error_details.h"
#include "agent/model/locality_report.h"
#include "agent/rpc/call_limits.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/component/two_namespaces.h"
#include "tests/component/wait.h"
#include "tests/unit/fake/gate.h"

namespace numalocality::client_limits_test {
namespace {

using ::testing::HasSubstr;

TEST(CallLimitsTest, EachClientHasItsOwn) {
  CallLimits limits({1, 2});
  EXPECT_TRUE(limits.Begin("a", CallKind::kUnary).ok());
  EXPECT_TRUE(limits.Begin("a", CallKind::kWatch).ok());
  EXPECT_TRUE(limits.Begin("a", CallKind::kWatch).ok());
  const absl::Status calls = limits.Begin("a", CallKind::kUnary);
  const absl::Status watches = limits.Begin("a", CallKind::kWatch);
  for (const auto& [refused, reason] : {std::pair{calls, ErrorReason::kTooManyCalls},
                                        std::pair{watches, ErrorReason::kTooManyWatches}}) {
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("client a has "));
    ASSERT_TRUE(DetailsOf(refused).has_value());
    EXPECT_EQ(DetailsOf(refused)->reason, reason);
    EXPECT_TRUE(DetailsOf(refused)->retry_after.has_value());
  }
  EXPECT_TRUE(limits.Begin("b", CallKind::kUnary).ok());
  limits.End("a", CallKind::kUnary);
  EXPECT_TRUE(limits.Begin("a", CallKind::kUnary).ok());
  limits.End("a", CallKind::kWatch);
  EXPECT_TRUE(limits.Begin("a", CallKind::kWatch).ok());
  EXPECT_EQ(limits.Counts().running_calls, 2);
  EXPECT_EQ(limits.Counts().running_watches, 2);
}

TEST(CallLimitsTest, AnswersAreCounted) {
  CallLimits limits({});
  limits.Answered("GetPlacement", absl::OkStatus());
  limits.Answered("GetPlacement", absl::OkStatus());
  limits.Answered("GetPlacement", InvalidField("workload", "is missing"));
  limits.Answered("GetPlacement", absl::NotFoundError("no such pod"));
  limits.Refused(InvalidField("call", "is missing"));
  const CallCounts counts = limits.Counts();
  EXPECT_EQ(counts.ended.at({"GetPlacement", absl::StatusCode::kOk}), 2);
  EXPECT_EQ(counts.ended.at({"GetPlacement", absl::StatusCode::kNotFound}), 1);
  EXPECT_EQ(counts.ended.size(), 3u);
  EXPECT_EQ(counts.refused.at(ErrorReason::kInvalidField), 2);
  EXPECT_EQ(counts.refused.size(), 1u);
}

// One watch of a client.
struct Watcher {
  Watcher(v1::PlacementService::Stub& stub, const std::string& header) {
    context.AddMetadata("x-client-certificate", header);
    reader = stub.WatchPlacements(&context, {});
  }
  // OK: it has received something.
  grpc::Status Next() const {
    v1::WatchPlacementsResponse message;
    return reader->Read(&message) ? grpc::Status::OK : reader->Finish();
  }

  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::WatchPlacementsResponse>> reader;
};

class ClientLimitsTest : public TwoNamespacesTest {
 protected:
  ClientLimitsTest() { board_.Publish(std::make_shared<LocalityReport>()); }

  std::string Header(const std::string& who) const {
    return PercentEncoded(ca_.Issue("spiffe://cluster/" + who).certificate);
  }

  grpc::Status Place(const std::string& header, v1::PlacementView view = {}) {
    grpc::ClientContext context;
    context.AddMetadata("x-client-certificate", header);
    v1::GetPlacementRequest request;
    *request.mutable_workload() = Pod(kShopPod);
    request.set_view(view);
    v1::GetPlacementResponse response;
    return placements_->GetPlacement(&context, request, &response);
  }

  CallCounts Counts() const { return front_->calls()->Counts(); }

  static std::string ReasonIn(const grpc::Status& status) {
    errors::v1::ErrorStatus details;
    errors::v1::ErrorInfo info;
    if (details.ParseFromString(status.error_details()) && !details.details().empty()) {
      info.ParseFromString(details.details(0).value());
    }
    return info.reason();
  }

  const std::shared_ptr<grpc::Channel> channel_ = grpc::CreateChannel(
      "unix:" + tree_.Path("front/front.sock"), grpc::InsecureChannelCredentials());
  const std::unique_ptr<v1::PlacementService::Stub> placements_ =
      v1::PlacementService::NewStub(channel_);
  const std::unique_ptr<v1::MigrationService::Stub> migrations_ =
      v1::MigrationService::NewStub(channel_);
};

TEST_F(ClientLimitsTest, WatchesOfOneClient) {
  const std::string header = Header("viewer");
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < kNetworkLimits.watches; ++i) {
    watchers.push_back(std::make_unique<Watcher>(*placements_, header));
  }
  for (const auto& watcher : watchers) ASSERT_TRUE(watcher->Next().ok());
  EXPECT_EQ(Counts().running_watches, kNetworkLimits.watches);

  const grpc::Status refused = Watcher(*placements_, header).Next();
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonIn(refused), "TOO_MANY_WATCHES");
  EXPECT_EQ(Counts().refused.at(ErrorReason::kTooManyWatches), 1);
  EXPECT_TRUE(Place(header).ok()) << "calls have a limit of their own";
  Watcher other(*placements_, Header("admin"));
  EXPECT_TRUE(other.Next().ok());

  watchers.back()->context.TryCancel();
  watchers.pop_back();
  EXPECT_TRUE(WaitUntil([&] { return Counts().running_watches == kNetworkLimits.watches; }));
  EXPECT_EQ(Counts().ended.at({"WatchPlacements", absl::StatusCode::kCancelled}), 1);
  watchers.push_back(std::make_unique<Watcher>(*placements_, header));
  EXPECT_TRUE(watchers.back()->Next().ok());
  other.context.TryCancel();
  for (const auto& watcher : watchers) watcher->context.TryCancel();
}

TEST_F(ClientLimitsTest, CallsOfOneClient) {
  std::atomic<int> blocked = 0;
  Gate go_on;
  for (int i = 1; i <= kNetworkLimits.calls; ++i) {
    machine_.kernel().RunAt(FakeCall::kQuery, i, [&] {
      ++blocked;
      go_on.Wait();
    });
  }
  const std::string header = Header("viewer");
  std::vector<std::thread> callers;
  for (int i = 0; i < kNetworkLimits.calls; ++i) {
    callers.emplace_back([&] { EXPECT_TRUE(Place(header, v1::PLACEMENT_VIEW_PAGES).ok()); });
  }
  EXPECT_TRUE(WaitUntil([&] { return blocked == kNetworkLimits.calls; }));
  EXPECT_EQ(Counts().running_calls, kNetworkLimits.calls);
  const grpc::Status refused = Place(header);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonIn(refused), "TOO_MANY_CALLS");
  EXPECT_TRUE(Place(Header("admin")).ok());
  EXPECT_TRUE(Watcher(*placements_, header).Next().ok());
  go_on.Open();
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(Place(header).ok());
  EXPECT_EQ(Counts().running_calls, 0);
}

TEST_F(ClientLimitsTest, TheEndOfACertificateEndsItsWatchesAndCalls) {
  const std::string header = Header("viewer");  // valid for an hour
  const Watcher placements(*placements_, header);
  ASSERT_TRUE(placements.Next().ok());  // resync
  ASSERT_TRUE(placements.Next().ok());  // synced
  grpc::ClientContext context;
  context.AddMetadata("x-client-certificate", header);
  const auto migrations = migrations_->WatchMigrations(&context, {});
  v1::WatchMigrationsResponse message;
  ASSERT_TRUE(migrations->Read(&message));  // synced
  clock_.StepWall(absl::Minutes(59));
  EXPECT_TRUE(Place(header).ok());
  clock_.StepWall(absl::Minutes(2));
  EXPECT_FALSE(migrations->Read(&message));
  for (const grpc::Status& ended : {placements.Next(), migrations->Finish(), Place(header),
                                    Watcher(*placements_, header).Next()}) {
    EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_EQ(ReasonIn(ended), "CERTIFICATE_EXPIRED");
    EXPECT_THAT(ended.error_message(), HasSubstr("has expired at 20"));
  }
}

}  // namespace
}  // namespace numalocality::client_limits_test
