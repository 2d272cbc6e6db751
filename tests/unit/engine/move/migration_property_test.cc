// Whole migrations of random workloads on a random machine, in a random way, with a fault at a
// random call: the counts add up and are true, and nothing moves that was not asked for, whatever
// happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "agent/engine/move/workload_mover.h"
#include "agent/engine/workload/workload_finder.h"
#include "tests/unit/fake/dice.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/scripted_observer.h"

namespace numalocality::migration_property_test {
namespace {

constexpr uint64_t kBase = 0x10000000;
constexpr int64_t kNodePages = 65536;
constexpr int64_t kReserve = kNodePages / 50;
constexpr int64_t kUnlimited = 0;

// Where each resident page of a process is.
using Nodes = std::map<uint64_t, int>;

Nodes ResidentNodes(const FakeProcess& process) {
  Nodes nodes;
  for (const auto& [address, folio] : process.pages) {
    if (!folio->swapped && !folio->zero_page) nodes[address] = folio->node;
  }
  return nodes;
}

class Scenario {
 public:
  // With several workers the order varies, so a seed repeats only the request.
  explicit Scenario(uint64_t seed) : dice_(seed) {
    machine_.SetHugePages(huge_pages_);
    machine_.kernel().set_has_pagemap_scan(dice_.OneIn(2));
    const int processes = 1 + dice_.Below(3);
    for (int i = 0; i < processes; ++i) AddProcess(10 + i);
    if (processes > 1 && dice_.OneIn(4)) Fork(*processes_[0], *processes_[1]);
    if (dice_.OneIn(4)) Fork(*processes_[0], *stranger_);
    machine_.AddCgroup("/job", pids_);
    machine_.AddCgroup("/other", {stranger_->pid});
    for (const auto& process : processes_) {
      machine_.Publish(*process);
      before_.push_back(ResidentNodes(*process));
    }
    stranger_before_ = ResidentNodes(*stranger_);
    for (int node = 0; node < 3; ++node) {
      if (dice_.OneIn(5)) machine_.SetFreePages(node, kReserve + dice_.Below(2000));
      if (dice_.OneIn(10)) machine_.SetFreePages(node, 30000, 30000 - dice_.Below(2000));
    }
    ChooseTarget();
    ChooseWay();
    ChooseEnd();
    AddFault();
  }

  WorkloadMigration Run() {
    const Workload workload = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
    return MoveWorkload(machine_.context(), workload, {pids_}, spec_, observer_);
  }

  void Check(const WorkloadMigration& result) {
    ASSERT_TRUE(IsFinal(result.state));
    ASSERT_EQ(result.state == MigrationState::kSucceeded, result.reason == MigrationReason::kNone);
    ASSERT_EQ(machine_.kernel().calls_without_pid(), 0);
    ASSERT_EQ(result.calls.Count(), machine_.kernel().CallCount(FakeCall::kMove));
    ASSERT_LE(result.vanished_process_count, result.process_count);
    for (const auto& [node, memory] : machine_.kernel().memory()) {
      // One worker may have begun a batch while another one learns of the stop.
      if (spec_.limits.workers == 1) {
        ASSERT_EQ(memory.moves_after_no_memory, 0) << "node " << node;
      }
      ASSERT_GE(memory.lowest_free_pages, kReserve) << "node " << node;
    }
    CheckHolds(result);
    CheckBandwidth(result);
    CheckPlaces();
    CheckCounts(result);
  }

 private:
  void AddProcess(pid_t pid) {
    auto process = machine_.AddProcess(pid, dice_.OneIn(4) ? "4-7" : "0-3");
    FillAtRandom(*process, dice_, kBase, dice_.Of<int>({1, 30, 1500}), {0, 0, 1, 2}, huge_pages_);
    if (dice_.OneIn(20)) process->allowed_nodes = NodeSet{NodeId{0}};
    processes_.push_back(std::move(process));
    pids_.push_back(pid);
  }

