// Evacuations: the plan, and whether the migration carries it out.
#include "agent/engine/migrate/evacuation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "agent/os/node/topology_reader.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"

namespace numalocality::evacuation_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kPage = static_cast<int64_t>(kFakePage);

// Containers on node 0, whose memory goes to node 1.
class EvacuationTest : public MigratorTest {
 protected:
  std::shared_ptr<FakeProcess> AddContainer(char id, pid_t pid, int pages, int shared_pages = 0) {
    const std::string path =
        "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/" + std::string(64, id);
    auto process = AddPod(path, pid, pages);
    auto page = process->pages.begin();
    for (int i = 0; i < shared_pages; ++i) (page++)->second->shared = true;
    machine_.Publish(*process);
    machine_.WriteCgroupFile(
        path, "memory.numa_stat",
        absl::StrFormat("anon N0=%d N1=0\nfile N0=0 N1=0\nshmem N0=0 N1=0\n", pages * kPage));
    return process;
  }

  static MigrationRequest Evacuate(int64_t free_bytes = 0) {
    MigrationRequest request;
    request.evacuation.emplace();
    request.evacuation->node = NodeId{0};
    request.evacuation->free_bytes = free_bytes;
    return request;
  }

  // The plan, and whether the migration carries it out.
  Migration PlanAndRun(const MigrationRequest& request) {
    const auto migrator = MakeMigrator(1);
    auto plan = migrator->Plan(request, [] { return false; });
    EXPECT_TRUE(plan.ok()) << plan.status();
    const auto submitted = migrator->Submit(request);
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    const Migration ended = WaitForEnd(*migrator, submitted->id);
    EXPECT_EQ(plan->workloads.size(), ended.workloads.size());
    for (size_t i = 0; i < plan->workloads.size(); ++i) {
      EXPECT_EQ(plan->workloads[i].pages_planned, ended.workloads[i].outcomes[PageOutcome::kMoved]);
      EXPECT_EQ(plan->workloads[i].reason == MigrationReason::kNoRoom,
                ended.workloads[i].reason == MigrationReason::kNoRoom);
    }
    return *std::move(plan);
  }

  static std::vector<int64_t> Planned(const Migration& plan) {
    std::vector<int64_t> pages;
    for (const WorkloadMigration& planned : plan.workloads) pages.push_back(planned.pages_planned);
    return pages;
  }
};

TEST_F(EvacuationTest, WhatDoesNotFitIsNotPlanned) {
  AddContainer('a', 10, 600);
  AddContainer('b', 11, 500);
  AddContainer('c', 12, 400);
  machine_.SetFreePages(1, 65536 / 50 + 1 + 800);  // 2 % are kept free
  const Migration plan = PlanAndRun(Evacuate());
  EXPECT_THAT(Planned(plan), ElementsAre(600, 200, 0));
  EXPECT_THAT(plan.workloads[1].message, HasSubstr("node 1 will then have room for"));
}

TEST_F(EvacuationTest, WhatSeveralProcessesMapIsNotPlanned) {
  AddContainer('a', 10, 600, 100);
  const Migration plan = PlanAndRun(Evacuate());
  EXPECT_THAT(Planned(plan), ElementsAre(500));
  EXPECT_EQ(plan.workloads[0].reason, MigrationReason::kPagesLeft);
}

TEST_F(EvacuationTest, WhatIsSharedDoesNotCountAsFreed) {
  AddContainer('a', 10, 600, 590);
  AddContainer('b', 11, 500);
  AddContainer('c', 12, 400);
  machine_.SetFreePages(0, 1000);
  EXPECT_THAT(Planned(PlanAndRun(Evacuate(1905 * kPage))), ElementsAre(500, 400, 10));
}

// Containers whose pages are read one after the other, four seconds each.
class SlowEvacuationTest : public EvacuationTest {
 protected:
  SlowEvacuationTest() {
    pid_t pid = 10;
    for (const char id : std::string("0123456789abcdef")) AddContainer(id, pid++, 300);
    machine_.kernel().set_time_per_query(absl::Seconds(4));
  }
  absl::Status Find() {
    return FindEvacuation(machine_.context(), TopologyReader(machine_.host()).Read().value(),
                          Evacuate(int64_t{1} << 40), [this] { return is_cancelled_; })
        .status();
  }

  bool is_cancelled_ = false;
};

TEST_F(SlowEvacuationTest, EndsWhenItsCallerHasGone) {
  machine_.kernel().RunAt(FakeCall::kQuery, 3, [this] { is_cancelled_ = true; });
  EXPECT_TRUE(absl::IsCancelled(Find()));
  EXPECT_LE(machine_.kernel().CallCount(FakeCall::kQuery), 4);
}

TEST_F(SlowEvacuationTest, LooksForSharedMemoryForALimitedTime) {
  EXPECT_TRUE(Find().ok());
  EXPECT_LT(machine_.clock().Monotonic(), kLongestMeasurement + absl::Seconds(5));
}

}  // namespace
}  // namespace numalocality::evacuation_test
