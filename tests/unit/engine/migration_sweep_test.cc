// One migration, and every errno at every one of its kernel calls: it ends in a final state that is
// true, and says why.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include "agent/engine/migration_run.h"
#include "tests/unit/fake/fake_host.h"
#include "tests/unit/fake/scripted_observer.h"

namespace numalocality {
namespace {

constexpr uint64_t kHuge = 0x40000000;
constexpr uint64_t kSmall = 0x10001000;

// Two processes with huge and base pages on node 0 that run on node 1; one page pinned, one shared.
class SweptMigration {
 public:
  SweptMigration() {
    for (const pid_t pid : {10, 11}) {
      auto process = host_.AddProcess(pid, "4-7");
      process->AddPages(kSmall, 200, 0);
      process->AddHugePages(kHuge, 2, 0);
      process->At(kSmall + 5 * kFakePage).pinned = true;
      process->At(kSmall + 9 * kFakePage).shared = true;
      host_.Publish(*process);
      processes_.push_back(std::move(process));
    }
  }

  FakeKernel& kernel() { return host_.kernel(); }

  WorkloadMigration Run() {
    const Workload workload{"/", 1, std::nullopt, std::nullopt};
    return RunMigration(host_.context(), workload, {{10, 11}}, MigrationSpec(), observer_);
  }

  int64_t PagesOn(int node) const {
    return processes_[0]->PagesOn(node) + processes_[1]->PagesOn(node);
  }
  static constexpr int64_t kPages = 2 * (200 + 2 * kFakeHugePages);

 private:
  FakeHost host_;
  ScriptedObserver observer_;
  std::vector<std::shared_ptr<FakeProcess>> processes_;
};

void CheckEnd(SweptMigration& migration, const WorkloadMigration& result) {
  EXPECT_TRUE(IsFinal(result.state));
  EXPECT_LE(result.outcomes.Total(), SweptMigration::kPages);
  EXPECT_LE(result.outcomes[PageOutcome::kMoved], migration.PagesOn(1));
  EXPECT_LE(result.vanished_process_count, result.process_count);
  EXPECT_EQ(migration.kernel().Memory(1).moves_after_no_memory, 0);
  EXPECT_EQ(migration.kernel().calls_without_pid(), 0);
  if (result.state == MigrationState::kSucceeded) {
    // A process that is gone before its pages are counted leaves nothing to want.
    EXPECT_TRUE(result.vanished_process_count > 0 ||
                result.outcomes.Total() == SweptMigration::kPages);
    EXPECT_GE(migration.PagesOn(1), result.outcomes.Wanted() * 9 / 10);
    EXPECT_EQ(result.reason, MigrationReason::kNone);
  } else {
    EXPECT_NE(result.reason, MigrationReason::kNone);
  }
  if (result.reason == MigrationReason::kInternal ||
      result.reason == MigrationReason::kPermissionDenied) {
    EXPECT_FALSE(result.message.empty());
  }
  if (result.state == MigrationState::kFailed) {
    EXPECT_TRUE(result.outcomes[PageOutcome::kMoved] == 0 ||
                result.reason == MigrationReason::kWorkloadGone);
  }
}

TEST(MigrationSweepTest, TheUndisturbedRunSucceeds) {
  SweptMigration migration;
  const WorkloadMigration result = migration.Run();
  EXPECT_EQ(result.state, MigrationState::kSucceeded);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], SweptMigration::kPages - 4);
  // Every kind of call is there to be made to fail.
  for (const FakeCall kind :
       {FakeCall::kMove, FakeCall::kQuery, FakeCall::kOpenPidFd, FakeCall::kThreadCpus}) {
    EXPECT_GT(migration.kernel().CallCount(kind), 0);
  }
}

TEST(MigrationSweepTest, EveryErrnoAtEveryCall) {
  SweptMigration undisturbed;
  undisturbed.Run();
  const int calls = undisturbed.kernel().CallCount();
  for (int number = 1; number <= calls; ++number) {
    for (const int error : {EPERM, ENOENT, ESRCH, EINTR, EIO, E2BIG, EAGAIN, ENOMEM, EACCES, EFAULT,
                            EBUSY, ENODEV, EINVAL, EMFILE, ENOSYS}) {
      for (const size_t after_pages : {0, 3}) {
        SCOPED_TRACE(testing::Message() << strerrorname_np(error) << " at call " << number
                                        << " after " << after_pages << " pages");
        SweptMigration migration;
        migration.kernel().FailAt(number, error, after_pages);
        const WorkloadMigration result = migration.Run();
        CheckEnd(migration, result);
        ASSERT_FALSE(::testing::Test::HasFailure());
      }
    }
  }
}

}  // namespace
}  // namespace numalocality
