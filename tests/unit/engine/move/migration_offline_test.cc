// Target nodes that go offline: the migration ends with a reason, and its pages are not stuck.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_offline_test {
namespace {

using ::testing::HasSubstr;

class MigrationOfflineTest : public WorkloadMoverTest {
 protected:
  MigrationOfflineTest() { spec_.limits.batch_pages = 10; }

  // As soon as a call has moved pages, or has tried to.
  void TakeOfflineAfterCalls(int calls) {
    machine_.kernel().OnMoved([this, calls](const auto&) {
      if (++calls_ == calls) machine_.TakeOffline(1);
    });
  }

  static void ExpectNoneIsStuck(const WorkloadMigration& result) {
    EXPECT_EQ(result.outcomes[PageOutcome::kBusy], 0);
    EXPECT_EQ(result.outcomes[PageOutcome::kPinned], 0);
    EXPECT_EQ(result.outcomes[PageOutcome::kNotMigratable], 0);
    EXPECT_EQ(result.outcomes[PageOutcome::kNoMemory], 0);
    EXPECT_EQ(result.outcomes[PageOutcome::kForbidden], 0);
  }

  int calls_ = 0;
};

TEST_F(MigrationOfflineTest, ATargetThatGoesDuringTheMoveEndsIt) {
  const auto process = Process(10, 200);
  process->At(kBase).pinned = true;  // would be tried again at the end
  TakeOfflineAfterCalls(8);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNodeGone);
  EXPECT_THAT(result.message, HasSubstr("target node 1 went offline"));
  EXPECT_GT(result.outcomes[PageOutcome::kMoved], 0);
  EXPECT_EQ(result.outcomes.Total(), 200);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted],
            200 - result.outcomes[PageOutcome::kMoved]);
  ExpectNoneIsStuck(result);
}

TEST_F(MigrationOfflineTest, ATargetThatGoesBeforeTheScanMovesNothing) {
  Process(10, 50);
  machine_.TakeOffline(1);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kFailed, MigrationReason::kNodeGone);
  EXPECT_THAT(result.message, HasSubstr("target node 1 went offline"));
  ExpectNoneIsStuck(result);
}

// The kernel reports it before the files do.
TEST_F(MigrationOfflineTest, TheKernelsAnswerIsEnough) {
  Process(10, 50);
  machine_.kernel().OnMoved([this](const auto&) { machine_.kernel().RemoveNode(1); });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.reason, MigrationReason::kNodeGone);
  ExpectNoneIsStuck(result);
}

}  // namespace
}  // namespace numalocality::migration_offline_test
