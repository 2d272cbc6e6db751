// Migrations whose reads take longer than what they have read is trusted: they make progress, and
// end when they are asked to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_slow_reads_test {
namespace {

constexpr absl::Duration kRead = absl::Seconds(6);  // of a window
constexpr int kQueries = 8;                         // of a window
constexpr int kWindows = 8;
constexpr int kPages = kWindows * 4096;

// Stops the migration at a time.
class TimedObserver final : public MigrationObserver {
 public:
  TimedObserver(const Clock& clock, absl::Duration time, MigrationReason reason)
      : clock_(clock), time_(time), reason_(reason) {}
  MigrationReason StopReason() override {
    return clock_.Monotonic() < time_ ? MigrationReason::kNone : reason_;
  }
  void OnBatch(int, pid_t, int64_t) override {}
  void OnBatchEnd(int) override {}
  void OnProgress(const WorkloadMigration&) override {}

 private:
  const Clock& clock_;
  const absl::Duration time_;
  const MigrationReason reason_;
};

class MigrationSlowReadsTest : public WorkloadMoverTest {
 protected:
  MigrationSlowReadsTest() {
    process_ = Process(10, kPages);
    machine_.kernel().set_time_per_query(kRead / kQueries);
    // Ends a migration that makes no progress.
    machine_.kernel().RunAt(FakeCall::kQuery, 100 * kWindows * kQueries,
                            [this] { machine_.Exit(10); });
  }

  WorkloadMigration RunUntil(absl::Duration time, MigrationReason reason) {
    TimedObserver observer(machine_.clock(), time, reason);
    return MoveWorkload(machine_.context(), workload_, {pids_}, spec_, observer);
  }

  absl::Duration now() { return machine_.clock().Monotonic(); }

  std::shared_ptr<FakeProcess> process_;
};

TEST_F(MigrationSlowReadsTest, EachLookMakesProgress) {
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], kPages);
  // The first scan, the look before the move, and the verification read each window once.
  EXPECT_LE(now(), 3 * (kWindows + 1) * kRead);
}

// The reads of all workers advance one fake clock, so a read of the mappings may exceed its limit
// of 10 s, which ends the migration. It never ends because it makes no progress.
TEST_F(MigrationSlowReadsTest, SeveralWorkersEnd) {
  spec_.limits.workers = 3;
  const WorkloadMigration result = Run();
  EXPECT_NE(result.reason, MigrationReason::kWorkloadGone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kNotAttempted],
            kPages);
}

TEST_F(MigrationSlowReadsTest, TheFirstScanEndsAtTheDeadline) {
  const WorkloadMigration result = RunUntil(2 * kRead, MigrationReason::kDeadline);
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kDeadline);
  EXPECT_LE(now(), 3 * kRead);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], result.outcomes.Total());
  EXPECT_EQ(result.outcomes.Total(), result.pages_planned);
}

TEST_F(MigrationSlowReadsTest, TheFirstScanEndsWhenCancelled) {
  const WorkloadMigration result = RunUntil(2 * kRead, MigrationReason::kCancelled);
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_LE(now(), 3 * kRead);
}

TEST_F(MigrationSlowReadsTest, MovingEndsAtTheDeadline) {
  const WorkloadMigration result = RunUntil((kWindows + 3) * kRead, MigrationReason::kDeadline);
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kDeadline);
  EXPECT_GT(process_->PagesOn(1), 0);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], process_->PagesOn(1));
  EXPECT_EQ(result.outcomes.Total(), kPages);
  EXPECT_EQ(result.verifications.size(), 1u);
}

TEST_F(MigrationSlowReadsTest, MovingEndsWhenCancelled) {
  const absl::Duration time = (kWindows + 3) * kRead;
  const WorkloadMigration result = RunUntil(time, MigrationReason::kCancelled);
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_LE(now(), time + 2 * kRead);
  EXPECT_GT(process_->PagesOn(1), 0);
  EXPECT_EQ(result.outcomes.Total(), kPages);
}

// Cancelled during the second read of the mappings: the first scan has read them, too.
TEST_F(MigrationSlowReadsTest, AReadOfTheMappingsEndsWhenCancelled) {
  constexpr int kMappings = 1000;
  machine_.kernel().set_time_per_query(absl::ZeroDuration());
  machine_.kernel().set_has_mapping_query(true);
  for (int i = 0; i < kMappings; ++i) {
    process_->AddHole(kBase + (uint64_t{1} << 40) + static_cast<uint64_t>(i) * 2 * kFakePage, 1);
  }
  machine_.Publish(*process_);
  int64_t queries = 0;
  machine_.kernel().RunAt(FakeCall::kQueryMapping, kMappings + kMappings / 2, [&] {
    queries = machine_.kernel().CallCount(FakeCall::kQueryMapping);
    observer_.StopAt(0, MigrationReason::kCancelled);
  });
  ExpectEnd(Run(), MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_GT(queries, kMappings);
  EXPECT_LT(machine_.kernel().CallCount(FakeCall::kQueryMapping), queries + 5);
}

// 30 processes whose mappings take 3 s each. Moving takes longer, and does not count.
TEST_F(MigrationSlowReadsTest, TheMappingsOfAllProcessesHaveOneBudget) {
  constexpr int kMappings = 100;
  constexpr pid_t kLast = 40;
  machine_.kernel().set_time_per_query(absl::ZeroDuration());
  machine_.kernel().set_has_mapping_query(true);
  for (pid_t pid = 11; pid <= kLast; ++pid) {
    const auto process = Process(pid, 1);
    for (int i = 1; i < kMappings; ++i) {
      process->AddHole(kBase + static_cast<uint64_t>(i) * 2 * kFakePage, 1);
    }
    machine_.Publish(*process);
  }
  machine_.kernel().set_time_per_mapping(absl::Milliseconds(30));
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.reason, MigrationReason::kInternal);
  EXPECT_THAT(result.message, ::testing::HasSubstr("takes longer than 1m, the limit"));
  EXPECT_LT(now(), absl::Minutes(3)) << "the first scan, and a verification";
}

TEST_F(MigrationSlowReadsTest, AVerificationEndsAfterTenMinutes) {
  machine_.kernel().set_time_per_query(absl::ZeroDuration());
  machine_.kernel().RunAt(FakeCall::kMove, 1,
                          [this] { machine_.kernel().set_time_per_query(absl::Minutes(1)); });
  spec_.verify_after = {absl::Minutes(1)};
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], kPages);
  EXPECT_TRUE(result.verifications.empty());
  EXPECT_EQ(result.message, "its memory is not verified: reading it takes longer than 10m");
}

}  // namespace
}  // namespace numalocality::migration_slow_reads_test
