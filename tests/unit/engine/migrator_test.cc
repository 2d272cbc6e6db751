#include "agent/engine/migrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/fake_host.h"

namespace numalocality {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr uint64_t kBase = 0x10001000;
constexpr absl::Duration kLong = absl::Seconds(30);  // more than any of this takes

// Closed at first; whoever waits goes on once it is open.
class Gate {
 public:
  void Open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

class MigratorTest : public ::testing::Test {
 protected:
  MigratorTest() { host_.SetHugePages(false); }

  // A cgroup with one process of `count` pages on node 0.
  std::shared_ptr<FakeProcess> AddPod(const std::string& path, pid_t pid, int count = 100) {
    auto process = host_.AddProcess(pid, "0-3", path);
    process->AddPages(kBase, count, 0);
    host_.Publish(*process, path);
    host_.AddCgroup(path, {pid});
    return process;
  }

  static MigrationRequest Request(const std::string& cgroup, const std::string& request_id = "") {
    MigrationRequest request;
    request.workloads = {{{}, {}, cgroup, {}}};
    request.spec.target_nodes = {NodeId{1}};
    request.request_id = request_id;
    return request;
  }

  // Real time: waits are real here. The records' times do not matter.
  std::unique_ptr<Migrator> MakeMigrator(int workers) {
    auto migrator = std::make_unique<Migrator>(
        MigrationContext{host_.kernel(), Clock::System(), host_.paths(), {}});
    if (workers > 0) migrator->Start(workers);
    return migrator;
  }

  static Migration WaitForEnd(const Migrator& migrator, const std::string& id) {
    const absl::Duration end = Clock::System().Monotonic() + kLong;
    uint64_t version = 0;
    while (Clock::System().Monotonic() < end) {
      const auto snapshot = migrator.WaitForChange(id, version, absl::Seconds(1));
      EXPECT_TRUE(snapshot.ok()) << snapshot.status();
      if (IsFinal(snapshot->migration.state)) return snapshot->migration;
      version = snapshot->version;
    }
    ADD_FAILURE() << "migration " << id << " has not ended";
    return {};
  }

  FakeHost host_;
};

TEST_F(MigratorTest, RunsWhatIsSubmitted) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(submitted->state, MigrationState::kPending);
  EXPECT_EQ(submitted->start_time, absl::InfiniteFuture());
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kSucceeded);
  EXPECT_EQ(ended.workloads[0].outcomes[PageOutcome::kMoved], 100);
  EXPECT_LE(ended.create_time, ended.start_time);
  EXPECT_LE(ended.start_time, ended.end_time);
  EXPECT_EQ(process->PagesOn(1), 100);
  EXPECT_EQ(migrator->Get(submitted->id)->state, MigrationState::kSucceeded);
}

TEST_F(MigratorTest, SeveralWorkloadsHaveAResultEach) {
  AddPod("/a", 10);
  AddPod("/b", 11);
  const auto migrator = MakeMigrator(2);
  MigrationRequest request = Request("/a");
  request.workloads.push_back({{}, {}, "/b", {}});
  request.workloads.push_back({{}, {}, {}, 11});  // inside of /b: not moved twice
  const auto submitted = migrator->Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  ASSERT_EQ(ended.workloads.size(), 2u);
  for (const WorkloadMigration& result : ended.workloads) {
    EXPECT_EQ(result.state, MigrationState::kSucceeded);
    EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 100);
  }
}

