#include "agent/model/circumstance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace numalocality::circumstance_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};

// A container on node 1 of two, on a recent kernel.
class CircumstanceTest : public ::testing::Test {
 protected:
  CircumstanceTest() {
    topology_.nodes[kNode0] = {{CpuId{0}, CpuId{1}}, true, 1 << 30, 1 << 30, 0, {}};
    topology_.nodes[kNode1] = {{CpuId{2}, CpuId{3}}, true, 1 << 30, 1 << 30, 0, {}};
    placement_.workload.container = ContainerRef{"uid", std::string(64, 'a')};
    placement_.cpus = {CpuId{2}};
    placement_.home_nodes = {kNode1};
    placement_.allowed_nodes = {kNode0, kNode1};
    facts_.kernel_major = 6;
    facts_.kernel_minor = 12;
  }

  // All messages, one a line.
  std::string Messages() {
    std::string messages;
    for (const Circumstance& circumstance : CircumstancesOf(facts_, placement_, topology_)) {
      messages += circumstance.message + "\n";
      EXPECT_FALSE(circumstance.advice.empty());
    }
    return messages;
  }

  Topology topology_;
  WorkloadPlacement placement_;
  CircumstanceFacts facts_;
};

TEST_F(CircumstanceTest, AnOrdinaryContainerHasNone) { EXPECT_EQ(Messages(), ""); }

TEST_F(CircumstanceTest, TooLargeToSample) {
  placement_.state = PlacementState::kTooLarge;
  placement_.state_message = "read maps: takes longer than 1s, the limit";
  EXPECT_THAT(Messages(), HasSubstr("it is too large to sample"));
  EXPECT_THAT(Messages(), HasSubstr("read maps: takes longer than 1s"));
}

TEST_F(CircumstanceTest, WhoSetCpusetMemsIsSaidAsFarAsItIsKnown) {
  placement_.allowed_nodes = {kNode0};
  EXPECT_THAT(Messages(), HasSubstr("cpuset.mems allows node 0, while its CPUs are on node 1: set "
                                    "by kubelet's memory manager (its assignments are unknown)"));
  facts_.assignment = KubeletAssignment{{}, {kNode0}};
  EXPECT_THAT(Messages(), HasSubstr("kubelet's memory manager assigned it"));
  facts_.assignment = KubeletAssignment{};
  EXPECT_THAT(Messages(), HasSubstr("not set by kubelet's memory manager"));
  placement_.workload.container.reset();
  EXPECT_THAT(Messages(), HasSubstr("set by whoever configured this cgroup"));
}

TEST_F(CircumstanceTest, CpusThatKubeletDidNotAssign) {
  facts_.assignment = KubeletAssignment{{CpuId{0}}, {}};
  EXPECT_EQ(
      Messages(),
      "kubelet has assigned it CPUs 0 (node 0) exclusively, but its threads may run on 2 (node "
      "1): something else has changed their affinity or its cpuset\n");
  facts_.assignment = KubeletAssignment{{CpuId{2}}, {}};
  EXPECT_EQ(Messages(), "");
  facts_.assignment = KubeletAssignment{{CpuId{2}}, {kNode0}};
  EXPECT_THAT(Messages(), HasSubstr("memory manager has assigned it memory on node 0"));
}

TEST_F(CircumstanceTest, WhatTheKernelDoes) {
  facts_.balancing = true;
  EXPECT_THAT(Messages(), HasSubstr("automatic NUMA balancing is on"));
  EXPECT_THAT(Messages(), Not(HasSubstr("cannot be located")));
  facts_.kernel_minor = 1;
  EXPECT_THAT(Messages(), HasSubstr("cannot be located"));
  facts_.balancing = false;
  EXPECT_EQ(Messages(), "");
  facts_.kernel_major = 5;
  facts_.kernel_minor = 14;
  EXPECT_THAT(Messages(), HasSubstr("before Linux 5.15"));
}

TEST_F(CircumstanceTest, SwapHiddenProcessesAndWhatWasNotRead) {
  facts_.swapped_bytes = 4096;
  placement_.hidden_process_count = 2;
  facts_.unread = {"a", "b"};
  const std::string messages = Messages();
  EXPECT_THAT(messages, HasSubstr("4.0 KiB are swapped out"));
  EXPECT_THAT(messages, HasSubstr("2 of its processes are outside"));
  EXPECT_THAT(messages, HasSubstr("could not be read: a, b\n"));
}

TEST_F(CircumstanceTest, CpusWithoutMemoryNear) {
  placement_.home_nodes = {};
  EXPECT_THAT(Messages(), HasSubstr("it has no home"));
}

}  // namespace
}  // namespace numalocality::circumstance_test
