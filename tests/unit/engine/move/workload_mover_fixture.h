// What the tests of whole migrations share: a two-node host, processes with pages on node 0, and a
// migration of them to node 1.
#ifndef NUMALOCALITY_TESTS_UNIT_ENGINE_MOVE_WORKLOAD_MOVER_FIXTURE_H_
#define NUMALOCALITY_TESTS_UNIT_ENGINE_MOVE_WORKLOAD_MOVER_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/engine/move/workload_mover.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/scripted_observer.h"

namespace numalocality {

class WorkloadMoverTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kBase = 0x10000000;
  static constexpr NodeId kNode0{0};
  static constexpr NodeId kNode1{1};

  WorkloadMoverTest() {
    spec_.target_nodes = {kNode1};
    machine_.SetHugePages(false);
  }

  // A process with `count` base pages on `node`.
  std::shared_ptr<FakeProcess> Process(pid_t pid, int count, int node = 0) {
    auto process = machine_.AddProcess(pid);
    if (count > 0) process->AddPages(kBase, count, node);
    machine_.Publish(*process);
    pids_.push_back(pid);
    return process;
  }

  // A process with `count` transparent huge pages on node 0.
  std::shared_ptr<FakeProcess> HugeProcess(pid_t pid, int count) {
    machine_.SetHugePages(true);
    auto process = Process(pid, 0);
    process->AddHugePages(0x40000000, count, 0);
    machine_.Publish(*process);
    return process;
  }

  WorkloadMigration Run() {
    return MoveWorkload(machine_.context(), workload_, {pids_}, spec_, observer_);
  }

  static void ExpectEnd(const WorkloadMigration& result, MigrationState state,
                        MigrationReason reason) {
    EXPECT_EQ(ApiNameOf(result.state), ApiNameOf(state));
    EXPECT_EQ(ApiNameOf(result.reason), ApiNameOf(reason));
  }

  FakeMachine machine_;
  ScriptedObserver observer_;
  MigrationSpec spec_;
  Workload workload_{"/", 1, std::nullopt, std::nullopt};
  std::vector<pid_t> pids_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_ENGINE_MOVE_WORKLOAD_MOVER_FIXTURE_H_
