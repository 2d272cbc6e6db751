#include "agent/os/base/kernel_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::kernel_settings_test {
namespace {

using ::testing::ElementsAre;

TEST(KernelSettingsTest, ReadsSecurityModules) {
  TempTree tree;
  const Host host = Host::Below(tree.root());
  EXPECT_TRUE(absl::IsNotFound(ReadSecurityModules(host).status()));
  tree.Write("sys/kernel/security/lsm", "lockdown,capability,apparmor");
  EXPECT_THAT(*ReadSecurityModules(host), ElementsAre("lockdown", "capability", "apparmor"));
  tree.Write("sys/kernel/security/lsm", "\n");
  EXPECT_THAT(*ReadSecurityModules(host), ElementsAre());
}

TEST(KernelSettingsTest, ReadsWhenThereAreHugePages) {
  TempTree tree;
  const Host host = Host::Below(tree.root());
  EXPECT_TRUE(absl::IsNotFound(ReadHugePageMode(host).status()));
  tree.Write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  EXPECT_EQ(*ReadHugePageMode(host), "madvise");
  tree.Write("sys/kernel/mm/transparent_hugepage/enabled", "always madvise never\n");
  EXPECT_TRUE(absl::IsInvalidArgument(ReadHugePageMode(host).status()));
}

}  // namespace
}  // namespace numalocality::kernel_settings_test
