// The cross-check of whole migrations with memory.numa_stat of the workload's cgroup.
#include "agent/engine/move/cgroup_cross_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_format.h"
#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::cgroup_cross_check_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The fake host's 8 CPUs keep 512 pages to themselves at each reading: more than that has to move.
constexpr int kPages = 4000;
constexpr int64_t kLagBytes = 2 * 64 * 8 * 4096;

class CgroupCrossCheckTest : public WorkloadMoverTest {
 protected:
  CgroupCrossCheckTest() {
    process_ = Process(10, kPages);
    machine_.AddCgroup("/pod", {10});
    workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/pod", {}}).value().front();
    Charge(kPages, 0);
  }

  // Anonymous pages, and page cache that nobody asked to move.
  void Charge(int64_t node0, int64_t node1, int64_t file1 = 0) {
    machine_.WriteCgroupFile("/pod", "memory.numa_stat",
                             absl::StrFormat("anon N0=%d N1=%d\nfile N0=0 N1=%d\nshmem N0=0 N1=0\n",
                                             node0 * 4096, node1 * 4096, file1 * 4096));
  }
  // The counters once pages have begun to move.
  void ChargeLater(int64_t node0, int64_t node1, int64_t file1 = 0) {
    machine_.kernel().RunAt(FakeCall::kMove, 1,
                            [this, node0, node1, file1] { Charge(node0, node1, file1); });
  }

  void ExpectUnavailable(const std::string& words) {
    const CrossCheck source = Run().cross_check;
    EXPECT_EQ(source.verdict, CrossCheckVerdict::kUnavailable);
    EXPECT_THAT(source.note, HasSubstr(words));
    EXPECT_THAT(source.nodes, IsEmpty());
  }

  std::shared_ptr<FakeProcess> process_;
};

// Of 4000 pages on one node by the counters, one in 16 is asked for, in 512 a call; all of them are
// when it is moved and verified.
TEST_F(CgroupCrossCheckTest, SparesQueriesOfTheFirstScan) {
  machine_.kernel().set_has_pagemap_scan(true);
  const auto queries_of_plan = [&] {
    const int before = machine_.kernel().CallCount(FakeCall::kQuery);
    const WorkloadMigration plan =
        PlanWorkload(machine_.context(), workload_, {pids_}, spec_, observer_);
    EXPECT_EQ(plan.pages_planned, kPages);
    return machine_.kernel().CallCount(FakeCall::kQuery) - before;
  };
  EXPECT_EQ(queries_of_plan(), 1);
  Charge(kPages - 1, 1);
  EXPECT_EQ(queries_of_plan(), 8);
}

TEST_F(CgroupCrossCheckTest, Agrees) {
  ChargeLater(0, kPages);
  const CrossCheck source = Run().cross_check;
  EXPECT_EQ(source.verdict, CrossCheckVerdict::kAgrees) << source.note;
  EXPECT_EQ(source.tolerance_bytes, kLagBytes);
  EXPECT_EQ(source.nodes.at(kNode0), (ChargedNode{kPages * 4096, 0, -kPages * 4096}));
  EXPECT_EQ(source.nodes.at(kNode1), (ChargedNode{0, kPages * 4096, kPages * 4096}));
}

TEST_F(CgroupCrossCheckTest, DisagreesWhereTheCountersHaveNotMoved) {
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.cross_check.verdict, CrossCheckVerdict::kDisagrees);
  EXPECT_EQ(result.cross_check.difference_bytes, kPages * 4096);
  EXPECT_THAT(result.cross_check.note, HasSubstr("node 0"));
  ExpectEnd(result, MigrationState::kSucceeded, MigrationReason::kNone);
}

TEST_F(CgroupCrossCheckTest, PageCacheCountsOnlyIfItWasToMove) {
  ChargeLater(0, kPages, 9 * kPages);
  EXPECT_EQ(Run().cross_check.verdict, CrossCheckVerdict::kAgrees);
}

TEST_F(CgroupCrossCheckTest, PageCacheThatWasToMoveCounts) {
  spec_.kinds.Insert(MemoryKind::kFile);
  ChargeLater(0, kPages, 9 * kPages);
  EXPECT_EQ(Run().cross_check.tolerance_bytes, kLagBytes + int64_t{9} * kPages * 4096);
}

TEST_F(CgroupCrossCheckTest, DriftInTheFirstVerificationIsNoDisagreement) {
  // The first scan and the scan that moves query 512 pages at a time; then verification does.
  constexpr int kQueriesAScan = (kPages + 511) / 512;
  machine_.kernel().RunAt(FakeCall::kQuery, 2 * kQueriesAScan + 1, [&] {
    for (auto& [address, folio] : process_->pages) folio->node = 0;
  });
  const WorkloadMigration result = Run();
  ASSERT_EQ(result.drifted_pages, kPages);
  EXPECT_EQ(result.cross_check.verdict, CrossCheckVerdict::kTooCoarse);
}

TEST_F(CgroupCrossCheckTest, ACancelledMigrationIsCheckedToo) {
  constexpr int kMoved = 64 + 256 + 1024;
  observer_.StopAfterBatch(3, MigrationReason::kCancelled);
  ChargeLater(kPages - kMoved, kMoved);
  const WorkloadMigration result = Run();
  ExpectEnd(result, MigrationState::kCancelled, MigrationReason::kCancelled);
  EXPECT_EQ(result.cross_check.nodes.at(kNode1).moved_bytes, kMoved * 4096);
  EXPECT_EQ(result.cross_check.verdict, CrossCheckVerdict::kAgrees);
}

TEST_F(CgroupCrossCheckTest, AMigrationThatDoesNotComeToMovingIsNotChecked) {
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  EXPECT_EQ(Run().cross_check.verdict, CrossCheckVerdict::kNotCompared);
}

TEST_F(CgroupCrossCheckTest, ALoneProcessHasItsCgroupsCounters) {
  workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, {}, 10}).value().front();
  ChargeLater(0, kPages);
  EXPECT_EQ(Run().cross_check.verdict, CrossCheckVerdict::kAgrees);
}

TEST_F(CgroupCrossCheckTest, TheRootCgroupCountsTheWholeMachine) {
  machine_.AddCgroup("/", {10});
  workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, {}, 10}).value().front();
  ExpectUnavailable("process 10 is in the root cgroup");
}

TEST_F(CgroupCrossCheckTest, WithoutACgroupThereIsNone) {
  machine_.tree().Write("proc/10/cgroup", "4:cpuset:/pod\n");
  workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, {}, 10}).value().front();
  ExpectUnavailable("process 10 is in no cgroup that counts");
}

TEST_F(CgroupCrossCheckTest, WithoutTheMemoryControllerThereIsNone) {
  machine_.tree().Remove("sys/fs/cgroup/pod/memory.numa_stat");
  ExpectUnavailable("cgroup /pod has no memory.numa_stat");
}

TEST_F(CgroupCrossCheckTest, ACgroupThatIsReplacedMeanwhileIsNotTakenForTheOldOne) {
  machine_.kernel().RunAt(FakeCall::kMove, 1, [&] {
    machine_.tree().Remove("sys/fs/cgroup/pod/memory.numa_stat");
    machine_.RecreateCgroup("/pod", {10});
  });
  ExpectUnavailable("the cgroup was removed");
}

}  // namespace
}  // namespace numalocality::cgroup_cross_check_test
