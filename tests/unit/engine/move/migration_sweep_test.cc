// One migration in each way there is, and every errno at every one of its kernel calls: it ends in
// a final state that is true, and says why.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "agent/engine/move/workload_mover.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/scripted_observer.h"

namespace numalocality::migration_sweep_test {
namespace {

constexpr uint64_t kHuge = 0x40000000;
constexpr uint64_t kSmall = 0x10000000 + kFakePage;

// A way to migrate.
struct Way {
  std::string name;
  HoldMode hold = HoldMode::kNone;
  SharingRule sharing = SharingRule::kNever;
  bool has_pagemap_scan = false;
  std::vector<FakeCall> calls = {};  // that it makes beside those of every way
};

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

// Two processes with huge and base pages on node 0 that run on node 1; one page pinned, one shared.
class SweptMigration {
 public:
  explicit SweptMigration(const Way& way) {
    spec_.hold = way.hold;
    spec_.sharing = way.sharing;
    machine_.kernel().set_has_pagemap_scan(way.has_pagemap_scan);
    for (const pid_t pid : {10, 11}) {
      auto process = machine_.AddProcess(pid, "4-7");
      process->AddPages(kSmall, 200, 0);
      process->AddHugePages(kHuge, 2, 0);
      process->At(kSmall + 5 * kFakePage).pinned = true;
      process->At(kSmall + 9 * kFakePage).shared = true;
      machine_.Publish(*process);
      processes_.push_back(std::move(process));
    }
  }

  FakeKernel& kernel() { return machine_.kernel(); }

  WorkloadMigration Run() {
    const Workload workload{"/", 1, std::nullopt, std::nullopt};
    return MoveWorkload(machine_.context(), workload, {{10, 11}}, spec_, observer_);
  }

  int64_t PagesOn(int node) const {
    return processes_[0]->PagesOn(node) + processes_[1]->PagesOn(node);
  }
  bool AnyIsHeld() const { return processes_[0]->is_held || processes_[1]->is_held; }
  int MovesWhileRunning() const {
    return processes_[0]->moves_while_running + processes_[1]->moves_while_running;
  }
  static constexpr int64_t kPages = 2 * (200 + 2 * kFakeHugePages);

 private:
  FakeMachine machine_;
  MigrationSpec spec_;
  ScriptedObserver observer_;
  std::vector<std::shared_ptr<FakeProcess>> processes_;
};

class MigrationSweepTest : public ::testing::TestWithParam<Way> {};

// Every page that was considered has exactly one outcome. All are, if every process could be
// scanned at before anything was moved.
void CheckCounts(const SweptMigration& migration, const WorkloadMigration& result) {
  EXPECT_LE(result.outcomes.Total(), SweptMigration::kPages);
  EXPECT_GE(result.outcomes.Total(), result.pages_planned);
  if (result.calls.Count() > 0) {
    EXPECT_EQ(result.outcomes.Total(), result.pages_planned);
  }
  for (int outcome = 0; outcome < kEnumCount<PageOutcome>; ++outcome) {
    EXPECT_GE(result.outcomes[static_cast<PageOutcome>(outcome)], 0);
  }
  EXPECT_LE(result.outcomes[PageOutcome::kMoved], migration.PagesOn(1));
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 0);
  EXPECT_LE(result.pages_on_target, result.outcomes[PageOutcome::kMoved]);
  EXPECT_LE(result.vanished_process_count, result.process_count);
}

void CheckEnd(SweptMigration& migration, const WorkloadMigration& result) {
  EXPECT_TRUE(IsFinal(result.state)) << ApiNameOf(result.state);
  EXPECT_NE(ApiNameOf(result.reason), "");
  EXPECT_EQ(result.reason == MigrationReason::kNone, result.state == MigrationState::kSucceeded);
  EXPECT_FALSE(migration.AnyIsHeld());
  EXPECT_EQ(migration.kernel().Memory(1).moves_after_no_memory, 0);
  EXPECT_EQ(migration.kernel().calls_without_pid(), 0);
  if (result.state == MigrationState::kSucceeded) {
    // A process that is gone before its pages are counted leaves nothing to want.
    EXPECT_TRUE(result.vanished_process_count > 0 ||
                result.outcomes.Total() == SweptMigration::kPages);
    EXPECT_GE(migration.PagesOn(1), result.outcomes.Wanted() * 9 / 10);
  }
  if (result.reason == MigrationReason::kInternal ||
      result.reason == MigrationReason::kPermissionDenied ||
      result.reason == MigrationReason::kHoldRefused) {
    EXPECT_FALSE(result.message.empty());
  }
  if (result.state == MigrationState::kFailed) {
    EXPECT_TRUE(result.outcomes[PageOutcome::kMoved] == 0 ||
                result.reason == MigrationReason::kWorkloadGone);
  }
}

TEST_P(MigrationSweepTest, TheUndisturbedRunSucceeds) {
  SweptMigration migration(GetParam());
  const WorkloadMigration result = migration.Run();
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  const int64_t shared = GetParam().sharing == SharingRule::kNever ? 2 : 0;
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], SweptMigration::kPages - 2 - shared);
  EXPECT_EQ(result.outcomes[PageOutcome::kShared], shared);
  EXPECT_EQ(migration.MovesWhileRunning() == 0, GetParam().hold == HoldMode::kPtrace);
  // Calls of every kind occur, so each can fail.
  std::vector<FakeCall> kinds = {FakeCall::kMove, FakeCall::kQuery, FakeCall::kOpenPidFd,
                                 FakeCall::kThreadCpus, FakeCall::kCompareMemory};
  kinds.insert(kinds.end(), GetParam().calls.begin(), GetParam().calls.end());
  for (const FakeCall kind : kinds) EXPECT_GT(migration.kernel().CallCount(kind), 0);
}