TEST_F(MigratorTest, BadRequestsAreRefusedAtOnce) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  using Code = absl::StatusCode;
  const auto code_of = [&](const std::function<void(MigrationRequest&)>& change) {
    MigrationRequest request = Request("/pod");
    change(request);
    const absl::Status submitted = migrator->Submit(request).status();
    EXPECT_EQ(submitted.code(), migrator->Plan(request).status().code());
    EXPECT_FALSE(submitted.message().empty());
    return submitted.code();
  };
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {{}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.workloads[0].cgroup_path = "/none"; }), Code::kNotFound);
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {{{}, {}, {}, 99}}; }), Code::kNotFound);
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {{{}, {}, {}, 0}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.target_nodes = {NodeId{7}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.source_nodes = {NodeId{7}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.source_nodes = {NodeId{1}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.ranges = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.ranges = {{4096, 4096}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.ranges = {{0, ~uint64_t{0}}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.kinds = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.kinds = kAllKinds; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.min_moved = 1.5; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.min_moved = -0.1; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.min_moved = std::nan(""); }), Code::kInvalidArgument);
  process->allowed_nodes = {NodeId{0}};
  host_.Publish(*process);
  EXPECT_EQ(code_of([](auto&) {}), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(migrator->Submit(Request("/pod")).status().message()),
              HasSubstr("allows node 0 only, the target is node 1"));
  EXPECT_THAT(migrator->List(), ElementsAre());
}

TEST_F(MigratorTest, ACgroupWithoutProcessesIsNotFound) {
  host_.AddCgroup("/empty");
  const auto migrator = MakeMigrator(0);
  EXPECT_TRUE(absl::IsNotFound(migrator->Submit(Request("/empty")).status()));
}

TEST_F(MigratorTest, OfAPodContainersWithoutProcessesAreLeftOut) {
  const std::string pod = "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/";
  AddPod(pod + std::string(64, 'a'), 10);
  host_.AddCgroup(pod + std::string(64, 'b'));
  const auto migrator = MakeMigrator(0);
  MigrationRequest request = Request("/");
  request.workloads = {{"01234567-cccc-dddd-eeee-ffff00001111", {}, {}, {}}};
  const auto submitted = migrator->Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(submitted->workloads.size(), 1u);
}

TEST_F(MigratorTest, ABusyWorkloadIsAbortedWithTheOthersId) {
  AddPod("/a/b", 10);
  AddPod("/c", 11);
  const auto migrator = MakeMigrator(0);
  const auto first = migrator->Submit(Request("/a/b"));
  ASSERT_TRUE(first.ok());
  MigrationRequest process = Request("/");
  process.workloads = {{{}, {}, {}, 10}};
  for (const MigrationRequest& request : {Request("/a/b"), Request("/a"), process}) {
    const absl::Status status = migrator->Submit(request).status();
    EXPECT_TRUE(absl::IsAborted(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(first->id));
  }
  EXPECT_TRUE(migrator->Submit(Request("/c")).ok());
}

TEST_F(MigratorTest, AFinishedMigrationLeavesItsWorkloadFree) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(1);
  const auto first = migrator->Submit(Request("/pod"));
  WaitForEnd(*migrator, first->id);
  const auto second = migrator->Submit(Request("/pod"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(second->id, first->id);
  EXPECT_EQ(WaitForEnd(*migrator, second->id).workloads[0].outcomes[PageOutcome::kAlreadyThere],
            100);
}

TEST_F(MigratorTest, ARequestIdNamesOneRequest) {
  AddPod("/pod", 10);
  AddPod("/other", 11);
  const auto migrator = MakeMigrator(1);
  const auto first = migrator->Submit(Request("/pod", "id-1"));
  ASSERT_TRUE(first.ok());
  WaitForEnd(*migrator, first->id);
  const auto again = migrator->Submit(Request("/pod", "id-1"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->state, MigrationState::kSucceeded);
  EXPECT_EQ(migrator->Submit(Request("/other", "id-1")).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(migrator->List().size(), 1u);
}

TEST_F(MigratorTest, ARequestThatComesInTwiceAtOnceIsOneMigration) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  // The second arrives while the first is being checked, outside of the lock.
  absl::StatusOr<Migration> second = absl::UnknownError("not submitted");
  host_.kernel().RunAt(1, [&] { second = migrator->Submit(Request("/pod", "id-1")); });
  const auto first = migrator->Submit(Request("/pod", "id-1"));
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->id, second->id);
  EXPECT_EQ(migrator->List().size(), 1u);
}

TEST_F(MigratorTest, PlanTellsAndDoesNothing) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto plan = migrator->Plan(Request("/pod"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->id, "");
  EXPECT_EQ(plan->state, MigrationState::kPending);
  EXPECT_EQ(plan->workloads[0].pages_planned, 100);
  EXPECT_THAT(migrator->List(), ElementsAre());
  EXPECT_EQ(process->PagesOn(0), 100);
}

TEST_F(MigratorTest, UnknownIdsAreNotFound) {
  const auto migrator = MakeMigrator(0);
  EXPECT_TRUE(absl::IsNotFound(migrator->Get("x\n").status()));
  EXPECT_TRUE(absl::IsNotFound(migrator->Cancel("x").status()));
  EXPECT_TRUE(absl::IsNotFound(migrator->WaitForChange("x", 0, kLong).status()));
}

TEST_F(MigratorTest, CancelBeforeTheStartMovesNothing) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto submitted = migrator->Submit(Request("/pod"));
  EXPECT_TRUE(migrator->Cancel(submitted->id).ok());
  migrator->Start(1);
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kCancelled);
  EXPECT_EQ(process->PagesOn(0), 100);
}

TEST_F(MigratorTest, CancelEndsARunningOneAfterItsBatch) {
  const auto process = AddPod("/pod", 10, 3000);
  Gate in_call;
  Gate go_on;
  host_.kernel().RunAt(5, [&] {  // opened at Submit; opened, scanned and found again; then moved
    in_call.Open();
    go_on.Wait();
  });
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  in_call.Wait();
  EXPECT_EQ(migrator->Get(submitted->id)->state, MigrationState::kRunning);
  EXPECT_FALSE(IsFinal(migrator->Cancel(submitted->id)->state));
  go_on.Open();
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kCancelled);
  EXPECT_EQ(ended.workloads[0].outcomes[PageOutcome::kMoved], 512);
  EXPECT_EQ(ended.workloads[0].outcomes.Total(), 3000);
  EXPECT_EQ(process->PagesOn(1), 512);
  EXPECT_EQ(migrator->Cancel(submitted->id)->state, MigrationState::kCancelled);
}

TEST_F(MigratorTest, ADeadlineEndsIt) {
  AddPod("/pod", 10, 3000);
  const auto migrator = MakeMigrator(1);
  MigrationRequest request = Request("/pod");
  request.spec.deadline = absl::Nanoseconds(1);
  const auto submitted = migrator->Submit(request);
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kFailed);
  EXPECT_EQ(ended.reason, MigrationReason::kDeadline);
}

