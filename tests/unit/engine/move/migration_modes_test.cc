// Ways to migrate: node maps, several workers, shared pages, a bandwidth limit, later
// verifications.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "agent/engine/move/spec_check.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/node/topology_reader.h"
#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_modes_test {
namespace {

using ::testing::HasSubstr;

class MigrationModesTest : public WorkloadMoverTest {
 protected:
  // A workload of one process, whose 100 pages belong to an object of shared memory, beside so many
  // strangers; the rule is kOwned.
  std::shared_ptr<FakeProcess> ShareAnObject(int strangers) {
    auto process = Process(10, 0);
    process->AddPages(kBase, 100, 0, "/dev/shm/x");
    process->mappings.back().file = {{0, 25}, 7};
    for (auto& [address, folio] : process->pages) folio->shared = true;
    machine_.AddCgroup("/job", {10});
    machine_.Publish(*process);
    for (pid_t pid = 100; pid < 100 + strangers; ++pid) machine_.AddProcess(pid)->AddHole(kBase, 1);
    workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
    spec_.sharing = SharingRule::kOwned;
    machine_.kernel().set_has_mapping_query(true);
    return process;
  }

  // A workload of a parent and its child, whose 100 pages are all still shared; the rule is
  // kOwned.
  std::pair<std::shared_ptr<FakeProcess>, std::shared_ptr<FakeProcess>> ForkedWorkload() {
    auto parent = Process(10, 100);
    auto child = Process(11, 0);
    for (auto& [address, folio] : parent->pages) folio->shared = true;
    child->pages = parent->pages;
    child->mappings = parent->mappings;
    parent->stack_start = child->stack_start = 0x7ffe0000;
    machine_.AddCgroup("/job", {10, 11});
    machine_.Publish(*parent);
    machine_.Publish(*child);
    workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
    spec_.sharing = SharingRule::kOwned;
    return {parent, child};
  }
};

constexpr int64_t kReserve = 65536 / 50;
constexpr uint64_t kSecond = 0x90000000;

// ---- Node maps

TEST_F(MigrationModesTest, ASwapWorksWithLittleRoomOnBothNodes) {
  const auto process = Process(10, 20000, 0);
  process->AddPages(kSecond, 20000, 1);
  machine_.Publish(*process);
  machine_.SetFreePages(0, kReserve + 5000);
  machine_.SetFreePages(1, kReserve + 5000);
  spec_.target_nodes = {};
  spec_.node_map = {{kNode0, kNode1}, {kNode1, kNode0}};
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 40000);
  EXPECT_EQ(result.outcomes.Total(), 40000);
  EXPECT_EQ(process->At(kBase).node, 1);
  EXPECT_EQ(process->At(kSecond).node, 0);
  EXPECT_EQ(process->PagesOn(0), 20000);
  EXPECT_EQ(result.drifted_pages, 0);
  EXPECT_GE(machine_.kernel().Memory(0).lowest_free_pages, kReserve);
  EXPECT_GE(machine_.kernel().Memory(1).lowest_free_pages, kReserve);
}

TEST_F(MigrationModesTest, TwoProcessesWithEachOthersHomeSwap) {
  const auto first = Process(10, 9000, 0);
  const auto second = Process(11, 9000, 1);
  first->threads[10] = CpuSet::Parse("4-7").value();
  second->threads[11] = CpuSet::Parse("0-3").value();
  machine_.Publish(*first);
  machine_.Publish(*second);
  machine_.SetFreePages(0, kReserve + 4500);
  machine_.SetFreePages(1, kReserve + 4500);
  spec_.target_nodes = {};
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(first->PagesOn(1), 9000);
  EXPECT_EQ(second->PagesOn(0), 9000);
}

TEST_F(MigrationModesTest, AMapMovesItsSourcesOnly) {
  FakeMachine machine({{0, "0-1"}, {1, "2-3"}, {2, "4-5"}, {3, "6-7"}});
  const auto process = machine.AddProcess(10);
  process->AddPages(kBase, 100, 0);
  process->AddPages(2 * kBase, 200, 1);
  process->AddPages(3 * kBase, 50, 3);
  machine.Publish(*process);
  spec_.target_nodes = {};
  spec_.node_map = {{NodeId{0}, NodeId{2}}, {NodeId{1}, NodeId{3}}};
  const WorkloadMigration result =
      MoveWorkload(machine.context(), workload_, {{10}}, spec_, observer_);
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 300);
  EXPECT_EQ(process->PagesOn(2), 100);
  EXPECT_EQ(process->PagesOn(3), 250);
}

