#include "agent/os/pages/page_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::page_scanner_test {
namespace {

using ::testing::ElementsAre;

constexpr uint64_t kBase = 0x10000000;

class PageScannerTest : public ::testing::Test {
 protected:
  PageScannerTest() : process_(machine_.AddProcess(100)) {}

  static uint64_t Address(int page) { return kBase + static_cast<uint64_t>(page) * kFakePage; }

  // All pages that a scan finds.
  absl::StatusOr<std::vector<PageSpan>> Scan(KindSet kinds = kAllKinds,
                                             std::vector<AddressRange> ranges = {
                                                 kWholeAddressSpace}) {
    const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
    if (!handle.ok()) return handle.status();
    const auto mappings = handle->ReadMaps();
    if (!mappings.ok()) return mappings.status();
    std::vector<PageSpan> found;
    windows_.clear();
    const absl::Status status =
        PageScanner(machine_.kernel(), machine_.clock(), machine_.host(), kFakePage)
            .Scan(*handle, *mappings, ranges, kinds, [&](absl::Span<const PageSpan> spans) {
              windows_.push_back(0);
              for (const PageSpan& span : spans) {
                windows_.back() += static_cast<size_t>(span.pages);
                for (int64_t i = 0; i < span.pages; ++i) {
                  const auto offset = static_cast<uint64_t>(i) * kFakePage;
                  found.push_back({span.address + offset, 1, span.node, span.kind});
                }
              }
              return windows_.size() < stop_after_;
            });
    if (!status.ok()) return status;
    return found;
  }

  static std::vector<uint64_t> Addresses(const absl::StatusOr<std::vector<PageSpan>>& pages) {
    EXPECT_TRUE(pages.ok()) << pages.status();
    std::vector<uint64_t> addresses;
    for (const PageSpan& page : *pages) addresses.push_back(page.address);
    return addresses;
  }

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_;
  std::vector<size_t> windows_;
  size_t stop_after_ = 1000;
};

TEST_F(PageScannerTest, FindsEachPageAndItsNode) {
  process_->AddPages(kBase, 3, 0);
  process_->At(Address(1)).node = 1;
  machine_.Publish(*process_);
  const auto pages = Scan();
  EXPECT_THAT(Addresses(pages), ElementsAre(Address(0), Address(1), Address(2)));
  EXPECT_EQ((*pages)[0].node, NodeId{0});
  EXPECT_EQ((*pages)[1].node, NodeId{1});
  EXPECT_EQ((*pages)[1].kind, MemoryKind::kAnon);
}

TEST_F(PageScannerTest, WhatIsNotResidentIsNotFound) {
  process_->AddHole(Address(0), 1);  // never touched
  process_->AddPages(Address(1), 3, 0);
  process_->At(Address(1)).zero_page = true;  // pagemap shows it as present
  process_->At(Address(2)).swapped = true;
  machine_.Publish(*process_);
  EXPECT_THAT(Addresses(Scan()), ElementsAre(Address(3)));
}

TEST_F(PageScannerTest, OnlyWhatPagemapHasPresentIsQueried) {
  process_->AddHole(kBase, 100000);
  process_->AddPages(0x90000000, 1, 0);
  machine_.Publish(*process_);
  EXPECT_THAT(Addresses(Scan()), ElementsAre(0x90000000));
  EXPECT_EQ(machine_.kernel().CallCount(FakeCall::kQuery), 1);
}

TEST_F(PageScannerTest, ACopyInAFileMappingIsAnonymous) {
  process_->AddPages(Address(0), 2, 0, "/usr/lib/libc.so.6");
  process_->At(Address(0)).file = true;
  machine_.Publish(*process_);
  const auto pages = Scan();
  EXPECT_EQ((*pages)[0].kind, MemoryKind::kFile);
  EXPECT_EQ((*pages)[1].kind, MemoryKind::kAnon);
  EXPECT_THAT(Addresses(Scan(kPrivateKinds)), ElementsAre(Address(1)));
}

TEST_F(PageScannerTest, KindsComeFromTheMapping) {
  process_->AddPages(Address(0), 1, 0, "[heap]");
  process_->AddPages(Address(1), 1, 0, "/dev/shm/x");
  process_->AddPages(Address(2), 1, 0, "/anon_hugepage (deleted)");
  process_->AddPages(Address(3), 1, 0, "[vdso]");
  machine_.Publish(*process_);
  const auto pages = Scan();
  EXPECT_THAT(Addresses(pages), ElementsAre(Address(0), Address(1), Address(2)));
  EXPECT_EQ((*pages)[1].kind, MemoryKind::kShmem);
  EXPECT_EQ((*pages)[2].kind, MemoryKind::kHugetlb);
  EXPECT_THAT(Addresses(Scan({MemoryKind::kShmem})), ElementsAre(Address(1)));
}

TEST_F(PageScannerTest, HugetlbPagesOf1GiBAreCountedBeside2MiB) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  constexpr int kPagesPerGiB = kGiB / kFakePage;
  for (const char* size : {"2048", "1048576"}) {
    machine_.tree().MakeDirectory(absl::StrCat("sys/kernel/mm/hugepages/hugepages-", size, "kB"));
  }
  process_->AddHugePages(kGiB, 2, 0);
  process_->At(kGiB + kFakeHuge).node = 1;
  process_->mappings.back().path = "/anon_hugepage (deleted)";
  process_->mappings.back().file.device = kFakeHugetlb;
  process_->AddHole(2 * kGiB, kPagesPerGiB, "/anon_hugepage (deleted)");
  const auto giant = std::make_shared<FakeFolio>();
  giant->node = 1;
  giant->pages = kPagesPerGiB;
  for (uint64_t page = 2 * kGiB; page < 3 * kGiB; page += kFakePage) process_->pages[page] = giant;
  machine_.Publish(*process_);
  for (const bool has_pagemap_scan : {true, false}) {
    machine_.kernel().set_has_pagemap_scan(has_pagemap_scan);
    const auto pages = Scan({MemoryKind::kHugetlb});
    ASSERT_TRUE(pages.ok()) << pages.status();
    const auto on_node_1 = std::count_if(
        pages->begin(), pages->end(), [](const PageSpan& page) { return page.node == NodeId{1}; });
    EXPECT_EQ(on_node_1, kPagesPerGiB + kFakeHugePages);
    EXPECT_EQ(pages->size(), static_cast<size_t>(kPagesPerGiB + 2 * kFakeHugePages));
    EXPECT_THAT(Addresses(Scan(kPrivateKinds)), ::testing::IsEmpty());
  }
}

