// Two controllers that want the same pod on different nodes: one waits for the other, and nothing
// moves to and fro.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "numalocality/errors/v1/error_details.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "tests/component/two_namespaces.h"
#include "tests/component/wait.h"
#include "tests/unit/fake/fake_clock.h"

namespace numalocality::two_controllers_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kFirst[] = "spiffe://cluster/migrator";
constexpr char kSecond[] = "spiffe://cluster/second";

const FakeClock& TestClock() {
  static const FakeClock clock;
  return clock;
}

// What a refused client learns from the details.
struct Refusal {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string reason;
  std::map<std::string, std::string> metadata;
  int64_t retry_seconds = 0;  // 0 without RetryInfo
};

Refusal RefusalIn(const grpc::Status& status) {
  Refusal refusal;
  refusal.code = status.error_code();
  errors::v1::ErrorStatus details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  for (const auto& detail : details.details()) {
    errors::v1::ErrorInfo info;
    errors::v1::RetryInfo retry;
    if (detail.type_url() == "type.googleapis.com/google.rpc.ErrorInfo") {
      EXPECT_TRUE(info.ParseFromString(detail.value()));
      refusal.reason = info.reason();
      refusal.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (detail.type_url() == "type.googleapis.com/google.rpc.RetryInfo") {
      EXPECT_TRUE(retry.ParseFromString(detail.value()));
      refusal.retry_seconds = retry.retry_delay().seconds();
    }
  }
  return refusal;
}

// A controller with a certificate, which wants the pod's memory on one node.
class Controller {
 public:
  Controller(const std::string& socket, const std::string& certificate, int node)
      : certificate_(PercentEncoded(certificate)),
        stub_(v1::MigrationService::NewStub(
            grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials()))) {
    request_.add_workloads()->set_resource_name(kShopPod);
    request_.add_target_node_ids(node);
    request_.set_request_id(absl::StrCat("to node ", node));
  }

  // Of a request that has not been made yet.
  void Add(const std::string& pod) { request_.add_workloads()->set_resource_name(pod); }

  // The same request each time; its migration's id is in `id`.
  grpc::Status Migrate() {
    grpc::ClientContext context;
    context.AddMetadata("x-client-certificate", certificate_);
    v1::CreateMigrationResponse response;
    const grpc::Status status = stub_->CreateMigration(&context, request_, &response);
    if (status.ok()) id = response.migration().id();
    return status;
  }

  grpc::Status Reserve(int64_t seconds, const std::string& owner) {
    grpc::ClientContext context;
    context.AddMetadata("x-client-certificate", certificate_);
    v1::ReserveWorkloadRequest request;
    request.mutable_workload()->set_resource_name(kShopPod);
    request.mutable_ttl()->set_seconds(seconds);
    request.set_owner(owner);
    v1::ReserveWorkloadResponse response;
    const grpc::Status status = stub_->ReserveWorkload(&context, request, &response);
    if (status.ok()) request_.add_reservation_tokens(response.token());
    return status;
  }

  std::string id;

 private:
  const std::string certificate_;
  const std::unique_ptr<v1::MigrationService::Stub> stub_;
  v1::CreateMigrationRequest request_;
};

class TwoControllersTest : public TwoNamespacesTest {
 protected:
  TwoControllersTest() : TwoNamespacesTest(&TestClock()) {}

  Controller Connect(const std::string& identity, int node) {
    return {tree_.Path("front/front.sock"), ca_.Issue(identity).certificate, node};
  }

  bool WaitForEnd(const std::string& id) {
    return WaitUntil([&] { return migrator_.Get(id)->state == MigrationState::kSucceeded; });
  }

  // Who requested the migrations so far, oldest first.
  std::vector<std::string> Requesters() {
    std::vector<std::string> identities;
    for (const Migration& migration : migrator_.List()) {
      identities.push_back(migration.request.created_by);
    }
    return identities;
  }
};

