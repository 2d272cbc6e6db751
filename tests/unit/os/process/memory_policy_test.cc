#include "agent/os/process/memory_policy.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::memory_policy_test {
namespace {

class MemoryPolicyTest : public ::testing::Test {
 protected:
  MemoryPolicyTest() {
    process_ = machine_.AddProcess(10);
    process_->AddPages(0x400000, 16, 0);
    machine_.Publish(*process_);
  }

  absl::StatusOr<NodeSet> Read(const std::string& numa_maps) {
    machine_.tree().Write("proc/10/numa_maps", numa_maps);
    return ReadPolicyNodes(machine_.host(),
                           ProcessHandle::Open(machine_.kernel(), machine_.host(), 10).value());
  }

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_;
};

TEST_F(MemoryPolicyTest, IsThatOfTheFirstLine) {
  EXPECT_EQ(Read("00400000 interleave:0-1 file=/bin/a mapped=1 N0=1 kernelpagesize_kB=4\n"
                 "00500000 bind:3 anon=1 N0=1 kernelpagesize_kB=4\n")
                .value(),
            (NodeSet{NodeId{0}, NodeId{1}}));
  EXPECT_EQ(Read("00400000 prefer (many):1\n").value(), NodeSet{NodeId{1}});
  EXPECT_EQ(Read("00400000 default file=/bin/a mapped=1 N0=1 kernelpagesize_kB=4\n").value(),
            NodeSet());
}

TEST_F(MemoryPolicyTest, NothingBehindTheFirstLineIsRead) {
  EXPECT_TRUE(Read("00400000 default\n" + std::string(size_t{2} << 20, 'x')).ok());
}

TEST_F(MemoryPolicyTest, ALargeMappingIsNotWalked) {
  process_->mappings.front().range.end = process_->mappings.front().range.start + kMostWalkedBytes;
  machine_.Publish(*process_);
  EXPECT_TRUE(Read("00400000 bind:1\n").ok());
  process_->mappings.front().range.end += 4096;
  machine_.Publish(*process_);
  EXPECT_TRUE(absl::IsFailedPrecondition(Read("00400000 bind:1\n").status()));
}

TEST_F(MemoryPolicyTest, AProcessThatIsGoneHasNone) {
  EXPECT_TRUE(absl::IsNotFound(Read("").status()));
}

}  // namespace
}  // namespace numalocality::memory_policy_test
