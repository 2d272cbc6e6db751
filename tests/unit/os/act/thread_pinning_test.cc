#include "agent/os/act/thread_pinning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::thread_pinning_test {
namespace {

using ::testing::HasSubstr;

CpuSet Cpus(const std::string& list) { return CpuSet::Parse(list).value(); }

class ThreadPinningTest : public ::testing::Test {
 protected:
  ThreadPinningTest() {
    process_->threads[101] = Cpus("2");
    process_->threads[102] = Cpus("0-7");
    machine_.Publish(*process_);
  }
  absl::StatusOr<int> Pin(const std::string& cpus) {
    return PinThreads(machine_.kernel(), machine_.host(), 100, Cpus(cpus));
  }

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_ = machine_.AddProcess(100, "0-7");
};

TEST_F(ThreadPinningTest, EveryThreadIsConfined) {
  EXPECT_EQ(Pin("4-7").value(), 3);
  for (const auto& [tid, cpus] : process_->threads) EXPECT_EQ(cpus, Cpus("4-7")) << tid;
}

TEST_F(ThreadPinningTest, ThreadsOnFewerOfTheCpusKeepThose) {
  EXPECT_EQ(Pin("2-3").value(), 3);
  EXPECT_EQ(process_->threads[101], Cpus("2"));
  EXPECT_EQ(process_->threads[100], Cpus("2-3"));
}

TEST_F(ThreadPinningTest, ThreadsThatAppearMeanwhileAreConfinedToo) {
  // Before the first thread is pinned, it creates another one, which is not in the list that was
  // read.
  machine_.kernel().RunAt(1, [&] {
    process_->threads[103] = Cpus("0-7");
    machine_.Publish(*process_);
  });
  EXPECT_EQ(Pin("4-7").value(), 4);
  EXPECT_EQ(process_->threads[103], Cpus("4-7"));
}

TEST_F(ThreadPinningTest, ThreadsThatEndMeanwhileAreNoError) {
  process_->threads.erase(102);
  EXPECT_EQ(Pin("4-7").value(), 2);
  process_->threads.clear();
  EXPECT_TRUE(absl::IsNotFound(Pin("4-7").status()));
  machine_.Exit(100);
  EXPECT_TRUE(absl::IsNotFound(Pin("4-7").status()));
}

TEST_F(ThreadPinningTest, AProcessThatUndoesItIsGivenUp) {
  for (int call = 1; call < 1000; ++call) {
    machine_.kernel().RunAt(call, [&] { process_->threads[100] = Cpus("0-7"); });
  }
  const absl::Status status = Pin("4-7").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_LT(machine_.kernel().CallCount(), 200);
}

TEST_F(ThreadPinningTest, RefusalsSayWhatItTakes) {
  machine_.kernel().FailAll(FakeCall::kSetThreadCpus, EPERM);
  const absl::Status denied = Pin("4-7").status();
  EXPECT_TRUE(absl::IsPermissionDenied(denied));
  EXPECT_THAT(std::string(denied.message()), HasSubstr("CAP_SYS_NICE"));
  machine_.kernel().FailAll(FakeCall::kSetThreadCpus, EINVAL);
  const absl::Status impossible = Pin("4-7").status();
  EXPECT_EQ(impossible.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(impossible.message()), HasSubstr("cpuset"));
  machine_.kernel().FailAll(FakeCall::kThreadCpus, EPERM);
  EXPECT_TRUE(absl::IsPermissionDenied(Pin("4-7").status()));
}

}  // namespace
}  // namespace numalocality::thread_pinning_test
