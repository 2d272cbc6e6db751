#include "agent/os/base/running_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::running_kernel_test {
namespace {

using ::testing::ElementsAre;

TEST(KernelReleaseTest, IsTwoNumbersAndMore) {
  for (const char* text : {"6.12.38-amd64\n", "6.12", "6.12-rc1", "6.12+"}) {
    const auto release = ParseKernelRelease(text);
    ASSERT_TRUE(release.ok()) << release.status();
    EXPECT_EQ(release->major, 6);
    EXPECT_EQ(release->minor, 12);
  }
  EXPECT_EQ(ParseKernelRelease("6.1.0-9\n")->text, "6.1.0-9");
  for (const char* text : {"", "6", "six.one", "-6.1", "6.x"}) {
    EXPECT_FALSE(ParseKernelRelease(text).ok()) << text;
  }
}

TEST(KernelReleaseTest, IsCompared) {
  const KernelRelease release{"6.7", 6, 7};
  EXPECT_TRUE(release.IsAtLeast(6, 7));
  EXPECT_TRUE(release.IsAtLeast(5, 19));
  EXPECT_FALSE(release.IsAtLeast(6, 8));
  EXPECT_FALSE(release.IsAtLeast(7, 0));
}

TEST(KernelReleaseTest, IsReadFromProc) {
  TempTree tree;
  const Host host = Host::Below(tree.root());
  EXPECT_TRUE(absl::IsNotFound(ReadKernelRelease(host).status()));
  tree.Write("proc/sys/kernel/osrelease", "5.10.0\n");
  EXPECT_EQ(ReadKernelRelease(host)->major, 5);
}

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
}  // namespace numalocality::running_kernel_test
