// The scanner on this machine's kernel: every method finds exactly the pages of a real process.
// Needs root.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "agent/os/act/page_mover.h"
#include "agent/os/act/system_kernel_calls.h"
#include "agent/os/base/running_kernel.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/process/same_memory.h"
#include "tests/component/scan_target.h"

namespace numalocality::scan_test {
namespace {

// The real kernel without the features that a test switches off.
class LimitedKernel final : public KernelCalls {
 public:
  bool has_pagemap_scan = true;
  int64_t queried = 0;  // addresses

  int MovePages(pid_t pid, absl::Span<const uint64_t> addresses, absl::Span<const int> nodes,
                absl::Span<int> status, MoveFlag flag) override {
    queried += static_cast<int64_t>(addresses.size());
    return real_.MovePages(pid, addresses, nodes, status, flag);
  }
  int ScanPagemap(int fd, const PagemapQuery& query, absl::Span<PagemapRegion> regions,
                  uint64_t& walk_end) override {
    return has_pagemap_scan ? real_.ScanPagemap(fd, query, regions, walk_end) : -ENOTTY;
  }
  int QueryMapping(int fd, uint64_t address, absl::Span<char> name,
                   MappingRecord& mapping) override {
    return real_.QueryMapping(fd, address, name, mapping);
  }
  absl::StatusOr<std::optional<uint64_t>> ZeroFrame() override { return real_.ZeroFrame(); }
  absl::StatusOr<std::strong_ordering> CompareMemory(pid_t a, pid_t b) override {
    return real_.CompareMemory(a, b);
  }
  absl::Status SetThreadCpus(pid_t tid, const CpuSet& cpus) override {
    return real_.SetThreadCpus(tid, cpus);
  }
  absl::StatusOr<std::unique_ptr<ProcessHold>> HoldProcess(pid_t pid, int max_threads,
                                                           absl::Duration timeout) override {
    return real_.HoldProcess(pid, max_threads, timeout);
  }
  absl::StatusOr<ScopedFd> OpenPidFd(pid_t pid) override { return real_.OpenPidFd(pid); }
  absl::StatusOr<CpuSet> ThreadCpus(pid_t tid) override { return real_.ThreadCpus(tid); }

 private:
  KernelCalls& real_ = SystemKernelCalls();
};

// Drops capabilities of the calling thread permanently.
void DropCapabilities(std::initializer_list<int> numbers) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, data), 0);
  for (const int number : numbers) data[number / 32].effective &= ~(1u << (number % 32));
  ASSERT_EQ(syscall(SYS_capset, &header, data), 0);
}

struct Page {
  MemoryKind kind;
  NodeId node;
  bool operator==(const Page&) const = default;
};

struct Found {
  ScanMethod method = ScanMethod::kQuery;
  std::map<uint64_t, Page> pages;
  int64_t huge_pages = 0;  // base pages in spans of huge pages, in ScanTarget::huge
  int64_t longest_window = 0;
  bool ordered = true;
};

class ScanTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(geteuid(), 0u) << "needs root"; }

  void ScanHere(KindSet kinds, const ExpectedNodes& expected, std::vector<AddressRange> ranges) {
    const Host host;
    const auto process = ProcessHandle::Open(kernel_, host, target_.pid());
    ASSERT_TRUE(process.ok()) << process.status();
    const PageScanner scanner(kernel_, Clock::System(), host, 4096);
    found_ = {};
    found_.method = scanner.MethodFor(*process);
    reports_huge_pages_ = scanner.ReportsHugePages(*process);
    uint64_t last = 0;
    const absl::Status status = scanner.Scan(
        *process, *process->ReadMaps(), ranges, kinds,
        [&](absl::Span<const PageSpan> spans) {
          int64_t base_pages = 0;
          for (const PageSpan& span : spans) {
            found_.ordered &= span.address >= last;
            if (span.is_huge)
              found_.ordered &= span.address % (2 << 20) == 0 && span.pages % 512 == 0;
            if (!span.is_huge) base_pages += span.pages;
            const AddressRange huge = target_.huge();
            if (span.is_huge && huge.start <= span.address && span.address < huge.end) {
              found_.huge_pages += span.pages;
            }
            for (int64_t i = 0; i < span.pages; ++i) {
              last = span.address + static_cast<uint64_t>(i) * 4096;
              found_.ordered &= found_.pages.emplace(last, Page{span.kind, span.node}).second;
            }
          }
          found_.longest_window = std::max(found_.longest_window, base_pages);
          return true;
        },
        expected);
    ASSERT_TRUE(status.ok()) << status;
  }

  // Scans with fewer capabilities.
  void Scan(std::initializer_list<int> without, KindSet kinds = kAllKinds,
            const ExpectedNodes& expected = {}, std::vector<AddressRange> ranges = {}) {
    if (ranges.empty()) ranges = target_.ranges();
    std::thread([&] {
      DropCapabilities(without);
      ScanHere(kinds, expected, ranges);
    }).join();
    EXPECT_TRUE(found_.ordered) << "addresses are not in order, or pages are there twice";
    EXPECT_LE(found_.longest_window, PageScanner::kWindowPages);
  }

  // Expects that the scan found exactly the resident pages, each on the node that the kernel
  // reports. Linux 6.1 to 6.5 report unreadable pages as absent.
  void ExpectAll(bool copies_are_known = true) {
    const std::map<uint64_t, MemoryKind> resident = target_.resident();
    std::vector<uint64_t> addresses;
    for (const auto& [address, kind] : resident) addresses.push_back(address);
    std::vector<int> nodes(addresses.size(), kStatusUnwritten);
    ASSERT_EQ(SystemKernelCalls().MovePages(target_.pid(), addresses, {}, absl::MakeSpan(nodes)),
              0);
    hidden_.clear();
    int64_t wrong = 0;
    size_t right = 0;
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (nodes[i] < 0) hidden_.push_back(addresses[i]);
      const auto page = found_.pages.find(addresses[i]);
      if (page == found_.pages.end()) {
        // Without pagemap, hidden pages cannot be found.
        wrong += nodes[i] >= 0 || found_.method != ScanMethod::kQuery;
        continue;
      }
      const NodeId node = page->second.node;
      const bool is_right = nodes[i] >= 0                          ? node == NodeId{nodes[i]}
                            : found_.method == ScanMethod::kFrames ? node >= NodeId{0}
                                                                   : node == kHiddenNode;
      if (is_right && (!copies_are_known || page->second.kind == resident.at(addresses[i]))) {
        ++right;
      } else {
        ++wrong;
      }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(found_.pages.size(), right);
    const auto kernel = ReadKernelRelease(Host());
    ASSERT_TRUE(kernel.ok()) << kernel.status();
    const bool hides = kernel->IsAtLeast(6, 1) && !kernel->IsAtLeast(6, 6);
    EXPECT_EQ(hidden_.size(), hides ? ScanTarget::kUnreadablePages : 0);
  }

  // Expects that huge pages are reported, if the kernel can.
  void ExpectHugePages(int64_t excluded = 0) {
    EXPECT_EQ(found_.huge_pages, reports_huge_pages_ ? HugePagesOfSmaps() - excluded : 0);
  }

  // The lines of /proc/PID/smaps for the mapping at target_.huge().
  int64_t HugePagesOfSmaps() {
    std::ifstream smaps("/proc/" + std::to_string(target_.pid()) + "/smaps");
    char start[32];
    std::snprintf(start, sizeof start, "%lx-", static_cast<unsigned long>(target_.huge().start));
    bool is_there = false;
    for (std::string line; std::getline(smaps, line);) {
      is_there |= absl::StartsWith(line, start);
      if (is_there && absl::StartsWith(line, "AnonHugePages:"))
        return std::stol(line.substr(14)) / 4;
    }
    return -1;
  }

  LimitedKernel kernel_;
  ScanTarget target_;
  Found found_;
  std::vector<uint64_t> hidden_;  // set by ExpectAll: pages that the kernel reports as absent
  bool reports_huge_pages_ = false;
};