TEST_F(PageScannerTest, PagesOf64KiBAreFoundAndCountedAsSuch) {
  constexpr uint64_t kLargePage = 64 << 10;
  constexpr uint64_t kPresentAndExclusive = uint64_t{1} << 63 | uint64_t{1} << 56;
  process_->AddHole(kBase, 16 * kLargePage / kFakePage);
  for (uint64_t i = 0; i < 16; ++i) {
    process_->pages[kBase + i * kLargePage] = std::make_shared<FakeFolio>();
    process_->At(kBase + i * kLargePage).node = i < 10 ? 0 : 1;
  }
  machine_.Publish(*process_);
  machine_.tree().Write("proc/100/pagemap", "");
  machine_.tree().WriteWords(
      "proc/100/pagemap",
      {{kBase / kLargePage * sizeof(uint64_t), std::vector<uint64_t>(16, kPresentAndExclusive)}});
  const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
  std::vector<PageSpan> found;
  const absl::Status status =
      PageScanner(machine_.kernel(), machine_.clock(), machine_.host(), kLargePage)
          .Scan(*handle, *handle->ReadMaps(), {{kBase + 1, kBase + 15 * kLargePage + 1}}, kAllKinds,
                [&](absl::Span<const PageSpan> spans) {
                  found.insert(found.end(), spans.begin(), spans.end());
                  return true;
                });
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].pages, 10);
  EXPECT_EQ(found[1].address, kBase + 10 * kLargePage);
  EXPECT_EQ(found[1].pages, 6);
}

TEST_F(PageScannerTest, WithoutPagemapEveryAddressIsQueried) {
  process_->AddHole(Address(0), 2);
  process_->AddPages(Address(2), 2, 1);
  process_->AddPages(Address(4), 2, 1, "/usr/lib/libc.so.6");
  process_->At(Address(2)).zero_page = true;
  machine_.Publish(*process_);
  machine_.DenyPagemap(100);
  EXPECT_THAT(Addresses(Scan()), ElementsAre(Address(3), Address(4), Address(5)));
  // Then anonymous copies in file mappings cannot be distinguished from page cache.
  EXPECT_THAT(Addresses(Scan(kPrivateKinds)), ElementsAre(Address(3)));
}

