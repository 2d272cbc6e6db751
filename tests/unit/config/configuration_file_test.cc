// A configuration file as main() has it: ConfigurationSource with the real parser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/config/parse_configuration.h"
#include "agent/engine/health/configuration_source.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::configuration_file_test {
namespace {

TEST(ConfigurationFileTest, AnErrorHasItsPlaceAndTheOldPoliciesHold) {
  TempTree tree;
  FakeClock clock;
  tree.Write("config.yaml", "policies:\n  - name: databases\n    action: repair\n");
  ConfigurationSource source(tree.Path("config.yaml"), ConfigurationSource::Presence::kRequired,
                             clock, ParseConfiguration);
  ASSERT_NE(source.Current()->FindPolicy("databases"), nullptr);

  tree.Write("config.yaml", "policies:\n  - name: databases\n    action: repare\n");
  EXPECT_FALSE(source.Reload());
  EXPECT_EQ(source.Status().error, "line 3, column 13: action: must be one of: observe, repair");
  EXPECT_EQ(source.Current()->FindPolicy("databases")->action, PolicyAction::kRepair);

  tree.Write("config.yaml", "policies:\n  - name: databases\n    action: observe\n");
  EXPECT_TRUE(source.Reload());
  EXPECT_EQ(source.Status().error, "");
  EXPECT_EQ(source.Current()->FindPolicy("databases")->action, PolicyAction::kObserve);
}

}  // namespace
}  // namespace numalocality::configuration_file_test