TEST_F(MigratorTest, AWorkloadThatLeavesWhileItWaitsIsGone) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto submitted = migrator->Submit(Request("/pod"));
  host_.RemoveCgroup("/pod");
  migrator->Start(1);
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kFailed);
  EXPECT_EQ(ended.reason, MigrationReason::kWorkloadGone);
  EXPECT_FALSE(ended.message.empty());
}

TEST_F(MigratorTest, WaitForChangeReturnsOnChangeAndAfterTheTimeout) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto submitted = migrator->Submit(Request("/pod"));
  const auto now = migrator->WaitForChange(submitted->id, 0, kLong);
  ASSERT_TRUE(now.ok());
  EXPECT_NE(now->version, 0u);
  const auto same = migrator->WaitForChange(submitted->id, now->version, absl::Milliseconds(5));
  EXPECT_EQ(same->version, now->version);
  std::thread starter([&] { migrator->Start(1); });
  const auto changed = migrator->WaitForChange(submitted->id, now->version, kLong);
  EXPECT_GT(changed->version, now->version);
  starter.join();
}

TEST_F(MigratorTest, ShutdownEndsWhatRunsAndTakesNoMore) {
  AddPod("/pod", 10, 3000);
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  EXPECT_THAT(migrator->Shutdown(kLong), ElementsAre());
  EXPECT_TRUE(IsFinal(migrator->Get(submitted->id)->state));
  AddPod("/late", 11);
  EXPECT_EQ(migrator->Submit(Request("/late")).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(MigratorTest, ShutdownNamesACallThatTheKernelHolds) {
  AddPod("/pod", 10);
  Gate in_call;
  Gate go_on;
  host_.kernel().RunAt(5, [&] {
    in_call.Open();
    go_on.Wait();
  });
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  in_call.Wait();
  const std::vector<std::string> held = migrator->Shutdown(absl::Milliseconds(10));
  EXPECT_THAT(held,
              ElementsAre(::testing::AllOf(HasSubstr(submitted->id),
                                           HasSubstr("move_pages of 100 pages of process 10"))));
  go_on.Open();
  EXPECT_THAT(migrator->Shutdown(kLong), ElementsAre());
}

TEST_F(MigratorTest, KeepsABoundedNumberOfRecords) {
  AddPod("/pod", 10, 1);
  const auto migrator = MakeMigrator(1);
  std::string first, last;
  for (size_t i = 0; i < Migrator::kMaxFinished + 5; ++i) {
    const auto submitted = migrator->Submit(Request("/pod"));
    ASSERT_TRUE(submitted.ok()) << submitted.status();
    last = submitted->id;
    if (first.empty()) first = last;
    WaitForEnd(*migrator, last);
  }
  EXPECT_LE(migrator->List().size(), Migrator::kMaxFinished + 1);
  EXPECT_TRUE(absl::IsNotFound(migrator->Get(first).status()));
  EXPECT_TRUE(migrator->Get(last).ok());
}

TEST_F(MigratorTest, ManyCallersAtOnce) {
  for (int i = 0; i < 8; ++i) AddPod(absl::StrCat("/pod", i), 10 + i, 200);
  const auto migrator = MakeMigrator(3);
  std::atomic<int> accepted = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 20; ++i) {
        const auto submitted = migrator->Submit(Request(absl::StrCat("/pod", (caller + i) % 8)));
        if (!submitted.ok()) {
          EXPECT_TRUE(absl::IsAborted(submitted.status())) << submitted.status();
          continue;
        }
        ++accepted;
        if (i % 3 == 0) {
          EXPECT_TRUE(migrator->Cancel(submitted->id).ok());
        }
        EXPECT_TRUE(migrator->WaitForChange(submitted->id, 1, absl::Milliseconds(1)).ok());
        migrator->List();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const Migration& migration : migrator->List()) WaitForEnd(*migrator, migration.id);
  EXPECT_EQ(migrator->List().size(), static_cast<size_t>(accepted.load()));
}

}  // namespace
}  // namespace numalocality