TEST_F(MigrationModesTest, SpecsThatMakeNoSenseAreRefused) {
  const Topology topology = *TopologyReader(machine_.host()).Read();
  const auto refuses = [&](auto change, const char* words) {
    MigrationSpec spec = spec_;
    change(spec);
    const absl::Status status = CheckSpec(spec, topology);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << words;
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  refuses([](MigrationSpec& s) { s.node_map = {{NodeId{0}, NodeId{1}}}; }, "not both");
  refuses(
      [](MigrationSpec& s) {
        s.target_nodes = {};
        s.node_map = {{NodeId{0}, NodeId{7}}};
      },
      "node 7");
  refuses([](MigrationSpec& s) { s.limits.longest_call = {}; }, "call time");
  refuses([](MigrationSpec& s) { s.limits.batch_pages = 0; }, "batches of 0");
  refuses([](MigrationSpec& s) { s.limits.workers = 0; }, "workers");
  refuses([](MigrationSpec& s) { s.limits.retries = -1; }, "retries");
  refuses(
      [](MigrationSpec& s) {
        s.hold = HoldMode::kPtrace;
        s.limits.workers = 2;
      },
      "one worker");
  refuses(
      [](MigrationSpec& s) {
        s.verify_after = {absl::Seconds(2), absl::Seconds(1)};
      },
      "ascending");
}

// ---- Workers

TEST_F(MigrationModesTest, WorkersShareTheWork) {
  const auto process = Process(10, 60000);
  machine_.SetFreePages(1, 62000);
  spec_.limits.workers = 4;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 60000);
  EXPECT_EQ(result.outcomes.Total(), 60000);
  EXPECT_EQ(result.calls.Count(), machine_.kernel().CallCount(FakeCall::kMove));
  EXPECT_EQ(process->PagesOn(1), 60000);
}

TEST_F(MigrationModesTest, WorkersTogetherKeepTheReserve) {
  Process(10, 60000);
  machine_.SetFreePages(1, kReserve + 30000);
  spec_.limits.workers = 4;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kPartial, MigrationReason::kNoRoom);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kNoMemory], 60000);
  EXPECT_GE(machine_.kernel().Memory(1).lowest_free_pages, kReserve);
}

// ---- Shared pages

TEST_F(MigrationModesTest, SharedPagesMoveIfTheRuleSaysAll) {
  const auto process = Process(10, 100);
  for (int i = 0; i < 50; ++i) {
    process->At(kBase + static_cast<uint64_t>(i) * kFakePage).shared = true;
  }
  spec_.sharing = SharingRule::kAll;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 100);
  EXPECT_EQ(process->PagesOn(1), 100);
}

TEST_F(MigrationModesTest, OwnedSharedPagesMoveOnceAndAreFoundThereByTheOthers) {
  const auto child = ForkedWorkload().second;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 100) << result.sharing_note;
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 100);
  EXPECT_EQ(child->PagesOn(1), 100);
}

TEST_F(MigrationModesTest, OwnedSharedPagesThatAMapBroughtAreCountedForTheOthersToo) {
  const auto [parent, child] = ForkedWorkload();
  child->AddPages(kSecond, 30, 0);
  child->AddPages(kSecond + 30 * kFakePage, 50, 1);  // there before: none of the map's business
  machine_.Publish(*child);
  spec_.target_nodes = {};
  spec_.node_map = {{kNode0, kNode1}};
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 130);
  EXPECT_EQ(result.outcomes[PageOutcome::kAlreadyThere], 100);
  EXPECT_EQ(result.outcomes.Total(), result.pages_planned);
}

TEST_F(MigrationModesTest, WhatIsNewOnTheTargetOfAMapIsNotCounted) {
  const auto process = Process(10, 4096);
  const uint64_t hole = kBase + 4096 * kFakePage;
  process->AddHole(hole, 4096);
  process->AddPages(hole + 4096 * kFakePage, 4096, 0);
  machine_.Publish(*process);
  machine_.DenyPagemap(10);
  spec_.target_nodes = {};
  spec_.node_map = {{kNode0, kNode1}};
  machine_.kernel().RunAt(FakeCall::kMove, 1, [&] {
    for (uint64_t i = 0; i < 4096; ++i) {
      const auto folio = process->pages[hole + i * kFakePage] = std::make_shared<FakeFolio>();
      folio->node = 1;
    }
  });
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 2 * 4096);
  EXPECT_EQ(result.outcomes.Total(), 2 * 4096);
}

TEST_F(MigrationModesTest, APageThatComesToBeSharedBetweenTwoTriesIsCounted) {
  const auto process = Process(10, 100);
  FakeFolio& page = process->At(kBase);
  page.pinned = true;
  machine_.kernel().OnMoved([&](const auto&) {
    if (process->PagesOn(1) < 99) return;
    page.pinned = false;
    page.shared = true;
  });
  spec_.sharing = SharingRule::kAll;
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes.Total(), 100);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 100);
}

