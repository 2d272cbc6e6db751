// Watches of the API, with real client stubs on a unix socket.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/engine/migrate/migrator.h"
#include "agent/engine/report/report_board.h"
#include "agent/model/error_details.h"
#include "agent/rpc/request_watch.h"
#include "agent/rpc/server.h"
#include "agent/rpc/watch.h"
#include "numalocality/v1/migration.grpc.pb.h"
#include "numalocality/v1/placement.grpc.pb.h"
#include "tests/component/wait.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::watch_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using MigrationReader = grpc::ClientReader<v1::WatchMigrationsResponse>;
using PlacementReader = grpc::ClientReader<v1::WatchPlacementsResponse>;

// Two workloads, "/a" and "/b", and an agent that starts no migration by itself.
class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    for (const auto& [path, pid] : {std::pair{"/a", 10}, std::pair{"/b", 11}}) {
      const auto process = machine_.AddProcess(pid, "4-7", path);
      process->AddPages(0x10000000, 10, 0);
      machine_.Publish(*process);
      machine_.AddCgroup(path, {pid});
    }
    Served served{context_, migrator_, board_};
    served.instance_id = "this one";
    Serve(served);
  }
  ~WatchTest() override { server_->Shutdown(absl::ZeroDuration()); }

  void Serve(const Served& served) {
    if (server_ != nullptr) server_->Shutdown(absl::ZeroDuration());
    server_.reset();
    auto server = Server::Start(socket_, served);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const auto channel = grpc::CreateChannel("unix:" + socket_, grpc::InsecureChannelCredentials());
    placements_ = v1::PlacementService::NewStub(channel);
    migrations_ = v1::MigrationService::NewStub(channel);
  }

  std::string Create(const std::string& path) {
    grpc::ClientContext context;
    v1::CreateMigrationRequest request;
    request.add_workloads()->set_cgroup_path(path);
    v1::CreateMigrationResponse response;
    const grpc::Status status = migrations_->CreateMigration(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.migration().id();
  }

  void Cancel(const std::string& id) {
    grpc::ClientContext context;
    v1::CancelMigrationRequest request;
    request.set_id(id);
    v1::CancelMigrationResponse response;
    EXPECT_TRUE(migrations_->CancelMigration(&context, request, &response).ok());
  }

  // "<id> PENDING", "synced"; "" at the end.
  std::string Next(MigrationReader& reader) {
    v1::WatchMigrationsResponse message;
    if (!reader.Read(&message)) return "";
    agents_.insert(message.agent().id());
    if (message.synced()) return "synced";
    return absl::StrCat(
        message.migration().id(), " ",
        v1::MigrationState_Name(message.migration().state()).substr(sizeof "MIGRATION_STATE"));
  }

  // A report of workloads in namespaces: "<namespace>/<pod>".
  void Publish(const std::vector<std::pair<std::string, std::string>>& pods) {
    auto report = std::make_shared<LocalityReport>();
    for (const auto& [pod_namespace, pod] : pods) {
      auto workload = std::make_shared<WorkloadReport>();
      workload->placement.workload.cgroup_path = absl::StrCat("/", pod_namespace, pod);
      workload->placement.workload.names = {pod_namespace, pod, "main"};
      report->workloads.push_back(std::move(workload));
    }
    board_.Publish(std::move(report));
  }

  // "resync", "synced", the path of the workload, with "-" before it if it is gone; "" at the end.
  static std::string Next(PlacementReader& reader) {
    v1::WatchPlacementsResponse message;
    if (!reader.Read(&message)) return "";
    if (message.resync()) return "resync";
    if (message.synced()) return "synced";
    return message.has_gone() ? "-" + message.gone().cgroup_path()
                              : message.placement().workload().cgroup_path();
  }

  FakeMachine machine_;
  TempTree sockets_;
  const std::string socket_ = sockets_.root() + "/own/agent.sock";
  const EngineContext context_{machine_.kernel(), Clock::System(), machine_.host(), {}};
  Migrator migrator_{context_};
  ReportBoard board_{Clock::System()};
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::PlacementService::Stub> placements_;
  std::unique_ptr<v1::MigrationService::Stub> migrations_;
  std::set<std::string> agents_;
};

TEST_F(WatchTest, AllMigrationsAndThenTheirChanges) {
  const std::string first = Create("/a");
  grpc::ClientContext context;
  const auto reader = migrations_->WatchMigrations(&context, {});
  EXPECT_EQ(Next(*reader), first + " PENDING");
  EXPECT_EQ(migrator_.Get(first)->workloads[0].scan_method, std::nullopt);
  EXPECT_EQ(Next(*reader), "synced");
  const std::string second = Create("/b");
  EXPECT_EQ(Next(*reader), second + " PENDING");
  Cancel(first);
  EXPECT_EQ(Next(*reader), first + " CANCELLED");
  context.TryCancel();
  EXPECT_EQ(Next(*reader), "");
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);

  grpc::ClientContext list;
  v1::ListMigrationsResponse listed;
  ASSERT_TRUE(migrations_->ListMigrations(&list, {}, &listed).ok());
  agents_.insert(listed.agent().id());
  EXPECT_THAT(agents_, ElementsAre("this one"));
}

