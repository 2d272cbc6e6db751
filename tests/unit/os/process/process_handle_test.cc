#include "agent/os/process/process_handle.h"
#include "agent/os/act/system_kernel_calls.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::process_handle_test {
namespace {

class ProcessHandleTest : public ::testing::Test {
 protected:
  absl::StatusOr<ProcessHandle> Open(pid_t pid) {
    return ProcessHandle::Open(machine_.kernel(), machine_.host(), pid);
  }

  FakeMachine machine_;
};

TEST_F(ProcessHandleTest, KnowsItsProcess) {
  machine_.AddProcess(100);
  const auto handle = Open(100);
  ASSERT_TRUE(handle.ok());
  EXPECT_EQ(handle->id(), (ProcessId{100, 1000}));
  EXPECT_EQ(handle->Fate(), ProcessFate::kRunning);
}

TEST_F(ProcessHandleTest, NoProcessIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(Open(100).status()));
  const auto zombie = machine_.AddProcess(101);
  zombie->is_zombie = true;
  machine_.Publish(*zombie);
  EXPECT_TRUE(absl::IsNotFound(Open(101).status()));
}

TEST_F(ProcessHandleTest, ThingsThatAreNoPidAreRefused) {
  for (const pid_t pid : {0, -1}) {
    EXPECT_EQ(Open(pid).status().code(), absl::StatusCode::kInvalidArgument) << pid;
    EXPECT_EQ(SystemKernelCalls().OpenPidFd(pid).status().code(),
              absl::StatusCode::kInvalidArgument);
    int status = 0;
    EXPECT_EQ(SystemKernelCalls().MovePages(pid, {0}, {}, absl::MakeSpan(&status, 1)), -EINVAL);
  }
}

TEST_F(ProcessHandleTest, NoticesThatItExited) {
  machine_.AddProcess(100);
  const auto handle = Open(100);
  machine_.Exit(100);
  EXPECT_EQ(handle->Fate(), ProcessFate::kExited);
  EXPECT_TRUE(absl::IsNotFound(handle->ReadMaps().status()));
  EXPECT_TRUE(absl::IsNotFound(handle->OpenPagemap().status()));
}

TEST_F(ProcessHandleTest, NoticesThatItsPidNamesAnother) {
  machine_.AddProcess(100);
  const auto handle = Open(100);
  machine_.Replace(100);
  EXPECT_EQ(handle->Fate(), ProcessFate::kReplaced);
  // The open directory belongs to the old process, not to the new one.
  EXPECT_TRUE(absl::IsNotFound(handle->ReadMaps().status()));
}

TEST_F(ProcessHandleTest, LivesOnInAnotherThread) {
  machine_.AddProcess(100)->AddPages(0x1000, 1, 0);
  machine_.Publish(*machine_.kernel().Find(100));
  machine_.EndMainThread(100, 101);
  const auto handle = Open(100);
  ASSERT_TRUE(handle.ok()) << handle.status();
  EXPECT_EQ(handle->id(), (ProcessId{100, 1000}));
  EXPECT_EQ(handle->thread(), 101);
  EXPECT_EQ(handle->ReadMaps()->size(), 1u);
  EXPECT_TRUE(handle->ReadAllowedNodes().ok());
  EXPECT_EQ(handle->Fate(), ProcessFate::kRunning);

  machine_.tree().Remove("proc/100/task/101");
  EXPECT_EQ(handle->Fate(), ProcessFate::kExited);
  machine_.Replace(100);
  EXPECT_EQ(handle->Fate(), ProcessFate::kReplaced);
}

TEST_F(ProcessHandleTest, GoesOnWithAnotherThreadWhenOneEnds) {
  const auto process = machine_.AddProcess(100);
  process->AddPages(0x1000, 1, 0);
  machine_.Publish(*process);
  const auto first = Open(100);
  const auto second = Open(100);
  const auto third = Open(100);
  machine_.EndMainThread(100, 101);
  EXPECT_EQ(first->Fate(), ProcessFate::kRunning);
  EXPECT_EQ(first->ReadMaps()->size(), 1u);
  EXPECT_EQ(first->thread(), 101);

  const auto pagemap = second->OpenPagemap();
  ASSERT_TRUE(pagemap.ok()) << pagemap.status();
  struct stat file {};
  fstat(pagemap->get(), &file);
  EXPECT_GT(file.st_size, 0);

  int node = 0;
  const uint64_t address = 0x1000;
  EXPECT_EQ(MovePages(machine_.kernel(), *third, {&address, 1}, {}, {&node, 1}), 0);
  EXPECT_EQ(node, 0);

  machine_.tree().Rename("proc/100/task/101", "proc/100/task/102");
  process->threads[102] = process->threads.extract(101).mapped();
  for (const auto* handle : {&first, &second, &third}) {
    EXPECT_EQ((*handle)->Fate(), ProcessFate::kRunning);
    EXPECT_EQ((*handle)->thread(), 102);
  }
}