TEST_F(MigrationModesTest, PagesSharedWithAStrangerStayAndTheNoteSaysWhy) {
  const auto process = Process(10, 100);
  const auto stranger = machine_.AddProcess(20);
  for (auto& [address, folio] : process->pages) folio->shared = true;
  stranger->pages = process->pages;
  stranger->mappings = process->mappings;
  process->stack_start = stranger->stack_start = 0x7ffe0000;
  machine_.AddCgroup("/job", {10});
  machine_.AddCgroup("/other", {20});
  machine_.Publish(*process);
  machine_.Publish(*stranger);
  workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
  spec_.sharing = SharingRule::kOwned;
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kShared], 100);
  EXPECT_EQ(stranger->PagesOn(0), 100);
  EXPECT_THAT(result.sharing_note, HasSubstr("20"));
}

TEST_F(MigrationModesTest, SharedPagesDoNotGoBackAndForthInASwap) {
  const auto parent = ForkedWorkload().first;
  spec_.target_nodes = {};
  spec_.node_map = {{kNode0, kNode1}, {kNode1, kNode0}};
  const WorkloadMigration result = Run();
  EXPECT_EQ(parent->PagesOn(0), 100);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 0);
  EXPECT_EQ(result.outcomes[PageOutcome::kShared], 200);
  EXPECT_THAT(result.sharing_note, HasSubstr("move back"));
}

TEST_F(MigrationModesTest, AProofOfSharingIsTakenAgainAsTimePasses) {
  constexpr int kPages = 20000;
  const auto process = Process(10, kPages);
  for (auto& [address, folio] : process->pages) folio->shared = true;
  process->stack_start = 0x7ffe0000;
  machine_.AddCgroup("/job", {10});
  machine_.Publish(*process);
  workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
  spec_.sharing = SharingRule::kOwned;
  machine_.kernel().set_time_per_page(absl::Milliseconds(1));
  FakeProcess stranger;  // a relative that leaves the workload while that moves
  stranger.pid = 20;
  stranger.stack_start = process->stack_start;
  bool has_left = false;
  machine_.kernel().OnMoved([&](const auto&) {
    if (process->PagesOn(1) > 0 && !std::exchange(has_left, true)) machine_.Publish(stranger);
  });
  const WorkloadMigration result = Run();
  EXPECT_GT(result.outcomes[PageOutcome::kMoved], 0);
  EXPECT_GT(result.outcomes[PageOutcome::kShared], kPages / 2);
  EXPECT_EQ(result.outcomes.Total(), kPages);
  EXPECT_THAT(result.sharing_note, HasSubstr("20"));
}

// Measures the longest call of the mover, as the watchdog does.
class CallTimer final : public MigrationObserver {
 public:
  explicit CallTimer(const Clock& clock) : clock_(clock) {}
  MigrationReason StopReason() override { return MigrationReason::kNone; }
  void OnBatch(int, pid_t, int64_t) override { start_ = clock_.Monotonic(); }
  void OnBatchEnd(int) override { longest_ = std::max(longest_, clock_.Monotonic() - start_); }
  void OnProgress(const WorkloadMigration&) override {}

  absl::Duration longest() const { return longest_; }

 private:
  const Clock& clock_;
  absl::Duration start_;
  absl::Duration longest_;
};

TEST_F(MigrationModesTest, AProofOfSharingIsNoPartOfACall) {
  const auto process = ShareAnObject(20);
  process->AddPages(kBase + (uint64_t{1} << 30), 100, 0);
  machine_.Publish(*process);
  machine_.kernel().set_time_per_mapping(absl::Milliseconds(100));
  // Unshared pages move first. After that the shared ones wait for 10 s, and the proof is old.
  spec_.limits.bytes_per_second = 40 << 10;
  CallTimer timer(machine_.clock());
  const WorkloadMigration result =
      MoveWorkload(machine_.context(), workload_, {pids_}, spec_, timer);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 200) << result.sharing_note;
  EXPECT_LT(timer.longest(), absl::Seconds(1));
}

TEST_F(MigrationModesTest, AProofOfSharingEndsWithTheMigration) {
  ShareAnObject(200);
  machine_.kernel().RunAt(FakeCall::kQueryMapping, 50,
                          [&] { observer_.StopAt(0, MigrationReason::kCancelled); });
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_EQ(result.outcomes[PageOutcome::kNotAttempted], 100);
  EXPECT_EQ(result.sharing_note, "");
  EXPECT_LT(machine_.kernel().CallCount(FakeCall::kQueryMapping), 60);
}

