// A Migrator with the records of the one before it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/engine/migrate/migrator.h"
#include "tests/unit/engine/migrate/memory_store.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"

namespace numalocality::migrator_restart_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kMost = MigrationRecords::kMaxFinished;

class MigratorRestartTest : public MigratorTest {
 protected:
  std::unique_ptr<Migrator> Restart(int workers = 0) {
    auto migrator = MakeMigrator(0);
    EXPECT_TRUE(migrator->Restore(store_).ok());
    if (workers > 0) migrator->Start(workers);
    return migrator;
  }

  Migration Finished(int number) {
    Migration migration;
    migration.id = absl::StrCat("a-", number);
    migration.state = MigrationState::kSucceeded;
    migration.create_time = absl::FromUnixSeconds(number);
    migration.end_time = absl::FromUnixSeconds(number + 1);
    return migration;
  }

  void ExpectSameRequestIsTheFirst(const std::string& id) {
    const auto migrator = Restart();
    const auto again = migrator->Submit(Request("/pod", "mine"));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->id, id);
    EXPECT_TRUE(IsFinal(again->state));
    MigrationRequest other = Request("/pod", "mine");
    other.spec.min_moved = 0.5;
    EXPECT_TRUE(absl::IsAlreadyExists(migrator->Submit(other).status()));
    EXPECT_THAT(migrator->List(), SizeIs(1));
  }

  MemoryStore store_;
};

TEST_F(MigratorRestartTest, ARequestIdNamesOneRequestAcrossRestarts) {
  AddPod("/pod", 10);
  std::string id;
  {
    const auto migrator = Restart(1);
    id = WaitForEnd(*migrator, migrator->Submit(Request("/pod", "mine"))->id).id;
  }
  for (int restart = 0; restart < 2; ++restart) ExpectSameRequestIsTheFirst(id);
}

TEST_F(MigratorRestartTest, EachClientHasItsOwnRequestIdsAcrossRestarts) {
  AddPod("/pod", 10);
  std::map<std::string, std::string> ids;
  for (int restart = 0; restart < 3; ++restart) {
    const auto migrator = Restart(1);
    for (const char* client : {"a", "b"}) {
      MigrationRequest request = Request("/pod", "mine");
      request.created_by = client;
      const auto migration = migrator->Submit(request);
      ASSERT_TRUE(migration.ok()) << migration.status();
      WaitForEnd(*migrator, migration->id);
      EXPECT_EQ(ids.try_emplace(client, migration->id).first->second, migration->id) << restart;
    }
  }
  EXPECT_NE(ids["a"], ids["b"]);
}

TEST_F(MigratorRestartTest, ARequestIdNamesOneRequestAfterAKill) {
  AddPod("/pod", 10);
  const auto migrator = Restart();
  const std::string id = migrator->Submit(Request("/pod", "mine"))->id;
  auto left_behind = store_.Copy();
  ASSERT_THAT(left_behind, SizeIs(1));
  left_behind.at(id).state = MigrationState::kRunning;
  migrator->Shutdown(kLong);
  store_.Replace(left_behind);
  ExpectSameRequestIsTheFirst(id);
  EXPECT_EQ(store_.Copy().at(id).reason, MigrationReason::kInterrupted)
      << "what it is now is stored";
}

TEST_F(MigratorRestartTest, ReservationTokensAreNoPartOfTheRequest) {
  AddPod("/pod", 10);
  const auto migrator = Restart();
  const auto first = migrator->Submit(Request("/pod", "mine"));
  MigrationRequest renewed = Request("/pod", "mine");
  renewed.reservation_tokens = {"0123"};
  const auto second = migrator->Submit(renewed);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->id, first->id);
}