TEST_F(ScanTest, ByFrames) {
  Scan({});
  EXPECT_EQ(found_.method, ScanMethod::kFrames);
  ExpectAll();
  ExpectHugePages();
}

TEST_F(ScanTest, ByFramesBeforeLinux67) {
  kernel_.has_pagemap_scan = false;
  Scan({});
  ExpectAll();
  EXPECT_EQ(found_.huge_pages, 0);
  // Only those whose frames are consecutive by chance, as in huge pages.
  EXPECT_LT(kernel_.queried, static_cast<int64_t>(found_.pages.size() / 10));
}

TEST_F(ScanTest, ByPresence) {
  Scan({CAP_SYS_ADMIN});
  EXPECT_EQ(found_.method, ScanMethod::kPresence);
  ExpectAll();
  ExpectHugePages();
  if (reports_huge_pages_) {
    EXPECT_LE(kernel_.queried,
              static_cast<int64_t>(target_.resident().size()) - found_.huge_pages / 512 * 500);
  }
}

TEST_F(ScanTest, ByPresenceBeforeLinux67) {
  kernel_.has_pagemap_scan = false;
  Scan({CAP_SYS_ADMIN});
  EXPECT_EQ(found_.method, ScanMethod::kPresence);
  ExpectAll();
}

TEST_F(ScanTest, ByPresenceWithExpectedNodes) {
  ExpectedNodes expected;
  for (const MemoryKind kind : {MemoryKind::kAnon, MemoryKind::kShmem}) expected[kind] = NodeId{0};
  Scan({CAP_SYS_ADMIN}, kAllKinds, expected);
  ExpectAll();
  const bool holds = std::all_of(found_.pages.begin(), found_.pages.end(),
                                 [](const auto& page) { return page.second.node == NodeId{0}; });
  EXPECT_TRUE(!reports_huge_pages_ || !holds || kernel_.queried < 3500) << kernel_.queried;
}

TEST_F(ScanTest, AWrongExpectationDoesNoHarm) {
  ExpectedNodes expected;
  expected[MemoryKind::kAnon] = NodeId{1};
  Scan({CAP_SYS_ADMIN}, kAllKinds, expected);
  ExpectAll();
}

TEST_F(ScanTest, ByQueries) {
  // Without the large hole, which takes half a minute with this method.
  std::vector<AddressRange> ranges = target_.ranges();
  std::erase_if(ranges, [](const AddressRange& range) { return range.size() >> 32 != 0; });
  Scan({CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE}, kAllKinds, {}, ranges);
  EXPECT_EQ(found_.method, ScanMethod::kQuery);
  ExpectAll(false);
}

TEST_F(ScanTest, HiddenPagesAreBusy) {
  Scan({});
  ExpectAll();
  const auto process = ProcessHandle::Open(kernel_, Host(), target_.pid());
  ASSERT_TRUE(process.ok()) << process.status();
  std::vector<PageMove> moves;
  for (const uint64_t address : hidden_) moves.push_back({address, NodeId{0}, NodeId{0}});
  for (const PageOutcome outcome :
       PageMover(kernel_, Clock::System(), Host().page_bytes).Move(*process, moves).outcomes) {
    ASSERT_EQ(outcome, PageOutcome::kBusy);
  }
}

TEST_F(ScanTest, OneKindOnly) {
  for (const bool has_frames : {true, false}) {
    if (has_frames) {
      Scan({}, {MemoryKind::kShmem});
    } else {
      Scan({CAP_SYS_ADMIN}, {MemoryKind::kShmem});
    }
    EXPECT_EQ(found_.pages.size(), 140u);
  }
}

