#include "agent/engine/self_test.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "tests/unit/fake/fake_runtime.h"

namespace numalocality {
namespace {

// A host on which the first process and the test itself are known.
class SelfTestTest : public ::testing::Test {
 protected:
  SelfTestTest() {
    host_.AddProcess(1);
    host_.AddProcess(getpid());
    host_.tree().Write("proc/self/status",
                       "CapEff:\t0000000000080004\nSeccomp:\t2\nMems_allowed_list:\t0\n");
    host_.tree().Write("proc/self/ns/pid", "");
    host_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    host_.tree().Write("proc/sys/kernel/numa_balancing", "1\n");
  }

  FakeHost host_;
  FakeRuntime runtime_{host_, "/"};
};

TEST_F(SelfTestTest, TellsWhatIsSo) {
  const auto status = RunSelfTest(host_.context(), &runtime_);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->kernel.minor, 12);
  EXPECT_TRUE(status->privileges.effective.Has(Capability::kSysPtrace));
  EXPECT_EQ(status->privileges.seccomp, SeccompMode::kFilter);
  EXPECT_EQ(status->privileges.allowed_nodes, NodeSet{NodeId{0}});
  EXPECT_EQ(status->memory_nodes, (NodeSet{NodeId{0}, NodeId{1}}));
  EXPECT_TRUE(status->numa_balancing);
  EXPECT_TRUE(status->scan_method.has_value());
  ASSERT_TRUE(status->runtime.has_value());
  EXPECT_EQ(*status->runtime->answer, "fake v1");
}

TEST_F(SelfTestTest, WithoutARuntimeThereIsNone) {
  EXPECT_FALSE(RunSelfTest(host_.context(), nullptr)->runtime.has_value());
}

TEST_F(SelfTestTest, ARefusedSystemCallIsTold) {
  host_.kernel().FailAll(FakeCall::kQuery, EPERM);
  const auto status = RunSelfTest(host_.context(), nullptr);
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_TRUE(absl::IsPermissionDenied(status->move_pages)) << status->move_pages;
}

TEST_F(SelfTestTest, WithoutTheFirstProcessNoScanMethodIsTold) {
  host_.Exit(1);
  EXPECT_FALSE(RunSelfTest(host_.context(), nullptr)->scan_method.has_value());
}

TEST_F(SelfTestTest, RootsOwnProcessDoesNotSpeakForThoseOfOthers) {
  EXPECT_NE(RunSelfTest(host_.context(), nullptr)->scan_method, ScanMethod::kQuery);
  host_.tree().Write("proc/self/status", "CapEff:\t0000000000080000\nMems_allowed_list:\t0\n");
  EXPECT_EQ(RunSelfTest(host_.context(), nullptr)->scan_method, ScanMethod::kQuery);
}

TEST_F(SelfTestTest, WithoutPagemapMemoryIsFoundByQueries) {
  host_.DenyPagemap(1);
  EXPECT_EQ(RunSelfTest(host_.context(), nullptr)->scan_method, ScanMethod::kQuery);
}

}  // namespace
}  // namespace numalocality
