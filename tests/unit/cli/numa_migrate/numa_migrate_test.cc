// numa-migrate --check and migration on the fake host: output and exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/os/base/file.h"
#include "tests/unit/cli/numa_migrate/numa_migrate_fixture.h"

namespace numalocality::numa_migrate::numa_migrate_test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(NumaMigrateTest, ChecksWherePagesAre) {
  process_->AddPages(kStart + 0x1000000, 1000, 1);
  machine_.Publish(*process_);
  EXPECT_EQ(*Do(Check), kExitSuccess);
  EXPECT_EQ(printed_, "Node 0: 50.0% pages\nNode 1: 50.0% pages\n");
}

TEST_F(NumaMigrateTest, MovesAndVerifies) {
  options_.verify = true;
  machine_.tree().Write("proc/7/numa_maps",
                        "10000000 default anon=1000 dirty=1000 N1=1000 kernelpagesize_kB=4\n");
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_EQ(printed_,
            "Pages examined: 1000\nMoved: 1000\nUnchanged: 0\nBusy: 0\nFailed: 0\n"
            "Verification: 100.0% on node 1\n  after 0: 100.0%, 0 drifted\n"
            "  numa_maps: 100.0% on node 1; agrees on every page\n");
  EXPECT_EQ(process_->PagesOn(1), 1000);
}

TEST_F(NumaMigrateTest, MovesOnlyTheSizeAskedFor) {
  options_.part.first_bytes = 100 * 4096;
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Pages examined: 100\nMoved: 100\n"));
  EXPECT_EQ(process_->PagesOn(1), 100);
}

TEST_F(NumaMigrateTest, ADisagreementOfTheCrossCheckIsReported) {
  options_.verify = true;
  machine_.tree().Write("proc/7/numa_maps",
                        "10000000 default anon=1000 dirty=1000 N0=10 N1=990 kernelpagesize_kB=4\n");
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("numa_maps: 99.0% on node 1; disagrees on 10 of 1000 pages"));
}

// The kernel walks every mapping when numa_maps is read, not only those that are compared.
TEST_F(NumaMigrateTest, NumaMapsIsNotReadWhateverTheLargeMappingIsOf) {
  constexpr uint64_t kLarge = 0x40000000;
  constexpr int kHugePages = 129;  // 258 MiB
  options_.part.range = process_->mappings[0].range;
  options_.verify = true;
  machine_.tree().Write("proc/7/numa_maps",
                        "10000000 default anon=1000 dirty=1000 N1=1000 kernelpagesize_kB=4\n");
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("agrees on every page"));
  for (const std::string path : {"", "/srv/data", "/dev/dax0.0"}) {
    process_->AddHugePages(kLarge, kHugePages, 0);
    process_->mappings.back().path = path;
    for (int i = 0; i < kHugePages; ++i) process_->At(kLarge + i * kFakeHuge).file = !path.empty();
    machine_.Publish(*process_);
    EXPECT_EQ(*Do(Migrate), kExitSuccess);
    EXPECT_THAT(printed_, HasSubstr("numa_maps: not read, as a mapping has 258.0 MiB")) << path;
    process_->mappings.pop_back();
  }
  options_.verify_numa_maps = true;
  machine_.Publish(*process_);
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("agrees on every page"));
}

TEST_F(NumaMigrateTest, ADryRunMovesNothing) {
  process_->At(kStart).shared = true;
  process_->AddPages(kStart + 0x1000000, 3, 0, "/usr/lib/libc.so");
  for (int i = 0; i < 3; ++i) process_->At(kStart + 0x1000000 + i * kFakePage).file = true;
  machine_.Publish(*process_);
  options_.dry_run = true;
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Would move: 999 pages (3.9 MiB) to node 1\nUnchanged: 0\n"));
  EXPECT_THAT(printed_, HasSubstr("Would stay:\n  shared: 1 (--shared never)\n"));
  EXPECT_THAT(printed_, HasSubstr("  page cache: 3 (page cache is not moved)\n"));
  EXPECT_THAT(printed_, HasSubstr("Expected time: unknown\n"));
  EXPECT_EQ(process_->PagesOn(0), 1003);
}