  // All of the parent's pages are the child's, too; the child has some of its own.
  void Fork(FakeProcess& parent, FakeProcess& child) {
    for (auto& [address, folio] : parent.pages) folio->shared = true;
    child.pages = parent.pages;
    child.mappings = parent.mappings;
    child.stack_start = parent.stack_start;
    child.AddPages(16 * kBase, 10, 0);
    machine_.Publish(child);
    has_common_pages_ = true;
  }

  void ChooseTarget() {
    spec_.target_nodes.Insert(NodeId{1});
    if (dice_.OneIn(4)) spec_.target_nodes.Insert(NodeId{2});
    if (dice_.OneIn(8)) spec_.target_nodes = {};  // home nodes
    if (dice_.OneIn(3)) {
      spec_.target_nodes = {};
      spec_.node_map = ParseNodeMap(dice_.Of<const char*>(
                                        {"0:1", "0:1,1:0", "0:1,1:2,2:0", "0:2,1:2", "1:0,2:0"}))
                           .value();
    }
    if (dice_.OneIn(4)) {
      const uint64_t start = kBase + static_cast<uint64_t>(dice_.Below(1500)) * kFakePage;
      spec_.ranges = {{start, start + static_cast<uint64_t>(1 + dice_.Below(1500)) * kFakePage}};
    }
  }

  void ChooseWay() {
    spec_.sharing =
        dice_.Of<SharingRule>({SharingRule::kNever, SharingRule::kOwned, SharingRule::kAll});
    if (dice_.OneIn(4)) spec_.hold = HoldMode::kPtrace;
    if (spec_.hold == HoldMode::kNone && dice_.OneIn(3)) spec_.limits.workers = 2 + dice_.Below(3);
    spec_.limits.bytes_per_second =
        dice_.Of<int64_t>({kUnlimited, kUnlimited, kUnlimited, 1000, 1 << 20, 100 << 20});
  }

  void ChooseEnd() {
    spec_.min_moved = dice_.Of<double>({0, 0.5, 0.9, 1});
    const int questions = dice_.Below(20);
    if (dice_.OneIn(4)) observer_.StopAt(questions, MigrationReason::kCancelled);
    if (dice_.OneIn(4)) observer_.StopAt(questions, MigrationReason::kDeadline);
  }

  void AddFault() {
    const int number = 1 + dice_.Below(dice_.Of<int>({4, 12, 40}));
    const pid_t pid = dice_.Of(pids_);
    switch (dice_.Below(6)) {
      case 0:
        // Only a call that moves pages fails with ENODEV in a way of its own, so it is frequent.
        machine_.kernel().FailAt(
            number,
            dice_.Of<int>({EPERM, EACCES, ENOMEM, ENODEV, ENODEV, ENODEV, ENODEV, ENOSYS, EFAULT,
                           ESRCH, EINVAL, EBUSY, ETIMEDOUT}),
            static_cast<size_t>(dice_.Below(50)));
        disturbed_ = true;
        break;
      case 1:
        machine_.kernel().RunAt(number, [this, pid] { machine_.Exit(pid); });
        disturbed_ = true;
        break;
      case 2:
        machine_.kernel().RunAt(number, [this, pid] { machine_.BecomeZombie(pid); });
        disturbed_ = true;
        break;
      case 3:
        if (spec_.limits.workers > 1) break;  // they could see it half made
        // All processes are opened before the first is scanned: from then on the handle notices a
        // reused PID.
        machine_.kernel().RunAt(FakeCall::kQuery, number, [this] {
          const auto stranger = machine_.Replace(pids_.front());
          stranger->AddPages(kBase, 100, 0);
          machine_.Publish(*stranger);
        });
        disturbed_ = true;
        break;
      case 4:
        if (spec_.hold == HoldMode::kNone) break;
        machine_.kernel().FailAll(FakeCall::kHold, dice_.Of<int>({EPERM, EBUSY, ETIMEDOUT}));
        break;
      default: break;
    }
  }

  bool IsInRange(uint64_t address) const {
    return std::any_of(spec_.ranges.begin(), spec_.ranges.end(), [&](const AddressRange& r) {
      return r.start <= address && address < r.end;
    });
  }

