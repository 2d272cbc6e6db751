// What controllers use beside migrations: the stream of placements, reservations, and records of
// earlier agents.
#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/clock.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/rpc/record_files.h"
#include "agent/rpc/reservation_file.h"
#include "agent/rpc/server.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/component/at_once.h"
#include "tests/component/until_served.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::repair_service_test {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kCgroup[] = "/system.slice/db.service";

class RepairServiceTest : public ::testing::Test {
 protected:
  RepairServiceTest() {
    const auto process = machine_.AddProcess(10, "4-7", kCgroup);
    process->AddPages(0x10000000, 100, 0);
    machine_.Publish(*process);
    machine_.AddCgroup(kCgroup, {10});
    Start();
  }
  ~RepairServiceTest() override { server_->Shutdown(absl::ZeroDuration()); }

  std::string Records() const { return sockets_.Path("records"); }

  // The agent is killed and starts again: what it stored until now is all that is left of it.
  void KillAndStart() {
    const std::string copy = sockets_.Path("copy");
    std::filesystem::copy(Records(), copy);
    migrator_->Shutdown(absl::ZeroDuration());
    std::filesystem::remove_all(Records());
    server_->Shutdown(absl::ZeroDuration());
    server_.reset();
    migrator_.reset();
    std::filesystem::remove_all(Records());
    std::filesystem::rename(copy, Records());
    Start();
  }

  // The agent starts, or starts again.
  void Start() {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
    server_.reset();
    migrator_.reset();
    records_ = std::make_unique<RecordFiles>(Records());
    migrator_ = std::make_unique<Migrator>(context_);
    const absl::Status restored = migrator_->Restore(*records_);
    EXPECT_TRUE(restored.ok()) << restored;
    ReservationFile file(sockets_.Path("reservations.pb"));
    migrator_->reservations().Restore(
        file.Read(), [file](const std::vector<Reservation>& all) { file.Write(all); });
    const Served served{context_, *migrator_, board_};
    auto server = Server::Start(socket_, served);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials());
    placements_ = v1::PlacementService::NewStub(channel);
    migrations_ = v1::MigrationService::NewStub(channel);
  }

  // A report of workloads "/0" to "/<count - 1>", each with so many MiB.
  void Publish(int count, int64_t mebibytes) {
    auto report = std::make_shared<LocalityReport>();
    for (int i = 0; i < count; ++i) {
      auto workload = std::make_shared<WorkloadReport>();
      workload->placement.workload.cgroup_path = absl::StrCat("/", i);
      workload->placement.home_nodes = {NodeId{0}};
      workload->placement.memory.Add(NodeId{0}, MemoryKind::kAnon, mebibytes << 20);
      report->workloads.push_back(std::move(workload));
    }
    board_.Publish(std::move(report));
  }
  // "resync", "synced", "/0", "-/0" for one that is gone.
  static std::string Next(grpc::ClientReader<v1::WatchPlacementsResponse>& reader) {
    v1::WatchPlacementsResponse message;
    if (!reader.Read(&message)) return "end";
    switch (message.change_case()) {
      case v1::WatchPlacementsResponse::kResync: return "resync";
      case v1::WatchPlacementsResponse::kSynced: return "synced";
      case v1::WatchPlacementsResponse::kGone: return "-" + message.gone().cgroup_path();
      case v1::WatchPlacementsResponse::kPlacement:
        return message.placement().workload().cgroup_path();
      default: return "nothing";
    }
  }

  v1::CreateMigrationRequest Request(const std::string& request_id = "") {
    v1::CreateMigrationRequest request;
    request.add_workloads()->set_cgroup_path(kCgroup);
    request.set_request_id(request_id);
    return request;
  }
  grpc::Status Create(const v1::CreateMigrationRequest& request) {
    grpc::ClientContext context;
    v1::CreateMigrationResponse response;
    const grpc::Status status = migrations_->CreateMigration(&context, request, &response);
    created_ = response.migration();
    return status;
  }
  grpc::Status Reserve(const v1::ReserveWorkloadRequest& request) {
    grpc::ClientContext context;
    return migrations_->ReserveWorkload(&context, request, &reserved_);
  }
  grpc::Status Release(const std::string& token) {
    grpc::ClientContext context;
    v1::ReleaseWorkloadRequest request;
    request.set_token(token);
    v1::ReleaseWorkloadResponse response;
    return migrations_->ReleaseWorkload(&context, request, &response);
  }
  static v1::ReserveWorkloadRequest ForSeconds(int64_t seconds) {
    v1::ReserveWorkloadRequest request;
    request.mutable_workload()->set_cgroup_path(kCgroup);
    request.mutable_ttl()->set_seconds(seconds);
    request.set_owner("a scheduler");
    return request;
  }

  FakeMachine machine_;
  TempTree sockets_;
  const std::string socket_ = sockets_.Path("own/agent.sock");
  const EngineContext context_{machine_.kernel(), Clock::System(), machine_.host(), {}};
  ReportBoard board_{Clock::System()};
  std::unique_ptr<RecordFiles> records_;
  std::unique_ptr<Migrator> migrator_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::PlacementService::Stub> placements_;
  std::unique_ptr<v1::MigrationService::Stub> migrations_;
  v1::Migration created_;
  v1::ReserveWorkloadResponse reserved_;
};

