// Every scan method finds exactly the same pages in any process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/os/pages/page_scanner.h"
#include "tests/unit/fake/dice.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::page_scanner_methods_test {
namespace {

constexpr uint64_t kBase = 0x40000000;
constexpr int kHugePages = kFakeHugePages;

struct Page {
  MemoryKind kind;
  int node;
  bool operator==(const Page&) const = default;
};

// The privileges and the kernel of this process.
struct Means {
  std::string name;
  bool has_frames;
  bool has_pagemap_scan;
};
const std::vector<Means> kAllMeans = {{"frames", true, true},
                                      {"frames before 6.7", true, false},
                                      {"presence", false, true},
                                      {"presence before 6.7", false, false}};

class Subject {
 public:
  explicit Subject(const Means& means)
      : process(machine.AddProcess(100)), has_frames_(means.has_frames) {
    machine.kernel().set_has_pagemap_scan(means.has_pagemap_scan);
    if (means.has_frames) machine.ShowFrames();
  }

  void Scan(const ExpectedNodes& expected = {},
            const std::vector<AddressRange>& ranges = {kWholeAddressSpace}) {
    machine.Publish(*process);
    const auto handle = ProcessHandle::Open(machine.kernel(), machine.host(), 100);
    ASSERT_TRUE(handle.ok()) << handle.status();
    const PageScanner scanner(machine.kernel(), machine.clock(), machine.host(), kFakePage);
    const absl::Status status = scanner.Scan(
        *handle, *handle->ReadMaps(), ranges, kAllKinds,
        [&](absl::Span<const PageSpan> spans) {
          Take(spans);
          return true;
        },
        expected);
    ASSERT_TRUE(status.ok()) << status;
  }

  // The pages that a scan must find.
  std::map<uint64_t, Page> Resident() const {
    std::map<uint64_t, Page> resident;
    for (const auto& [address, folio] : process->pages) {
      if (folio->swapped || folio->zero_page) continue;
      const bool is_hidden = folio->hidden && !has_frames_;
      resident[address] = {folio->file ? MemoryKind::kShmem : MemoryKind::kAnon,
                           is_hidden ? kHiddenNode.value : folio->node};
    }
    return resident;
  }

  FakeMachine machine;
  std::shared_ptr<FakeProcess> process;
  std::map<uint64_t, Page> found;
  int64_t huge_pages = 0;  // base pages in huge spans
  size_t span_count = 0;
  std::vector<int64_t> windows;  // base pages outside huge spans

 private:
  void Take(absl::Span<const PageSpan> spans) {
    windows.push_back(0);
    span_count += spans.size();
    const int64_t huge_pages_before = huge_pages;
    for (const PageSpan& span : spans) {
      if (span.is_huge) {
        EXPECT_EQ(span.address % kFakeHuge, 0u);
        EXPECT_EQ(span.pages % kHugePages, 0);
      }
      (span.is_huge ? huge_pages : windows.back()) += span.pages;
      for (int64_t i = 0; i < span.pages; ++i) {
        const uint64_t address = span.address + static_cast<uint64_t>(i) * kFakePage;
        EXPECT_TRUE(found.empty() || found.rbegin()->first < address) << "out of order";
        found[address] = {span.kind, span.node.value};
      }
    }
    EXPECT_LE(windows.back(), PageScanner::kWindowPages);
    EXPECT_LE(huge_pages - huge_pages_before, PageScanner::kMostWindowPages);
  }