TEST_F(WatchTest, OnlyMigrationsThatMatchTheFilter) {
  const std::string first = Create("/a");
  v1::WatchMigrationsRequest request;
  request.mutable_filter()->add_states(v1::MIGRATION_STATE_CANCELLED);
  grpc::ClientContext context;
  const auto reader = migrations_->WatchMigrations(&context, request);
  EXPECT_EQ(Next(*reader), "synced");
  Cancel(Create("/b"));
  Cancel(first);
  EXPECT_THAT(Next(*reader), HasSubstr(" CANCELLED"));
  EXPECT_EQ(Next(*reader), first + " CANCELLED");
  context.TryCancel();

  request.mutable_filter()->set_states(0, static_cast<v1::MigrationState>(77));
  grpc::ClientContext wrong;
  const auto refused = migrations_->WatchMigrations(&wrong, request);
  EXPECT_EQ(Next(*refused), "");
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WatchTest, OnlyPlacementsThatMatchTheFilter) {
  Publish({{"other", "x"}, {"shop", "x"}, {"shop", "y"}});
  v1::WatchPlacementsRequest request;
  request.mutable_filter()->add_namespaces("shop");
  grpc::ClientContext context;
  const auto reader = placements_->WatchPlacements(&context, request);
  for (const char* next : {"resync", "/shopx", "/shopy", "synced"}) EXPECT_EQ(Next(*reader), next);
  Publish({{"shop", "y"}});
  EXPECT_EQ(Next(*reader), "-/shopx");
  context.TryCancel();
}

TEST_F(WatchTest, ListedMigrationsMatchTheFilterOnAllPages) {
  const std::string first = Create("/a");
  Cancel(first);
  Create("/b");
  Cancel(Create("/a"));
  v1::ListMigrationsRequest request;
  request.set_page_size(1);
  request.mutable_filter()->add_states(v1::MIGRATION_STATE_CANCELLED);
  std::vector<std::string> ids;
  do {
    grpc::ClientContext context;
    v1::ListMigrationsResponse response;
    ASSERT_TRUE(migrations_->ListMigrations(&context, request, &response).ok());
    for (const auto& migration : response.migrations()) ids.push_back(migration.id());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && ids.size() < 5);
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(ids[1], first);
}

TEST_F(WatchTest, SummariesLeaveOutWhatIsLarge) {
  Create("/a");
  auto workload = std::make_shared<WorkloadReport>();
  workload->placement.cpus = {CpuId{1}};
  auto report = std::make_shared<LocalityReport>();
  report->workloads.push_back(workload);
  board_.Publish(report);
  for (const v1::Detail detail : {v1::DETAIL_UNSPECIFIED, v1::DETAIL_FULL, v1::DETAIL_SUMMARY}) {
    const bool is_full = detail != v1::DETAIL_SUMMARY;
    grpc::ClientContext contexts[3];
    v1::ListMigrationsRequest list;
    list.set_detail(detail);
    v1::ListMigrationsResponse listed;
    ASSERT_TRUE(migrations_->ListMigrations(&contexts[0], list, &listed).ok());
    EXPECT_EQ(listed.migrations(0).has_request(), is_full);
    v1::WatchMigrationsRequest migrations;
    migrations.set_detail(detail);
    v1::WatchMigrationsResponse migration;
    const auto records = migrations_->WatchMigrations(&contexts[1], migrations);
    ASSERT_TRUE(records->Read(&migration));
    EXPECT_EQ(migration.migration().has_request(), is_full);
    contexts[1].TryCancel();
    v1::WatchPlacementsRequest placements;
    placements.set_detail(detail);
    v1::WatchPlacementsResponse placement;
    const auto reader = placements_->WatchPlacements(&contexts[2], placements);
    ASSERT_TRUE(reader->Read(&placement) && placement.resync());
    ASSERT_TRUE(reader->Read(&placement) && placement.has_placement());
    EXPECT_EQ(placement.placement().cpu_ids_size() > 0, is_full);
    contexts[2].TryCancel();
  }
}

TEST_F(WatchTest, UnknownDetailsAreRefused) {
  constexpr auto kUnknown = static_cast<v1::Detail>(77);
  grpc::ClientContext contexts[4];
  v1::WatchPlacementsRequest watch_placements;
  watch_placements.set_detail(kUnknown);
  v1::WatchMigrationsRequest watch_migrations;
  watch_migrations.set_detail(kUnknown);
  v1::ListPlacementsRequest list_placements;
  list_placements.set_detail(kUnknown);
  v1::ListMigrationsRequest list_migrations;
  list_migrations.set_detail(kUnknown);
  v1::ListPlacementsResponse placements;
  v1::ListMigrationsResponse migrations;
  for (const grpc::Status& status :
       {placements_->WatchPlacements(&contexts[0], watch_placements)->Finish(),
        migrations_->WatchMigrations(&contexts[1], watch_migrations)->Finish(),
        placements_->ListPlacements(&contexts[2], list_placements, &placements),
        migrations_->ListMigrations(&contexts[3], list_migrations, &migrations)}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_THAT(status.error_message(), HasSubstr("detail: 77"));
  }
}