TEST_F(NumaMigrateTest, OfSeveralTargetsAFullOneHandsOver) {
  FakeMachine machine({{0, "0-1"}, {1, "2-3"}, {2, "4-5"}});
  machine.SetHugePages(false);
  const auto process = machine.AddProcess(kPid);
  process->AddPages(kStart, 1000, 0);
  machine.Publish(*process);
  machine.SetFreePages(1, 1311 + 400);
  machine.SetFreePages(2, 1311 + 700);
  const auto migrate = [&](const EngineContext&, const Options& options) {
    return Migrate(machine.context(), options);
  };
  options_.spec.target_nodes = {NodeId{1}, NodeId{2}};
  options_.dry_run = true;
  EXPECT_EQ(*Do(migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Would move: 1000 pages (3.9 MiB) to nodes 1-2\n"));
  options_.dry_run = false;
  EXPECT_EQ(*Do(migrate), kExitSuccess);
  EXPECT_EQ(process->PagesOn(0), 0);
  EXPECT_GE(process->PagesOn(1), 300);
  EXPECT_GE(process->PagesOn(2), 600);
}

TEST_F(NumaMigrateTest, ADryRunShowsWhatDoesNotFit) {
  machine_.SetFreePages(1, 1800);  // of 65536, of which 2 % are kept
  options_.dry_run = true;
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Would move: 489 pages"));
  EXPECT_THAT(printed_, HasSubstr("  no memory on the target: 511 (free memory on the target"));
  EXPECT_THAT(printed_, HasSubstr("Room on node 1: 489 pages (1.9 MiB)\n"));

  // Shared pages that stay need no room.
  for (int i = 0; i < 600; ++i) process_->At(kStart + i * kFakePage).shared = true;
  machine_.Publish(*process_);
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Would move: 400 pages"));
  EXPECT_THAT(printed_, Not(HasSubstr("no memory on the target")));
}

TEST_F(NumaMigrateTest, NotesThatSharedPagesNeedACapability) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("Note: pages that several"));
  options_.sharing = SharingRule::kAll;
  EXPECT_EQ(ExitCodeFor(Do(Migrate).status()), kExitPermission);
  EXPECT_THAT(printed_, IsEmpty());
  options_.sharing = SharingRule::kNever;
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("several")));
}

TEST_F(NumaMigrateTest, BalancingIsOffWhileItRunsAndBackAfterASignal) {
  machine_.tree().Write(kBalancing, "1\n");
  options_.balancing_off = true;
  for (const int signal : {0, SIGINT}) {
    std::string during;
    machine_.kernel().OnMoved([&](const auto&) {
      during = ReadFile(machine_.tree().Path(kBalancing)).value_or("");
      if (signal != 0) std::raise(signal);
    });
    EXPECT_EQ(*Do(Migrate), signal == 0 ? kExitSuccess : kExitInterrupted);
    EXPECT_EQ(during, "0\n");
    EXPECT_EQ(*ReadFile(machine_.tree().Path(kBalancing)), "1\n");
    machine_.kernel().OnMoved([](const auto&) {});
    process_->AddPages(kStart, 1000, 0);  // back again, for the signal
  }
}

TEST_F(NumaMigrateTest, PausesWhileItsCgroupHasMemoryPressure) {
  const std::string kPressure =
      "some avg10=50.00 avg60=0.00 avg300=0.00 total=0\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  options_.format = OutputFormat::kJson;
  for (const auto& [cgroup, waits] : {std::pair("/", false), std::pair("/app.slice/job", true)}) {
    FakeMachine machine;
    const auto process = machine.AddProcess(kPid);
    process->AddPages(kStart, 1000, 0);
    machine.Publish(*process);
    if (waits) machine.AddCgroup(cgroup, {kPid});
    machine.WriteCgroupFile(cgroup, "memory.pressure", kPressure);
    testing::internal::CaptureStdout();
    EXPECT_EQ(*Migrate(machine.context(), options_), kExitSuccess);
    const std::string printed = testing::internal::GetCapturedStdout();
    EXPECT_THAT(printed, HasSubstr("\"pressure_wait_seconds\": "));
    EXPECT_NE(absl::StrContains(printed, "\"pressure_wait_seconds\": 0,"), waits) << printed;
  }
}

TEST_F(NumaMigrateTest, NotesHowLongItStalledTheProcess) {
  machine_.kernel().set_time_per_page(absl::Microseconds(1));
  options_.spec.limits.batch_pages = 500;
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              ContainsRegex("Note: kernel calls that moved pages: [1-9], the longest 500us\n"));
  process_->AddPages(kStart, 1000, 0);
  options_.spec.hold = HoldMode::kPtrace;
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              ContainsRegex("500us; holds of the process: [1-9], the longest 500us\n"));
  // JSON has it among its fields.
  process_->AddPages(kStart, 1000, 0);
  options_.format = OutputFormat::kJson;
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), Not(HasSubstr("kernel calls")));
}