TEST_F(RepairServiceTest, AWatcherGetsEverythingAndThenChanges) {
  Publish(2, 100);
  grpc::ClientContext context;
  const auto reader = placements_->WatchPlacements(&context, {});
  for (const char* next : {"resync", "/0", "/1", "synced"}) EXPECT_EQ(Next(*reader), next);
  Publish(2, 100);
  Publish(3, 100);
  EXPECT_EQ(Next(*reader), "/2") << "the report before was no news";
  Publish(1, 200);
  for (const char* next : {"/0", "-/1", "-/2"}) EXPECT_EQ(Next(*reader), next);
  context.TryCancel();
  EXPECT_EQ(Next(*reader), "end");
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(RepairServiceTest, AWatcherGetsNothingBeforeTheFirstReport) {
  grpc::ClientContext context;
  const auto reader = placements_->WatchPlacements(&context, {});
  absl::SleepFor(absl::Milliseconds(100));
  Publish(0, 0);
  for (const char* next : {"resync", "synced"}) EXPECT_EQ(Next(*reader), next);
  context.TryCancel();
}

TEST_F(RepairServiceTest, ASlowReaderGetsEverythingAgain) {
  constexpr int kWorkloads = 500;
  Publish(kWorkloads, 1);
  grpc::ClientContext context;
  const auto reader = placements_->WatchPlacements(&context, {});
  EXPECT_EQ(Next(*reader), "resync");
  // More than the sockets hold, and then more than the board keeps.
  for (int64_t size = 2; size < 200; ++size) Publish(kWorkloads, size * size);
  int resyncs = 0;
  int since_resync = 0;
  while (resyncs == 0 || since_resync < kWorkloads) {
    const std::string next = Next(*reader);
    ASSERT_NE(next, "end");
    if (next == "resync") {
      ++resyncs;
      since_resync = 0;
    } else if (resyncs > 0) {
      ++since_resync;
    }
  }
  EXPECT_EQ(Next(*reader), "synced");
  context.TryCancel();
}

TEST_F(RepairServiceTest, AReservationKeepsOthersOff) {
  ASSERT_TRUE(Reserve(ForSeconds(60)).ok());
  EXPECT_EQ(reserved_.workloads_size(), 1);
  EXPECT_EQ(reserved_.workloads(0).cgroup_path(), kCgroup);
  const std::string token = reserved_.token();
  EXPECT_EQ(token.size(), 32u);
  const grpc::Status refused = Create(Request());
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("reserved by a scheduler"));
  EXPECT_EQ(Reserve(ForSeconds(60)).error_code(), grpc::StatusCode::ABORTED);

  v1::CreateMigrationRequest own = Request();
  own.add_reservation_tokens(token);
  EXPECT_TRUE(Create(own).ok());
  EXPECT_TRUE(Release(token).ok());
  EXPECT_EQ(Release(token).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(RepairServiceTest, ReservationsAreListedWithoutTheirTokens) {
  ASSERT_TRUE(Reserve(ForSeconds(60)).ok());
  const auto list = [this](const v1::ListReservationsRequest& request) {
    grpc::ClientContext context;
    v1::ListReservationsResponse response;
    EXPECT_TRUE(migrations_->ListReservations(&context, request, &response).ok());
    return response;
  };
  const v1::ListReservationsResponse all = list({});
  ASSERT_EQ(all.reservations_size(), 1);
  EXPECT_EQ(all.reservations(0).owner(), "a scheduler");
  EXPECT_EQ(all.reservations(0).workloads(0).cgroup_path(), kCgroup);
  EXPECT_THAT(all.reservations(0).created_by(), HasSubstr("uid:"));
  EXPECT_TRUE(all.reservations(0).has_expire_time());
  EXPECT_THAT(all.SerializeAsString(), Not(HasSubstr(reserved_.token())));
  v1::ListReservationsRequest of_others;
  of_others.mutable_filter()->add_namespaces("other");
  EXPECT_EQ(list(of_others).reservations_size(), 0);
  EXPECT_TRUE(Release(reserved_.token()).ok());
  EXPECT_EQ(list({}).reservations_size(), 0);
}

TEST_F(RepairServiceTest, AReservationThatIsAskedForAgainIsTheSame) {
  v1::ReserveWorkloadRequest request = ForSeconds(60);
  request.set_request_id("one");
  ASSERT_TRUE(Reserve(request).ok());
  const std::string token = reserved_.token();
  Start();
  ASSERT_TRUE(Reserve(request).ok()) << "also after a restart";
  EXPECT_EQ(reserved_.token(), token);
  v1::CreateMigrationRequest own = Request();
  own.add_reservation_tokens(token);
  ASSERT_TRUE(Create(own).ok());
  ASSERT_TRUE(Reserve(request).ok()) << "also while its holder migrates";
  EXPECT_EQ(reserved_.token(), token);
  request.set_owner("another one");
  EXPECT_EQ(Reserve(request).error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(RepairServiceTest, ATokenIsForItsWorkloadAndOwner) {
  v1::ReserveWorkloadRequest request = ForSeconds(60);
  ASSERT_TRUE(Reserve(request).ok());
  request.set_token(reserved_.token());
  EXPECT_TRUE(Reserve(request).ok());
  request.set_owner("another one");
  EXPECT_EQ(Reserve(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.clear_owner();
  machine_.AddCgroup("/system.slice/other.service", {});
  request.mutable_workload()->set_cgroup_path("/system.slice/other.service");
  EXPECT_EQ(Reserve(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.mutable_workload()->set_cgroup_path("/none");
  EXPECT_EQ(Reserve(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(RepairServiceTest, AReservedPodIncludesContainersThatStartLater) {
  constexpr char kPod[] = "01234567-cccc-dddd-eeee-ffff00001111";
  const auto container = [&](char id) {
    return absl::StrCat("/kubepods/burstable/pod", kPod, "/", std::string(64, id));
  };
  machine_.AddCgroup(container('a'), {});
  v1::ReserveWorkloadRequest request = ForSeconds(60);
  request.mutable_workload()->mutable_pod()->set_uid(kPod);
  ASSERT_TRUE(Reserve(request).ok());
  const auto process = machine_.AddProcess(11, "4-7", container('b'));
  process->AddPages(0x10000000, 100, 0);
  machine_.Publish(*process);
  machine_.AddCgroup(container('b'), {11});
  v1::CreateMigrationRequest later;
  later.add_workloads()->set_container_id(std::string(64, 'b'));
  const grpc::Status refused = Create(later);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::ABORTED) << refused.error_message();
  request.set_token(reserved_.token());
  EXPECT_TRUE(Reserve(request).ok()) << "it is the same pod";
}

TEST_F(RepairServiceTest, ATokenProlongs) {
  ASSERT_TRUE(Reserve(ForSeconds(60)).ok());
  const int64_t first = reserved_.expire_time().seconds();
  v1::ReserveWorkloadRequest request;
  request.set_token(reserved_.token());
  request.mutable_ttl()->set_seconds(3600);
  ASSERT_TRUE(Reserve(request).ok());
  EXPECT_NEAR(static_cast<double>(reserved_.expire_time().seconds() - first), 3540, 5);
  EXPECT_EQ(reserved_.token(), request.token());
  EXPECT_EQ(reserved_.workloads(0).cgroup_path(), kCgroup);
  request.set_token("0123");
  EXPECT_EQ(Reserve(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(RepairServiceTest, WhatIsMigratingCannotBeReserved) {
  ASSERT_TRUE(Create(Request()).ok());
  const grpc::Status status = Reserve(ForSeconds(60));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_THAT(status.error_message(), HasSubstr(created_.id()));
}

TEST_F(RepairServiceTest, BadReservationsAreRefused) {
  for (const int64_t seconds : {int64_t{0}, int64_t{-1}, int64_t{86401}}) {
    EXPECT_EQ(Reserve(ForSeconds(seconds)).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  EXPECT_EQ(Reserve({}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  v1::ReserveWorkloadRequest unknown;
  unknown.mutable_workload()->set_cgroup_path("/not.there");
  EXPECT_EQ(Reserve(unknown).error_code(), grpc::StatusCode::NOT_FOUND);
}

// As a client does whose calls time out one after the other.
TEST_F(RepairServiceTest, TheSameRequestAHundredTimesAtOnceIsOne) {
  const v1::CreateMigrationRequest migrate = Request("mine");
  std::vector<std::string> ids(100);
  AtOnce(100, [&](int i) {
    v1::CreateMigrationResponse response;
    EXPECT_TRUE(UntilServed([&](grpc::ClientContext& context) {
                  return migrations_->CreateMigration(&context, migrate, &response);
                }).ok());
    ids[i] = response.migration().id();
  });
  EXPECT_THAT(ids, Each(ids[0]));
  EXPECT_EQ(migrator_->List().size(), 1u);
  KillAndStart();
  ASSERT_TRUE(Create(migrate).ok());
  EXPECT_EQ(created_.id(), ids[0]);
  v1::CreateMigrationRequest other = migrate;
  other.add_target_node_ids(0);
  EXPECT_EQ(Create(other).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(migrator_->List().size(), 1u);

  v1::ReserveWorkloadRequest reserve = ForSeconds(3600);
  reserve.set_request_id("mine");
  AtOnce(100, [&](int i) {
    v1::ReserveWorkloadResponse response;
    EXPECT_TRUE(UntilServed([&](grpc::ClientContext& context) {
                  return migrations_->ReserveWorkload(&context, reserve, &response);
                }).ok());
    ids[i] = response.token();
  });
  EXPECT_THAT(ids, Each(ids[0]));
  KillAndStart();
  ASSERT_TRUE(Reserve(reserve).ok());
  EXPECT_EQ(reserved_.token(), ids[0]);
  reserve.set_owner("another one");
  EXPECT_EQ(Reserve(reserve).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(migrator_->reservations().List().size(), 1u);
}

TEST_F(RepairServiceTest, ARequestIdNamesOneRequestAcrossRestarts) {
  v1::CreateMigrationRequest request = Request("mine");
  request.add_target_node_ids(1);
  request.set_min_moved(0.5);
  request.mutable_timeout()->set_seconds(100);
  ASSERT_TRUE(Create(request).ok());
  const v1::Migration first = created_;
  v1::CreateMigrationRequest other = request;
  other.set_min_moved(0.6);
  for (const bool is_killed : {true, false, true}) {
    is_killed ? KillAndStart() : Start();
    EXPECT_EQ(Create(other).error_code(), grpc::StatusCode::ALREADY_EXISTS);
    ASSERT_TRUE(Create(request).ok());
    EXPECT_EQ(created_.id(), first.id());
    EXPECT_EQ(created_.reason(), v1::MIGRATION_REASON_INTERRUPTED);
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(created_.request(), request))
        << created_.request().DebugString();
  }
}

TEST_F(RepairServiceTest, NoMigrationShowsAReservationsToken) {
  ASSERT_TRUE(Reserve(ForSeconds(60)).ok());
  v1::CreateMigrationRequest request = Request("mine");
  request.add_reservation_tokens(reserved_.token());
  ASSERT_TRUE(Create(request).ok());
  EXPECT_EQ(created_.request().workloads(0).cgroup_path(), kCgroup);
  EXPECT_EQ(created_.request().reservation_tokens_size(), 0);
  KillAndStart();
  ASSERT_TRUE(Create(request).ok()) << "the tokens are not compared";
}

TEST_F(RepairServiceTest, StateIsTheSameAfterARestart) {
  ASSERT_TRUE(Reserve(ForSeconds(60)).ok());
  Migration repair;
  repair.id = "a-1";
  repair.state = MigrationState::kPartial;
  repair.request.origin = MigrationOrigin::kPolicy;
  repair.request.policy = "keep";
  repair.create_time = repair.start_time = absl::FromUnixSeconds(1);
  repair.end_time = absl::FromUnixSeconds(2);
  WorkloadMigration& result = repair.workloads.emplace_back();
  result.workload = WorkloadFinder(context_.host).Find({{}, {}, kCgroup, {}}).value().front();
  result.state = repair.state;
  result.target_nodes = {NodeId{1}};
  result.outcomes.Add(PageOutcome::kBusy, 3);
  ASSERT_TRUE(records_->Save(repair).ok());
  WorkloadPlacement placement;
  placement.workload = result.workload;
  placement.home_nodes = placement.allowed_nodes = {NodeId{1}};
  for (const bool is_killed : {false, true}) {
    is_killed ? KillAndStart() : Start();
    EXPECT_EQ(migrator_->StuckBytes(placement), 3 * repair.page_bytes);
    const std::vector<Reservation> reservations = migrator_->reservations().List();
    ASSERT_EQ(reservations.size(), 1u);
    EXPECT_EQ(reservations[0].token, reserved_.token());
    EXPECT_EQ(reservations[0].owner, "a scheduler");
    EXPECT_EQ(Create(Request()).error_code(), grpc::StatusCode::ABORTED);
    // What PolicyLoop::Restore is given.
    const std::vector<Migration> ends = migrator_->List();
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0].request, repair.request);
    EXPECT_EQ(ends[0].end_time, repair.end_time);
  }
}

TEST_F(RepairServiceTest, NeverMoreThanThePromisedNumberIsListed) {
  Migration migration;
  migration.state = MigrationState::kSucceeded;
  for (int i = 0; i < 1010; ++i) {
    migration.id = absl::StrCat("a-", i);
    migration.create_time = migration.end_time = absl::FromUnixSeconds(i);
    ASSERT_TRUE(records_->Save(migration).ok());
  }
  Start();
  migrator_->Start(1);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Create(Request()).ok());
    while (migrator_->ActiveCount() > 0) absl::SleepFor(absl::Milliseconds(1));
    grpc::ClientContext context;
    v1::ListMigrationsRequest list;
    list.set_page_size(1000);
    v1::ListMigrationsResponse response;
    ASSERT_TRUE(migrations_->ListMigrations(&context, list, &response).ok());
    EXPECT_EQ(response.migrations_size(), 1000);
    EXPECT_EQ(response.migrations(0).id(), created_.id());
    EXPECT_EQ(response.next_page_token(), "");
  }
}

TEST_F(RepairServiceTest, EarlierAgentsMigrationsAreStillThere) {
  ASSERT_TRUE(Create(Request("mine")).ok());
  const std::string earlier = created_.id();
  Start();
  ASSERT_TRUE(Create(Request("mine")).ok());
  EXPECT_EQ(created_.id(), earlier) << "the same request is the same migration";
  EXPECT_EQ(created_.reason(), v1::MIGRATION_REASON_INTERRUPTED);
  Start();
  ASSERT_TRUE(Create(Request("another")).ok());

  std::vector<std::string> ids;
  v1::ListMigrationsRequest list;
  list.set_page_size(1);
  do {
    grpc::ClientContext context;
    v1::ListMigrationsResponse response;
    ASSERT_TRUE(migrations_->ListMigrations(&context, list, &response).ok());
    for (const auto& migration : response.migrations()) ids.push_back(migration.id());
    list.set_page_token(response.next_page_token());
  } while (!list.page_token().empty() && ids.size() < 5);
  EXPECT_THAT(ids, ElementsAre(created_.id(), earlier)) << "newest first";

  grpc::ClientContext contexts[3];
  v1::GetMigrationRequest get;
  get.set_id(earlier);
  v1::GetMigrationResponse got;
  EXPECT_TRUE(migrations_->GetMigration(&contexts[0], get, &got).ok());
  v1::CancelMigrationRequest cancel;
  cancel.set_id(earlier);
  v1::CancelMigrationResponse cancelled;
  EXPECT_TRUE(migrations_->CancelMigration(&contexts[1], cancel, &cancelled).ok());
  v1::WatchMigrationRequest watch;
  watch.set_id(earlier);
  const auto reader = migrations_->WatchMigration(&contexts[2], watch);
  v1::WatchMigrationResponse message;
  EXPECT_TRUE(reader->Read(&message));
  EXPECT_EQ(message.migration().id(), earlier);
  EXPECT_FALSE(reader->Read(&message));
  EXPECT_TRUE(reader->Finish().ok());
}

}  // namespace
}  // namespace numalocality::repair_service_test
