// Whole migrations of random workloads on a random machine, with a fault at a random call: the
// counts add up and are true, whatever happens.
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "agent/engine/migration_run.h"
#include "tests/unit/fake/dice.h"
#include "tests/unit/fake/fake_host.h"
#include "tests/unit/fake/scripted_observer.h"

namespace numalocality {
namespace {

constexpr uint64_t kBase = 0x10000000;
constexpr int64_t kNodePages = 65536;
constexpr int64_t kReserve = kNodePages / 50;

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
  explicit Scenario(uint64_t seed) : dice_(seed) {
    host_.SetHugePages(huge_pages_);
    const int processes = 1 + dice_.Below(3);
    for (int i = 0; i < processes; ++i) AddProcess(10 + i);
    for (int node = 0; node < 3; ++node) {
      if (dice_.OneIn(5)) host_.SetFreePages(node, kReserve + dice_.Below(2000));
      if (dice_.OneIn(10)) host_.SetFreePages(node, 30000, 30000 - dice_.Below(2000));
    }
    ChooseSpec();
    AddFault();
  }

  WorkloadMigration Run() {
    const Workload workload{"/", 1, std::nullopt, std::nullopt};
    return RunMigration(host_.context(), workload, {pids_}, spec_, observer_);
  }

  void Check(const WorkloadMigration& result) {
    ASSERT_TRUE(IsFinal(result.state));
    ASSERT_EQ(result.state == MigrationState::kSucceeded, result.reason == MigrationReason::kNone);
    ASSERT_EQ(host_.kernel().calls_without_pid(), 0);
    ASSERT_EQ(result.calls.Count(), host_.kernel().CallCount(FakeCall::kMove));
    ASSERT_LE(result.vanished_process_count, result.process_count);
    for (const auto& [node, memory] : host_.kernel().memory()) {
      ASSERT_EQ(memory.moves_after_no_memory, 0) << "node " << node;
      ASSERT_GE(memory.lowest_free_pages, kReserve) << "node " << node;
    }
    CheckCounts(result);
  }

 private:
  void AddProcess(pid_t pid) {
    auto process = host_.AddProcess(pid);
    FillAtRandom(*process, dice_, kBase, dice_.Of<int>({1, 30, 1500}), {0, 0, 1, 2}, huge_pages_);
    if (dice_.OneIn(20)) process->allowed_nodes = NodeSet{NodeId{0}};
    host_.Publish(*process);
    before_.push_back(ResidentNodes(*process));
    processes_.push_back(std::move(process));
    pids_.push_back(pid);
  }

  void ChooseSpec() {
    spec_.target_nodes.Insert(NodeId{1});
    if (dice_.OneIn(4)) spec_.target_nodes.Insert(NodeId{2});
    if (dice_.OneIn(8)) spec_.target_nodes = {};
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
        host_.kernel().FailAt(
            number, dice_.Of<int>({EPERM, EACCES, ENOMEM, ENODEV, ENOSYS, EFAULT, ESRCH, EINVAL}),
            static_cast<size_t>(dice_.Below(50)));
        disturbed_ = true;
        break;
      case 1:
        host_.kernel().RunAt(number, [this, pid] { host_.Exit(pid); });
        disturbed_ = true;
        break;
      case 2:
        host_.kernel().RunAt(number, [this, pid] { host_.BecomeZombie(pid); });
        disturbed_ = true;
        break;
      case 3:
        // All are opened before the first is looked at: from then on a PID is known to be its own.
        host_.kernel().RunAt(FakeCall::kQuery, number, [this] {
          const auto stranger = host_.Replace(pids_.front());
          stranger->AddPages(kBase, 100, 0);
          host_.Publish(*stranger);
        });
        disturbed_ = true;
        break;
      default: break;
    }
  }

  void CheckCounts(const WorkloadMigration& result) {
    int64_t resident = 0;
    int64_t moved = 0;
    for (size_t i = 0; i < processes_.size(); ++i) {
      resident += static_cast<int64_t>(before_[i].size());
      for (const auto& [address, node] : ResidentNodes(*processes_[i])) {
        moved += node != before_[i].at(address);
      }
    }
    ASSERT_LE(result.outcomes.Total(), resident);
    ASSERT_LE(result.outcomes[PageOutcome::kMoved], moved);
    ASSERT_LE(result.pages_on_target,
              result.outcomes[PageOutcome::kMoved] + result.outcomes[PageOutcome::kAlreadyThere]);
    ASSERT_GE(result.pages_on_target, 0);
    if (disturbed_) return;
    // Every page that changed its node is counted as moved, and no other.
    ASSERT_EQ(result.outcomes[PageOutcome::kMoved], moved);
    ASSERT_EQ(result.drifted_pages, 0);
    const bool scanned = result.reason != MigrationReason::kCancelled &&
                         result.reason != MigrationReason::kCpusetForbids;
    if (!scanned) return;
    ASSERT_EQ(result.outcomes.Total(), resident);
    if (result.verifications.empty()) return;  // it could not look
    const auto on_target =
        result.verifications.back().memory.BytesOn(result.target_nodes, kPrivateKinds) / 4096;
    ASSERT_EQ(result.pages_on_target, on_target);
  }

  Dice dice_;
  const bool huge_pages_ = !dice_.OneIn(4);
  FakeHost host_{{{0, "0-3", kNodePages}, {1, "4-7", kNodePages}, {2, "8-11", kNodePages}}};
  ScriptedObserver observer_;
  MigrationSpec spec_;
  std::vector<pid_t> pids_;
  std::vector<std::shared_ptr<FakeProcess>> processes_;
  std::vector<Nodes> before_;
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
    ASSERT_FALSE(HasFatalFailure()) << MigrationStateName(result.state) << " "
                                    << MigrationReasonName(result.reason) << result.message;
    ++states[result.state];
    ++reasons[result.reason];
  }
  // The scenarios reach every end that there is.
  if (ScenarioCount(2) == 1) return;
  EXPECT_EQ(states.size(), 4u);
  EXPECT_EQ(reasons.size(), 9u);
}

}  // namespace
}  // namespace numalocality