TEST_F(MigrationModesTest, WithAHoldSharedPagesOfAProcessThatCannotBeHeldStay) {
  ShareAnObject(0);
  spec_.hold = HoldMode::kPtrace;
  machine_.kernel().FailAll(FakeCall::kHold, ETIMEDOUT);
  const auto result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kShared], 100);
  EXPECT_EQ(result.unheld_batches, 0);
  EXPECT_THAT(result.sharing_note, HasSubstr("process 10 could not be held"));
}

TEST_F(MigrationModesTest, AHoldForSharedPagesIsTriedAgain) {
  ShareAnObject(0);
  spec_.hold = HoldMode::kPtrace;
  machine_.kernel().FailAll(FakeCall::kHold, ETIMEDOUT);
  machine_.kernel().RunAt(FakeCall::kHold, 3,
                          [this] { machine_.kernel().FailAll(FakeCall::kHold, 0); });
  EXPECT_EQ(Run().outcomes[PageOutcome::kMoved], 100);
}

TEST_F(MigrationModesTest, WithoutPagesLeftThereIsNoNoteOnSharing) {
  const auto process = Process(10, 100);
  const auto stranger = machine_.AddProcess(20);  // a relative, whose pages are all its own now
  process->stack_start = stranger->stack_start = 0x7ffe0000;
  machine_.AddCgroup("/job", {10});
  machine_.Publish(*process);
  machine_.Publish(*stranger);
  workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
  spec_.sharing = SharingRule::kOwned;
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 100);
  EXPECT_EQ(result.sharing_note, "");
}

// ---- How pages are found

TEST_F(MigrationModesTest, TheRecordNamesTheLeastCapableMethodOfItsProcesses) {
  Process(10, 10);
  EXPECT_EQ(Run().scan_method, ScanMethod::kPresence);
  Process(11, 10);
  machine_.DenyPagemap(11);
  EXPECT_EQ(Run().scan_method, ScanMethod::kQuery);
}

// ---- Bandwidth, verification, obstacles of huge pages

TEST_F(MigrationModesTest, TheBandwidthLimitIsKept) {
  Process(10, 25600);  // 100 MiB
  spec_.limits.bytes_per_second = int64_t{10} << 20;
  const absl::Duration start = machine_.clock().Monotonic();
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  const absl::Duration taken = machine_.clock().Monotonic() - start;
  EXPECT_GT(taken, absl::Seconds(8));
  EXPECT_LT(taken, absl::Seconds(11));
  EXPECT_GT(result.bandwidth_wait, absl::Seconds(8));
}

TEST_F(MigrationModesTest, ABandwidthBelowAPageASecondIsSlowAndNothingIsDropped) {
  const auto process = Process(10, 20);
  spec_.limits.bytes_per_second = 1000;
  spec_.limits.batch_pages = 1;
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
  EXPECT_EQ(process->PagesOn(1), 20);
  const absl::Duration expected = 19 * absl::Milliseconds(4096);  // none before the first
  EXPECT_GE(result.bandwidth_wait, expected);
  EXPECT_LT(result.bandwidth_wait, expected + absl::Seconds(5));
}

TEST_F(MigrationModesTest, ALaterVerificationFindsLaterDrift) {
  const auto process = Process(10, 400);
  spec_.verify_after = {absl::Seconds(1), absl::Seconds(10)};
  machine_.kernel().RunAt(FakeCall::kQuery, 4, [&] {
    for (int i = 0; i < 100; ++i) {
      process->At(kBase + static_cast<uint64_t>(i) * kFakePage).node = 0;
    }
  });
  const WorkloadMigration result = Run();
  ASSERT_EQ(result.verifications.size(), 3u);
  EXPECT_EQ(result.verifications[0].drifted_pages, 0);
  EXPECT_EQ(result.verifications[1].drifted_pages, 100);
  EXPECT_EQ(result.verifications[2].after, absl::Seconds(10));
  EXPECT_EQ(result.pages_on_target, 300);
  EXPECT_GE(machine_.clock().slept(), absl::Seconds(10));
}

TEST_F(MigrationModesTest, APinnedHugePageCostsFewCalls) {
  const auto process = HugeProcess(10, 8);
  process->At(0x40000000 + 3 * kFakeHuge).pinned = true;
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.outcomes[PageOutcome::kPinned], kFakeHugePages);
  EXPECT_EQ(result.outcomes[PageOutcome::kMoved], 7 * kFakeHugePages);
  EXPECT_LT(result.calls.Count(), 20);
}

}  // namespace
}  // namespace numalocality::migration_modes_test
