#include "agent/engine/health/configuration_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace numalocality::configuration_check_test {
namespace {

using ::testing::StartsWith;

TEST(ConfigurationCheckTest, SharedPagesNeedACapability) {
  const CapabilitySet nice(uint64_t{1} << static_cast<int>(Capability::kSysNice));
  Configuration configuration;
  configuration.policies.resize(2);
  configuration.policies[1].name = "databases";
  EXPECT_TRUE(CheckConfiguration(configuration, CapabilitySet()).ok());
  for (const auto& [rule, word] :
       {std::pair{SharingRule::kOwned, "owned"}, std::pair{SharingRule::kAll, "all"}}) {
    configuration.policies[1].sharing = rule;
    const absl::Status status = CheckConfiguration(configuration, CapabilitySet());
    EXPECT_TRUE(absl::IsFailedPrecondition(status));
    EXPECT_THAT(
        std::string(status.message()),
        StartsWith(std::string("policy 'databases': shared: ") + word + " needs CAP_SYS_NICE"));
    EXPECT_TRUE(CheckConfiguration(configuration, nice).ok());
  }
}

}  // namespace
}  // namespace numalocality::configuration_check_test