TEST_F(WatchTest, AThousandWatchesTakeNoThreads) {
  Publish({{"shop", "x"}});
  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<PlacementReader> placements;
    std::unique_ptr<MigrationReader> migrations;
  };
  std::vector<std::unique_ptr<Watcher>> watchers;
  const auto watch = [&] {
    auto watcher = std::make_unique<Watcher>();
    if (watchers.size() % 2 == 0) {
      watcher->placements = placements_->WatchPlacements(&watcher->context, {});
    } else {
      watcher->migrations = migrations_->WatchMigrations(&watcher->context, {});
    }
    watchers.push_back(std::move(watcher));
  };
  const auto expect_all_get = [&](const std::string& placement, const std::string& migration) {
    for (const auto& watcher : watchers) {
      ASSERT_EQ(
          watcher->placements != nullptr ? Next(*watcher->placements) : Next(*watcher->migrations),
          watcher->placements != nullptr ? placement : migration);
    }
  };
  while (watchers.size() < 20) watch();
  expect_all_get("resync", "synced");
  const ptrdiff_t threads = CountThreads();
  for (const auto& watcher : watchers) watcher->context.TryCancel();
  watchers.clear();
  while (watchers.size() < 1000) watch();
  expect_all_get("resync", "synced");
  EXPECT_LT(CountThreads(), threads + 10);

  const std::string id = Create("/a");  // other calls are served
  for (const auto& watcher : watchers) {
    if (watcher->migrations != nullptr) {
      ASSERT_EQ(Next(*watcher->migrations), id + " PENDING");
    }
  }
  for (const auto& watcher : watchers) watcher->context.TryCancel();
}

TEST_F(WatchTest, AQuietWatchSendsHeartbeats) {
  Served served{context_, migrator_, board_};
  served.heartbeat = absl::Milliseconds(1);
  ASSERT_NO_FATAL_FAILURE(Serve(served));
  grpc::ClientContext contexts[2];
  const auto placements = placements_->WatchPlacements(&contexts[0], {});
  v1::WatchPlacementsResponse of_placements;
  ASSERT_TRUE(placements->Read(&of_placements));
  EXPECT_TRUE(of_placements.heartbeat()) << "there is no report yet";
  const auto migrations = migrations_->WatchMigrations(&contexts[1], {});
  EXPECT_EQ(Next(*migrations), "synced");
  v1::WatchMigrationsResponse of_migrations;
  ASSERT_TRUE(migrations->Read(&of_migrations));
  EXPECT_TRUE(of_migrations.heartbeat());
  for (auto& context : contexts) context.TryCancel();
}

TEST_F(WatchTest, AnAgentThatStopsEndsWatches) {
  grpc::ClientContext context;
  const auto reader = migrations_->WatchMigrations(&context, {});
  EXPECT_EQ(Next(*reader), "synced");
  server_->Shutdown(absl::Hours(1));
  EXPECT_EQ(Next(*reader), "");
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST(RequestWatchTest, ACallHasALimitOfItsOwn) {
  const grpc::ServerContext context;
  RequestWatch over(nullptr, context, "GetPlacement", absl::ZeroDuration());
  over.Reads("shop/db-0");
  const absl::Status ended = over.Ended(absl::CancelledError("cancelled"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ended)) << ended;
  EXPECT_THAT(std::string(ended.message()), HasSubstr("shop/db-0"));
  EXPECT_TRUE(over.Ended(absl::OkStatus()).ok());
  const RequestWatch in_time(nullptr, context, "GetPlacement");
  EXPECT_TRUE(absl::IsCancelled(in_time.Ended(absl::CancelledError("cancelled"))));
}

class CountedWatch final : public PumpedWatch {
 public:
  void Poke() override {}
  void Stop() override { is_stopped = true; }
  bool is_stopped = false;
};

TEST(WatchPumpTest, RefusesMoreThanItsLimitAndAfterItsStop) {
  WatchPump pump([] {}, absl::InfiniteDuration());
  std::vector<std::shared_ptr<CountedWatch>> watches;
  for (size_t i = 0; i < WatchPump::kMaxWatches; ++i) {
    watches.push_back(std::make_shared<CountedWatch>());
    ASSERT_TRUE(pump.Add(watches.back()).ok());
  }
  const auto more = std::make_shared<CountedWatch>();
  const absl::Status refused = pump.Add(more);
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(DetailsOf(refused)->reason, ErrorReason::kTooManyWatches);
  pump.Remove(*watches.front());
  EXPECT_TRUE(pump.Add(more).ok());
  pump.Remove(*more);
  pump.Stop();
  EXPECT_TRUE(watches.back()->is_stopped);
  EXPECT_TRUE(absl::IsUnavailable(pump.Add(more)));
  for (const auto& watch : watches) pump.Remove(*watch);
}

}  // namespace
}  // namespace numalocality::watch_test