  // Where the request wants a page that is on `node`: a node that keeps its memory wants it there;
  // none if that is none of the request's business.
  std::set<int> WantedOn(const FakeProcess& process, int node) const {
    if (!spec_.node_map.empty()) {
      const auto found = spec_.node_map.find(NodeId{node});
      if (found == spec_.node_map.end()) return {};
      return {found->second.value};
    }
    if (spec_.target_nodes.empty()) return {process.threads.begin()->second == kFirstCpus ? 0 : 1};
    if (spec_.target_nodes.Contains(NodeId{node})) return {node};
    std::set<int> wanted;
    for (const NodeId target : spec_.target_nodes) wanted.insert(target.value);
    return wanted;
  }

  // Of a huge page all pages go along with one.
  bool IsAsked(const FakeProcess& process, uint64_t address) const {
    if (process.pages.at(address)->pages == 1) return IsInRange(address);
    const uint64_t head = address / kFakeHuge * kFakeHuge;
    for (uint64_t page = head; page < head + kFakeHuge; page += kFakePage) {
      if (IsInRange(page)) return true;
    }
    return false;
  }

  // A page that several processes map may move where any of them wants it.
  bool MayGo(const std::shared_ptr<FakeFolio>& folio, uint64_t address, int from, int to) const {
    return std::any_of(processes_.begin(), processes_.end(), [&](const auto& process) {
      const auto page = process->pages.find(address);
      return page != process->pages.end() && page->second == folio && IsAsked(*process, address) &&
             WantedOn(*process, from).contains(to);
    });
  }

  void CheckPlaces() {
    for (size_t i = 0; i < processes_.size(); ++i) {
      for (const auto& [address, node] : ResidentNodes(*processes_[i])) {
        const int before = before_[i].at(address);
        if (node == before) continue;
        const auto& folio = processes_[i]->pages.at(address);
        ASSERT_TRUE(MayGo(folio, address, before, node))
            << "page " << std::hex << address << " of node " << before << " is on node " << node;
        ASSERT_FALSE(folio->shared && spec_.sharing == SharingRule::kNever);
      }
    }
    if (spec_.sharing != SharingRule::kAll) {
      ASSERT_EQ(ResidentNodes(*stranger_), stranger_before_);
    }
  }

  void CheckHolds(const WorkloadMigration& result) {
    for (const auto& process : processes_) {
      ASSERT_FALSE(process->is_held);
      if (spec_.hold == HoldMode::kNone) {
        ASSERT_EQ(process->hold_count, 0);
      } else if (result.unheld_batches == 0 && !disturbed_) {
        ASSERT_EQ(process->moves_while_running, 0);
      }
    }
  }

  void CheckBandwidth(const WorkloadMigration& result) {
    // Several processes may count a page that they share as moved.
    if (spec_.limits.bytes_per_second == kUnlimited || has_common_pages_) return;
    const absl::Duration passed = machine_.clock().Monotonic() - start_;
    const auto most = static_cast<int64_t>(absl::ToDoubleSeconds(passed) *
                                           static_cast<double>(spec_.limits.bytes_per_second));
    // The first batch of each worker need not wait. Then a page for what is rounded, and the huge
    // pages that a range cuts: nobody knows them to be such.
    const int64_t slack = 1 + (spec_.ranges.front() == kWholeAddressSpace ? 0 : 2 * kFakeHugePages);
    const auto& batches = observer_.batches;
    const int64_t largest = batches.empty() ? 0 : *std::max_element(batches.begin(), batches.end());
    ASSERT_LE(result.outcomes[PageOutcome::kMoved] * int64_t{kFakePage},
              most + (largest * spec_.limits.workers + slack) * int64_t{kFakePage});
  }

