#include "agent/os/cgroup/parse_cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"

namespace numalocality::parse_cgroup_test {
namespace {

using ::testing::ElementsAre;

// A block of cgroup_paths.txt: title, path, expected result, and maybe the container's own path.
using Block = std::vector<std::string>;

std::vector<Block> ReadBlocks() {
  std::ifstream file(FIXTURES "/cgroup_paths.txt");
  std::vector<Block> blocks(1);
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) {
      blocks.emplace_back();
    } else if (line[0] != '#') {
      blocks.back().push_back(line);
    }
  }
  std::erase_if(blocks, [](const Block& block) { return block.empty(); });
  return blocks;
}

std::string QosName(QosClass qos) {
  switch (qos) {
    case QosClass::kGuaranteed: return "guaranteed";
    case QosClass::kBurstable: return "burstable";
    case QosClass::kBestEffort: return "besteffort";
  }
  return "";
}

TEST(ParseContainerCgroupTest, GoldenPaths) {
  const std::vector<Block> blocks = ReadBlocks();
  ASSERT_GT(blocks.size(), 50u);
  for (const Block& block : blocks) {
    SCOPED_TRACE(block[0]);
    ASSERT_GE(block.size(), 3u);
    const auto found = ParseContainerCgroup(block[1]);
    if (block[2] == "none") {
      EXPECT_FALSE(found.has_value());
      continue;
    }
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->container.pod_uid + " " + found->container.container_id + " " +
                  QosName(found->container.qos),
              block[2]);
    EXPECT_EQ(found->path, block.size() > 3 ? block[3] : block[1]);
    const std::string& path = block[1];
    EXPECT_EQ(found->is_nested, !absl::EndsWith(path, found->path));
  }
}

TEST(ParseContainerCgroupTest, HostileNamesAreNoContainers) {
  const std::string id(64, 'a');
  for (const std::string& path :
       {std::string(), std::string("//"), std::string("\0", 1), std::string(100000, '/'),
        std::string(100000, 'a'), "/kubepods/pod\n/" + id,
        "/pod01234567-cccc-dddd-eeee\x1b[31m/" + id, std::string("/:::"), std::string("/a:b:c:d"),
        std::string("/-pod.slice/x"), std::string("/.slice"), std::string("/..")}) {
    EXPECT_FALSE(ParseContainerCgroup(path).has_value());
  }
}

KindBytes Bytes(int64_t anon, int64_t shmem, int64_t file, int64_t hugetlb = 0) {
  KindBytes bytes;
  bytes[MemoryKind::kAnon] = anon;
  bytes[MemoryKind::kShmem] = shmem;
  bytes[MemoryKind::kFile] = file;
  bytes[MemoryKind::kHugetlb] = hugetlb;
  return bytes;
}

TEST(IsInPodsTest, AllOfKubernetesTree) {
  const std::string pod = "pod01234567-cccc-dddd-eeee-ffff00001111";
  const std::string slice = "kubepods-pod01234567_cccc_dddd_eeee_ffff00001111.slice";
  for (const std::string& path :
       {std::string("/kubepods"), std::string("/kubepods.slice"), "/kubepods/burstable/" + pod,
        std::string("/kubepods.slice/kubepods-besteffort.slice"), "/kubepods.slice/" + slice,
        "/custom/kubepods/" + pod, std::string("/kubelet.slice/kubelet-kubepods.slice"),
        "/nested/" + pod, "/system.slice/" + slice + ":cri-containerd:" + std::string(64, 'a')}) {
    EXPECT_TRUE(IsInPods(path)) << path;
  }
  for (const Block& block : ReadBlocks()) {
    if (block[2] == "none") continue;
    EXPECT_TRUE(IsInPods(block[1])) << block[0];
  }
}

TEST(IsInPodsTest, NothingElse) {
  for (const std::string path :
       {"/", "/system.slice/kubelet.service", "/system.slice/postgresql.service", "/machine.slice",
        "/my-kubepods", "/kubepods2", "/podman", "/user.slice/podcast"}) {
    EXPECT_FALSE(IsInPods(path)) << path;
  }
}

TEST(ParseNumaStatTest, ReadsTheThreeKinds) {
  const auto memory = ParseNumaStat(
      "anon N0=4096 N1=8192\n"
      "file N0=12288 N1=0\n"
      "kernel_stack N0=1 N1=2\n"
      "shmem N0=4096 N1=0\n"
      "file_thp N0=7 N1=7\n"
      "workingset_refault_anon N0=0 N1=0\n");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->nodes.at(NodeId{0}), Bytes(4096, 4096, 8192));
  EXPECT_EQ(memory->nodes.at(NodeId{1}), Bytes(8192, 0, 0));
  EXPECT_EQ(memory->nodes.size(), 2u);
}

TEST(ParseNumaStatTest, SparseAndLargeNodeIds) {
  const auto memory = ParseNumaStat("anon N0=1 N2=2 N1023=3\n");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->nodes.at(NodeId{1023}), Bytes(3, 0, 0));
}

