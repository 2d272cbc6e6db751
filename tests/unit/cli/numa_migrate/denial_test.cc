#include "agent/cli/numa_migrate/denial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/fake/temp_tree.h"

namespace numalocality::numa_migrate::denial_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kAll = 0x1ffffffffff;

Privileges With(uint64_t capabilities, SeccompMode seccomp) {
  Privileges privileges;
  privileges.effective = CapabilitySet(capabilities);
  privileges.seccomp = seccomp;
  return privileges;
}

TEST(ExplainDenialTest, NamesWhatIsInTheWay) {
  const uint64_t all_but_ptrace = kAll & ~(uint64_t{1} << 19);
  EXPECT_THAT(ExplainDenial(With(all_but_ptrace, SeccompMode::kFilter), Capability::kSysPtrace),
              HasSubstr("CAP_SYS_PTRACE is missing"));
  EXPECT_THAT(ExplainDenial(With(kAll, SeccompMode::kFilter), Capability::kSysPtrace),
              AllOf(HasSubstr("seccomp filter is in force"), HasSubstr("move_pages")));
  EXPECT_THAT(ExplainDenial(With(kAll, SeccompMode::kDisabled), Capability::kSysPtrace),
              HasSubstr("security module"));
}

TEST(ExplainDenialTest, NamesTheCapabilityThatWasNeeded) {
  EXPECT_THAT(ExplainDenial(With(0, SeccompMode::kDisabled), Capability::kSysNice),
              HasSubstr("CAP_SYS_NICE is missing"));
  EXPECT_THAT(ExplainDenial(With(0, SeccompMode::kDisabled), Capability::kSysAdmin),
              HasSubstr("CAP_SYS_ADMIN is missing"));
}

TEST(WithDenialTest, ExplainsRefusalsOnly) {
  const TempTree nothing;
  const Host host = Host::Below(nothing.root());
  EXPECT_EQ(WithDenial(absl::NotFoundError("x"), Capability::kSysPtrace, host),
            absl::NotFoundError("x"));
  // Without anything to read, the capability is likeliest.
  EXPECT_THAT(
      std::string(WithDenial(absl::PermissionDeniedError("process 1"), Capability::kSysPtrace, host)
                      .message()),
      AllOf(HasSubstr("process 1: "), HasSubstr("CAP_SYS_PTRACE is missing")));
  EXPECT_FALSE(HasCapability(Capability::kSysPtrace, host));
}

}  // namespace
}  // namespace numalocality::numa_migrate::denial_test