TEST_F(ScanTest, PartsOfHugePages) {
  AddressRange range = target_.huge();
  range.start += 5 * 4096;
  range.end -= 3 * 4096;
  for (const std::initializer_list<int> without : {std::initializer_list<int>{}, {CAP_SYS_ADMIN}}) {
    Scan(without, kAllKinds, {}, {range});
    EXPECT_EQ(found_.pages.size(), range.size() / 4096);
    ExpectHugePages(2 * 512);
  }
}

// A child process whose main thread exits on request while another thread continues.
class Headless {
 public:
  Headless() {
    if (pipe(pipe_) != 0) std::abort();
    pid_ = fork();
    if (pid_ != 0) return;
    std::thread([] { pause(); }).detach();
    char request = 0;
    while (read(pipe_[0], &request, 1) != 1) continue;
    syscall(SYS_exit, 0);  // ends only this thread
  }
  ~Headless() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    close(pipe_[0]);
    close(pipe_[1]);
  }

  pid_t pid() const { return pid_; }

  void EndMainThread() {
    ASSERT_EQ(write(pipe_[1], "x", 1), 1);
    for (;;) {
      const auto stat = ReadStat(Host(), pid_);
      ASSERT_TRUE(stat.ok()) << stat.status();
      if (stat->state == 'Z') break;
      usleep(1000);
    }
  }

 private:
  pid_t pid_ = -1;
  int pipe_[2];
};

// Finds the process's pages and moves one to its current node: the kernel accepts the process and
// changes nothing.
void ExpectReachable(const ProcessHandle& process) {
  KernelCalls& kernel = SystemKernelCalls();
  std::vector<PageSpan> found;
  const absl::Status status = PageScanner(kernel, Clock::System(), Host(), 4096)
                                  .Scan(process, *process.ReadMaps(), {kWholeAddressSpace},
                                        kPrivateKinds, [&](absl::Span<const PageSpan> spans) {
                                          found.insert(found.end(), spans.begin(), spans.end());
                                          return true;
                                        });
  EXPECT_TRUE(status.ok()) << status;
  ASSERT_GT(found.size(), 10u);
  const PageMove move{found.back().address, found.back().node, found.back().node};
  const PageMover mover(kernel, Clock::System(), Host().page_bytes);
  EXPECT_EQ(mover.Query(process, {move}), std::vector<int>{move.target.value});
  EXPECT_EQ(mover.Move(process, {move}).outcomes, std::vector<PageOutcome>{PageOutcome::kMoved});
}

TEST(HeadlessTest, AProcessLivesOnWithoutItsMainThread) {
  Headless child;
  child.EndMainThread();
  const auto process = ProcessHandle::Open(SystemKernelCalls(), Host(), child.pid());
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_NE(process->thread(), child.pid());
  EXPECT_EQ(process->Fate(), ProcessFate::kRunning);
  ExpectReachable(*process);
}

TEST(HeadlessTest, TheMainThreadMayEndMeanwhile) {
  Headless child;
  const auto process = ProcessHandle::Open(SystemKernelCalls(), Host(), child.pid());
  ASSERT_TRUE(process.ok()) << process.status();
  child.EndMainThread();
  EXPECT_EQ(process->thread(), child.pid());
  ExpectReachable(*process);
  EXPECT_NE(process->thread(), child.pid());
}

TEST(HeadlessTest, TwoAreNotOneAddressSpace) {
  Headless one;
  Headless other;
  one.EndMainThread();
  other.EndMainThread();
  const pid_t pids[] = {one.pid(), other.pid()};
  ReadBudget budget;
  EXPECT_EQ(GroupBySameMemory(SystemKernelCalls(), Host(), pids, budget)->size(), 2u);
}

}  // namespace
}  // namespace numalocality::scan_test
