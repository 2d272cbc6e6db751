// Migrations that end once enough is on target.
#include <gtest/gtest.h>

#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_enough_test {
namespace {

using MigrationEnoughTest = WorkloadMoverTest;

TEST_F(MigrationEnoughTest, AsMuchAsWasAskedForAndLittleMore) {
  const auto process = Process(10, 10000);
  spec_.enough_bytes = 5000 * kFakePage;
  spec_.limits.batch_pages = 64;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  const int64_t moved = result.outcomes[PageOutcome::kMoved];
  EXPECT_GE(moved, 5000);
  EXPECT_LE(moved, 5000 + 64);
  EXPECT_EQ(result.outcomes.Total(), 10000);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 10000 - moved);
  EXPECT_EQ(process->PagesOn(1), moved);
  EXPECT_EQ(result.pages_on_target, moved);
}

TEST_F(MigrationEnoughTest, NothingIsEnoughAtOnce) {
  Process(10, 1000);
  spec_.enough_bytes = 0;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 0);
}

TEST_F(MigrationEnoughTest, AllThereIsMayBeTooLittle) {
  Process(10, 1000);
  spec_.enough_bytes = 5000 * kFakePage;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 1000);
}

}  // namespace
}  // namespace numalocality::migration_enough_test
