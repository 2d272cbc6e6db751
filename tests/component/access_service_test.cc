// What clients of the front may do, and what the audit log says about it. The front is played by
// the test: it passes a client's certificate as metadata.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/model/locality_report.h"
#include "numalocality/v1/agent.grpc.pb.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/component/two_namespaces.h"
#include "tests/component/wait.h"

namespace numalocality::access_service_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class AccessServiceTest : public TwoNamespacesTest {
 protected:
  // Calls of the service at the front's socket, or the agent's own, as client spiffe://cluster/who.
  template <typename Service, typename Method, typename Request, typename Response>
  grpc::Status Call(const std::string& who, Method method, const Request& request,
                    Response& response, const std::string& socket = "front/front.sock") {
    const auto stub = Service::NewStub(
        grpc::CreateChannel("unix:" + tree_.Path(socket), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    if (!who.empty()) {
      context.AddMetadata("x-client-certificate",
                          PercentEncoded(ca_.Issue("spiffe://cluster/" + who).certificate));
    }
    testing::internal::CaptureStdout();  // where spdlog's default logger of a test writes
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    log_ = testing::internal::GetCapturedStdout();
    return status;
  }

  std::string Place(const std::string& who, const v1::WorkloadSelector& workload) {
    v1::GetPlacementRequest request;
    *request.mutable_workload() = workload;
    v1::GetPlacementResponse response;
    return Answer(Call<v1::PlacementService>(who, &v1::PlacementService::Stub::GetPlacement,
                                             request, response));
  }

  std::string Migrate(const std::string& who, const v1::CreateMigrationRequest& request) {
    v1::CreateMigrationResponse response;
    const grpc::Status status = Call<v1::MigrationService>(
        who, &v1::MigrationService::Stub::CreateMigration, request, response);
    migration_ = response.migration();
    return Answer(status);
  }

  std::string Cancel(const std::string& who, const std::string& token = "") {
    v1::CancelMigrationRequest request;
    request.set_id(migration_.id());
    if (!token.empty()) request.add_reservation_tokens(token);
    v1::CancelMigrationResponse response;
    return Answer(Call<v1::MigrationService>(who, &v1::MigrationService::Stub::CancelMigration,
                                             request, response));
  }

  std::string Reserve(const std::string& who, const v1::ReserveWorkloadRequest& request) {
    v1::ReserveWorkloadResponse response;
    const grpc::Status status = Call<v1::MigrationService>(
        who, &v1::MigrationService::Stub::ReserveWorkload, request, response);
    token_ = response.token();
    return Answer(status);
  }

  std::string Release(const std::string& who, const v1::ReleaseWorkloadRequest& request) {
    v1::ReleaseWorkloadResponse response;
    return Answer(Call<v1::MigrationService>(who, &v1::MigrationService::Stub::ReleaseWorkload,
                                             request, response));
  }

  static v1::CreateMigrationRequest Of(const std::string& pod) {
    v1::CreateMigrationRequest request;
    *request.add_workloads() = Pod(pod);
    return request;
  }

  v1::Migration migration_;
  std::string token_;
  std::string log_;
};

TEST_F(AccessServiceTest, TheFrontsSocketIsForItsGroup) {
  struct stat directory {};
  struct stat socket {};
  ASSERT_EQ(stat(tree_.Path("front").c_str(), &directory), 0);
  ASSERT_EQ(stat(tree_.Path("front/front.sock").c_str(), &socket), 0);
  EXPECT_EQ(directory.st_mode & 0777, 0750u);
  EXPECT_EQ(socket.st_mode & 0777, 0660u);
  EXPECT_EQ(socket.st_gid, directory.st_gid);
}

TEST_F(AccessServiceTest, PlacementsNeedViewerInTheirNamespace) {
  EXPECT_EQ(Place("viewer", Pod(kShopPod)), "OK");
  EXPECT_EQ(Place("viewer", Pod(kBankPod)), "PERMISSION_DENIED viewer bank");
  EXPECT_EQ(Place("admin", Pod(kBankPod)), "OK");
  EXPECT_EQ(Place("stranger", Pod(kShopPod)), "PERMISSION_DENIED viewer ");
  EXPECT_EQ(Place("", Pod(kShopPod)), "UNAUTHENTICATED");
  v1::WorkloadSelector selector;
  selector.set_pid(100);
  EXPECT_EQ(Place("viewer", selector), "PERMISSION_DENIED admin ");
  EXPECT_EQ(Place("admin", selector), "OK");
  selector.set_cgroup_path(CgroupOf(kShopUid, 'a'));
  EXPECT_EQ(Place("migrator", selector), "PERMISSION_DENIED admin ");
  EXPECT_EQ(Place("shop-admin", selector), "OK");
}

TEST_F(AccessServiceTest, ListsAreFiltered) {
  const auto pods_of = [this](const std::string& who) {
    v1::ListPlacementsResponse response;
    const grpc::Status status = Call<v1::PlacementService>(
        who, &v1::PlacementService::Stub::ListPlacements, v1::ListPlacementsRequest(), response);
    std::string pods = Answer(status);
    for (const auto& placement : response.placements()) {
      absl::StrAppend(&pods, " ", placement.workload().pod_name());
    }
    return pods;
  };
  EXPECT_EQ(pods_of("viewer"), "OK db-0");
  EXPECT_EQ(pods_of("admin"), "OK db-0 ledger-0");
  EXPECT_EQ(pods_of("stranger"), "PERMISSION_DENIED viewer ");
}

TEST_F(AccessServiceTest, MigrationsNeedMigratorAndAreListedToViewers) {
  EXPECT_EQ(Migrate("viewer", Of(kShopPod)), "PERMISSION_DENIED migrator shop");
  EXPECT_EQ(Migrate("migrator", Of(kBankPod)), "PERMISSION_DENIED migrator bank");
  v1::CreateMigrationRequest both = Of(kShopPod);
  *both.add_workloads() = Pod(kBankPod);
  EXPECT_EQ(Migrate("migrator", both), "PERMISSION_DENIED migrator bank");
  v1::CreateMigrationRequest special = Of(kShopPod);
  special.set_override_protection(true);
  EXPECT_EQ(Migrate("migrator", special), "PERMISSION_DENIED admin shop");
  special = Of(kShopPod);
  special.add_address_ranges()->set_end(0x1000);
  EXPECT_EQ(Migrate("migrator", special), "PERMISSION_DENIED admin shop");
  special.Clear();
  special.mutable_evacuation()->set_node_id(0);
  EXPECT_EQ(Migrate("shop-admin", special), "PERMISSION_DENIED admin ");

  EXPECT_EQ(Migrate("admin", Of(kBankPod)), "OK");
  EXPECT_EQ(Migrate("migrator", Of(kShopPod)), "OK");
  EXPECT_EQ(migration_.created_by(), "spiffe://cluster/migrator");
  const auto seen_by = [this](const std::string& who) {
    v1::ListMigrationsRequest request;
    request.set_page_size(1);
    v1::ListMigrationsResponse response;
    const grpc::Status status = Call<v1::MigrationService>(
        who, &v1::MigrationService::Stub::ListMigrations, request, response);
    std::string creators = Answer(status);
    for (const auto& migration : response.migrations()) {
      absl::StrAppend(&creators, " ", migration.created_by());
    }
    return absl::StrCat(creators, response.next_page_token().empty() ? "" : " and more");
  };
  EXPECT_EQ(seen_by("viewer"), "OK spiffe://cluster/migrator");
  EXPECT_EQ(seen_by("admin"), "OK spiffe://cluster/migrator and more");
}

TEST_F(AccessServiceTest, ARecordOfAnotherNamespaceIsNotShown) {
  ASSERT_EQ(Migrate("admin", Of(kBankPod)), "OK");
  v1::GetMigrationRequest request;
  request.set_id(migration_.id());
  v1::GetMigrationResponse response;
  EXPECT_EQ(Answer(Call<v1::MigrationService>("viewer", &v1::MigrationService::Stub::GetMigration,
                                              request, response)),
            "NOT_FOUND");
  EXPECT_FALSE(response.has_migration());
}

// The code, the message without `id`, and the details.
std::string Whole(const grpc::Status& status, const std::string& id) {
  return absl::StrCat(status.error_code(), " ",
                      absl::StrReplaceAll(status.error_message(), {{id, "ID"}}),
                      status.error_details());
}

TEST_F(AccessServiceTest, WhatAClientMayNotSeeAnswersAsIfAbsent) {
  ASSERT_EQ(Migrate("admin", Of(kBankPod)), "OK");
  const auto with_id = [this](const auto method, auto request, auto response,
                              const std::string& id) {
    request.set_id(id);
    return Whole(Call<v1::MigrationService>("migrator", method, request, response), id);
  };
  const auto of_migration = [&](const std::string& id) {
    const auto stub = v1::MigrationService::NewStub(grpc::CreateChannel(
        "unix:" + tree_.Path("front/front.sock"), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.AddMetadata("x-client-certificate",
                        PercentEncoded(ca_.Issue("spiffe://cluster/migrator").certificate));
    v1::WatchMigrationRequest watch;
    watch.set_id(id);
    return std::vector<std::string>{
        with_id(&v1::MigrationService::Stub::GetMigration, v1::GetMigrationRequest(),
                v1::GetMigrationResponse(), id),
        with_id(&v1::MigrationService::Stub::CancelMigration, v1::CancelMigrationRequest(),
                v1::CancelMigrationResponse(), id),
        Whole(stub->WatchMigration(&context, watch)->Finish(), id)};
  };
  EXPECT_EQ(of_migration(migration_.id()), of_migration("0-0"));
  EXPECT_THAT(of_migration("0-0"), testing::Each(testing::StartsWith("5 migration ID: not found")));

  v1::ReserveWorkloadRequest reserve;
  *reserve.mutable_workload() = Pod(kShopPod);
  ASSERT_EQ(Reserve("admin", reserve), "OK");
  const std::string token = token_;
  tree_.Write("config.yaml",
              "api: {clients: [{identity: 'spiffe://cluster/migrator', role: migrator, namespaces: "
              "[other]}]}");
  ASSERT_TRUE(configuration_.Reload());
  const auto of_reservation = [this](const std::string& of) {
    v1::ReserveWorkloadRequest prolong;
    prolong.set_token(of);
    v1::ReserveWorkloadResponse prolonged;
    v1::ReleaseWorkloadRequest release;
    release.set_token(of);
    v1::ReleaseWorkloadResponse released;
    return std::vector<std::string>{
        Whole(Call<v1::MigrationService>("migrator", &v1::MigrationService::Stub::ReserveWorkload,
                                         prolong, prolonged),
              of),
        Whole(Call<v1::MigrationService>("migrator", &v1::MigrationService::Stub::ReleaseWorkload,
                                         release, released),
              of)};
  };
  EXPECT_EQ(of_reservation(token), of_reservation("absent"));
  EXPECT_THAT(of_reservation("absent"), testing::Each(testing::StartsWith("5 reservation: none")));
}

TEST_F(AccessServiceTest, OthersMigrationsAreCancelledByAdmins) {
  ASSERT_EQ(Migrate("migrator", Of(kShopPod)), "OK");
  EXPECT_EQ(Cancel("viewer"), "PERMISSION_DENIED admin shop");
  EXPECT_EQ(Cancel("second"), "PERMISSION_DENIED admin shop");
  EXPECT_EQ(Cancel("migrator"), "OK");
  ASSERT_EQ(Migrate("migrator", Of(kShopPod)), "OK");
  EXPECT_EQ(Cancel("shop-admin"), "OK");
}

TEST_F(AccessServiceTest, UnderAReservationItsTokenIsNeededToCancel) {
  v1::ReserveWorkloadRequest reserve;
  *reserve.mutable_workload() = Pod(kShopPod);
  ASSERT_EQ(Reserve("migrator", reserve), "OK");
  v1::CreateMigrationRequest request = Of(kShopPod);
  request.add_reservation_tokens(token_);
  ASSERT_EQ(Migrate("migrator", request), "OK");
  EXPECT_EQ(Cancel("migrator"), "ABORTED");
  EXPECT_EQ(Cancel("migrator", token_), "OK");
  ASSERT_EQ(Migrate("migrator", request), "OK");
  EXPECT_EQ(Cancel("shop-admin"), "OK");
}

TEST_F(AccessServiceTest, ReservationsAreOfTheirTokenAndOfAdmins) {
  v1::ReserveWorkloadRequest reserve;
  *reserve.mutable_workload() = Pod(kShopPod);
  reserve.set_request_id("r1");
  EXPECT_EQ(Reserve("viewer", reserve), "PERMISSION_DENIED migrator shop");
  ASSERT_EQ(Reserve("migrator", reserve), "OK");
  const std::string token = token_;
  EXPECT_EQ(Reserve("migrator", reserve), "OK") << "the same request";
  EXPECT_EQ(token_, token);
  EXPECT_EQ(Reserve("second", reserve), "ABORTED") << "another client's r1 is another request";
  EXPECT_EQ(token_, "");

  v1::ReserveWorkloadRequest prolong;
  prolong.set_token(token);
  EXPECT_EQ(Reserve("viewer", prolong), "PERMISSION_DENIED migrator shop");
  EXPECT_EQ(Reserve("migrator", prolong), "OK");

  v1::ReleaseWorkloadRequest by_name;
  *by_name.mutable_workload() = Pod(kShopPod);
  EXPECT_EQ(Release("migrator", by_name), "PERMISSION_DENIED admin shop");
  EXPECT_EQ(Release("shop-admin", by_name), "OK");
  EXPECT_EQ(Release("shop-admin", by_name), "NOT_FOUND");
  v1::ReleaseWorkloadRequest by_token;
  by_token.set_token(token);
  EXPECT_EQ(Release("migrator", by_token), "NOT_FOUND");
}

TEST_F(AccessServiceTest, EachClientHasItsOwnRequestIds) {
  v1::CreateMigrationRequest request = Of(kShopPod);
  request.set_request_id("r1");
  ASSERT_EQ(Migrate("migrator", request), "OK");
  const std::string id = migration_.id();
  EXPECT_EQ(Migrate("migrator", request), "OK");
  EXPECT_EQ(migration_.id(), id);
  EXPECT_EQ(Migrate("second", request), "ABORTED") << "a request of its own, while that one waits";
  EXPECT_EQ(Migrate("migrator", request), "OK");
  EXPECT_EQ(migration_.id(), id);
  ASSERT_EQ(Cancel("migrator"), "OK");
  EXPECT_EQ(Migrate("second", request), "OK");
  const std::string second = migration_.id();
  EXPECT_NE(second, id);
  EXPECT_EQ(Migrate("migrator", request), "OK");
  EXPECT_EQ(migration_.id(), id);
  EXPECT_EQ(Migrate("second", request), "OK");
  EXPECT_EQ(migration_.id(), second);
}

TEST_F(AccessServiceTest, WhatIsAboutAllNamespacesNeedsARoleInAll) {
  const auto configuration = [this](const std::string& who) {
    v1::GetConfigurationResponse response;
    return Answer(Call<v1::AgentService>(who, &v1::AgentService::Stub::GetConfiguration,
                                         v1::GetConfigurationRequest(), response));
  };
  EXPECT_EQ(configuration("viewer"), "PERMISSION_DENIED viewer ");
  EXPECT_EQ(configuration("admin"), "OK");
  const auto findings = [this](const std::string& who) {
    v1::GetStatusResponse response;
    const grpc::Status status = Call<v1::AgentService>(who, &v1::AgentService::Stub::GetStatus,
                                                       v1::GetStatusRequest(), response);
    return absl::StrCat(Answer(status), response.findings().empty() ? "" : " with findings");
  };
  EXPECT_EQ(findings("viewer"), "OK");
  EXPECT_EQ(findings("admin"), "OK with findings");
  EXPECT_EQ(findings("stranger"), "PERMISSION_DENIED viewer ");
}

TEST_F(AccessServiceTest, TheHeaderIsIgnoredOnTheAgentsOwnSocket) {
  v1::CreateMigrationResponse response;
  const grpc::Status status =
      Call<v1::MigrationService>("stranger", &v1::MigrationService::Stub::CreateMigration,
                                 Of(kBankPod), response, "own/agent.sock");
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.migration().created_by(), absl::StrCat("uid:", geteuid()));
}

TEST_F(AccessServiceTest, OnTheViewerSocketEverybodyLooksAndChangesNothing) {
  const std::string socket = "own/viewer.sock";
  struct stat file {};
  ASSERT_EQ(stat(tree_.Path("own").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0700u);
  v1::ListPlacementsResponse placements;
  EXPECT_EQ(Answer(Call<v1::PlacementService>("", &v1::PlacementService::Stub::ListPlacements,
                                              v1::ListPlacementsRequest(), placements, socket)),
            "OK");
  EXPECT_EQ(placements.placements_size(), 2);
  v1::GetConfigurationResponse configuration;
  EXPECT_EQ(Answer(Call<v1::AgentService>("", &v1::AgentService::Stub::GetConfiguration,
                                          v1::GetConfigurationRequest(), configuration, socket)),
            "OK");

  const auto refused = [&](auto method, const auto& request, auto response) {
    return Answer(Call<v1::MigrationService>("admin", method, request, response, socket));
  };
  EXPECT_EQ(refused(&v1::MigrationService::Stub::CreateMigration, Of(kShopPod),
                    v1::CreateMigrationResponse()),
            "PERMISSION_DENIED migrator shop");
  EXPECT_THAT(log_, HasSubstr("why=\"the viewer socket only shows"));
  v1::CreateMigrationRequest evacuation;
  evacuation.mutable_evacuation()->set_node_id(0);
  EXPECT_EQ(refused(&v1::MigrationService::Stub::CreateMigration, evacuation,
                    v1::CreateMigrationResponse()),
            "PERMISSION_DENIED admin ");
  v1::ReserveWorkloadRequest reserve;
  *reserve.mutable_workload() = Pod(kShopPod);
  EXPECT_EQ(
      refused(&v1::MigrationService::Stub::ReserveWorkload, reserve, v1::ReserveWorkloadResponse()),
      "PERMISSION_DENIED migrator shop");
  v1::ReleaseWorkloadRequest release;
  *release.mutable_workload() = Pod(kShopPod);
  EXPECT_EQ(
      refused(&v1::MigrationService::Stub::ReleaseWorkload, release, v1::ReleaseWorkloadResponse()),
      "PERMISSION_DENIED admin shop");
  ASSERT_EQ(Migrate("migrator", Of(kShopPod)), "OK");
  v1::CancelMigrationRequest cancel;
  cancel.set_id(migration_.id());
  EXPECT_EQ(
      refused(&v1::MigrationService::Stub::CancelMigration, cancel, v1::CancelMigrationResponse()),
      "PERMISSION_DENIED admin shop");
}

TEST_F(AccessServiceTest, StreamsAreFilteredAndEndWithTheRole) {
  auto report = std::make_shared<LocalityReport>();
  for (const char* name : {"bank", "shop"}) {
    auto workload = std::make_shared<WorkloadReport>();
    workload->placement.workload.cgroup_path = absl::StrCat("/", name);
    workload->placement.workload.names.pod_namespace = name;
    report->workloads.push_back(workload);
  }
  board_.Publish(report);
  const auto stub = v1::PlacementService::NewStub(grpc::CreateChannel(
      "unix:" + tree_.Path("front/front.sock"), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("x-client-certificate",
                      PercentEncoded(ca_.Issue("spiffe://cluster/viewer").certificate));
  const auto reader = stub->WatchPlacements(&context, {});
  v1::WatchPlacementsResponse message;
  std::vector<std::string> seen;
  while (reader->Read(&message) && !message.synced()) {
    if (message.has_placement()) seen.push_back(message.placement().workload().pod_namespace());
  }
  EXPECT_THAT(seen, ElementsAre("shop"));

  board_.Publish(std::make_shared<LocalityReport>());  // both are gone
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.gone().pod_namespace(), "shop");

  tree_.Write("config.yaml", "api: {clients: []}");
  ASSERT_TRUE(configuration_.Reload());
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_EQ(Answer(reader->Finish()), "PERMISSION_DENIED viewer ");
}

TEST_F(AccessServiceTest, ChangesAndRefusalsAreAudited) {
  v1::CreateMigrationRequest request = Of(kShopPod);
  request.set_request_id("r1");
  ASSERT_EQ(Migrate("migrator", request), "OK");
  EXPECT_THAT(
      log_,
      AllOf(HasSubstr("audit method=CreateMigration by=\"spiffe://cluster/migrator\" on=\"pod "
                      "shop/db-0: migration "),
            HasSubstr(migration_.id() +
                      "\" result=OK request_id=\"r1\" "
                      "traceparent=\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"")));
  Migrate("viewer", Of(kShopPod));
  EXPECT_THAT(log_, AllOf(HasSubstr("by=\"spiffe://cluster/viewer\""),
                          HasSubstr("result=PERMISSION_DENIED why=\"client spiffe://cluster/viewer "
                                    "needs the role migrator in namespace shop")));
  Place("viewer", Pod(kBankPod));
  EXPECT_THAT(log_, HasSubstr("audit method=GetPlacement by=\"spiffe://cluster/viewer\""));
  Place("viewer", Pod(kShopPod));
  EXPECT_THAT(log_, Not(HasSubstr("audit")));
  Migrate("admin", request);
  Cancel("admin");
  EXPECT_THAT(log_, HasSubstr("audit method=CancelMigration"));
}

TEST_F(AccessServiceTest, WhoHasNoRoleOrNoIdentityIsAudited) {
  Place("stranger", Pod(kShopPod));
  EXPECT_THAT(log_, HasSubstr("audit method=GetPlacement by=\"spiffe://cluster/stranger\" "
                              "result=PERMISSION_DENIED why=\"client spiffe://cluster/stranger "));
  Place("", Pod(kShopPod));
  EXPECT_THAT(log_, HasSubstr("audit method=GetPlacement result=UNAUTHENTICATED why=\""));
  EXPECT_EQ(Migrate("", Of(kShopPod)), "UNAUTHENTICATED");
  EXPECT_THAT(log_, HasSubstr("audit method=CreateMigration result=UNAUTHENTICATED why=\""));
}

TEST_F(AccessServiceTest, ReservationsAreAudited) {
  v1::ReserveWorkloadRequest reserve;
  *reserve.mutable_workload() = Pod(kShopPod);
  reserve.set_request_id("r1");
  Reserve("viewer", reserve);
  EXPECT_THAT(log_, AllOf(HasSubstr("audit method=ReserveWorkload by=\"spiffe://cluster/viewer\""),
                          HasSubstr("result=PERMISSION_DENIED"), HasSubstr("request_id=\"r1\"")));
  ASSERT_EQ(Reserve("migrator", reserve), "OK");
  EXPECT_THAT(log_,
              AllOf(HasSubstr("audit method=ReserveWorkload by=\"spiffe://cluster/migrator\""),
                    HasSubstr("on=\"shop/db-0/mysql\""), HasSubstr("result=OK"),
                    HasSubstr("request_id=\"r1\""), Not(HasSubstr(token_))));
  v1::ReleaseWorkloadRequest release;
  release.set_token(token_);
  Release("viewer", release);
  EXPECT_THAT(log_, AllOf(HasSubstr("audit method=ReleaseWorkload by=\"spiffe://cluster/viewer\""),
                          HasSubstr("result=PERMISSION_DENIED")));
  ASSERT_EQ(Release("migrator", release), "OK");
  EXPECT_THAT(log_,
              AllOf(HasSubstr("audit method=ReleaseWorkload by=\"spiffe://cluster/migrator\""),
                    HasSubstr("on=\"shop/db-0/mysql\""), HasSubstr("result=OK"),
                    Not(HasSubstr(release.token()))));
}

TEST_F(AccessServiceTest, TheEndOfAMigrationSaysWhoseItWas) {
  v1::CreateMigrationRequest request = Of(kShopPod);
  request.set_request_id("r1");
  ASSERT_EQ(Migrate("migrator", request), "OK");
  testing::internal::CaptureStdout();
  migrator_.Start(1);
  EXPECT_TRUE(WaitUntil([this] { return migrator_.ActiveCount() == 0; }));
  migrator_.Shutdown(absl::ZeroDuration());  // after its line
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              HasSubstr(absl::StrCat("migration ended id=", migration_.id(),
                                     " state=SUCCEEDED reason=NONE by="
                                     "\"spiffe://cluster/migrator\" request_id=\"r1\"")));
}

}  // namespace
}  // namespace numalocality::access_service_test