// Because its id may have passed to a thread of another process before the call.
TEST_F(ProcessHandleTest, WhatAThreadThatHasEndedSaidIsAskedAgain) {
  const auto process = machine_.AddProcess(100);
  process->AddPages(0x1000, 1, 1);
  machine_.Publish(*process);
  machine_.EndMainThread(100, 101);
  const auto handle = Open(100);
  const auto stranger = machine_.AddProcess(200);
  stranger->AddPages(0x1000, 1, 0);
  machine_.kernel().RunAt(FakeCall::kQuery, 1, [&] {
    process->threads[102] = process->threads.extract(101).mapped();
    stranger->threads[101] = {};
    machine_.tree().Rename("proc/100/task/101", "proc/100/task/102");
  });
  int node = -1;
  const uint64_t address = 0x1000;
  EXPECT_EQ(MovePages(machine_.kernel(), *handle, {&address, 1}, {}, {&node, 1}), 0);
  EXPECT_EQ(node, 1);
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), 2);
}

TEST_F(ProcessHandleTest, ReadsAllowedNodes) {
  const auto process = machine_.AddProcess(100);
  process->allowed_nodes = {NodeId{1}};
  machine_.Publish(*process);
  EXPECT_EQ(Open(100)->ReadAllowedNodes().value(), NodeSet{NodeId{1}});
}

TEST_F(ProcessHandleTest, MountsShowTheBackingOfAMapping) {
  const auto process = machine_.AddProcess(100);
  process->AddPages(0x1000, 1, 0, "/scratch/x");
  machine_.Publish(*process);
  EXPECT_EQ(Open(100)->ReadMaps()->front().backing, Backing::kFile);
  machine_.tree().Write("proc/100/mountinfo", "30 22 0:0 / /scratch rw - tmpfs tmpfs rw\n");
  EXPECT_EQ(Open(100)->ReadMaps()->front().backing, Backing::kShmem);
}

TEST_F(ProcessHandleTest, AZombieThatRefusesItsMountsIsGone) {
  // A real process, because only the real procfs returns EINVAL.
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  machine_.AddProcess(100);
  const auto handle = Open(100);
  machine_.BecomeZombie(100);
  machine_.tree().Remove("proc/100/mountinfo");
  machine_.tree().Link("proc/100/mountinfo", "/proc/" + std::to_string(child) + "/mountinfo");
  EXPECT_TRUE(absl::IsNotFound(handle->ReadMaps().status())) << handle->ReadMaps().status();
  waitpid(child, nullptr, 0);
}

TEST_F(ProcessHandleTest, ADeniedPagemapIsPermissionDenied) {
  machine_.AddProcess(100);
  machine_.DenyPagemap(100);
  EXPECT_TRUE(absl::IsPermissionDenied(Open(100)->OpenPagemap().status()));
}

TEST_F(ProcessHandleTest, ThreadsShareTheirCpus) {
  const auto process = machine_.AddProcess(100, "0-1");
  process->threads[101] = CpuSet::Parse("6").value();
  machine_.Publish(*process);
  const auto threads = ReadThreads(machine_.kernel(), machine_.host(), 100);
  ASSERT_TRUE(threads.ok()) << threads.status();
  EXPECT_EQ(threads->thread_count, 2);
  EXPECT_EQ(threads->cpus.ToString(), "0-1,6");
}

TEST_F(ProcessHandleTest, AThreadThatEndsMeanwhileIsNoError) {
  const auto process = machine_.AddProcess(100, "0-1");
  process->threads[101] = CpuSet::Parse("6").value();
  machine_.Publish(*process);
  process->threads.erase(101);
  EXPECT_EQ(ReadThreads(machine_.kernel(), machine_.host(), 100)->thread_count, 1);
  process->threads.clear();
  EXPECT_TRUE(absl::IsNotFound(ReadThreads(machine_.kernel(), machine_.host(), 100).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadThreads(machine_.kernel(), machine_.host(), 555).status()));
}

TEST_F(ProcessHandleTest, ARefusedAffinityIsNotHidden) {
  machine_.AddProcess(100);
  machine_.kernel().FailAll(FakeCall::kThreadCpus, EPERM);
  EXPECT_TRUE(
      absl::IsPermissionDenied(ReadThreads(machine_.kernel(), machine_.host(), 100).status()));
}

}  // namespace
}  // namespace numalocality::process_handle_test
