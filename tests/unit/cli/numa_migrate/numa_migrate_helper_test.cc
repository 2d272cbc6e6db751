// numa-migrate helper: the content of its memory, and that it finds a wrong byte.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "agent/base/clock.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/helper_command.h"
#include "agent/cli/numa_migrate/own_memory.h"
#include "agent/os/act/system_kernel_calls.h"
#include "agent/os/base/file.h"

namespace numalocality::numa_migrate::numa_migrate_helper_test {
namespace {

using ::testing::HasSubstr;

TEST(HelperContentTest, EveryWrongByteIsFound) {
  std::vector<uint64_t> words(1024);
  FillWords(42, 100, absl::MakeSpan(words));
  EXPECT_EQ(FindWrongWord(42, 100, words), std::nullopt);
  EXPECT_EQ(FindWrongWord(43, 100, words), 0u) << "another seed";
  EXPECT_EQ(FindWrongWord(42, 101, words), 0u) << "another place";
  for (const size_t byte : {size_t{0}, words.size() * 8 - 1, size_t{4097}}) {
    auto* const bytes = reinterpret_cast<unsigned char*>(words.data());
    bytes[byte] ^= 1;
    EXPECT_EQ(FindWrongWord(42, 100, words), byte / 8);
    bytes[byte] ^= 1;
  }
}

TEST(SuggestTargetTest, IsAnotherNodeThatExists) {
  const NodeSet nodes = {NodeId{0}, NodeId{2}, NodeId{3}};
  const std::map<NodeId, int64_t> on_node_0 = {{NodeId{0}, 10}, {NodeId{2}, 1}};
  EXPECT_EQ(SuggestTarget(nodes, on_node_0), NodeId{2});
  EXPECT_EQ(SuggestTarget(nodes, {{NodeId{2}, 10}}), NodeId{0});
  EXPECT_EQ(SuggestTarget({NodeId{0}}, on_node_0), std::nullopt);
}

TEST(OwnMemoryTest, IsAMappingOfItsOwn) {
  auto memory = OwnMemory::Map(3 * 4096 + 1, PageKind::kBase);
  ASSERT_TRUE(memory.ok()) << memory.status();
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  EXPECT_EQ(memory->range().size(), (3 * 4096 + page) / page * page);
  FillWords(1, 0, memory->words());
  const auto maps = ReadFile("/proc/self/maps");
  ASSERT_TRUE(maps.ok());
  EXPECT_THAT(*maps, HasSubstr(absl::StrFormat("\n%x-%x rw-p", memory->range().start,
                                               memory->range().end)));
}

// Runs the helper in a child process, with its standard output in a pipe.
class HelperProcess {
 public:
  explicit HelperProcess(const HelperOptions& options) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      const auto exit_code = RunHelper({SystemKernelCalls(), Clock::System(), Host(), {}}, options);
      std::cout << std::flush;
      _exit(exit_code.ok() ? *exit_code : Fail(exit_code.status()));
    }
    close(ends[1]);
    output_ = ScopedFd(ends[0]);
  }
  ~HelperProcess() {
    if (pid_ > 0) End(SIGKILL);
  }

  pid_t pid() const { return pid_; }

  // Reads its output up to `last_line`, or to the end.
  std::string ReadUntil(const std::string& last_line) {
    std::string text;
    char c = 0;
    while (text.find(last_line) == std::string::npos && read(output_.get(), &c, 1) == 1) text += c;
    return text;
  }

  // Sends `signal` if that is not 0. Returns the wait status.
  int End(int signal) {
    if (signal != 0) kill(pid_, signal);
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
  ScopedFd output_;
};

TEST(HelperTest, SaysWhereItsMemoryIsAndEndsWellWhenAsked) {
  HelperProcess helper({.bytes = 8 << 20, .seed = 42, .node = {}});
  const std::string text = helper.ReadUntil("until Ctrl-C.\n");
  EXPECT_THAT(text, HasSubstr(absl::StrFormat("PID: %d\nRange: ", helper.pid())));
  EXPECT_THAT(text, HasSubstr("(8.0 MiB, 2048 pages)\nNode "));
  EXPECT_THAT(text, HasSubstr(absl::StrFormat("numa-migrate --pid %d --check\n", helper.pid())));
  const int status = helper.End(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kExitSuccess) << status;
  EXPECT_THAT(helper.ReadUntil("byte\n"), HasSubstr("Checked: 8.0 MiB, no wrong byte\n"));
}

TEST(HelperTest, AWrongByteEndsItWithAnError) {
  HelperProcess helper({.bytes = 8 << 20, .seed = 42, .node = {}});
  const std::string text = helper.ReadUntil("until Ctrl-C.\n");
  uint64_t start = 0;
  ASSERT_EQ(sscanf(text.c_str() + text.find("Range: "), "Range: %lx", &start), 1) << text;
  const ScopedFd memory(open(absl::StrFormat("/proc/%d/mem", helper.pid()).c_str(), O_WRONLY));
  ASSERT_TRUE(memory.valid());
  ASSERT_EQ(pwrite(memory.get(), "x", 1, static_cast<off_t>(start + 5'000'000)), 1);
  const int status = helper.End(0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kExitError) << status;
}

}  // namespace
}  // namespace numalocality::numa_migrate::numa_migrate_helper_test
