// Tests of migration listeners, of migrations that an exiting agent interrupts, and of stuck pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/base/log.h"
#include "agent/engine/migrate/migrator.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"

namespace numalocality::migrator_listeners_test {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Records each notification.
class Notes final : public MigrationListener {
 public:
  void OnMigration(const Migration& migration) override {
    {
      const std::lock_guard lock(mutex_);
      notified_[migration.id].push_back(migration);
    }
    if (on_notified) on_notified(migration);
  }

  std::vector<Migration> Of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto it = notified_.find(id);
    return it == notified_.end() ? std::vector<Migration>() : it->second;
  }
  std::vector<std::string> StatesOf(const std::string& id) const {
    std::vector<std::string> states;
    for (const Migration& migration : Of(id)) {
      states.emplace_back(ApiNameOf(migration.state));
    }
    return states;
  }

  std::function<void(const Migration&)> on_notified;  // set before the first

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Migration>> notified_;
};

class MigratorListenersTest : public MigratorTest {
 protected:
  std::unique_ptr<Migrator> MakeNotifying(int workers) {
    auto migrator = MakeMigrator(0);
    migrator->AddListener(&first_);
    migrator->AddListener(&second_);
    if (workers > 0) migrator->Start(workers);
    return migrator;
  }
  // Listeners are notified of the end just after the record shows it.
  std::vector<std::string> StatesAtTheEnd(const std::string& id) {
    const absl::Time end = absl::Now() + absl::Seconds(5);
    while (absl::Now() < end) {
      const auto notified = second_.Of(id);
      if (!notified.empty() && IsFinal(notified.back().state)) break;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return second_.StatesOf(id);
  }

  Notes first_;
  Notes second_;
};

TEST_F(MigratorListenersTest, AreNotifiedOfTheBeginningAndOnceOfTheEnd) {
  AddPod("/pod", 10);
  const auto migrator = MakeNotifying(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  EXPECT_THAT(StatesAtTheEnd(submitted->id), ElementsAre("PENDING", "SUCCEEDED"));
  const Migration end = second_.Of(submitted->id).back();
  EXPECT_EQ(end.workloads[0].outcomes[PageOutcome::kMoved], 100);
  EXPECT_NE(end.end_time, absl::InfiniteFuture());
  migrator->Cancel(submitted->id).IgnoreError();
  EXPECT_THAT(migrator->Shutdown(kLong), IsEmpty());
  EXPECT_EQ(first_.StatesOf(submitted->id), second_.StatesOf(submitted->id));
  EXPECT_EQ(second_.Of(submitted->id).size(), 2u) << "one notification of the end";
}

// A short migration ends while listeners are still being notified of its beginning.
TEST_F(MigratorListenersTest, TheEndIsNotifiedAfterTheBeginning) {
  AddPod("/pod", 10, 1);
  const auto migrator = MakeNotifying(0);
  first_.on_notified = [&](const Migration& migration) {
    if (migration.state == MigrationState::kPending) absl::SleepFor(absl::Milliseconds(100));
  };
  migrator->Start(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  EXPECT_THAT(StatesAtTheEnd(submitted->id), ElementsAre("PENDING", "SUCCEEDED"));
}

TEST_F(MigratorListenersTest, ManyAtOnceAreEachNotifiedInOrder) {
  constexpr int kPods = 8;
  // Before there are threads, as in the agent: Debian's spdlog is not built for ThreadSanitizer.
  LogInfo("many migrations at once");
  for (int i = 0; i < kPods; ++i) AddPod(absl::StrCat("/pod", i), 10 + i, 1);
  const auto migrator = MakeNotifying(3);
  std::mutex mutex;
  std::vector<std::string> ids;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < 25; ++i) {
        const auto submitted =
            migrator->Submit(Request(absl::StrCat("/pod", (caller + i) % kPods)));
        if (!submitted.ok()) continue;
        if (i % 4 == 0) migrator->Cancel(submitted->id).IgnoreError();
        const std::lock_guard lock(mutex);
        ids.push_back(submitted->id);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const std::string& id : ids) {
    EXPECT_THAT(StatesAtTheEnd(id), ElementsAre("PENDING", AnyOf("SUCCEEDED", "CANCELLED")));
  }
}

TEST_F(MigratorListenersTest, ACancelledOneThatWaitedHasEnded) {
  AddPod("/pod", 10);
  const auto migrator = MakeNotifying(0);
  const auto submitted = migrator->Submit(Request("/pod"));
  migrator->Cancel(submitted->id).IgnoreError();
  EXPECT_THAT(second_.StatesOf(submitted->id), ElementsAre("PENDING", "CANCELLED"));
}

TEST_F(MigratorListenersTest, TheSameRequestIsNotifiedOnce) {
  AddPod("/pod", 10);
  const auto migrator = MakeNotifying(0);
  const auto submitted = migrator->Submit(Request("/pod", "same"));
  EXPECT_EQ(migrator->Submit(Request("/pod", "same"))->id, submitted->id);
  EXPECT_THAT(second_.StatesOf(submitted->id), ElementsAre("PENDING"));
}

TEST_F(MigratorListenersTest, ShutdownInterruptsWhatWaitsAndWhatRuns) {
  AddPod("/running", 10, 3000);
  AddPod("/waiting", 11);
  Gate in_call;
  Gate go_on;
  machine_.kernel().RunAt(FakeCall::kMove, 2, [&] {
    in_call.Open();
    go_on.Wait();
  });
  const auto migrator = MakeNotifying(1);
  const std::string running = migrator->Submit(Request("/running"))->id;
  in_call.Wait();
  const std::string waiting = migrator->Submit(Request("/waiting"))->id;
  EXPECT_EQ(migrator->Shutdown(absl::ZeroDuration()).size(), 1u);
  EXPECT_THAT(second_.StatesOf(waiting), ElementsAre("PENDING", "CANCELLED"));
  go_on.Open();
  EXPECT_THAT(migrator->Shutdown(kLong), IsEmpty());
  StatesAtTheEnd(running);
  for (const std::string& id : {running, waiting}) {
    const Migration end = second_.Of(id).back();
    EXPECT_EQ(end.state, MigrationState::kCancelled);
    EXPECT_EQ(end.reason, MigrationReason::kInterrupted);
    EXPECT_EQ(end.workloads[0].reason, MigrationReason::kInterrupted);
  }
  EXPECT_GT(second_.Of(running).back().workloads[0].outcomes[PageOutcome::kMoved], 0);
}

TEST_F(MigratorListenersTest, AnEndedOneIsNotInterrupted) {
  AddPod("/pod", 10);
  const auto migrator = MakeNotifying(1);
  const std::string id = migrator->Submit(Request("/pod"))->id;
  WaitForEnd(*migrator, id);
  EXPECT_THAT(migrator->Shutdown(kLong), IsEmpty());
  EXPECT_EQ(migrator->Get(id)->reason, MigrationReason::kNone);
}

WorkloadPlacement At(const Workload& workload, const NodeSet& home, const NodeSet& allowed) {
  WorkloadPlacement placement;
  placement.workload = workload;
  placement.home_nodes = home;
  placement.allowed_nodes = allowed;
  return placement;
}

TEST_F(MigratorListenersTest, BusyAndPinnedPagesOfTheLastMigrationAreStuck) {
  const auto process = AddPod("/pod", 10);
  auto page = process->pages.begin();
  for (int i = 0; i < 7; ++i) (page++)->second->pinned = true;
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  WaitForEnd(*migrator, submitted->id);
  const WorkloadPlacement placement =
      At(submitted->workloads[0].workload, {NodeId{1}}, {NodeId{0}, NodeId{1}});
  EXPECT_EQ(migrator->StuckBytes(placement), 7 * static_cast<int64_t>(kFakePage));
  WorkloadPlacement other = placement;
  other.workload.cgroup_id += 1;
  EXPECT_EQ(migrator->StuckBytes(other), 0);
  for (auto& [address, folio] : process->pages) folio->pinned = false;
  WaitForEnd(*migrator, migrator->Submit(Request("/pod"))->id);
  EXPECT_EQ(migrator->StuckBytes(placement), 0);
}

TEST_F(MigratorListenersTest, WhatOneProcessIsStuckWithIsNotAnothers) {
  const auto process = AddPod("/pod", 10);
  AddPod("/other", 11);
  process->pages.begin()->second->pinned = true;
  const auto migrator = MakeMigrator(1);
  MigrationRequest request = Request("/");
  request.workloads = {{{}, {}, {}, 10}};
  const auto submitted = migrator->Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  WaitForEnd(*migrator, submitted->id);
  const Workload stuck = submitted->workloads[0].workload;
  EXPECT_GT(migrator->StuckBytes(At(stuck, {NodeId{1}}, {NodeId{1}})), 0);
  for (const ProcessId id : {ProcessId{11, 1}, ProcessId{10, stuck.process->start_ticks + 1}}) {
    Workload other = stuck;
    other.process = id;
    EXPECT_EQ(migrator->StuckBytes(At(other, {NodeId{1}}, {NodeId{1}})), 0);
  }
}

TEST_F(MigratorListenersTest, WhatDidNotGetElsewhereIsNotStuckOnItsWayHome) {
  AddPod("/pod", 10)->pages.begin()->second->pinned = true;
  const auto migrator = MakeMigrator(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  WaitForEnd(*migrator, submitted->id);
  const Workload workload = submitted->workloads[0].workload;
  const NodeSet both = {NodeId{0}, NodeId{1}};
  EXPECT_EQ(migrator->StuckBytes(At(workload, {NodeId{0}}, both)), 0);
  EXPECT_EQ(migrator->StuckBytes(At(workload, both, both)), 0);
  EXPECT_GT(migrator->StuckBytes(At(workload, both, {NodeId{1}})), 0)
      << "all of it that it may use";
}

}  // namespace
}  // namespace numalocality::migrator_listeners_test