// The numbers of all calls, and whether each moves pages.
std::map<int, bool> CallsOf(const Way& way) {
  constexpr int kEnough = 1000;
  SweptMigration migration(way);
  std::map<int, bool> calls;
  int moves = 0;
  for (int number = 1; number <= kEnough; ++number) {
    migration.kernel().RunAt(number, [&, number] {
      const int now = migration.kernel().CallCount(FakeCall::kMove);
      calls[number] = now > std::exchange(moves, now);
    });
  }
  migration.Run();
  return calls;
}

void FailAndCheck(const Way& way, int number, int error, size_t after_pages) {
  SweptMigration migration(way);
  migration.kernel().FailAt(number, error, after_pages);
  const WorkloadMigration result = migration.Run();
  SCOPED_TRACE(testing::Message() << strerrorname_np(error) << " at call " << number << " after "
                                  << after_pages << " pages: " << ApiNameOf(result.state) << " "
                                  << ApiNameOf(result.reason) << " " << result.message);
  CheckCounts(migration, result);
  CheckEnd(migration, result);
}

TEST_P(MigrationSweepTest, EveryErrnoAtEveryCall) {
  for (const auto& [number, moves] : CallsOf(GetParam())) {
    for (const int error : {EPERM, ENOENT, ESRCH, EINTR, EIO, E2BIG, EAGAIN, ENOMEM, EACCES, EFAULT,
                            EBUSY, ENODEV, EINVAL, EMFILE, ENOSYS, ETIMEDOUT}) {
      FailAndCheck(GetParam(), number, error, 0);
      if (moves) FailAndCheck(GetParam(), number, error, 3);
      ASSERT_FALSE(HasFailure());
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Ways, MigrationSweepTest,
    ::testing::Values(
        Way{.name = "plain"},
        Way{.name = "held", .hold = HoldMode::kPtrace, .calls = {FakeCall::kHold}},
        Way{.name = "owned", .sharing = SharingRule::kOwned},
        Way{.name = "all", .sharing = SharingRule::kAll},
        Way{.name = "presence", .has_pagemap_scan = true, .calls = {FakeCall::kScanPagemap}}),
    [](const auto& way) { return way.param.name; });

}  // namespace
}  // namespace numalocality::migration_sweep_test
