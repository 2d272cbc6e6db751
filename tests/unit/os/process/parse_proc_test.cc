#include "agent/os/process/parse_proc.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"

namespace numalocality::parse_proc_test {
namespace {

absl::StatusOr<std::vector<Mapping>> ParseMaps(absl::string_view text,
                                               const MemoryFileSystems& file_systems) {
  std::vector<Mapping> mappings;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const auto mapping = ParseMapsLine(line, file_systems);
    if (!mapping.ok()) return mapping.status();
    mappings.push_back(*mapping);
  }
  return mappings;
}

// In parts of `part_bytes`.
absl::StatusOr<MemoryFileSystems> ParseMountinfo(absl::string_view text, size_t part_bytes = 1000) {
  MountinfoParser parser;
  for (size_t at = 0; at < text.size(); at += part_bytes) parser.Add(text.substr(at, part_bytes));
  return parser.Finish();
}

// Fields 4 to 29 of a stat line: 5 and 6 ticks of CPU time, 9 threads, start time 12345, 200
// resident pages, code from 4096 on, stack from 7000 on.
constexpr char kTail[] =
    " 1 2 3 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 9 0 12345 1000 200 18446744073709551615 4096 5000 "
    "7000 0\n";

TEST(ParseStatTest, ReadsCommandStateAndStartTime) {
  const auto stat = ParseStat(std::string("7 (cat) S") + kTail);
  ASSERT_TRUE(stat.ok()) << stat.status();
  EXPECT_EQ(stat->command, "cat");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->start_ticks, 12345u);
  EXPECT_EQ(stat->thread_count, 9);
  EXPECT_EQ(stat->cpu_ticks, 11u);
  EXPECT_EQ(stat->resident_pages, 200);
  EXPECT_EQ(stat->code_start, 4096u);
  EXPECT_EQ(stat->stack_start, 7000u);
}

TEST(ParseStatTest, TheCommandEndsAtTheLastParenthesis) {
  for (const std::string command :
       {"a) R 1 (b", ") Z 1 1 1 (", "((", "))", "", " ", "a b", "x\ny", "\xff\x80"}) {
    const auto stat = ParseStat("7 (" + command + ") R" + kTail);
    ASSERT_TRUE(stat.ok()) << command;
    EXPECT_EQ(stat->command, command);
    EXPECT_EQ(stat->state, 'R');
    EXPECT_EQ(stat->start_ticks, 12345u);
  }
}

