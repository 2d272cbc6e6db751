#include "agent/model/migration.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace numalocality::migration_test {
namespace {

struct Ending {
  const char* name;
  int64_t moved;
  int64_t on_target;  // of these and the already there
  int64_t left;       // not moved, wanted
  int64_t shared;
  int processes;
  int vanished;
  MigrationReason stopped_by;
  MigrationState state;
  MigrationReason reason;
};

class ConcludeTest : public ::testing::TestWithParam<Ending> {};

TEST_P(ConcludeTest, GivesStateAndReason) {
  const Ending& ending = GetParam();
  WorkloadMigration result;
  result.outcomes.Add(PageOutcome::kMoved, ending.moved);
  result.outcomes.Add(PageOutcome::kPinned, ending.left);
  result.outcomes.Add(PageOutcome::kShared, ending.shared);
  result.pages_on_target = ending.on_target;
  result.process_count = ending.processes;
  result.vanished_process_count = ending.vanished;
  Conclude(result, ending.stopped_by, 0.9);
  EXPECT_EQ(ApiNameOf(result.state), ApiNameOf(ending.state));
  EXPECT_EQ(ApiNameOf(result.reason), ApiNameOf(ending.reason));
}

using S = MigrationState;
using R = MigrationReason;

INSTANTIATE_TEST_SUITE_P(
    Endings, ConcludeTest,
    ::testing::Values(
        Ending{"All", 100, 100, 0, 0, 1, 0, R::kNone, S::kSucceeded, R::kNone},
        Ending{"JustEnough", 90, 90, 10, 0, 1, 0, R::kNone, S::kSucceeded, R::kNone},
        Ending{"OneTooFew", 89, 89, 11, 0, 1, 0, R::kNone, S::kPartial, R::kPagesLeft},
        Ending{"None", 0, 0, 100, 0, 1, 0, R::kNone, S::kFailed, R::kPagesLeft},
        Ending{"NothingToDo", 0, 0, 0, 0, 1, 0, R::kNone, S::kSucceeded, R::kNone},
        Ending{"SharedAreNotWanted", 9, 9, 1, 1000, 1, 0, R::kNone, S::kSucceeded, R::kNone},
        Ending{"Drifted", 100, 50, 0, 0, 1, 0, R::kNone, S::kPartial, R::kPagesLeft},
        Ending{"NoRoomAfterSome", 50, 50, 50, 0, 1, 0, R::kNoRoom, S::kPartial, R::kNoRoom},
        Ending{"NoRoomAtAll", 0, 0, 50, 0, 1, 0, R::kNoRoom, S::kFailed, R::kNoRoom},
        Ending{"NoRoomForTheLast", 95, 95, 5, 0, 1, 0, R::kNoRoom, S::kSucceeded, R::kNone},
        Ending{"StoppedBeforeCounting", 0, 0, 0, 0, 1, 0, R::kPermissionDenied, S::kFailed,
               R::kPermissionDenied},
        Ending{"Deadline", 10, 10, 90, 0, 1, 0, R::kDeadline, S::kPartial, R::kDeadline},
        Ending{"Cancelled", 10, 10, 90, 0, 1, 0, R::kCancelled, S::kCancelled, R::kCancelled},
        Ending{"CancelledAtTheEnd", 100, 100, 0, 0, 1, 0, R::kCancelled, S::kCancelled,
               R::kCancelled},
        Ending{"SomeGone", 50, 50, 50, 0, 2, 1, R::kNone, S::kPartial, R::kWorkloadGone},
        Ending{"AllGone", 50, 50, 50, 0, 2, 2, R::kNone, S::kFailed, R::kWorkloadGone},
        Ending{"AllGoneCancelled", 50, 50, 50, 0, 2, 2, R::kCancelled, S::kFailed,
               R::kWorkloadGone}),
    [](const auto& param) { return param.param.name; });

TEST(ConcludeTest, UnseenProcessesAreNoSuccess) {
  for (const int hidden : {0, 1}) {
    WorkloadMigration result;
    result.outcomes.Add(PageOutcome::kMoved, 100);
    result.pages_on_target = 100;
    result.process_count = 1;
    result.hidden_process_count = hidden;
    result.incomplete = hidden == 0;
    Conclude(result, R::kNone, 0.9);
    EXPECT_EQ(result.state, S::kPartial);
    EXPECT_EQ(result.reason, R::kIncomplete);
  }
}

Migration Of(const std::vector<std::pair<MigrationState, MigrationReason>>& ends) {
  Migration migration;
  for (const auto& [state, reason] : ends) {
    WorkloadMigration result;
    result.state = state;
    result.reason = reason;
    result.message = ApiNameOf(reason);
    migration.workloads.push_back(result);
  }
  Conclude(migration);
  return migration;
}

TEST(ConcludeMigrationTest, AgreeingWorkloadsDecide) {
  EXPECT_EQ(Of({{S::kSucceeded, R::kNone}, {S::kSucceeded, R::kNone}}).state, S::kSucceeded);
  const Migration failed = Of({{S::kFailed, R::kNoRoom}, {S::kFailed, R::kWorkloadGone}});
  EXPECT_EQ(failed.state, S::kFailed);
  EXPECT_EQ(failed.reason, R::kNoRoom);
  EXPECT_EQ(failed.message, "NO_ROOM");
}

TEST(ConcludeMigrationTest, MixedEndsArePartial) {
  const Migration mixed = Of({{S::kSucceeded, R::kNone}, {S::kFailed, R::kWorkloadGone}});
  EXPECT_EQ(mixed.state, S::kPartial);
  EXPECT_EQ(mixed.reason, R::kWorkloadGone);
}

TEST(ConcludeMigrationTest, OneCancelledIsCancelled) {
  EXPECT_EQ(Of({{S::kSucceeded, R::kNone}, {S::kCancelled, R::kCancelled}}).state, S::kCancelled);
}

TEST(MigrationStateTest, FourStatesAreFinal) {
  for (const S state : {S::kPending, S::kRunning, S::kVerifying}) EXPECT_FALSE(IsFinal(state));
  for (const S state : {S::kSucceeded, S::kPartial, S::kFailed, S::kCancelled}) {
    EXPECT_TRUE(IsFinal(state));
  }
}

}  // namespace
}  // namespace numalocality::migration_test
