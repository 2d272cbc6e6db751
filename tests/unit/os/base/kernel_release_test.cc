#include "agent/os/base/kernel_release.h"

#include <gtest/gtest.h>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::kernel_release_test {
namespace {

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

}  // namespace
}  // namespace numalocality::kernel_release_test
