#include "agent/os/process/own_process.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::own_process_test {
namespace {

TEST(OwnProcessTest, ReadsWhatProcSays) {
  TempTree tree;
  Host host = Host::Below(tree.root());
  host.page_bytes = 4096;
  tree.Write("proc/self/stat",
             "7 (agent) S 1 2 3 0 -1 4194304 1 0 0 0 50 100 0 0 20 0 9 0 1000 1000 200 "
             "18446744073709551615 4096 5000 7000 0\n");
  tree.Write("proc/stat", "cpu 1 2 3\nintr 1 2 3\nctxt 5\nbtime 1700000000\nprocesses 9\n");
  for (const char* fd : {"0", "1", "17"}) tree.Write(std::string("proc/self/fd/") + fd, "");
  const auto process = ReadOwnProcess(host);
  ASSERT_TRUE(process.ok()) << process.status();
  const auto tick = absl::Seconds(1) / sysconf(_SC_CLK_TCK);
  EXPECT_EQ(process->cpu_time, 150 * tick);
  EXPECT_EQ(process->resident_bytes, 200 * 4096);
  EXPECT_EQ(process->open_file_count, 3);
  EXPECT_EQ(process->start_time, absl::FromUnixSeconds(1700000000) + 1000 * tick);

  tree.Write("proc/stat", "cpu 1 2 3\n");
  EXPECT_TRUE(absl::IsInvalidArgument(ReadOwnProcess(host).status()));
}

TEST(OwnProcessTest, ReadsTheRealOne) {
  const auto process = ReadOwnProcess(Host());
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_GT(process->resident_bytes, 100'000);
  EXPECT_GE(process->open_file_count, 3);
  EXPECT_LT(absl::AbsDuration(absl::Now() - process->start_time), absl::Minutes(10));
}

}  // namespace
}  // namespace numalocality::own_process_test