TEST(ParseStatTest, RefusesOtherFormats) {
  for (const std::string& text :
       {std::string(), std::string("7"), std::string("7 (cat"), std::string(") 7 ("),
        std::string("7 (cat) S"), std::string("7 (cat) S 1 2 3"), std::string("7 (cat) SS") + kTail,
        std::string("7 (cat) S 1 2 3 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 1 0 -5 1000 200 9 1 2 3")}) {
    EXPECT_EQ(ParseStat(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseMapsTest, ReadsRangesAndBackings) {
  const std::pair<const char*, Backing> cases[] = {
      {"", Backing::kAnonymous},
      {"[heap]", Backing::kHeap},
      {"[stack]", Backing::kStack},
      {"[stack:77]", Backing::kStack},
      {"[anon: a name]", Backing::kAnonymous},
      {"[anon:glibc: malloc]", Backing::kAnonymous},
      {"[anon_shmem:x]", Backing::kShmem},
      {"/usr/lib/x86_64-linux-gnu/libc.so.6", Backing::kFile},
      {"/tmp/name with spaces", Backing::kFile},
      {"/tmp/a [heap]", Backing::kFile},
      {"/tmp/new\\012line", Backing::kFile},
      {"/tmp/gone (deleted)", Backing::kFile},
      {"[vdso]", Backing::kSpecial},
      {"[vvar]", Backing::kSpecial},
      {"[uprobes]", Backing::kSpecial},
      {"[unheard of]", Backing::kSpecial},
      {"anon_inode:[io_uring]", Backing::kSpecial},
  };
  for (const auto& [path, backing] : cases) {
    const auto mappings =
        ParseMaps(std::string("7f0000001000-7f0000003000 rw-p 00000000 00:00 0                  ") +
                      path + "\n",
                  {});
    ASSERT_TRUE(mappings.ok()) << path;
    ASSERT_EQ(mappings->size(), 1u);
    EXPECT_EQ(mappings->front().range, (AddressRange{0x7f0000001000, 0x7f0000003000}));
    EXPECT_EQ(mappings->front().backing, backing) << path;
  }
}

TEST(ParseMapsTest, TheDeviceShowsWhatPathsDoNot) {
  const MemoryFileSystems mounts{{{0, 0x2a}}, {{8, 0x11}}, {{0, 0x15}}};
  const auto mappings = ParseMaps(
      "1000-2000 rw-s 00000000 00:2a 9 /memfd:huge (deleted)\n"
      "2000-3000 rw-s 00000000 00:2a 9 /mnt/pool/x\n"
      "3000-4000 rw-s 00000000 08:11 9 /scratch/x\n"
      "4000-5000 rw-s 00000000 08:12 9 /scratch/x\n"
      "5000-6000 rw-s 00000000 00:15 9 /sys/devices/pci0000:00/resource0\n",
      mounts);
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  EXPECT_EQ((*mappings)[0].backing, Backing::kHugetlb);
  EXPECT_EQ((*mappings)[1].backing, Backing::kHugetlb);
  EXPECT_EQ((*mappings)[2].backing, Backing::kShmem);
  EXPECT_EQ((*mappings)[3].backing, Backing::kFile);
  EXPECT_EQ((*mappings)[4].backing, Backing::kSpecial);
}

TEST(ParseMapsTest, APathDoesNotMakeADiskFileMemory) {
  const MemoryFileSystems mounts{{{0, 0x2a}}, {{0, 0x11}}, {}};
  const std::pair<const char*, Backing> in_tmpfs[] = {
      {"/memfd:name (deleted)", Backing::kShmem},    {"/SYSV00000000 (deleted)", Backing::kShmem},
      {"/dev/shm/buffer", Backing::kShmem},          {"/dev/zero", Backing::kShmem},
      {"/dev/zero (deleted)", Backing::kShmem},      {"/dev/nvidia0", Backing::kSpecial},
      {"/anon_hugepage (deleted)", Backing::kShmem}, {"/dev/hugepages/pool", Backing::kSpecial},
  };
  for (const auto& [path, backing] : in_tmpfs) {
    const auto mappings = ParseMaps(absl::StrCat("1000-2000 rw-s 00000000 00:11 9 ", path, "\n",  //
                                                 "2000-3000 rw-s 00000000 08:01 9 ", path, "\n"),
                                    mounts);
    ASSERT_TRUE(mappings.ok()) << mappings.status();
    EXPECT_EQ((*mappings)[0].backing, backing) << path;
    EXPECT_EQ((*mappings)[1].backing, Backing::kFile) << path << " on a disk";
  }
}

TEST(ParseMapsTest, ReadsWhatIsMappedAndWhetherItIsShared) {
  const auto mappings = ParseMaps(
      "1000-2000 rw-s 00000000 00:01 4096                       /dev/zero (deleted)\n"
      "2000-3000 r-xp 00001000 103:1a 9223372036854775807 /usr/bin/x\n"
      "3000-4000 ---p 00000000 00:00 0\n",
      {});
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  EXPECT_EQ((*mappings)[0].file, (FileId{{0, 1}, 4096}));
  EXPECT_TRUE((*mappings)[0].is_shared);
  EXPECT_FALSE((*mappings)[0].MayHoldCopies());
  EXPECT_EQ((*mappings)[1].file, (FileId{{0x103, 0x1a}, 9223372036854775807}));
  EXPECT_FALSE((*mappings)[1].is_shared);
  EXPECT_TRUE((*mappings)[1].MayHoldCopies());
  EXPECT_EQ((*mappings)[2].file, FileId{});
  EXPECT_FALSE((*mappings)[2].MayHoldCopies());
}

TEST(ParseMountinfoTest, FindsFileSystemsThatAreMemory) {
  const absl::string_view text =
      "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
      "23 22 0:5 / /dev rw - devtmpfs udev rw\n"
      "30 22 0:42 / /dev/hugepages rw,relatime shared:2 master:1 - hugetlbfs hugetlbfs rw\n"
      "31 22 0:43 /a\\040b /mnt/a\\040-\\040tmpfs rw - tmpfs tmpfs rw,size=1k\n"
      "32 22 0:44 / /mnt/x rw - xfs hugetlbfs rw\n"
      "33 22 0:20 / /sys rw - sysfs sysfs rw\n"
      "34 22 259:1 / /mnt/pmem rw - ext4 /dev/pmem0 rw,dax=always,x=1\n"
      "35 22 259:2 / /mnt/pmem rw,dax - ext4 /dev/dax,dax rw,dax=never\n";
  for (const size_t part_bytes : {size_t{1}, size_t{7}, text.size()}) {
    const auto mounts = ParseMountinfo(text, part_bytes);
    ASSERT_TRUE(mounts.ok()) << mounts.status();
    EXPECT_EQ(mounts->hugetlbfs, (std::set<DeviceId>{{0, 42}}));
    EXPECT_EQ(mounts->tmpfs, (std::set<DeviceId>{{0, 5}, {0, 43}}));
    EXPECT_EQ(mounts->devices, (std::set<DeviceId>{{0, 20}, {259, 1}}));
  }
}

TEST(ParseMountinfoTest, LongPathsHideNothing) {
  const std::string deep(100'000, 'd');
  const auto mounts =
      ParseMountinfo("30 22 0:42 /" + deep + " /" + deep + " rw - hugetlbfs " + deep + " rw\n");
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  EXPECT_EQ(mounts->hugetlbfs, (std::set<DeviceId>{{0, 42}}));
}

TEST(ParseMountinfoTest, RefusesOtherFormats) {
  for (const char* text : {"rubbish\n", "22 1 8:1 / / rw ext4\n", "22 1 8 / / rw - tmpfs x rw\n",
                           "22 1 x:y / / rw - tmpfs x rw\n", "22 1 8:1 / / rw -\n"}) {
    EXPECT_EQ(ParseMountinfo(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseMapsTest, HostilePathsStayInTheirLine) {
  const auto mappings = ParseMaps(
      "1000-2000 r--p 00000000 08:01 9 /tmp/3000-4000 rw-p 00000000 00:00 0 [heap]\n"
      "5000-6000 rw-p 00000000 00:00 0 \n"
      "6000-7000 rw-p 00000000 00:00 0\n"
      "7000-8000 rw-s 00000000 08:01 9 /" +
          std::string(5000, 'x') +
          "\n"
          "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n",
      {});
  ASSERT_TRUE(mappings.ok()) << mappings.status();
  ASSERT_EQ(mappings->size(), 5u);
  EXPECT_EQ((*mappings)[0].backing, Backing::kFile);
  EXPECT_EQ((*mappings)[1].backing, Backing::kAnonymous);
  EXPECT_EQ((*mappings)[2].backing, Backing::kAnonymous);
  EXPECT_EQ((*mappings)[3].backing, Backing::kFile);
  EXPECT_EQ((*mappings)[4].backing, Backing::kSpecial);
}

TEST(ParseMapsTest, EmptyIsNoMapping) { EXPECT_TRUE(ParseMaps("", {}).value().empty()); }

TEST(ParseMapsTest, RefusesOtherFormats) {
  for (const char* text : {"rubbish\n", "1000 rw-p 0 0 0\n", "1000-2000 rw 00000000 00:00 0\n",
                           "1000-2000 rw-p 00000000 00:00 x\n", "2000-1000 rw-p 00000000 00:00 0\n",
                           "1000-1000 rw-p 00000000 00:00 0\n", "x-y rw-p 00000000 00:00 0\n",
                           "1000-2000\n", "1000-2000 rw-p 00000000 00:00\n",
                           "1000-11112222333344445 rw-p 00000000 00:00 0\n", " \n"}) {
    EXPECT_EQ(ParseMaps(text, {}).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseProcessCgroupTest, TakesTheLineOfCgroupV2) {
  EXPECT_EQ(*ParseProcessCgroup("0::/a/b\n"), "/a/b");
  EXPECT_EQ(*ParseProcessCgroup("0::/\n"), "/");
  EXPECT_EQ(*ParseProcessCgroup("4:cpuset:/x\n1:name=systemd:/y\n0::/z\n"), "/z");
  EXPECT_EQ(*ParseProcessCgroup("0::/a:b:c"), "/a:b:c");
}

TEST(ParseProcessCgroupTest, OnVersion1TakesTheMemoryControllers) {
  EXPECT_EQ(*ParseProcessCgroup("12:cpuset:/x\n7:memory:/a:b\n1:name=systemd:/y\n"), "/a:b");
  EXPECT_EQ(*ParseProcessCgroup("0::/init.scope\n3:cpu,memory:/a\n"), "/a");  // hybrid
}

TEST(ParseProcessCgroupTest, NotFoundWithoutEither) {
  for (const char* text : {"", "4:cpuset:/kubepods/x\n1:name=systemd:/y\n", "0::", "10::/x",
                           "2:name=memory:/x", "memory:/x"}) {
    EXPECT_EQ(ParseProcessCgroup(text).status().code(), absl::StatusCode::kNotFound) << text;
  }
}

TEST(ParseMemsAllowedTest, TakesTheList) {
  EXPECT_EQ(*ParseMemsAllowed("Name:\tx\nMems_allowed:\t3\nMems_allowed_list:\t0-1\nVol:\t1\n"),
            "0-1");
  EXPECT_EQ(ParseMemsAllowed("Name:\tx\nMems_allowed:\t3\n").status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ParseSwappedBytesTest, TakesTheNumber) {
  EXPECT_EQ(*ParseSwappedBytes("Name:\tx\nVmSwap:\t     312 kB\nThreads:\t1\n"), 312 * 1024);
  EXPECT_TRUE(absl::IsNotFound(ParseSwappedBytes("Name:\tVmSwap:\n").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(ParseSwappedBytes("VmSwap:\tmuch kB\n").status()));
}

}  // namespace
}  // namespace numalocality::parse_proc_test
