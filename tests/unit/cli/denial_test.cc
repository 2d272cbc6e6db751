#include "agent/cli/numa_migrate/denial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality {
namespace {

using ::testing::HasSubstr;

constexpr char kAllButPtrace[] = "CapEff:\t000001fffff7ffff\nSeccomp:\t2\n";
constexpr char kAllInSeccomp[] = "CapEff:\t000001ffffffffff\nSeccomp:\t2\n";
constexpr char kAll[] = "CapEff:\t000001ffffffffff\nSeccomp:\t0\n";

TEST(ExplainDenialTest, NamesWhatIsInTheWay) {
  EXPECT_THAT(ExplainDenial(kAllButPtrace), HasSubstr("CAP_SYS_PTRACE is missing"));
  EXPECT_THAT(ExplainDenial(kAllInSeccomp), HasSubstr("seccomp filter is in force"));
  EXPECT_THAT(ExplainDenial(kAll), HasSubstr("security module"));
}

TEST(ExplainDenialTest, WithoutAnythingToReadTheCapabilityIsLikeliest) {
  EXPECT_THAT(ExplainDenial(""), HasSubstr("CAP_SYS_PTRACE is missing"));
}

}  // namespace
}  // namespace numalocality
