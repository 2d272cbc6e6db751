#include "agent/model/drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality::drift_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kNumaMigrate = DriftAdvice::kNumaMigrate;
constexpr auto kAgent = DriftAdvice::kAgent;

TEST(LikelyCausesTest, BalancingTakesPagesToThreadsElsewhere) {
  const DriftFacts facts{.balancing = true, .thread_nodes = {NodeId{0}}, .policy_nodes = {}};
  constexpr char kCause[] =
      "automatic NUMA balancing is on and its threads may run on node 0: the kernel moves pages to "
      "the CPUs that use them";
  EXPECT_THAT(
      LikelyCauses(facts, kNumaMigrate),
      ElementsAre(DriftCause{"numa_balancing", kCause,
                             "--pin-threads, or --numa-balancing off while numa-migrate runs"}));
  EXPECT_THAT(LikelyCauses(facts, kAgent),
              ElementsAre(DriftCause{"numa_balancing", kCause,
                                     "stick cpuset-mems, CPUs of the target only (cpuset.cpus), or "
                                     "kernel.numa_balancing=0"}));
}

TEST(LikelyCausesTest, BalancingAlone) {
  const DriftFacts facts{.balancing = true, .thread_nodes = {}, .policy_nodes = {}};
  EXPECT_THAT(LikelyCauses(facts, kNumaMigrate),
              ElementsAre(DriftCause{
                  "numa_balancing", "automatic NUMA balancing is on",
                  "--numa-balancing off while numa-migrate runs, or kernel.numa_balancing=0"}));
  EXPECT_THAT(LikelyCauses(facts, kAgent),
              ElementsAre(DriftCause{"numa_balancing", "automatic NUMA balancing is on",
                                     "stick cpuset-mems, or kernel.numa_balancing=0"}));
}

TEST(LikelyCausesTest, ThreadsElsewhereAlone) {
  const DriftFacts facts{.balancing = false, .thread_nodes = {NodeId{0}}, .policy_nodes = {}};
  constexpr char kCause[] =
      "its threads may run on node 0: memory that they free and allocate again is placed there";
  EXPECT_THAT(
      LikelyCauses(facts, kNumaMigrate),
      ElementsAre(DriftCause{"threads_elsewhere", kCause, "--pin-threads or --policy bind"}));
  EXPECT_THAT(
      LikelyCauses(facts, kAgent),
      ElementsAre(DriftCause{"threads_elsewhere", kCause,
                             "stick cpuset-mems, or CPUs of the target only (cpuset.cpus)"}));
}

TEST(LikelyCausesTest, APolicyForOtherNodes) {
  const DriftFacts facts{.balancing = false, .thread_nodes = {}, .policy_nodes = {NodeId{0}}};
  constexpr char kCause[] =
      "memory policies of the process ask for node 0: memory that it frees and allocates again is "
      "placed there";
  EXPECT_THAT(LikelyCauses(facts, kNumaMigrate),
              ElementsAre(DriftCause{"memory_policy", kCause, "--policy bind"}));
  EXPECT_THAT(LikelyCauses(facts, kAgent),
              ElementsAre(DriftCause{"memory_policy", kCause, "stick cpuset-mems"}));
}

TEST(LikelyCausesTest, SeveralComeInTheOrderOfLikelihood) {
  const DriftFacts facts{true, {NodeId{0}}, {NodeId{2}}};
  const auto causes = LikelyCauses(facts, kNumaMigrate);
  ASSERT_THAT(causes, SizeIs(2));
  EXPECT_EQ(causes[1].remedy, "--policy bind");
}

TEST(LikelyCausesTest, WithNothingToSayTheAgentNamesWhatItHasNotLookedAt) {
  EXPECT_THAT(LikelyCauses({}, kNumaMigrate), IsEmpty());
  EXPECT_THAT(
      LikelyCauses({}, kAgent),
      ElementsAre(DriftCause{
          "unexplained",
          "neither automatic NUMA balancing, nor threads on other nodes, nor the memory policy "
          "of the process explain it; memory policies of single mappings, which the agent does not "
          "read, may be the cause",
          "stick cpuset-mems"}));
}

TEST(LikelyCausesTest, WhatTheAgentCouldNotReadIsNotRuledOut) {
  DriftFacts facts;
  facts.unread = {"its memory policies", "the CPUs of its threads"};
  EXPECT_THAT(
      LikelyCauses(facts, kAgent),
      ElementsAre(DriftCause{"facts_unread",
                             "unknown, because these facts could not be read: its memory policies, "
                             "the CPUs of its threads",
                             "stick cpuset-mems"}));
}

}  // namespace
}  // namespace numalocality::drift_test
