#include "agent/cli/numa_migrate/keep_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/cli/numa_migrate/numa_migrate_fixture.h"

namespace numalocality::numa_migrate {
namespace {

using ::testing::HasSubstr;

// A process in a cgroup of its own, which may use both nodes.
class KeepPlacementTest : public NumaMigrateTest {
 protected:
  KeepPlacementTest() {
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
    machine_.AddCgroup("/job", {kPid});
    machine_.WriteCgroupFile("/job", "cpuset.mems", "\n");
    options_.bind = BindPolicy::kBind;
  }

  void Map(const std::string& path, int pages) {
    process_->AddPages(0x20000000, pages, 0, path);
    for (auto& [address, folio] : process_->pages) folio->file = address >= 0x20000000;
    machine_.Publish(*process_);
  }
  absl::Status Begin() {
    const auto subject = OpenSubject(machine_.context(), kPid);
    EXPECT_TRUE(subject.ok()) << subject.status();
    return PlacementKeeper::Begin(machine_.context(), options_, *subject).status();
  }
};

TEST_F(KeepPlacementTest, NoHugetlbPoolIsTakenUnlessForced) {
  EXPECT_TRUE(Begin().ok()) << Begin();
  Map("/anon_hugepage (deleted)", 512);
  const absl::Status refused = Begin();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("of hugetlb pages there"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("use --policy force-bind"));
  options_.bind = BindPolicy::kForced;
  EXPECT_TRUE(Begin().ok()) << Begin();
}

TEST_F(KeepPlacementTest, MappedFilesMustHaveRoom) {
  Map("/usr/lib/db.so", 40000);
  EXPECT_TRUE(Begin().ok()) << Begin();
  machine_.SetFreePages(1, 30000);
  EXPECT_TRUE(absl::IsFailedPrecondition(Begin()));
}

}  // namespace
}  // namespace numalocality::numa_migrate
