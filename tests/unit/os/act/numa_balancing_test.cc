#include "agent/os/act/numa_balancing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/os/base/file.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::numa_balancing_test {
namespace {

constexpr char kSwitch[] = "proc/sys/kernel/numa_balancing";

class NumaBalancingTest : public ::testing::Test {
 protected:
  std::string Now() { return ReadFile(tree_.Path(kSwitch)).value(); }

  TempTree tree_;
  const Host host_ = Host::Below(tree_.root());
};

TEST_F(NumaBalancingTest, ReadsTheMode) {
  EXPECT_TRUE(absl::IsNotFound(ReadNumaBalancing(host_).status()));
  for (const int mode : {0, 1, 2, 3}) {
    tree_.Write(kSwitch, std::to_string(mode) + "\n");
    EXPECT_EQ(ReadNumaBalancing(host_).value(), mode);
  }
  for (const char* text : {"", "x\n", "-1\n"}) {
    tree_.Write(kSwitch, text);
    EXPECT_EQ(ReadNumaBalancing(host_).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(NumaBalancingTest, IsOffForAWhile) {
  for (const char* mode : {"1\n", "3\n"}) {
    tree_.Write(kSwitch, mode);
    {
      const auto off = NumaBalancingOff::Begin(host_);
      ASSERT_TRUE(off.ok()) << off.status();
      EXPECT_EQ(Now(), "0\n");
    }
    EXPECT_EQ(Now(), mode);
  }
}

TEST_F(NumaBalancingTest, IsPutBackOnce) {
  tree_.Write(kSwitch, "1\n");
  const auto off = NumaBalancingOff::Begin(host_);
  EXPECT_EQ((*off)->mode_before(), 1);
  EXPECT_TRUE((*off)->Restore().ok());
  EXPECT_EQ(Now(), "1\n");
  tree_.Write(kSwitch, "0\n");
  EXPECT_TRUE((*off)->Restore().ok());
  EXPECT_EQ(Now(), "0\n");
}

TEST_F(NumaBalancingTest, WhatWasOffStaysOff) {
  EXPECT_TRUE(NumaBalancingOff::Begin(host_).ok());  // not built in
  tree_.Write(kSwitch, "0\n");
  { EXPECT_EQ((*NumaBalancingOff::Begin(host_))->mode_before(), 0); }
  EXPECT_EQ(Now(), "0\n");
}

TEST_F(NumaBalancingTest, WhatAnotherSetMeanwhileIsLeftAndReported) {
  tree_.Write(kSwitch, "1\n");
  const auto off = NumaBalancingOff::Begin(host_);
  tree_.Write(kSwitch, "2\n");
  const absl::Status status = (*off)->Restore();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("set it to 2"));
  EXPECT_EQ(Now(), "2\n");
}

}  // namespace
}  // namespace numalocality::numa_balancing_test