TEST_F(NumaMigrateTest, NotesBalancingThatMayMovePagesBack) {
  for (const auto& [mode, off, is_said] :
       {std::tuple("1\n", false, true), std::tuple("1\n", true, false),
        std::tuple("0\n", false, false)}) {
    machine_.tree().Write(kBalancing, mode);
    options_.balancing_off = off;
    testing::internal::CaptureStderr();
    EXPECT_EQ(*Do(Migrate), kExitSuccess);
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(absl::StrContains(said, "Note: automatic NUMA balancing is on and may move pages"),
              is_said)
        << said;
  }
}

TEST_F(NumaMigrateTest, ThreadsArePinnedToTheTarget) {
  options_.pin_threads = true;
  testing::internal::CaptureStderr();
  EXPECT_EQ(*Do(Migrate), kExitSuccess);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("Note: 1 thread is pinned to CPUs 4-7\n"));
  EXPECT_EQ(process_->threads.at(kPid), *CpuSet::Parse("4-7"));
}

TEST_F(NumaMigrateTest, TooFewMovedIsAFailureThatSaysWhy) {
  for (int i = 0; i < 500; ++i) process_->At(kStart + i * kFakePage).pinned = true;
  const auto exit_code = Do(Migrate);
  EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitNotMigrated);
  EXPECT_THAT(std::string(exit_code.status().message()),
              HasSubstr("500 of 1000 wanted pages are on node 1, less than --min-moved 0.9"));
  EXPECT_THAT(printed_, HasSubstr("Pages examined: 1000\nMoved: 500\n"));
}

TEST_F(NumaMigrateTest, NoSuchProcess) {
  options_.pid = 8;
  for (const auto& run : {Check, Migrate}) {
    const auto exit_code = Do(run);
    EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitError);
    EXPECT_EQ(exit_code.status().message(), "process not found");
  }
}

TEST_F(NumaMigrateTest, AProcessThatGoesBeforeAPageWasSeenIsNotFoundEither) {
  struct Case {
    absl::StatusOr<ExitCode> (*run)(const EngineContext&, const Options&);
    bool dry_run;
    FakeCall last;  // before which it goes
    int number;
  };
  for (const Case& each :
       {Case{Check, false, FakeCall::kQuery, 1}, Case{Check, false, FakeCall::kQuery, 2},
        Case{Migrate, false, FakeCall::kQuery, 1}, Case{Migrate, false, FakeCall::kThreadCpus, 1},
        Case{Migrate, true, FakeCall::kQuery, 2}, Case{Migrate, true, FakeCall::kQuery, 3}}) {
    FakeMachine machine;
    const auto process = machine.AddProcess(kPid);
    process->AddPages(kStart, 1000, 0);
    machine.Publish(*process);
    machine.kernel().RunAt(each.last, each.number, [&] { machine.Exit(kPid); });
    Options options = options_;
    options.part.first_bytes = 1000 * kFakePage;
    options.dry_run = each.dry_run;
    options.pin_threads = true;
    testing::internal::CaptureStdout();
    const auto exit_code = each.run(machine.context(), options);
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    EXPECT_EQ(exit_code.status(), absl::NotFoundError("process not found"))
        << static_cast<int>(each.last) << " " << each.number;
  }
}

TEST_F(NumaMigrateTest, AProcessThatGoesLaterHasAResult) {
  machine_.kernel().RunAt(FakeCall::kMove, 1, [this] { machine_.Exit(kPid); });
  const auto exit_code = Do(Migrate);
  EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitNotMigrated);
  EXPECT_THAT(std::string(exit_code.status().message()),
              HasSubstr("exited while its memory moved: "));
  EXPECT_THAT(printed_, HasSubstr("vanished: 1000"));
}

TEST_F(NumaMigrateTest, NoSuchNode) {
  options_.spec.target_nodes = {NodeId{5}};
  const auto exit_code = Do(Migrate);
  EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitError);
  EXPECT_THAT(std::string(exit_code.status().message()), HasSubstr("target node 5"));
}

TEST_F(NumaMigrateTest, ARefusalIsNotAResult) {
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  EXPECT_EQ(ExitCodeFor(Do(Check).status()), kExitPermission);
  EXPECT_EQ(ExitCodeFor(Do(Migrate).status()), kExitPermission);
  EXPECT_EQ(printed_, "");
}

TEST_F(NumaMigrateTest, AForbiddenTargetIsNotMovedTo) {
  process_->allowed_nodes = {NodeId{0}};
  machine_.Publish(*process_);
  const auto exit_code = Do(Migrate);
  EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitNotMigrated);
  EXPECT_THAT(std::string(exit_code.status().message()), HasSubstr("cpuset.mems"));
  EXPECT_EQ(process_->PagesOn(0), 1000);
}

}  // namespace
}  // namespace numalocality::numa_migrate::numa_migrate_test
