#include "agent/cli/numa_migrate/memory_part.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/fake_machine.h"

namespace numalocality::numa_migrate::memory_part_test {
namespace {

using ::testing::ElementsAre;

TEST(ParseMemoryPartTest, ReadsSizesRangesAndAll) {
  EXPECT_EQ(ParseMemoryPart("512M")->first_bytes, int64_t{512} << 20);
  EXPECT_EQ(ParseMemoryPart("1000-2000")->range, (AddressRange{0x1000, 0x2000}));
  EXPECT_EQ(ParseMemoryPart("all")->range, kWholeAddressSpace);
  EXPECT_EQ(ParseMemoryPart("all")->first_bytes, std::nullopt);
  for (const char* text : {"", "0", "12q", "everything", "2000-1000"}) {
    EXPECT_FALSE(ParseMemoryPart(text).ok()) << text;
  }
}

TEST(TakeLargestTest, TakesWholeMappingsAndTheFrontOfTheLast) {
  const AddressRange small{0, 10};
  const AddressRange large{10, 20};
  const AddressRange middle{20, 30};
  const std::vector<MappingPages> mappings = {{small, 1}, {large, 100}, {middle, 50}};

  EXPECT_THAT(TakeLargest(mappings, 100).whole, ElementsAre(large));
  EXPECT_FALSE(TakeLargest(mappings, 100).front.has_value());

  const LargestMappings more = TakeLargest(mappings, 120);
  EXPECT_THAT(more.whole, ElementsAre(large));
  ASSERT_TRUE(more.front.has_value());
  EXPECT_EQ(more.front->range, middle);
  EXPECT_EQ(more.front->pages, 20);

  EXPECT_THAT(TakeLargest(mappings, 1000).whole, ElementsAre(large, middle, small));
}

TEST(TakeLargestTest, EquallyLargeOnesComeInAddressOrder) {
  const std::vector<MappingPages> mappings = {{{0, 10}, 5}, {{10, 20}, 5}, {{20, 30}, 0}};
  EXPECT_THAT(TakeLargest(mappings, 100).whole,
              ElementsAre(AddressRange{0, 10}, AddressRange{10, 20}));
}

class FindPartTest : public testing::Test {
 protected:
  FindPartTest() {
    const auto process = machine_.AddProcess(7);
    process->AddPages(0x100000, 10, 0);
    process->AddPages(0x200000, 30, 1);
    process->AddHole(0x400000, 1000);
    machine_.Publish(*process);
  }

  std::vector<AddressRange> Find(const MemoryPart& part, int64_t page_bytes = 4096) {
    const auto process = ProcessHandle::Open(machine_.kernel(), machine_.host(), 7);
    const PageScanner scanner(machine_.kernel(), machine_.clock(), machine_.host(), page_bytes);
    return *FindPart(part, *process, scanner, kPrivateKinds, page_bytes);
  }

  FakeMachine machine_;
};

TEST_F(FindPartTest, SizesCountResidentPagesNotMappedOnes) {
  MemoryPart part;
  part.first_bytes = 30 * 4096;
  EXPECT_THAT(Find(part), ElementsAre(AddressRange{0x200000, 0x21e000}));
}

TEST_F(FindPartTest, TheLastMappingIsCutAfterThePageThatReachesTheSize) {
  MemoryPart part;
  part.first_bytes = 33 * 4096 + 1;
  EXPECT_THAT(Find(part),
              ElementsAre(AddressRange{0x100000, 0x104000}, AddressRange{0x200000, 0x21e000}));
}

TEST_F(FindPartTest, RangesAreWidenedToPages) {
  EXPECT_THAT(Find({{0x1001, 0x1fff}, std::nullopt}), ElementsAre(AddressRange{0x1000, 0x2000}));
  EXPECT_THAT(Find({{0x1000, 0x2000}, std::nullopt}), ElementsAre(AddressRange{0x1000, 0x2000}));
  EXPECT_THAT(Find({{0x11001, 0x1ffff}, std::nullopt}, 64 << 10),
              ElementsAre(AddressRange{0x10000, 0x20000}));
}

}  // namespace
}  // namespace numalocality::numa_migrate::memory_part_test
