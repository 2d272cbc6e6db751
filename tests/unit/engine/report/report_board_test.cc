#include "agent/engine/report/report_board.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace numalocality::report_board_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMi = int64_t{1} << 20;

class ReportBoardTest : public ::testing::Test {
 protected:
  // A workload of 1000 MiB, half of it local.
  static std::shared_ptr<WorkloadReport> Workload(const std::string& path) {
    auto report = std::make_shared<WorkloadReport>();
    WorkloadPlacement& placement = report->placement;
    placement.workload.cgroup_path = path;
    placement.home_nodes = {NodeId{1}};
    placement.memory.Add(NodeId{0}, MemoryKind::kAnon, 500 * kMi);
    placement.memory.Add(NodeId{1}, MemoryKind::kAnon, 500 * kMi);
    report->decision.emplace();
    return report;
  }
  void Publish(std::vector<std::shared_ptr<const WorkloadReport>> workloads) {
    auto report = std::make_shared<LocalityReport>();
    report->workloads = std::move(workloads);
    board_.Publish(std::move(report));
  }
  // The changes that a watcher sees next: "/path", or "-/path" for a workload that is gone.
  std::vector<std::string> News() {
    const ReportChanges changes = board_.WaitForChanges(next_, absl::ZeroDuration());
    next_ = changes.next;
    resync_ = changes.resync;
    std::vector<std::string> news;
    for (const ReportChange& change : changes.changes) {
      news.push_back(change.report == nullptr ? "-" + change.gone.cgroup_path
                                              : change.report->placement.workload.cgroup_path);
    }
    return news;
  }

  ReportBoard board_{Clock::System()};
  int64_t next_ = ReportBoard::kFromStart;
  bool resync_ = false;
};

TEST_F(ReportBoardTest, BeforeTheFirstReportThereIsNothing) {
  EXPECT_THAT(board_.Latest()->workloads, IsEmpty());
  EXPECT_THAT(News(), IsEmpty());
  EXPECT_FALSE(resync_);
  Publish({});
  EXPECT_THAT(News(), IsEmpty());
  EXPECT_TRUE(resync_) << "now it is known that there are none";
}

TEST_F(ReportBoardTest, ShowsAllAndThenWhatChanges) {
  const auto a = Workload("/a");
  Publish({a, Workload("/b")});
  EXPECT_THAT(News(), ElementsAre("/a", "/b"));
  EXPECT_TRUE(resync_);
  Publish({a, Workload("/b")});
  EXPECT_THAT(News(), IsEmpty());
  EXPECT_FALSE(resync_);
  Publish({a, Workload("/c")});
  EXPECT_THAT(News(), ElementsAre("/c", "-/b"));
  EXPECT_FALSE(resync_);
  EXPECT_THAT(board_.Latest()->workloads, SizeIs(2));
}

TEST_F(ReportBoardTest, WhatCountsAsAChange) {
  struct Case {
    std::string name;
    std::function<void(WorkloadReport&)> change;
    bool is_news;
  };
  const std::vector<Case> cases = {
      {"nothing", [](WorkloadReport&) {}, false},
      {"read later", [](WorkloadReport& r) { r.placement.read_time = absl::UnixEpoch(); }, false},
      {"a little memory",
       [](WorkloadReport& r) { r.placement.memory.Add(NodeId{0}, MemoryKind::kAnon, 9 * kMi); },
       false},
      {"page cache",
       [](WorkloadReport& r) { r.placement.memory.Add(NodeId{0}, MemoryKind::kFile, 900 * kMi); },
       false},
      {"as much on both nodes",
       [](WorkloadReport& r) {
         for (int i = 0; i < 2; ++i) r.placement.memory.Add(NodeId{i}, MemoryKind::kAnon, 5 * kMi);
       },
       true},
      {"moved",
       [](WorkloadReport& r) {
         r.placement.memory.Add(NodeId{0}, MemoryKind::kAnon, -11 * kMi);
         r.placement.memory.Add(NodeId{1}, MemoryKind::kAnon, 11 * kMi);
       },
       true},
      {"another cgroup", [](WorkloadReport& r) { r.placement.workload.cgroup_id = 7; }, true},
      {"CPUs", [](WorkloadReport& r) { r.placement.cpus.Insert(CpuId{3}); }, true},
      {"home", [](WorkloadReport& r) { r.placement.home_nodes.Insert(NodeId{2}); }, true},
      {"cpuset.mems", [](WorkloadReport& r) { r.placement.allowed_nodes = {NodeId{1}}; }, true},
      {"names", [](WorkloadReport& r) { r.description.names.pod = "db-0"; }, true},
      {"processes swapped", [](WorkloadReport& r) { r.home_since = absl::ZeroDuration(); }, true},
      {"reason", [](WorkloadReport& r) { r.decision->reason = RepairReason::kLocal; }, true},
      {"policy", [](WorkloadReport& r) { r.decision->policy = "keep"; }, true},
      {"words", [](WorkloadReport& r) { r.decision->message = "3 s left"; }, false},
      {"no decision", [](WorkloadReport& r) { r.decision.reset(); }, true},
  };
  for (const Case& each : cases) {
    Publish({Workload("/a")});
    News();
    const auto changed = Workload("/a");
    each.change(*changed);
    Publish({changed});
    EXPECT_THAT(News(), SizeIs(each.is_news ? 1 : 0)) << each.name;
  }
}

// Otherwise the growth of a slowly growing workload would never be reported.
TEST_F(ReportBoardTest, SmallChangesAddUp) {
  int changes = 0;
  for (int i = 0; i <= 20; ++i) {
    const auto workload = Workload("/a");
    workload->placement.memory.Add(NodeId{0}, MemoryKind::kAnon, i * 2 * kMi);
    workload->placement.memory.Add(NodeId{1}, MemoryKind::kAnon, i * 2 * kMi);
    Publish({workload});
    changes += static_cast<int>(News().size());
  }
  EXPECT_GE(changes, 4);
  EXPECT_LE(changes, 10);
}

TEST_F(ReportBoardTest, ASlowWatcherGetsAllWorkloadsAgain) {
  Publish({Workload("/a")});
  News();
  for (size_t i = 0; i <= ReportBoard::kMaxChanges; ++i) {
    const auto workload = Workload("/a");
    workload->decision->reason = i % 2 == 0 ? RepairReason::kLocal : RepairReason::kRemote;
    Publish({workload});
    if (i + 2 == ReportBoard::kMaxChanges) {
      const auto changes = board_.WaitForChanges(next_, absl::ZeroDuration());
      EXPECT_FALSE(changes.resync) << "just not too slow";
    }
  }
  Publish({Workload("/a"), Workload("/b")});
  EXPECT_THAT(News(), ElementsAre("/a", "/b"));
  EXPECT_TRUE(resync_);
  EXPECT_THAT(News(), IsEmpty());
  EXPECT_FALSE(resync_);
}

TEST_F(ReportBoardTest, WhoWaitsIsWoken) {
  Publish({Workload("/a")});
  News();
  std::thread publisher([this] {
    absl::SleepFor(absl::Milliseconds(20));
    Publish({Workload("/a"), Workload("/b")});
  });
  const auto changes = board_.WaitForChanges(next_, absl::Seconds(30));
  publisher.join();
  EXPECT_THAT(changes.changes, SizeIs(1));
}

}  // namespace
}  // namespace numalocality::report_board_test
