#include "agent/os/kernel_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality {
namespace {

using ::testing::ElementsAre;

TEST(KernelSettingsTest, ReadsSecurityModules) {
  TempTree tree;
  const HostPaths paths = HostPaths::Below(tree.root());
  EXPECT_TRUE(absl::IsNotFound(ReadSecurityModules(paths).status()));
  tree.Write("sys/kernel/security/lsm", "lockdown,capability,apparmor");
  EXPECT_THAT(*ReadSecurityModules(paths), ElementsAre("lockdown", "capability", "apparmor"));
  tree.Write("sys/kernel/security/lsm", "\n");
  EXPECT_THAT(*ReadSecurityModules(paths), ElementsAre());
}

TEST(KernelSettingsTest, ReadsWhenThereAreHugePages) {
  TempTree tree;
  const HostPaths paths = HostPaths::Below(tree.root());
  EXPECT_TRUE(absl::IsNotFound(ReadHugePageMode(paths).status()));
  tree.Write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  EXPECT_EQ(*ReadHugePageMode(paths), "madvise");
  tree.Write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise never\n");
  EXPECT_TRUE(absl::IsInvalidArgument(ReadHugePageMode(paths).status()));
}

}  // namespace
}  // namespace numalocality
