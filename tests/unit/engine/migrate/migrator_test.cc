#include "agent/engine/migrate/migrator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"

namespace numalocality::migrator_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

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
  const auto submitted = migrator->Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  ASSERT_EQ(ended.workloads.size(), 2u);
  for (const WorkloadMigration& result : ended.workloads) {
    EXPECT_EQ(result.state, MigrationState::kSucceeded);
    EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 100);
  }
}

// SELinux refuses with EACCES, whatever the capabilities.
TEST_F(MigratorTest, ARefusalNamesSecurityModulesToo) {
  AddPod("/pod", 10);
  machine_.kernel().FailAll(FakeCall::kQuery, EACCES);
  machine_.kernel().FailAll(FakeCall::kMove, EACCES);
  const auto migrator = MakeMigrator(1);
  const auto plan = migrator->Plan(Request("/pod"), [] { return false; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  const Migration ended = WaitForEnd(*migrator, migrator->Submit(Request("/pod"))->id);
  for (const Migration& each : {*plan, ended}) {
    EXPECT_EQ(each.workloads[0].reason, MigrationReason::kPermissionDenied);
    EXPECT_THAT(each.workloads[0].message, HasSubstr("SELinux, AppArmor"));
  }
  EXPECT_THAT(ended.message, HasSubstr("SELinux, AppArmor"));
}

TEST_F(MigratorTest, UnknownIdsAreNotFound) {
  const auto migrator = MakeMigrator(0);
  EXPECT_TRUE(absl::IsNotFound(migrator->Get("x\n").status()));
  EXPECT_TRUE(absl::IsNotFound(migrator->Cancel("x").status()));
  EXPECT_TRUE(absl::IsNotFound(migrator->Snapshot("x").status()));
}

TEST_F(MigratorTest, CancelBeforeTheStartMovesNothing) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto submitted = migrator->Submit(Request("/pod"));
  EXPECT_EQ(migrator->Cancel(submitted->id)->state, MigrationState::kCancelled);
  migrator->Start(1);
  EXPECT_THAT(migrator->Shutdown(kLong), ElementsAre());
  EXPECT_EQ(migrator->Get(submitted->id)->state, MigrationState::kCancelled);
  EXPECT_EQ(process->PagesOn(0), 100);
}

TEST_F(MigratorTest, CancelEndsARunningOneAfterItsBatch) {
  const auto process = AddPod("/pod", 10, 3000);
  Gate in_call;
  Gate go_on;
  machine_.kernel().RunAt(FakeCall::kMove, 1, [&] {
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
  EXPECT_EQ(ended.workloads[0].outcomes[PageOutcome::kMoved], 64);
  EXPECT_EQ(ended.workloads[0].outcomes.Total(), 3000);
  EXPECT_EQ(process->PagesOn(1), 64);
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
  machine_.RemoveCgroup("/pod");
  migrator->Start(1);
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kFailed);
  EXPECT_EQ(ended.reason, MigrationReason::kWorkloadGone);
  EXPECT_FALSE(ended.message.empty());
}

TEST_F(MigratorTest, AWaitEndsWithAChangeOrAfterTheTimeout) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto submitted = migrator->Submit(Request("/pod"));
  const uint64_t version = migrator->Snapshot(submitted->id)->version;
  EXPECT_NE(version, 0u);
  EXPECT_EQ(migrator->WaitForAnyChange(version, absl::Milliseconds(5)), version);
  std::thread starter([&] { migrator->Start(1); });
  EXPECT_GT(migrator->WaitForAnyChange(version, kLong), version);
  starter.join();
}

TEST_F(MigratorTest, ChangesOfAllRecordsAreListedOnceEach) {
  AddPod("/a", 10);
  AddPod("/b", 11);
  const auto migrator = MakeMigrator(0);
  EXPECT_FALSE(migrator->NextChange(0).has_value());
  const std::string a = migrator->Submit(Request("/a"))->id;
  const std::string b = migrator->Submit(Request("/b"))->id;
  ASSERT_TRUE(migrator->Cancel(a).ok());
  const auto first = migrator->NextChange(0);
  EXPECT_EQ(first->migration.id, b) << "a has changed since";
  const auto second = migrator->NextChange(first->version);
  EXPECT_EQ(second->migration.id, a);
  EXPECT_EQ(second->migration.state, MigrationState::kCancelled);
  EXPECT_EQ(second->version, migrator->WaitForAnyChange(0, kLong));
  EXPECT_FALSE(migrator->NextChange(second->version).has_value());
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
  machine_.kernel().RunAt(FakeCall::kMove, 1, [&] {
    in_call.Open();
    go_on.Wait();
  });
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  in_call.Wait();
  const std::vector<std::string> held = migrator->Shutdown(absl::Milliseconds(10));
  EXPECT_THAT(held,
              ElementsAre(::testing::AllOf(HasSubstr(submitted->id),
                                           HasSubstr("move_pages of 64 pages of process 10"))));
  go_on.Open();
  EXPECT_THAT(migrator->Shutdown(kLong), ElementsAre());
}

TEST_F(MigratorTest, KeepsABoundedNumberOfRecords) {
  AddPod("/pod", 10, 1);
  const auto migrator = MakeMigrator(1);
  std::string first, last;
  for (size_t i = 0; i < MigrationRecords::kMaxFinished + 5; ++i) {
    const auto submitted = migrator->Submit(Request("/pod"));
    ASSERT_TRUE(submitted.ok()) << submitted.status();
    last = submitted->id;
    if (first.empty()) first = last;
    WaitForEnd(*migrator, last);
  }
  EXPECT_EQ(migrator->List().size(), MigrationRecords::kMaxFinished);
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
        migrator->WaitForAnyChange(1, absl::Milliseconds(1));
        migrator->List();
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const Migration& migration : migrator->List()) WaitForEnd(*migrator, migration.id);
  EXPECT_EQ(migrator->List().size(), static_cast<size_t>(accepted.load()));
}

}  // namespace
}  // namespace numalocality::migrator_test
