// The facts that a migration gathers when its pages have drifted.
#include <gtest/gtest.h>

#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality::migration_drift_test {
namespace {

class MigrationDriftTest : public WorkloadMoverTest {
 protected:
  static constexpr int kPages = 400;

  // The process runs on `cpus`. Some of its pages go back before query `first_query`; by default
  // two come before it, those of the first scan and of the scan that moves.
  void ProcessThatDrifts(const std::string& cpus, int first_query = 3) {
    process_ = machine_.AddProcess(10, cpus);
    process_->AddPages(kBase, kPages, 0);
    machine_.Publish(*process_);
    machine_.tree().Write("proc/10/numa_maps", "10000000 default anon=400\n");
    pids_.push_back(10);
    machine_.kernel().RunAt(FakeCall::kQuery, first_query, [this] {
      for (int i = 0; i < 100; ++i) {
        process_->At(kBase + static_cast<uint64_t>(i) * kFakePage).node = 0;
      }
    });
  }

  std::shared_ptr<FakeProcess> process_;
};

TEST_F(MigrationDriftTest, WithoutDriftThereAreNone) {
  machine_.tree().Write("proc/sys/kernel/numa_balancing", "1\n");
  Process(10, kPages);
  EXPECT_EQ(Run().drift_facts, std::nullopt);
}

TEST_F(MigrationDriftTest, ThreadsElsewhereAndBalancing) {
  machine_.tree().Write("proc/sys/kernel/numa_balancing", "1\n");
  ProcessThatDrifts("0-7");
  const WorkloadMigration result = Run();
  ASSERT_EQ(result.drifted_pages, 100);
  EXPECT_EQ(result.drift_facts, (DriftFacts{true, {kNode0}, {}})) << "node 1 is the target";
}

TEST_F(MigrationDriftTest, NeitherOfThem) {
  machine_.tree().Write("proc/sys/kernel/numa_balancing", "0\n");
  ProcessThatDrifts("4-7");
  EXPECT_EQ(Run().drift_facts, DriftFacts());
}

TEST_F(MigrationDriftTest, TheProcesssMemoryPolicy) {
  ProcessThatDrifts("4-7");
  machine_.tree().Write("proc/10/numa_maps", "10000000 interleave:0-1 anon=400\n");
  EXPECT_EQ(Run().drift_facts, (DriftFacts{false, {}, {kNode0}})) << "node 1 is the target";
}

TEST_F(MigrationDriftTest, WhatCannotBeReadIsNamed) {
  ProcessThatDrifts("4-7");
  machine_.tree().Remove("proc/10/numa_maps");
  const WorkloadMigration result = Run();
  ASSERT_TRUE(result.drift_facts.has_value());
  EXPECT_EQ(result.drift_facts->unread, std::set<std::string>{"its memory policies"});
}

TEST_F(MigrationDriftTest, OnlyProcessesThatDriftedCount) {
  ProcessThatDrifts("4-7", 4);
  machine_.AddProcess(11, "0-3")->AddPages(kBase, 10, 1);
  machine_.Publish(*machine_.kernel().Find(11));
  pids_.push_back(11);
  const WorkloadMigration result = Run();
  ASSERT_TRUE(result.drift_facts.has_value());
  EXPECT_EQ(result.drift_facts->thread_nodes, NodeSet());
}

// The threads of 30 processes, 5 s each: what takes too long is named.
TEST_F(MigrationDriftTest, FactsAboutAllProcessesHaveOneBudget) {
  constexpr int kProcesses = 30;
  for (pid_t pid = 10; pid < 10 + kProcesses; ++pid) Process(pid, 10);
  // The first scan and the scan that moves come before.
  machine_.kernel().RunAt(FakeCall::kQuery, 2 * kProcesses + 1, [this] {
    for (pid_t pid = 10; pid < 10 + kProcesses; ++pid) {
      for (auto& [address, folio] : machine_.kernel().Find(pid)->pages) folio->node = 0;
    }
  });
  for (int i = 1; i <= kProcesses; ++i) {
    machine_.kernel().RunAt(FakeCall::kThreadCpus, i,
                            [this] { machine_.clock().Advance(absl::Seconds(5)); });
  }
  const WorkloadMigration result = Run();
  EXPECT_EQ(result.drifted_pages, 10 * kProcesses);
  EXPECT_LT(machine_.clock().Monotonic(), kRequestLimits.time + absl::Seconds(10));
  EXPECT_TRUE(result.drift_facts->unread.contains("the CPUs of its threads"));
}

// At the last verification: pages that came back by themselves have not drifted.
TEST_F(MigrationDriftTest, DriftThatHasGoneAgainNeedsNoCause) {
  ProcessThatDrifts("0-7");
  spec_.verify_after = {absl::Seconds(1)};
  machine_.kernel().RunAt(FakeCall::kQuery, 4, [this] {
    for (auto& [address, folio] : process_->pages) folio->node = 1;
  });
  const WorkloadMigration result = Run();
  ASSERT_EQ(result.verifications[0].drifted_pages, 100);
  ASSERT_EQ(result.verifications[1].drifted_pages, 0);
  EXPECT_EQ(result.drift_facts, std::nullopt);
}

}  // namespace
}  // namespace numalocality::migration_drift_test
