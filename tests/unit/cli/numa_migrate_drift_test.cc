#include "agent/cli/numa_migrate/drift.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DriftFacts Quiet() {
  return {.targets = {NodeId{1}}, .thread_nodes = {NodeId{1}}, .policy_nodes = {}};
}

TEST(LikelyCausesTest, BalancingTakesPagesToThreadsElsewhere) {
  DriftFacts facts = Quiet();
  facts.balancing = true;
  facts.thread_nodes = {NodeId{0}, NodeId{1}};
  const auto causes = LikelyCauses(facts);
  ASSERT_THAT(causes, SizeIs(1));
  EXPECT_THAT(causes[0].cause, AllOf(HasSubstr("balancing is on"), HasSubstr("run on node 0")));
  EXPECT_THAT(causes[0].remedy, AllOf(HasSubstr("--pin-threads"), HasSubstr("--numa-balancing")));
}

TEST(LikelyCausesTest, BalancingAlone) {
  DriftFacts facts = Quiet();
  facts.balancing = true;
  const auto causes = LikelyCauses(facts);
  ASSERT_THAT(causes, SizeIs(1));
  EXPECT_THAT(causes[0].remedy, HasSubstr("--numa-balancing off"));
}

TEST(LikelyCausesTest, ThreadsElsewhereAlone) {
  DriftFacts facts = Quiet();
  facts.thread_nodes = {NodeId{0}};
  const auto causes = LikelyCauses(facts);
  ASSERT_THAT(causes, SizeIs(1));
  EXPECT_THAT(causes[0].remedy, HasSubstr("--pin-threads"));
}

TEST(LikelyCausesTest, APolicyForOtherNodes) {
  DriftFacts facts = Quiet();
  facts.policy_nodes = {NodeId{0}, NodeId{1}};
  const auto causes = LikelyCauses(facts);
  ASSERT_THAT(causes, SizeIs(1));
  EXPECT_THAT(causes[0].cause, HasSubstr("ask for node 0"));
  EXPECT_THAT(causes[0].remedy, HasSubstr("--policy bind"));
}

TEST(LikelyCausesTest, NothingToSay) { EXPECT_THAT(LikelyCauses(Quiet()), IsEmpty()); }

}  // namespace
}  // namespace numalocality