TEST_F(PageScannerTest, WindowsAreFullButDoNotCutThroughWhatMayBeAHugePage) {
  constexpr int kWindow = PageScanner::kWindowPages;
  const uint64_t start = 4 * kWindow * kFakePage - 10 * kFakePage;
  process_->AddPages(start, 10 + kWindow + 5, 0);
  machine_.Publish(*process_);
  EXPECT_EQ(Addresses(Scan()).size(), 10u + kWindow + 5u);
  EXPECT_THAT(windows_, ElementsAre(10 + kWindow - kFakeHugePages, kFakeHugePages + 5));
}

TEST_F(PageScannerTest, AWindowSpansMappingsAndHoles) {
  for (uint64_t i = 0; i < 50; ++i) {
    process_->AddPages(kBase + i * 8000 * kFakePage, 3, 0);
    process_->AddHole(kBase + (i * 8000 + 1000) * kFakePage, 5000);
  }
  machine_.Publish(*process_);
  EXPECT_EQ(Addresses(Scan()).size(), 150u);
  EXPECT_LE(windows_.size(), 3u);
}

TEST_F(PageScannerTest, RangesAreWidenedToPagesAndMerged) {
  process_->AddPages(kBase, 20, 0);
  machine_.Publish(*process_);
  EXPECT_THAT(Addresses(Scan(kAllKinds, {{Address(5) + 100, Address(5) + 200},
                                         {Address(9), Address(10)},
                                         {Address(2) + 1, Address(3) + 1},
                                         {Address(3), Address(4)}})),
              ElementsAre(Address(2), Address(3), Address(5), Address(9)));
}

TEST_F(PageScannerTest, RangesOutsideOfMappingsFindNothing) {
  process_->AddPages(kBase, 4, 0);
  machine_.Publish(*process_);
  EXPECT_THAT(Addresses(Scan(kAllKinds, {{0, kBase}, {Address(4), uint64_t{1} << 63}})),
              ElementsAre());
}

TEST_F(PageScannerTest, TheVisitorEndsTheScan) {
  process_->AddPages(Address(0), 2 * PageScanner::kWindowPages, 0);
  machine_.Publish(*process_);
  stop_after_ = 1;
  EXPECT_EQ(Addresses(Scan()).size(), static_cast<size_t>(PageScanner::kWindowPages));
}

TEST_F(PageScannerTest, AProcessThatExitsInTheMiddleIsNotFound) {
  process_->AddPages(kBase, 4, 0);
  machine_.Publish(*process_);
  machine_.kernel().RunAt(2, [&] { machine_.Exit(100); });
  EXPECT_TRUE(absl::IsNotFound(Scan().status()));
}

TEST_F(PageScannerTest, GoesOnWhenTheMainThreadEnds) {
  process_->AddPages(kBase, 4, 0);
  machine_.Publish(*process_);
  machine_.kernel().RunAt(FakeCall::kQuery, 1, [&] { machine_.EndMainThread(100, 101); });
  EXPECT_EQ(Addresses(Scan()).size(), 4u);
}

TEST_F(PageScannerTest, AStrangersPagesAreNotReported) {
  process_->AddPages(kBase, 4, 0);
  machine_.Publish(*process_);
  machine_.kernel().RunAt(2, [&] { machine_.Replace(100)->AddPages(kBase, 4, 1); });
  EXPECT_TRUE(absl::IsNotFound(Scan().status()));
}

TEST_F(PageScannerTest, AZombieWithoutMapsIsNotFound) {
  process_->AddPages(kBase, 4, 0);
  machine_.Publish(*process_);
  machine_.kernel().RunAt(1, [&] { machine_.BecomeZombie(100); });
  EXPECT_TRUE(absl::IsNotFound(Scan().status()));
}

TEST_F(PageScannerTest, ARefusedQueryIsPermissionDenied) {
  process_->AddPages(kBase, 4, 0);
  machine_.Publish(*process_);
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  const absl::Status status = Scan().status();
  EXPECT_TRUE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("process 100"));
}

}  // namespace
}  // namespace numalocality::page_scanner_test