  const bool has_frames_;
};

// A process with several mappings: dense, sparse, huge, shared, with swapped pages and zero pages.
void Fill(FakeProcess& process, Dice& dice) {
  uint64_t at = kBase;
  for (int mappings = 1 + dice.Below(12); mappings > 0; --mappings) {
    const bool is_huge = dice.OneIn(3);
    const int count = 1 + dice.Below(is_huge ? 12 : 4000);
    if (is_huge) {
      at = (at / kFakeHuge + 1) * kFakeHuge;
      process.AddHugePages(at, count, dice.Below(2));
    } else {
      process.AddPages(at, count, dice.Below(2), dice.OneIn(4) ? "/dev/shm/x" : "");
    }
    const int unit = is_huge ? kHugePages : 1;
    const int change_one_in = 1 + dice.Below(40);
    const int drop_one_in = 2 + dice.Below(10);
    const bool drops = dice.OneIn(2);
    for (int i = 0; i < count; ++i) {
      const uint64_t address = at + static_cast<uint64_t>(i * unit) * kFakePage;
      FakeFolio& folio = process.At(address);
      if (dice.OneIn(change_one_in)) folio.node = dice.Below(2);
      folio.swapped = !is_huge && dice.OneIn(50);
      folio.zero_page = !folio.file && !folio.swapped && dice.OneIn(30);
      folio.hidden = dice.OneIn(20);
      if (drops && !is_huge && !dice.OneIn(drop_one_in)) process.pages.erase(address);
    }
    at += static_cast<uint64_t>(count * unit) * kFakePage;
    if (dice.OneIn(2)) at += static_cast<uint64_t>(dice.Below(1 << 20)) * kFakePage;
  }
}

TEST(PageScannerMethodsTest, EachFindsAllAndNothingElse) {
  for (uint64_t seed = FirstSeed(); seed < FirstSeed() + static_cast<uint64_t>(ScenarioCount(12));
       ++seed) {
    for (const Means& means : kAllMeans) {
      SCOPED_TRACE("SEED=" + std::to_string(seed) + " by " + means.name);
      Dice dice(seed);
      Subject subject(means);
      Fill(*subject.process, dice);
      // Kernels with PAGEMAP_SCAN hide no pages.
      for (auto& [address, folio] : subject.process->pages) {
        folio->hidden &= !means.has_pagemap_scan;
      }
      subject.Scan();
      ASSERT_EQ(subject.found, subject.Resident());
      EXPECT_TRUE(means.has_pagemap_scan || subject.huge_pages == 0);
    }
  }
}

TEST(PageScannerMethodsTest, EachFindsAllInPartsOfMappings) {
  for (const Means& means : kAllMeans) {
    SCOPED_TRACE(means.name);
    Subject subject(means);
    subject.process->AddHugePages(kBase, 40, 1);
    subject.process->At(kBase + 20 * kFakeHuge).zero_page = true;
    const AddressRange first{kBase + 5 * kFakePage, kBase + 20 * kFakeHuge + 9 * kFakePage};
    const AddressRange second{kBase + 30 * kFakeHuge - kFakePage, kBase + 31 * kFakeHuge};
    subject.Scan({}, {second, first});
    EXPECT_EQ(subject.found.size(), 20u * kHugePages - 5 + 1 + kHugePages);
    EXPECT_EQ(subject.huge_pages, means.has_pagemap_scan ? (19 + 1) * kHugePages : 0);
  }
}

TEST(PageScannerMethodsTest, WithoutPagemapHiddenPagesAreNotFound) {
  Subject subject({"", false, false});
  subject.process->AddPages(kBase, 10, 1);
  subject.process->At(kBase).hidden = true;
  subject.machine.Publish(*subject.process);
  subject.machine.DenyPagemap(100);
  const auto handle = ProcessHandle::Open(subject.machine.kernel(), subject.machine.host(), 100);
  int64_t pages = 0;
  const PageScanner scanner(subject.machine.kernel(), subject.machine.clock(),
                            subject.machine.host(), kFakePage);
  ASSERT_TRUE(scanner
                  .Scan(*handle, *handle->ReadMaps(), {kWholeAddressSpace}, kAllKinds,
                        [&](absl::Span<const PageSpan> spans) {
                          for (const PageSpan& span : spans) pages += span.pages;
                          return true;
                        })
                  .ok());
  EXPECT_EQ(pages, 9);
}

TEST(PageScannerMethodsTest, HugePagesTakeOneQueryEach) {
  for (const bool has_frames : {true, false}) {
    Subject subject({"", has_frames, true});
    subject.process->AddHugePages(kBase, 200, 1);
    subject.Scan();
    EXPECT_EQ(subject.huge_pages, 200 * kHugePages);
    EXPECT_LE(subject.machine.kernel().CallCount(FakeCall::kQuery), 2);
    EXPECT_LE(subject.windows.size(), 10u);
  }
}

TEST(PageScannerMethodsTest, RunsStayWithinTheirMapping) {
  for (const Means& means : kAllMeans) {
    SCOPED_TRACE(means.name);
    Subject subject(means);
    for (uint64_t i = 0; i < 10; ++i) subject.process->AddPages(kBase + i * 3 * kFakePage, 3, 0);
    subject.Scan();
    EXPECT_EQ(subject.found.size(), 30u);
    EXPECT_EQ(subject.span_count, 10u);
  }
}

TEST(PageScannerMethodsTest, WhatLiesBetweenIsNotSearched) {
  Subject subject({"", false, true});
  subject.process->AddPages(kBase, 5000, 0);
  const uint64_t end = kBase + 5000 * kFakePage;
  subject.Scan({}, {{kBase, kBase + kFakePage}, {end - kFakePage, end}});
  EXPECT_EQ(subject.found.size(), 2u);
  EXPECT_EQ(subject.machine.kernel().searched_pages(), 2);
}

// The kernel writes more than 512 regions in rounds, and sets walk_end only in full rounds.
TEST(PageScannerMethodsTest, NoRegionIsReadTwice) {
  Subject subject({"", false, true});
  subject.process->AddHole(kBase, 5000);
  for (uint64_t i = 0; i < 3000; i += 2) {
    subject.process->pages[kBase + i * kFakePage] = std::make_shared<FakeFolio>();
  }
  subject.Scan();
  EXPECT_EQ(subject.found.size(), 1500u);
  EXPECT_EQ(subject.windows, std::vector<int64_t>{1500});
}

TEST(PageScannerMethodsTest, FramesInABlockOfTwoNodesAreAskedFor) {
  Subject subject({"", true, true});
  subject.process->AddPages(kBase, 10, 0);
  subject.process->AddPages(kBase + 10 * kFakePage, 10, 1);
  // Node 1's pages are in its first block, block 9, which node 0 links as well.
  subject.machine.tree().MakeDirectory("sys/devices/system/node/node0/memory8");
  subject.Scan();
  EXPECT_EQ(subject.found, subject.Resident());
  EXPECT_EQ(subject.machine.kernel().CallCount(FakeCall::kQuery), 1);
}

TEST(PageScannerMethodsTest, WithoutMemoryBlocksFramesAreOfNoUse) {
  Subject subject({"", true, true});
  subject.machine.tree().Remove("sys/devices/system/memory/block_size_bytes");
  subject.process->AddPages(kBase, 10, 1);
  subject.Scan();
  EXPECT_EQ(subject.found, subject.Resident());
  const auto handle = ProcessHandle::Open(subject.machine.kernel(), subject.machine.host(), 100);
  EXPECT_EQ(PageScanner(subject.machine.kernel(), subject.machine.clock(), subject.machine.host(),
                        kFakePage)
                .MethodFor(*handle),
            ScanMethod::kPresence);
}

class ExpectationTest : public ::testing::Test {
 protected:
  // Scans 8000 pages on node 1, except `strays` on node 0. Returns the number of queries.
  int QueriesWith(int expected_node, const std::vector<uint64_t>& strays, bool has_scan = true) {
    Subject subject({"", false, has_scan});
    subject.process->AddPages(kBase, 8000, 1);
    for (const uint64_t page : strays) subject.process->At(kBase + page * kFakePage).node = 0;
    ExpectedNodes expected;
    expected[MemoryKind::kAnon] = NodeId{expected_node};
    subject.Scan(expected);
    wrong_ = 0;
    for (const auto& [address, page] : subject.Resident()) wrong_ += subject.found[address] != page;
    return subject.machine.kernel().CallCount(FakeCall::kQuery);
  }

  int wrong_ = 0;
};

TEST_F(ExpectationTest, SparesQueries) {
  EXPECT_LE(QueriesWith(1, {}), 3);
  EXPECT_EQ(wrong_, 0);
}

TEST_F(ExpectationTest, AWrongOneIsNoticed) {
  EXPECT_GE(QueriesWith(0, {}), 16);
  EXPECT_EQ(wrong_, 0);
}

TEST_F(ExpectationTest, PagesElsewhereAreNoticedWhateverTheirPattern) {
  std::vector<uint64_t> strays;
  for (uint64_t page = 0; page < 8000; page += 16) strays.push_back(page);
  QueriesWith(1, strays);
  EXPECT_EQ(wrong_, 0);
}

TEST_F(ExpectationTest, IsIgnoredWhereZeroPagesAreNotKnown) {
  EXPECT_GE(QueriesWith(1, {}, false), 16);
  EXPECT_EQ(wrong_, 0);
}

}  // namespace
}  // namespace numalocality::page_scanner_methods_test
