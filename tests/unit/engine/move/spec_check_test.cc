#include "agent/engine/move/spec_check.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "agent/engine/move/process_migration.h"
#include "agent/os/node/topology_reader.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::spec_check_test {
namespace {

class CheckAllowedTest : public ::testing::Test {
 protected:
  absl::Status Check(const std::vector<pid_t>& pids) {
    ReadBudget budget(kRequestLimits, machine_.clock(), [this] { return is_cancelled_; });
    MigrationSpec spec;
    spec.target_nodes = {NodeId{1}};
    return CheckAllowed(machine_.context(), {"/", 1, std::nullopt, std::nullopt}, pids, spec,
                        TopologyReader(machine_.host()).Read().value(), budget);
  }

  FakeMachine machine_;
  bool is_cancelled_ = false;
};

TEST_F(CheckAllowedTest, OnlyProcessesThatWouldMoveAreOpened) {
  std::vector<pid_t> pids(kMostProcesses);  // all but the first have exited
  std::iota(pids.begin(), pids.end(), 10);
  machine_.Publish(*machine_.AddProcess(pids.front()));
  const pid_t late = pids.back() + 1;
  machine_.AddProcess(late)->allowed_nodes = {NodeId{0}};
  machine_.Publish(*machine_.kernel().Find(late));
  pids.push_back(late);
  EXPECT_TRUE(Check(pids).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Check({late})));
}

TEST_F(CheckAllowedTest, EndsWhenItsCallerHasGone) {
  machine_.Publish(*machine_.AddProcess(10));
  is_cancelled_ = true;
  EXPECT_TRUE(absl::IsCancelled(Check({10})));
  EXPECT_EQ(machine_.kernel().CallCount(), 0);
}

}  // namespace
}  // namespace numalocality::spec_check_test
