// Memory that is moved because the workload owns it by proof, and that it maps over meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "agent/engine/workload/workload_finder.h"
#include "tests/unit/engine/move/workload_mover_fixture.h"

namespace numalocality {
namespace {

using ::testing::HasSubstr;

// A workload whose memory is its own by proof, until it maps a library over it.
class OwnedMemoryTest : public WorkloadMoverTest {
 protected:
  static constexpr int kPages = 20000;

  OwnedMemoryTest() {
    for (auto& [address, folio] : process_->pages) folio->shared = true;
    process_->stack_start = 0x7ffe0000;
    machine_.AddCgroup("/job", {10});
    machine_.Publish(*process_);
    workload_ = WorkloadFinder(machine_.host()).Find({{}, {}, "/job", {}})->front();
    spec_.sharing = SharingRule::kOwned;
  }

  // MAP_FIXED: the same addresses, pages that other processes map.
  void MapLibrary() {
    moved_before_ = process_->PagesOn(1);
    for (FakeMapping& mapping : process_->mappings) {
      mapping.path = "/usr/lib/libc.so.6";
      mapping.file = {{8, 1}, 77};
    }
    machine_.Publish(*process_);
  }

  void MapOwnMemoryBack() {
    process_->mappings = own_mappings_;
    machine_.Publish(*process_);
  }

  void ExpectThatTheLibraryStays(const WorkloadMigration& result) const {
    EXPECT_GT(moved_before_, 0);
    EXPECT_LT(moved_before_, kPages);
    EXPECT_EQ(process_->PagesOn(1), moved_before_);
    EXPECT_EQ(result.outcomes.Total(), kPages);
  }

  const std::shared_ptr<FakeProcess> process_ = Process(10, kPages);
  const std::vector<FakeMapping> own_mappings_ = process_->mappings;
  int64_t moved_before_ = 0;
};

TEST_F(OwnedMemoryTest, ALibraryMappedOverItBetweenTwoBatchesStays) {
  machine_.kernel().OnMoved([&](const auto&) {
    if (process_->PagesOn(1) > 0 && moved_before_ == 0) MapLibrary();
  });
  ExpectThatTheLibraryStays(Run());
}

TEST_F(OwnedMemoryTest, ALibraryMappedOverItWhileTheProcessIsBeingHeldStays) {
  spec_.hold = HoldMode::kPtrace;
  machine_.kernel().RunAt(FakeCall::kHold, 5, [this] { MapLibrary(); });
  ExpectThatTheLibraryStays(Run());
}

// A process that swaps its mappings all the time wins the moment between a look and a call at some
// batch, so it has one try only.
TEST_F(OwnedMemoryTest, AProcessThatMapsItsOwnMemoryBackIsNotTrusted) {
  spec_.hold = HoldMode::kPtrace;
  machine_.kernel().RunAt(FakeCall::kHold, 5, [this] { MapLibrary(); });
  machine_.kernel().RunAt(FakeCall::kHold, 6, [this] { MapOwnMemoryBack(); });
  const auto result = Run();
  ExpectThatTheLibraryStays(result);
  EXPECT_THAT(result.sharing_note, HasSubstr("process 10 mapped other memory"));
}

TEST_F(OwnedMemoryTest, MemoryThatIsUnmappedForAMomentMoves) {
  spec_.hold = HoldMode::kPtrace;
  machine_.kernel().RunAt(FakeCall::kHold, 5, [this] {
    moved_before_ = process_->PagesOn(1);
    process_->mappings.clear();
    machine_.Publish(*process_);
  });
  machine_.kernel().RunAt(FakeCall::kHold, 6, [this] { MapOwnMemoryBack(); });
  EXPECT_EQ(Run().sharing_note, "");
  EXPECT_GT(process_->PagesOn(1), moved_before_);
}

}  // namespace
}  // namespace numalocality
