#include "agent/os/process/numa_maps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_format.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/long_lines.h"
#include "tests/unit/fake/peak_memory.h"

namespace numalocality::numa_maps_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(ParseNumaMapsTest, CountsBytesOnEachNode) {
  const auto mappings = ParseNumaMaps(
      "5581a000 default file=/usr/bin/N0=7 mapped=3 N0=3 kernelpagesize_kB=4\n"
      "7f000000 default anon=5 dirty=5 active=0 N0=2 N3=3 kernelpagesize_kB=4\n"
      "7f800000 default file=/anon_hugepage\\040(deleted) huge dirty=2 N1=2 "
      "kernelpagesize_kB=2048\n"
      "7fff0000 default\n");
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  ASSERT_THAT(*mappings, SizeIs(4));
  EXPECT_THAT((*mappings)[0].bytes_on, ElementsAre(Pair(NodeId{0}, 3 * 4096)));
  EXPECT_EQ((*mappings)[1].start, 0x7f000000u);
  EXPECT_THAT((*mappings)[1].bytes_on,
              ElementsAre(Pair(NodeId{0}, 2 * 4096), Pair(NodeId{3}, 3 * 4096)));
  EXPECT_THAT((*mappings)[2].bytes_on, ElementsAre(Pair(NodeId{1}, 4 << 20)));
  EXPECT_THAT((*mappings)[3].bytes_on, IsEmpty());
}

TEST(ParseNumaMapsTest, PagesAreAsLargeAsTheirLineSays) {
  const auto mappings = ParseNumaMaps(
      "10000000 default anon=3 N0=3 kernelpagesize_kB=64\n"
      "40000000 default file=/mnt/1G/pool huge N1=2 kernelpagesize_kB=1048576\n"
      "c0000000 default file=/mnt/2M/pool huge N1=2 kernelpagesize_kB=2048\n");
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  EXPECT_THAT((*mappings)[0].bytes_on, ElementsAre(Pair(NodeId{0}, 3 << 16)));
  EXPECT_THAT((*mappings)[1].bytes_on, ElementsAre(Pair(NodeId{1}, int64_t{2} << 30)));
  EXPECT_THAT((*mappings)[2].bytes_on, ElementsAre(Pair(NodeId{1}, 4 << 20)));
}

TEST(ParseNumaMapsTest, ReadsThePolicy) {
  const auto mappings = ParseNumaMaps(
      "1000 default\n"
      "2000 bind:0-1 anon=1 N0=1 kernelpagesize_kB=4\n"
      "3000 prefer=static:1\n"
      "4000 prefer (many):0,2 anon=1 N2=1 kernelpagesize_kB=4\n");
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  EXPECT_EQ((*mappings)[0].policy, "default");
  EXPECT_EQ((*mappings)[0].policy_nodes, NodeSet());
  EXPECT_EQ((*mappings)[1].policy, "bind");
  EXPECT_EQ((*mappings)[1].policy_nodes, (NodeSet{NodeId{0}, NodeId{1}}));
  EXPECT_EQ((*mappings)[2].policy, "prefer");
  EXPECT_EQ((*mappings)[2].policy_nodes, (NodeSet{NodeId{1}}));
  EXPECT_EQ((*mappings)[3].policy, "prefer");
  EXPECT_EQ((*mappings)[3].policy_nodes, (NodeSet{NodeId{0}, NodeId{2}}));
  EXPECT_THAT((*mappings)[3].bytes_on, ElementsAre(Pair(NodeId{2}, 4096)));
}

TEST(ParseNumaMapsTest, RefusesWhatIsNotInTheFormat) {
  for (const char* text : {"default", "xyz default\n", "1000 bind:a\n",
                           "1000 default N0=1 kernelpagesize_kB=99999999999\n"}) {
    EXPECT_FALSE(ParseNumaMaps(text).ok()) << text;
  }
}

// 50 lines of a megabyte each, as of a file below thousands of directories.
TEST(VisitNumaMapsTest, LongPathsAreNotKept) {
  FakeMachine machine;
  machine.AddProcess(10);
  WriteLongLines(
      machine.host().proc + "/10/numa_maps", 50,
      [](uint64_t line) { return absl::StrFormat("%x bind:0-1 file=/", (line + 1) * 4096); },
      " mapped=2 N1=2 kernelpagesize_kB=4");
  ReadBudget budget;
  int count = 0;
  absl::Status status;
  const int64_t peak = PeakBytesOf([&] {
    status = VisitNumaMaps(machine.host(), 10, budget, [&](const NumaMapping& mapping) {
      EXPECT_EQ(mapping.start, static_cast<uint64_t>(++count) * 4096);
      EXPECT_EQ(mapping.policy_nodes, (NodeSet{NodeId{0}, NodeId{1}}));
      EXPECT_THAT(mapping.bytes_on, ElementsAre(Pair(NodeId{1}, 2 * 4096)));
    });
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(count, 50);
  EXPECT_LT(peak, 4 << 20);

  ReadBudget small({int64_t{8} << 20, absl::Seconds(1)});
  status = VisitNumaMaps(machine.host(), 10, small, [](const NumaMapping&) {});
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  machine.tree().Write("proc/10/numa_maps", "1000 default\nbad\n2000 default\n");
  status = VisitNumaMaps(machine.host(), 10, budget, [](const NumaMapping&) {});
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
}

class MemoryPolicyTest : public ::testing::Test {
 protected:
  MemoryPolicyTest() {
    process_ = machine_.AddProcess(10);
    process_->AddPages(0x400000, 16, 0);
    machine_.Publish(*process_);
  }

  absl::StatusOr<NodeSet> Read(const std::string& numa_maps) {
    machine_.tree().Write("proc/10/numa_maps", numa_maps);
    ReadBudget budget;
    return ReadPolicyNodes(machine_.host(),
                           ProcessHandle::Open(machine_.kernel(), machine_.host(), 10).value(),
                           budget);
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
}  // namespace numalocality::numa_maps_test
