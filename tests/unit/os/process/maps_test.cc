#include "agent/os/process/maps.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/os/act/system_kernel_calls.h"
#include "agent/os/process/process_handle.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/long_lines.h"
#include "tests/unit/fake/peak_memory.h"

namespace numalocality::maps_test {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kBase = 0x10000000;
constexpr FileId kFile{{8, 1}, 7};

// With the text of maps, and with PROCMAP_QUERY.
class MapsTest : public ::testing::TestWithParam<bool> {
 protected:
  MapsTest() {
    machine_.kernel().set_has_mapping_query(GetParam());
    process_ = machine_.AddProcess(100);
  }

  void Map(const std::string& path, const FileId& file = {}, bool is_shared = false) {
    const uint64_t start = kBase + 2 * kFakePage * process_->mappings.size();
    process_->mappings.push_back({{start, start + kFakePage}, path, is_shared, file});
  }

  absl::StatusOr<std::vector<Mapping>> Read(ReadBudget&& budget) {
    machine_.Publish(*process_);
    const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
    if (!handle.ok()) return handle.status();
    return handle->ReadMaps(budget);
  }
  absl::StatusOr<std::vector<Mapping>> Read() {
    return Read(ReadBudget(kPeriodicLimits, machine_.clock()));
  }

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_;
};

TEST_P(MapsTest, ShowsWhatIsMapped) {
  Map("");
  Map("[heap]");
  Map("[anon:" + std::string(80, 'x') + "]");
  Map("/memfd:" + std::string(249, 'x') + " (deleted)", {{0, 0x19}, 3}, true);  // on a tmpfs
  Map("/usr/lib/libc.so", kFile);
  Map("/usr/lib/" + std::string(3000, 'x'), kFile, true);
  Map("[vdso]");
  Map("/dev/nvidia0", {kFakeShm, 9}, true);
  const auto mappings = Read();
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  ASSERT_EQ(mappings->size(), 8u);
  const Backing backings[] = {Backing::kAnonymous, Backing::kHeap,   Backing::kAnonymous,
                              Backing::kShmem,     Backing::kFile,   Backing::kFile,
                              Backing::kSpecial,   Backing::kSpecial};
  for (size_t i = 0; i < mappings->size(); ++i) {
    EXPECT_EQ((*mappings)[i].range, process_->mappings[i].range) << i;
    EXPECT_EQ((*mappings)[i].backing, backings[i]) << i;
    EXPECT_EQ((*mappings)[i].file, process_->mappings[i].file) << i;
    EXPECT_EQ((*mappings)[i].is_shared, process_->mappings[i].is_shared) << i;
  }
}

TEST_P(MapsTest, BeyondTheBytesIsAnErrorThatNamesTheFileAndTheLimit) {
  for (int i = 0; i < 1000; ++i) Map("");
  const auto mappings = Read(ReadBudget({20'000, absl::Seconds(1)}, machine_.clock()));
  EXPECT_TRUE(absl::IsResourceExhausted(mappings.status())) << mappings.status();
  EXPECT_THAT(mappings.status().message(), HasSubstr("maps"));
  EXPECT_THAT(mappings.status().message(), HasSubstr("19.5 KiB"));
}

TEST_P(MapsTest, StopsWhenTheCallerCancels) {
  for (int i = 0; i < 1000; ++i) Map("");
  int calls = 0;
  const auto mappings =
      Read(ReadBudget(kPeriodicLimits, machine_.clock(), [&] { return ++calls > 2; }));
  EXPECT_TRUE(absl::IsCancelled(mappings.status())) << mappings.status();
  EXPECT_EQ(calls, 3);
}

TEST_P(MapsTest, AProcessWithoutMemoryIsNotFound) {
  Map("");
  machine_.Publish(*process_);
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  EXPECT_TRUE(handle->ReadMaps().ok());
  machine_.BecomeZombie(100);
  EXPECT_TRUE(absl::IsNotFound(handle->ReadMaps().status())) << handle->ReadMaps().status();
}

INSTANTIATE_TEST_SUITE_P(Kernels, MapsTest, ::testing::Bool(),
                         [](const auto& kernel) { return kernel.param ? "Query" : "Text"; });

class MapsQueryTest : public ::testing::Test {
 protected:
  MapsQueryTest() { machine_.kernel().set_has_mapping_query(true); }
  FakeMachine machine_;
};

TEST_F(MapsQueryTest, TheBudgetDecidesHowManyMappingsAreRead) {
  const auto process = machine_.AddProcess(100);
  for (uint64_t i = 0; i < 100'000; ++i) {
    process->mappings.push_back({{kBase + 2 * i * kFakePage, kBase + (2 * i + 1) * kFakePage}, ""});
  }
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  ReadBudget budget({int64_t{128} << 10, absl::Seconds(1)}, machine_.clock());
  EXPECT_TRUE(absl::IsResourceExhausted(handle->ReadMaps(budget).status()));
  EXPECT_LT(machine_.kernel().CallCount(FakeCall::kQueryMapping), 1000);
}

TEST_F(MapsQueryTest, AMillionMappingsAreBeyondTheBudget) {
  const auto process = machine_.AddProcess(100);
  process->mappings.reserve(1'000'000);
  for (uint64_t i = 0; i < 1'000'000; ++i) {
    process->mappings.push_back({{kBase + 2 * i * kFakePage, kBase + (2 * i + 1) * kFakePage}, ""});
  }
  machine_.kernel().set_time_per_mapping(absl::Microseconds(50));
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  ReadBudget budget(kPeriodicLimits, machine_.clock());
  absl::Status status;
  const int64_t peak = PeakBytesOf([&] { status = handle->ReadMaps(budget).status(); });
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("maps: takes longer than 1s"));
  EXPECT_LT(peak, 8 << 20);
  EXPECT_LE(machine_.kernel().CallCount(FakeCall::kQueryMapping), 20'010);
}

TEST_F(MapsQueryTest, SlowReadsStopAtTheTimeLimit) {
  const auto process = machine_.AddProcess(100);
  for (uint64_t i = 0; i < 100; ++i) process->AddHole(kBase + 2 * i * kFakePage, 1);
  machine_.kernel().set_time_per_mapping(absl::Milliseconds(300));
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  ReadBudget budget(kPeriodicLimits, machine_.clock());
  const absl::Status status = handle->ReadMaps(budget).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("longer than 1s"));
  EXPECT_LT(machine_.clock().Monotonic(), absl::Seconds(2));
  // Further readings with the same budget do not begin.
  const int calls = machine_.kernel().CallCount(FakeCall::kQueryMapping);
  EXPECT_FALSE(handle->ReadMaps(budget).ok());
  EXPECT_LE(machine_.kernel().CallCount(FakeCall::kQueryMapping), calls + 1);
}

TEST_F(MapsQueryTest, AProcessThatLosesItsMemoryMeanwhileIsNotFound) {
  const auto process = machine_.AddProcess(100);
  for (uint64_t i = 0; i < 10; ++i) process->AddHole(kBase + 2 * i * kFakePage, 1);
  machine_.kernel().RunAt(FakeCall::kQueryMapping, 5, [&] { machine_.BecomeZombie(100); });
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  EXPECT_TRUE(absl::IsNotFound(handle->ReadMaps().status())) << handle->ReadMaps().status();
}

// 50 lines of a megabyte each, as of a file below thousands of directories.
TEST(MapsTextTest, LongPathsAreNotKept) {
  FakeMachine machine;
  machine.AddProcess(100);
  WriteLongLines(machine.host().proc + "/100/maps", 50, [](uint64_t line) {
    return absl::StrFormat("%x-%x r--s 00000000 08:01 7 /", kBase + line * 2 * kFakePage,
                           kBase + (line * 2 + 1) * kFakePage);
  });
  const auto handle = ProcessHandle::Open(machine.kernel(), machine.host(), 100);
  ReadBudget budget(kPeriodicLimits, machine.clock());
  std::vector<Mapping> mappings;
  EXPECT_LT(PeakBytesOf([&] { mappings = handle->ReadMaps(budget).value(); }), 8 << 20);
  EXPECT_EQ(mappings.size(), 50u);
}

// Both ways show the same on the real kernel; before Linux 6.11 there is only one.
TEST(RealMapsTest, TheQueryShowsWhatTheTextShows) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const std::string directory = absl::StrCat("/proc/", child);
  const auto read = [&](KernelCalls& kernel) {
    ReadBudget budget;
    std::vector<Mapping> mappings;
    const auto file_systems = ReadMemoryFileSystems(AT_FDCWD, directory + "/mountinfo", budget);
    EXPECT_TRUE(file_systems.ok()) << file_systems.status();
    const absl::Status status = VisitMaps(kernel, AT_FDCWD, directory + "/maps", *file_systems,
                                          budget, [&](const Mapping& mapping) {
                                            mappings.push_back(mapping);
                                            return true;
                                          });
    EXPECT_TRUE(status.ok()) << status;
    // Only the text shows the kernel's own [vsyscall].
    if (mappings.back().range.start >= uint64_t{1} << 63) mappings.pop_back();
    return mappings;
  };
  FakeMachine without_query;
  EXPECT_EQ(read(without_query.kernel()), read(SystemKernelCalls()));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace numalocality::maps_test
