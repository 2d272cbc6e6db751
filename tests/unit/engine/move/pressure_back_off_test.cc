#include "agent/engine/move/pressure_back_off.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::pressure_back_off_test {
namespace {

std::string Text(const std::string& some, const std::string& full) {
  return "some avg10=" + some + " avg60=0.00 avg300=0.00 total=1\nfull avg10=" + full +
         " avg60=0.00 avg300=0.00 total=1\n";
}

TEST(PauseForTest, GrowsWithThePressure) {
  EXPECT_EQ(PauseFor(MemoryPressure{0.09, 0.09}, MemoryPressure{0.09, 0.09}), absl::ZeroDuration());
  EXPECT_EQ(PauseFor(MemoryPressure{0.25, 0}, MemoryPressure{}), absl::Milliseconds(250));
  EXPECT_EQ(PauseFor(MemoryPressure{1, 1}, MemoryPressure{1, 1}), absl::Seconds(1));
}

TEST(PauseForTest, TheMachineSuffersOnlyIfNobodyGetsOn) {
  EXPECT_EQ(PauseFor(MemoryPressure{}, MemoryPressure{0.75, 0}), absl::ZeroDuration());
  EXPECT_EQ(PauseFor(MemoryPressure{}, MemoryPressure{0.75, 0.5}), absl::Milliseconds(500));
}

TEST(PauseForTest, UnknownIsNone) {
  EXPECT_EQ(PauseFor(std::nullopt, std::nullopt), absl::ZeroDuration());
  EXPECT_EQ(PauseFor(MemoryPressure{0.5, 0}, std::nullopt), absl::Milliseconds(500));
  EXPECT_EQ(PauseFor(std::nullopt, MemoryPressure{0.5, 0.5}), absl::Milliseconds(500));
}

class BackOffTest : public ::testing::Test {
 protected:
  TempTree tree_;
  FakeClock clock_;
  BackOff back_off_{clock_, Host::Below(tree_.root()), "/pod"};
};

TEST_F(BackOffTest, ReadsBoth) {
  tree_.Write("sys/fs/cgroup/pod/memory.pressure", Text("50.00", "0.00"));
  EXPECT_EQ(back_off_.Pause(), absl::Milliseconds(500));
  tree_.Write("proc/pressure/memory", Text("99.00", "75.00"));
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_EQ(back_off_.Pause(), absl::Milliseconds(750));
}

TEST_F(BackOffTest, ReadsAtMostEveryTenthOfASecond) {
  EXPECT_EQ(back_off_.Pause(), absl::ZeroDuration());
  tree_.Write("sys/fs/cgroup/pod/memory.pressure", Text("50.00", "0.00"));
  clock_.Advance(absl::Milliseconds(99));
  EXPECT_EQ(back_off_.Pause(), absl::ZeroDuration());
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(back_off_.Pause(), absl::Milliseconds(500));
  tree_.Remove("sys/fs/cgroup/pod");
  EXPECT_EQ(back_off_.Pause(), absl::Milliseconds(500));
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_EQ(back_off_.Pause(), absl::ZeroDuration());
}

TEST_F(BackOffTest, AProcessOutsideCgroupsStillHasAMachine) {
  tree_.Write("proc/pressure/memory", Text("50.00", "50.00"));
  BackOff back_off(clock_, Host::Below(tree_.root()), std::nullopt);
  EXPECT_EQ(back_off.Pause(), absl::Milliseconds(500));
}

}  // namespace
}  // namespace numalocality::pressure_back_off_test