  void CheckCounts(const WorkloadMigration& result) {
    int64_t considered = 0;
    int64_t all_moved = 0;  // as each process sees it
    int64_t moved = 0;
    for (size_t i = 0; i < processes_.size(); ++i) {
      const FakeProcess& process = *processes_[i];
      for (const auto& [address, before] : before_[i]) {
        if (!IsInRange(address)) continue;
        considered += !WantedOn(process, before).empty();
      }
      for (const auto& [address, node] : ResidentNodes(process)) {
        if (!IsInRange(address) || node == before_[i].at(address)) continue;
        ++all_moved;
        const bool is_first = i == 0 || !processes_[0]->pages.contains(address) ||
                              processes_[0]->pages.at(address) != process.pages.at(address);
        moved += is_first;
      }
    }
    ASSERT_LE(result.outcomes.Total(), considered);
    ASSERT_LE(result.outcomes[PageOutcome::kMoved], all_moved);
    ASSERT_LE(result.pages_on_target,
              result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kAlreadyThere]);
    ASSERT_GE(result.pages_on_target, 0);
    if (disturbed_) return;
    // Every page that changed its node is counted as moved, and no other; for a common page every
    // process may count it that saw it elsewhere before.
    ASSERT_GE(result.outcomes[PageOutcome::kMoved], moved);
    if (!has_common_pages_) {
      ASSERT_EQ(result.outcomes[PageOutcome::kMoved], moved);
    }
    ASSERT_EQ(result.drifted_pages, 0);
    // Without a verification the deadline has passed during the first scan.
    const bool scanned =
        result.reason != MigrationReason::kCancelled &&
        result.reason != MigrationReason::kCpusetForbids &&
        !(result.reason == MigrationReason::kDeadline && result.verifications.empty());
    if (!scanned) return;
    ASSERT_EQ(result.outcomes.Total(), considered);
    if (result.verifications.empty() || spec_.target_nodes.empty()) return;
    const auto on_target =
        result.verifications.back().memory.BytesOn(result.target_nodes, kPrivateKinds) /
        int64_t{kFakePage};
    // A common page that was busy for one process may come with another one.
    ASSERT_LE(result.pages_on_target, on_target);
    if (!has_common_pages_) {
      ASSERT_EQ(result.pages_on_target, on_target);
    }
  }

  Dice dice_;
  const CpuSet kFirstCpus = CpuSet::Parse("0-3").value();
  const bool huge_pages_ = !dice_.OneIn(4);
  FakeMachine machine_{{{0, "0-3", kNodePages}, {1, "4-7", kNodePages}, {2, "8-11", kNodePages}}};
  const absl::Duration start_ = machine_.clock().Monotonic();
  ScriptedObserver observer_;
  MigrationSpec spec_;
  std::vector<pid_t> pids_;
  std::vector<std::shared_ptr<FakeProcess>> processes_;
  std::vector<Nodes> before_;
  const std::shared_ptr<FakeProcess> stranger_ =
      machine_.AddProcess(20);  // outside of the workload
  Nodes stranger_before_;
  bool has_common_pages_ = false;
  bool disturbed_ = false;  // by a fault that may hide what really happened
};

TEST(MigrationPropertyTest, CountsAreTrue) {
  std::map<MigrationState, int> states;
  std::map<MigrationReason, int> reasons;
  for (int run = 0; run < ScenarioCount(1000); ++run) {
    const uint64_t seed = FirstSeed() + static_cast<uint64_t>(run);
    SCOPED_TRACE(testing::Message() << "repeat with SEED=" << seed);
    Scenario scenario(seed);
    const WorkloadMigration result = scenario.Run();
    scenario.Check(result);
    ASSERT_FALSE(HasFatalFailure())
        << ApiNameOf(result.state) << " " << ApiNameOf(result.reason) << result.message;
    ++states[result.state];
    ++reasons[result.reason];
  }
  // The scenarios cover every final state.
  if (ScenarioCount(2) == 1) return;
  EXPECT_EQ(states.size(), 4u);
  std::vector<std::string> names;
  for (const auto& [reason, count] : reasons) names.push_back(ApiNameOf(reason));
  EXPECT_EQ(reasons.size(), 11u) << absl::StrJoin(names, " ");
}

}  // namespace
}  // namespace numalocality::migration_property_test