TEST_F(TwoControllersTest, TheSecondWaitsForTheReservationOfTheFirst) {
  migrator_.Start(1);
  Controller first = Connect(kFirst, 1);
  Controller second = Connect(kSecond, 0);
  ASSERT_TRUE(first.Reserve(60, "the first").ok());
  ASSERT_TRUE(first.Migrate().ok());
  ASSERT_TRUE(WaitForEnd(first.id));

  // The migration has ended, and the reservation keeps what it has done.
  Refusal refused = RefusalIn(second.Migrate());
  EXPECT_EQ(refused.code, grpc::StatusCode::ABORTED);
  EXPECT_EQ(refused.reason, "RESERVED");
  EXPECT_EQ(refused.metadata["created_by"], kFirst);
  EXPECT_EQ(refused.metadata["owner"], "the first");
  absl::Time until;
  ASSERT_TRUE(
      absl::ParseTime(absl::RFC3339_full, refused.metadata["expire_time"], &until, nullptr));
  ASSERT_GT(refused.retry_seconds, 0);
  EXPECT_LE(absl::AbsDuration(until - TestClock().Now() - absl::Seconds(refused.retry_seconds)),
            absl::Seconds(1));
  EXPECT_EQ(RefusalIn(second.Reserve(60, "the second")).metadata["created_by"], kFirst);
  EXPECT_THAT(Requesters(), ElementsAre(kFirst));

  TestClock().Advance(absl::Seconds(refused.retry_seconds + 1));
  ASSERT_TRUE(second.Migrate().ok());
  ASSERT_TRUE(WaitForEnd(second.id));
  const std::string id = second.id;
  ASSERT_TRUE(second.Migrate().ok()) << "its answer may have been lost";
  EXPECT_EQ(second.id, id);
  EXPECT_THAT(Requesters(), ElementsAre(kFirst, kSecond)) << "one migration each";
}

TEST_F(TwoControllersTest, TheSecondLearnsWhoseMigrationRuns) {
  Controller first = Connect(kFirst, 1);
  Controller second = Connect(kSecond, 0);
  ASSERT_TRUE(first.Migrate().ok());  // waits: no worker has started
  for (const grpc::Status& status : {second.Migrate(), second.Reserve(60, "the second")}) {
    Refusal refused = RefusalIn(status);
    EXPECT_EQ(refused.code, grpc::StatusCode::ABORTED);
    EXPECT_EQ(refused.reason, "MIGRATION_RUNNING");
    EXPECT_EQ(refused.metadata["created_by"], kFirst);
    EXPECT_EQ(refused.metadata["migration_id"], first.id);
  }
  migrator_.Start(1);
  ASSERT_TRUE(WaitForEnd(first.id));
  ASSERT_TRUE(second.Migrate().ok());
  ASSERT_TRUE(WaitForEnd(second.id));
  EXPECT_THAT(Requesters(), ElementsAre(kFirst, kSecond));
}

TEST_F(TwoControllersTest, AMigrationThatTheSecondMayNotSeeIsNotNamed) {
  Controller admin = Connect("spiffe://cluster/admin", 1);
  admin.Add(kBankPod);
  Controller second = Connect(kSecond, 0);
  ASSERT_TRUE(admin.Migrate().ok());
  for (const grpc::Status& status : {second.Migrate(), second.Reserve(60, "the second")}) {
    const Refusal refused = RefusalIn(status);
    EXPECT_EQ(refused.code, grpc::StatusCode::ABORTED);
    EXPECT_EQ(refused.reason, "MIGRATION_RUNNING");
    EXPECT_THAT(refused.metadata, IsEmpty());
    EXPECT_THAT(status.error_message(),
                HasSubstr("migration (which the client may not see) is moving it; wait"));
    EXPECT_THAT(status.error_message() + status.error_details(), Not(HasSubstr(admin.id)));
  }
}

}  // namespace
}  // namespace numalocality::two_controllers_test
