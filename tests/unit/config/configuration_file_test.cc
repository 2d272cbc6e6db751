// A configuration file as main() has it: ConfigurationSource with the real parser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

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

// The sections of `text` that an agent uses which starts with it.
Configuration AtStart(const std::string& text) {
  TempTree tree;
  FakeClock clock;
  tree.Write("config.yaml", text);
  const ConfigurationSource source(tree.Path("config.yaml"),
                                   ConfigurationSource::Presence::kRequired, clock,
                                   ParseConfiguration, nullptr, ParseValidSections);
  EXPECT_NE(source.Status().error, "");
  EXPECT_EQ(source.Status().load_time, absl::InfinitePast());
  return *source.Current();
}

TEST(ConfigurationFileTest, AtTheStartTheValidSectionsOfAnInvalidFileHold) {
  const std::string rest =
      "http: {address: '0.0.0.0:9464'}\nsources: {podLogsDir: /logs}\n"
      "api: {clients: [{identity: a, role: admin}]}\npolicies: [{name: databases, action: "
      "repair}]\n";
  for (const std::string wrong : {"period: soon\n", "limits: {bandwidth: 1}\n"}) {
    const Configuration configuration = AtStart(rest + wrong);
    EXPECT_EQ(configuration.http.address, "0.0.0.0:9464") << wrong;
    EXPECT_EQ(configuration.sources.pod_logs_dir, "/logs") << wrong;
    EXPECT_EQ(configuration.api.clients.size(), 1u) << wrong;
    EXPECT_TRUE(configuration.policies.empty()) << wrong << ": nothing is repaired";
  }
  const Configuration wrong_policy = AtStart("period: 7s\npolicies: [{name: x, action: fly}]\n");
  EXPECT_EQ(wrong_policy.period, absl::Seconds(7));
  for (const std::string wrong :
       {"protectedNamespaces: kube-system\n", "protectedNamspaces: [payments]\n"}) {
    const Configuration unprotected = AtStart(rest + wrong);
    EXPECT_EQ(unprotected.http.address, "0.0.0.0:9464") << wrong;
    EXPECT_TRUE(unprotected.api.clients.empty()) << wrong;
  }
  EXPECT_EQ(AtStart(rest + "period: [\n"), Configuration()) << "not YAML";
}

TEST(ConfigurationFileTest, AnInvalidFileIsUsedOnceItIsFixed) {
  TempTree tree;
  FakeClock clock;
  tree.Write("config.yaml", "period: soon\nhttp: {address: '127.0.0.1:1'}\n");
  ConfigurationSource source(tree.Path("config.yaml"), ConfigurationSource::Presence::kRequired,
                             clock, ParseConfiguration, nullptr, ParseValidSections);
  tree.Write("config.yaml", "period: 7s\nhttp: {address: '127.0.0.1:1'}\n");
  EXPECT_TRUE(source.Reload());
  EXPECT_EQ(source.Current()->period, absl::Seconds(7));
  EXPECT_EQ(source.Status().error, "");
  EXPECT_TRUE(source.Status().restart_keys.empty());
  EXPECT_FALSE(source.Status().only_valid_sections);
}

TEST(ConfigurationFileTest, TheStatusSaysWhetherOnlyValidSectionsHold) {
  constexpr char kInvalid[] = "period: soon\nhttp: {address: '127.0.0.1:1'}\n";
  TempTree tree;
  FakeClock clock;
  const auto start = [&](const std::string& text) {
    tree.Write("config.yaml", text);
    return std::make_unique<ConfigurationSource>(tree.Path("config.yaml"),
                                                 ConfigurationSource::Presence::kOptional, clock,
                                                 ParseConfiguration, nullptr, ParseValidSections);
  };
  const auto source = start(kInvalid);
  EXPECT_TRUE(source->Status().only_valid_sections);
  tree.Write("config.yaml", "period: later\n");
  EXPECT_FALSE(source->Reload());
  EXPECT_TRUE(source->Status().only_valid_sections);
  tree.Remove("config.yaml");
  EXPECT_FALSE(source->Reload());
  EXPECT_EQ(source->Current()->http.address, "127.0.0.1:1");
  EXPECT_TRUE(source->Status().only_valid_sections);
  EXPECT_NE(source->Status().error, "") << "what is in force is not in the file";
  EXPECT_FALSE(start("period: [\n")->Status().only_valid_sections) << "none is valid";
  EXPECT_FALSE(start("period: 7s\n")->Status().only_valid_sections) << "all are";
}

}  // namespace
}  // namespace numalocality::configuration_file_test
