#include "agent/os/process/same_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <vector>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::same_memory_test {
namespace {

using ::testing::ElementsAre;

class SameMemoryTest : public ::testing::Test {
 protected:
  // A process with its own memory, or with that of `memory_of`.
  void Add(pid_t pid, pid_t memory_of = 0) { machine_.AddProcess(pid)->memory_of = memory_of; }

  std::vector<std::vector<pid_t>> Group(const std::vector<pid_t>& pids) {
    ReadBudget budget(kRequestLimits, machine_.clock());
    return GroupBySameMemory(machine_.kernel(), machine_.host(), pids, budget).value();
  }

  FakeMachine machine_;
};

TEST_F(SameMemoryTest, ProcessesOfTheirOwnStandAlone) {
  for (const pid_t pid : {3, 1, 2}) Add(pid);
  EXPECT_THAT(Group({3, 1, 2}), ElementsAre(ElementsAre(3), ElementsAre(1), ElementsAre(2)));
  EXPECT_TRUE(Group({}).empty());
}

TEST_F(SameMemoryTest, SharersStandTogetherInTheirOrder) {
  for (const pid_t pid : {10, 11, 12, 13}) Add(pid);
  for (const pid_t pid : {20, 21}) Add(pid, 11);
  Add(22, 13);
  EXPECT_THAT(
      Group({20, 10, 22, 11, 12, 21, 13}),
      ElementsAre(ElementsAre(20, 11, 21), ElementsAre(10), ElementsAre(22, 13), ElementsAre(12)));
}

TEST_F(SameMemoryTest, ManyProcessesTakeFewCalls) {
  std::vector<pid_t> pids;
  for (pid_t pid = 1; pid <= 200; ++pid) {
    Add(pid, pid % 2 == 0 ? pid - 1 : 0);
    pids.push_back(pid);
  }
  EXPECT_EQ(Group(pids).size(), 100u);
  EXPECT_LT(machine_.kernel().CallCount(FakeCall::kCompareMemory), 200 * 9);
}

TEST_F(SameMemoryTest, StopsWhenTheCallerCancels) {
  std::vector<pid_t> pids;
  for (pid_t pid = 1; pid <= 100; ++pid) {
    Add(pid);
    pids.push_back(pid);
  }
  int questions = 0;
  ReadBudget budget(kRequestLimits, machine_.clock(), [&] { return ++questions > 10; });
  const auto groups = GroupBySameMemory(machine_.kernel(), machine_.host(), pids, budget);
  EXPECT_TRUE(absl::IsCancelled(groups.status())) << groups.status();
  EXPECT_LT(machine_.kernel().CallCount(FakeCall::kCompareMemory), 100);
}

TEST_F(SameMemoryTest, OneThatHasExitedDoesNotAffectOthers) {
  for (const pid_t pid : {1, 2, 3, 4}) Add(pid, pid > 1 ? 2 : 0);
  machine_.Exit(1);
  EXPECT_THAT(Group({1, 2, 3, 4}), ElementsAre(ElementsAre(1), ElementsAre(2, 3, 4)));
}

TEST_F(SameMemoryTest, OneThatExitsMeanwhileDoesNotAffectOthers) {
  for (const pid_t pid : {1, 2, 3, 4}) Add(pid, pid > 1 ? 2 : 0);
  machine_.kernel().RunAt(
      3, [&] { machine_.Exit(1); });  // call 3 is the first one that compares 2 with 1
  EXPECT_THAT(Group({1, 2, 3, 4}), ElementsAre(ElementsAre(1), ElementsAre(2, 3, 4)));
}

TEST_F(SameMemoryTest, OneThatExitsInTheMiddleLeavesTheOthersTogether) {
  for (const pid_t pid : {1, 2, 3, 4, 5}) Add(pid);
  for (const pid_t pid : {11, 12}) Add(pid, 1);
  // 3 was comparable, and exits while it is compared with the others: the others must remain.
  Group({1, 2, 4, 5});
  const int calls = machine_.kernel().CallCount();
  machine_.kernel().RunAt(2 * calls + 2, [&] { machine_.Exit(3); });
  EXPECT_THAT(Group({1, 2, 4, 5, 3, 11, 12}),
              ElementsAre(ElementsAre(1, 11, 12), ElementsAre(2), ElementsAre(4), ElementsAre(5),
                          ElementsAre(3)));
}

TEST_F(SameMemoryTest, ProcessesWithoutMainThreadsStaySeparate) {
  for (const pid_t pid : {1, 2}) {
    Add(pid);
    machine_.EndMainThread(pid, 100 + pid);
  }
  Add(3);
  machine_.EndMainThread(3, 103);
  machine_.kernel().Find(3)->memory_of = 1;
  EXPECT_THAT(Group({1, 2, 3}), ElementsAre(ElementsAre(1, 3), ElementsAre(2)));
}

TEST_F(SameMemoryTest, ZombiesStandAlone) {
  for (const pid_t pid : {1, 2, 3}) Add(pid, pid < 3 ? 1 : 0);
  for (const pid_t pid : {1, 2}) machine_.BecomeZombie(pid);
  EXPECT_THAT(Group({1, 2, 3}), ElementsAre(ElementsAre(1), ElementsAre(2), ElementsAre(3)));
}

TEST_F(SameMemoryTest, ThoseThatLoseTheirMemoryMeanwhileAreNotOneForThat) {
  for (const pid_t pid : {1, 2}) Add(pid);
  // The third call compares them.
  machine_.kernel().RunAt(3, [&] {
    machine_.EndMainThread(1, 101);
    machine_.EndMainThread(2, 102);
  });
  EXPECT_THAT(Group({1, 2}), ElementsAre(ElementsAre(1), ElementsAre(2)));
}

TEST_F(SameMemoryTest, WithoutTheSystemCallAllStandAlone) {
  for (const pid_t pid : {1, 2}) Add(pid, 1);
  machine_.kernel().FailAll(FakeCall::kCompareMemory, ENOSYS);
  EXPECT_THAT(Group({1, 2}), ElementsAre(ElementsAre(1), ElementsAre(2)));
}

}  // namespace
}  // namespace numalocality::same_memory_test