TEST(ParseNumaStatTest, PagesOfVersion1AreNotTakenForBytes) {
  const auto memory = ParseNumaStat(
      "total=30 N0=20 N1=10\nfile=10 N0=10 N1=0\nanon=20 N0=10 N1=10\nhierarchical_anon=20 "
      "N0=20\n");
  EXPECT_TRUE(!memory.ok() || memory->nodes.empty());
}

// From Linux 6.1, of a cgroup with descendants.
constexpr char kVersion1[] =
    "total=30 N0=20 N1=10\n"
    "file=10 N0=10 N1=0\n"
    "anon=20 N0=10 N1=10\n"
    "unevictable=0 N0=0 N1=0\n"
    "hierarchical_total=8300 N0=8220 N1=80\n"
    "hierarchical_file=85 N0=10 N1=75\n"
    "hierarchical_anon=8205 N0=8205 N1=0\n"
    "hierarchical_unevictable=10 N0=5 N1=5\n";

TEST(ParseNumaStatV1Test, CountsPagesAndWhatIsBelow) {
  const auto memory = ParseNumaStatV1(kVersion1, 4096);
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->nodes.at(NodeId{0}), Bytes(int64_t{8210} * 4096, 0, int64_t{10} * 4096));
  EXPECT_EQ(memory->nodes.at(NodeId{1}), Bytes(int64_t{5} * 4096, 0, int64_t{75} * 4096));
  EXPECT_EQ(ParseNumaStatV1(kVersion1, 65536)->nodes.at(NodeId{1}),
            Bytes(int64_t{5} * 65536, 0, int64_t{75} * 65536));
  EXPECT_TRUE(ParseNumaStatV1("", 4096)->nodes.empty());
}

TEST(ParseNumaStatV1Test, RefusesOtherFormats) {
  for (const char* text :
       {"hierarchical_anon=1 N0", "hierarchical_anon=1 N0=x", "hierarchical_file=1 N0=-1",
        "hierarchical_anon=1 N0=4611686018427387904", "hierarchical_unevictable=0 rubbish"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseNumaStatV1(text, 4096).status())) << text;
  }
}

TEST(ParseNumaStatTest, FileIsNeverNegative) {
  const auto memory = ParseNumaStat("file N0=4096\nshmem N0=8192\n");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->nodes.at(NodeId{0}), Bytes(0, 8192, 0));
}

TEST(ParseNumaStatTest, EmptyIsNoMemory) {
  EXPECT_TRUE(ParseNumaStat("").value().nodes.empty());
  EXPECT_TRUE(ParseNumaStat("\n\n").value().nodes.empty());
  EXPECT_TRUE(ParseNumaStat(" \n").value().nodes.empty());
}

TEST(ParseNumaStatTest, RefusesOtherFormats) {
  for (const char* text : {"anon N0", "anon N0=", "anon N0=x", "anon N=1", "anon 0=1", "anon N-1=1",
                           "anon N0=-1", "anon N0=99999999999999999999", "anon N0=1 rubbish",
                           "anon N99999999999=1", "file N0=1,N1=2"}) {
    EXPECT_EQ(ParseNumaStat(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseHugetlbNumaStatTest, ReadsTheNodesAndNotTheTotal) {
  const auto memory = ParseHugetlbNumaStat("total=6291456 N0=4194304 N1=2097152\n");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->nodes.at(NodeId{0}), Bytes(0, 0, 0, 4194304));
  EXPECT_EQ(memory->nodes.at(NodeId{1}), Bytes(0, 0, 0, 2097152));
  EXPECT_FALSE(ParseHugetlbNumaStat("rubbish").ok());
}

TEST(ParseHugetlbNumaStatTest, Version1HasASecondLineForAllBelow) {
  const auto memory =
      ParseHugetlbNumaStat("total=0 N0=0 N1=0\nhierarchical_total=4194304 N0=0 N1=4194304\n");
  ASSERT_TRUE(memory.ok()) << memory.status();
  EXPECT_EQ(memory->nodes.at(NodeId{1}), Bytes(0, 0, 0, 4194304));
}

TEST(ParseCgroupProcsTest, DropsDuplicatesAndNeverYieldsZero) {
  int hidden = -1;
  const auto pids = ParseCgroupProcs("30\n0\n10\n30\n0\n20\n", hidden);
  ASSERT_TRUE(pids.ok());
  EXPECT_THAT(*pids, ElementsAre(10, 20, 30));
  EXPECT_EQ(hidden, 2);
  EXPECT_THAT(ParseCgroupProcs("", hidden).value(), ElementsAre());
  EXPECT_EQ(hidden, 0);
}

TEST(ParseCgroupProcsTest, RefusesOtherFormats) {
  int hidden = 0;
  for (const char* text : {"-1\n", "abc\n", "1 2\n", "99999999999\n", "1\nx\n"}) {
    EXPECT_EQ(ParseCgroupProcs(text, hidden).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace numalocality::parse_cgroup_test
