#include "agent/os/act/cpuset_mems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::cpuset_mems_test {
namespace {

using ::testing::HasSubstr;

const NodeSet kNode0{NodeId{0}};
const NodeSet kNode1{NodeId{1}};

class CpusetMemsTest : public ::testing::Test {
 protected:
  CpusetMemsTest() {
    SetRelease("6.7.0");
    machine_.AddProcess(100, "0-3", "/job");
    machine_.AddCgroup("/job", {100});
    Write("0\n");
    SetEffective("0-1\n");
  }
  void SetRelease(const std::string& release) {
    machine_.tree().Write("proc/sys/kernel/osrelease", release + "\n");
  }
  void Write(const std::string& text) { machine_.WriteCgroupFile("/job", "cpuset.mems", text); }
  void SetEffective(const std::string& text) {
    machine_.WriteCgroupFile("/job", "cpuset.mems.effective", text);
  }
  std::string Now() { return ReadFile(machine_.host().cgroup + "/job/cpuset.mems").value(); }
  absl::StatusOr<CpusetMems> Open(bool on_old_kernel = false) {
    const auto process = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
    EXPECT_TRUE(process.ok()) << process.status();
    return CpusetMems::Open(machine_.host(), *process, on_old_kernel);
  }
  // Opened while only node 0 is effective; from then on both nodes can be allowed.
  CpusetMems OpenOnNode0() {
    SetEffective("0\n");
    auto mems = Open();
    EXPECT_TRUE(mems.ok()) << mems.status();
    SetEffective("0-1\n");
    return *std::move(mems);
  }

  FakeMachine machine_;
};

TEST_F(CpusetMemsTest, WidensThenConfines) {
  CpusetMems mems = OpenOnNode0();
  EXPECT_EQ(mems.nodes_before(), kNode0);
  EXPECT_TRUE(mems.Widen(kNode1).ok());
  EXPECT_EQ(Now(), "0-1\n");
  EXPECT_TRUE(mems.Check().ok());
  EXPECT_TRUE(mems.Confine(kNode1).ok());
  EXPECT_EQ(Now(), "1\n");
  EXPECT_TRUE(mems.Restore().ok());
  EXPECT_EQ(Now(), "0\n");
}

TEST_F(CpusetMemsTest, WhatIsWideEnoughIsNotWritten) {
  Write("\n");
  auto mems = Open();
  ASSERT_TRUE(mems.ok()) << mems.status();
  EXPECT_TRUE(mems->Widen(kNode1).ok());
  EXPECT_EQ(Now(), "\n");
  EXPECT_TRUE(mems->Confine(kNode1).ok());
  EXPECT_EQ(Now(), "1\n");
  EXPECT_TRUE(mems->Restore().ok());
  EXPECT_EQ(Now(), "\n");
}

TEST_F(CpusetMemsTest, AnotherProcessIsNotBoundAlong) {
  machine_.AddProcess(101, "0-3", "/job");
  machine_.AddCgroup("/job", {100, 101});
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cgroup /job: contains 2 processes"));
  machine_.AddCgroup("/job", {100});
  machine_.AddCgroup("/job/below", {101});
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
  machine_.AddCgroup("/job/below", {0});  // of another PID namespace
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(CpusetMemsTest, AProcessThatJoinsStopsIt) {
  CpusetMems mems = OpenOnNode0();
  EXPECT_TRUE(mems.Widen(kNode1).ok());
  machine_.WriteCgroupFile("/job", "cgroup.procs", "100\n101\n");
  EXPECT_EQ(mems.Confine(kNode1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Now(), "0-1\n");
}

TEST_F(CpusetMemsTest, ItTakesTheController) {
  machine_.tree().Remove("sys/fs/cgroup/job/cpuset.mems");
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cgroup.subtree_control"));
}

TEST_F(CpusetMemsTest, Version1IsRefusedEvenIfForced) {
  machine_.UseCgroupV1();
  machine_.AddCgroup("/job", {100});
  Write("0\n");
  const absl::Status status = Open(true).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("on cgroup v2 only"));
}

TEST_F(CpusetMemsTest, OldKernelsAreRefusedUnlessForced) {
  SetRelease("6.6.99-amd64");
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("Linux 6.6.99-amd64"));
  EXPECT_TRUE(Open(true).ok());
}

TEST_F(CpusetMemsTest, NodesThatTheCgroupsAboveLackAreRefused) {
  CpusetMems mems = OpenOnNode0();
  SetEffective("0\n");
  const absl::Status status = mems.Widen(kNode1);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("allow only node 0"));
  EXPECT_EQ(Now(), "0\n");
}

TEST_F(CpusetMemsTest, TheSecondForeignOverwriteEndsIt) {
  CpusetMems mems = OpenOnNode0();
  EXPECT_TRUE(mems.Widen(kNode1).ok());
  Write("0\n");
  EXPECT_TRUE(mems.Check().ok());
  EXPECT_EQ(Now(), "0-1\n");
  EXPECT_TRUE(mems.Check().ok());
  Write("0\n");
  const absl::Status status = mems.Confine(kNode1);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("now 0 instead of 0-1"));
  EXPECT_EQ(Now(), "0\n") << "left to the other";
}

}  // namespace
}  // namespace numalocality::cpuset_mems_test
