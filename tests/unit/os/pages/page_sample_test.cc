#include "agent/os/pages/page_sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "agent/os/node/topology_reader.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::page_sample_test {
namespace {

constexpr uint64_t kBase = 0x100000000;
constexpr NodeId kNode0{0};
constexpr NodeId kNode1{1};

class PageSampleTest : public ::testing::Test {
 protected:
  PageSampleTest() : process_(machine_.AddProcess(100)) {}

  static uint64_t Address(int64_t page) { return kBase + static_cast<uint64_t>(page) * kFakePage; }

  absl::StatusOr<PageSample> Sample(size_t max_pages) {
    machine_.Publish(*process_);
    if (is_pagemap_denied_) machine_.DenyPagemap(100);
    const auto handle = ProcessHandle::Open(machine_.kernel(), machine_.host(), 100);
    if (!handle.ok()) return handle.status();
    const auto topology = TopologyReader(machine_.host()).Read();
    if (!topology.ok()) return topology.status();
    return SamplePages(machine_.kernel(), machine_.clock(), *handle, machine_.host(), *topology,
                       max_pages);
  }

  static int64_t Pages(const PageSample& sample, NodeId node, MemoryKind kind) {
    const MemoryByNode memory = sample.EstimateMemory(kFakePage);
    return memory.nodes.contains(node)
               ? memory.nodes.at(node)[kind] / static_cast<int64_t>(kFakePage)
               : 0;
  }

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_;
  bool is_pagemap_denied_ = false;
};

TEST_F(PageSampleTest, OfFewPagesAllAreLookedAt) {
  process_->AddPages(Address(0), 30, 0);
  process_->AddPages(Address(100), 20, 1, "/dev/shm/x");
  process_->AddPages(Address(200), 50, 1, "/usr/lib/libc.so.6");
  process_->At(Address(200)).file = process_->At(Address(201)).file = true;
  for (const bool denied : {false, true}) {
    is_pagemap_denied_ = denied;
    const auto sample = Sample(200);
    ASSERT_TRUE(sample.ok()) << sample.status();
    EXPECT_TRUE(sample->is_complete);
    EXPECT_EQ(Pages(*sample, kNode0, MemoryKind::kAnon), 30);
    EXPECT_EQ(Pages(*sample, kNode1, MemoryKind::kShmem), 20);
    // Only pagemap distinguishes anonymous copies in the mapping of a file.
    EXPECT_EQ(Pages(*sample, kNode1, MemoryKind::kAnon), denied ? 0 : 48);
    EXPECT_EQ(Pages(*sample, kNode1, MemoryKind::kFile), 0);
    EXPECT_EQ(sample->resident_pages, sample->sampled_pages);
  }
}

TEST_F(PageSampleTest, OfManyPagesSharesAreEstimated) {
  process_->AddPages(Address(0), 30000, 0);
  process_->AddPages(Address(50000), 10000, 1, "/dev/shm/x");
  const auto sample = Sample(1000);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_FALSE(sample->is_complete);
  EXPECT_EQ(sample->sampled_pages, 1000);
  EXPECT_EQ(sample->resident_pages, 40000);
  EXPECT_NEAR(Pages(*sample, kNode0, MemoryKind::kAnon), 30000, 100);
  EXPECT_NEAR(Pages(*sample, kNode1, MemoryKind::kShmem), 10000, 100);
}

TEST_F(PageSampleTest, InterleavedPagesDoNotFallInStepWithTheSample) {
  process_->AddPages(Address(0), 32768, 0);
  for (int page = 1; page < 32768; page += 2) process_->At(Address(page)).node = 1;
  const auto sample = Sample(1024);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_NEAR(Pages(*sample, kNode1, MemoryKind::kAnon), 16384, 32768 * 0.05);
}

TEST_F(PageSampleTest, ReservationsAreLookedThroughWherePagemapMayBeRead) {
  constexpr int kReserved = 1 << 20;
  process_->AddHole(Address(0), kReserved);
  process_->AddPages(Address(kReserved), 500, 1);
  for (const bool has_pagemap_scan : {false, true}) {
    machine_.kernel().set_has_pagemap_scan(has_pagemap_scan);
    const auto sample = Sample(1000);
    ASSERT_TRUE(sample.ok()) << sample.status();
    EXPECT_TRUE(sample->is_complete);
    EXPECT_EQ(Pages(*sample, kNode1, MemoryKind::kAnon), 500);
  }
}

TEST_F(PageSampleTest, SparseMemoryIsLookedAtMoreClosely) {
  process_->AddHole(Address(0), 100000);
  process_->AddPages(Address(100000), 10000, 1);
  process_->AddPages(Address(110000), 10000, 0);
  is_pagemap_denied_ = true;
  const auto sample = Sample(1000);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_GT(sample->sampled_pages, 800);
  EXPECT_LE(sample->sampled_pages, 1050);
  EXPECT_NEAR(sample->resident_pages, 20000, 500);
  EXPECT_NEAR(Pages(*sample, kNode0, MemoryKind::kAnon), 10000, 500);
}

TEST_F(PageSampleTest, OfVerySparseMemoryWhatIsPresentIsFoundFirst) {
  constexpr int kReserved = 1 << 22;
  process_->AddHole(Address(0), kReserved);
  process_->AddPages(Address(kReserved), 6000, 1);
  process_->AddPages(Address(2 * kReserved), 2000, 0, "/dev/shm/x");
  for (int page = 0; page < 1000; ++page) process_->At(Address(kReserved + page)).zero_page = true;
  machine_.kernel().set_has_pagemap_scan(true);
  const auto sample = Sample(1000);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_EQ(sample->sampled_pages, 1000);
  EXPECT_EQ(sample->resident_pages, 7000);
  EXPECT_NEAR(Pages(*sample, kNode1, MemoryKind::kAnon), 5000, 50);
  EXPECT_NEAR(Pages(*sample, kNode0, MemoryKind::kShmem), 2000, 50);
}

TEST_F(PageSampleTest, LooksAt16TimesAsManyAddressesAtMost) {
  process_->AddHole(Address(0), 1 << 24);
  process_->AddPages(Address(1 << 24), 1, 0);
  is_pagemap_denied_ = true;
  const auto sample = Sample(512);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_FALSE(sample->is_complete);
  EXPECT_LE(machine_.kernel().CallCount(FakeCall::kQuery), 16);
  EXPECT_EQ(sample->EstimateMemory(kFakePage).Bytes(kAllKinds),
            sample->resident_pages * static_cast<int64_t>(kFakePage));
}

TEST_F(PageSampleTest, PagesOfZerosAndOfNothingAreNotResident) {
  process_->AddPages(Address(0), 20000, 0);
  for (int page = 0; page < 10000; ++page) process_->At(Address(page)).zero_page = true;
  const auto sample = Sample(1000);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_NEAR(sample->resident_pages, 10000, 100);
}

TEST_F(PageSampleTest, AProcessWithoutMemoryOfItsOwnHasAnEmptySample) {
  process_->AddPages(Address(0), 1, 0, "[vdso]");
  const auto sample = Sample(1000);
  ASSERT_TRUE(sample.ok()) << sample.status();
  EXPECT_TRUE(sample->is_complete);
  EXPECT_EQ(sample->resident_pages, 0);
  EXPECT_TRUE(sample->EstimateMemory(kFakePage).nodes.empty());
}

TEST_F(PageSampleTest, AProcessThatExitsIsNotFound) {
  process_->AddPages(Address(0), 20000, 0);
  machine_.kernel().RunAt(FakeCall::kQuery, 2, [&] { machine_.Exit(100); });
  EXPECT_TRUE(absl::IsNotFound(Sample(1000).status()));
}

TEST_F(PageSampleTest, ARefusedQueryIsPermissionDenied) {
  process_->AddPages(Address(0), 20000, 0);
  machine_.kernel().FailAll(FakeCall::kQuery, EPERM);
  EXPECT_TRUE(absl::IsPermissionDenied(Sample(1000).status()));
}

}  // namespace
}  // namespace numalocality::page_sample_test