TEST_F(MigratorRestartTest, AnEarlierFormatsRecordIsTakenForTheSameRequest) {
  AddPod("/pod", 10);
  Migration earlier = Finished(1);
  earlier.is_request_known = false;
  earlier.request.request_id = "mine";
  store_.Save(earlier).IgnoreError();
  const auto again = Restart()->Submit(Request("/pod", "mine"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, earlier.id);
}

TEST_F(MigratorRestartTest, StuckPagesAreKnownAfterARestart) {
  const auto process = AddPod("/pod", 10);
  process->At(0x10001000).pinned = true;
  int64_t before = 0;
  WorkloadPlacement placement;
  placement.home_nodes = placement.allowed_nodes = {NodeId{1}};
  {
    const auto migrator = Restart(1);
    const Migration end = WaitForEnd(*migrator, migrator->Submit(Request("/pod"))->id);
    placement.workload = end.workloads[0].workload;
    before = migrator->StuckBytes(placement);
  }
  EXPECT_EQ(before, static_cast<int64_t>(kFakePage));
  EXPECT_EQ(Restart()->StuckBytes(placement), before);
}

TEST_F(MigratorRestartTest, EarlierRecordsAreCalledLikeItsOwn) {
  store_.Save(Finished(1)).IgnoreError();
  const auto migrator = Restart();
  EXPECT_EQ(migrator->Get("a-1")->id, "a-1");
  EXPECT_EQ(migrator->Cancel("a-1")->state, MigrationState::kSucceeded);
  EXPECT_EQ(migrator->Snapshot("a-1")->migration.id, "a-1");
  EXPECT_EQ(migrator->ActiveCount(), 0);
}

TEST_F(MigratorRestartTest, LiveAndEarlierRecordsTogetherAreBounded) {
  AddPod("/pod", 10);
  constexpr int kMore = 3;
  for (int i = 0; i < static_cast<int>(kMost) + kMore; ++i) store_.Save(Finished(i)).IgnoreError();
  const auto migrator = Restart(1);
  EXPECT_THAT(migrator->List(), SizeIs(kMost));
  EXPECT_THAT(store_.Copy(), SizeIs(kMost));
  EXPECT_EQ(migrator->List().front().id, absl::StrCat("a-", kMore)) << "the oldest go first";
  const auto submitted = migrator->Submit(Request("/pod"));
  WaitForEnd(*migrator, submitted->id);
  EXPECT_THAT(migrator->List(), SizeIs(kMost));
  EXPECT_EQ(migrator->List().back().id, submitted->id);
  EXPECT_TRUE(absl::IsNotFound(migrator->Get(absl::StrCat("a-", kMore)).status()));
  migrator->Shutdown(kLong);
  // The worker removes the dropped record after it has ended.
  const absl::Duration end = Clock::System().Monotonic() + kLong;
  while (store_.Copy().size() > kMost && Clock::System().Monotonic() < end) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_THAT(store_.Copy(), SizeIs(kMost));
}

// An earlier agent ended all of them at times that have not come yet by the clock of this one.
TEST_F(MigratorRestartTest, ARecordThatEndsAfterTheWallClockWasSetBackIsKept) {
  AddPod("/pod", 10);
  for (int i = 0; i < static_cast<int>(kMost); ++i) {
    Migration later = Finished(i);
    later.create_time = absl::Now() + absl::Hours(6) + absl::Seconds(i);
    later.start_time = later.create_time;
    later.end_time = later.create_time + absl::Seconds(1);
    store_.Save(later).IgnoreError();
  }
  const auto migrator = Restart(1);
  const auto submitted = migrator->Submit(Request("/pod"));
  const Migration ended = WaitForEnd(*migrator, submitted->id);
  EXPECT_THAT(migrator->List(), SizeIs(kMost));
  EXPECT_TRUE(absl::IsNotFound(migrator->Get("a-0").status())) << "the oldest goes first";
  for (const Migration& earlier : migrator->List()) {
    EXPECT_LE(earlier.ended_at, ended.ended_at) << "it measures no cool-down from the future";
    EXPECT_LE(earlier.started_at, earlier.ended_at);
  }
}

TEST_F(MigratorRestartTest, RecordsAreListedInPages) {
  for (int i = 1; i <= 5; ++i) store_.Save(Finished(i)).IgnoreError();
  const auto migrator = Restart();
  const auto ids = [&](const std::string& before, size_t most) {
    std::vector<std::string> found;
    const auto page = migrator->ListBefore(before, most);
    EXPECT_TRUE(page.ok()) << page.status();
    for (const Migration& migration : *page) found.push_back(migration.id);
    return found;
  };
  EXPECT_THAT(ids("", 2), ElementsAre("a-5", "a-4"));
  EXPECT_THAT(ids("a-4", 2), ElementsAre("a-3", "a-2"));
  EXPECT_THAT(ids("a-2", 2), ElementsAre("a-1"));
  EXPECT_THAT(ids("a-1", 2), IsEmpty());
  EXPECT_TRUE(absl::IsNotFound(migrator->ListBefore("a-6", 2).status()));
}

TEST_F(MigratorRestartTest, IdsOfEarlierRecordsAreNotUsedAgain) {
  AddPod("/pod", 10);
  AddPod("/other", 11);
  const std::string first = Restart()->Submit(Request("/pod"))->id;
  const auto migrator = Restart();
  EXPECT_NE(migrator->Submit(Request("/other"))->id, first);
  EXPECT_THAT(migrator->List(), SizeIs(2));
}

TEST_F(MigratorRestartTest, WithoutAStoreItWorks) {
  AddPod("/pod", 10);
  store_.error = absl::PermissionDeniedError("read-only");
  const auto migrator = MakeMigrator(0);
  EXPECT_TRUE(absl::IsPermissionDenied(migrator->Restore(store_)));
  EXPECT_TRUE(migrator->Submit(Request("/pod")).ok());
  EXPECT_THAT(store_.Copy(), IsEmpty());
}

}  // namespace
}  // namespace numalocality::migrator_restart_test
