#include "agent/engine/health/configuration_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::configuration_source_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Presence = ConfigurationSource::Presence;

constexpr char kFile[] = "config.yaml";

// A file's language for tests: a number is the local distance.
absl::StatusOr<Configuration> ParseNumber(absl::string_view text) {
  Configuration configuration;
  if (absl::SimpleAtoi(text, &configuration.local_distance)) return configuration;
  return absl::InvalidArgumentError("line 1, column 1: not a number");
}

absl::Status RefuseAbove99(const Configuration& configuration) {
  if (configuration.local_distance <= 99) return absl::OkStatus();
  return absl::FailedPreconditionError("above 99 is not for this agent");
}

class ConfigurationSourceTest : public testing::Test {
 protected:
  std::unique_ptr<ConfigurationSource> Open(Presence presence = Presence::kRequired) {
    return std::make_unique<ConfigurationSource>(tree_.Path(kFile), presence, clock_, ParseNumber,
                                                 RefuseAbove99);
  }

  static int Distance(const ConfigurationSource& source) {
    return source.Current()->local_distance;
  }

  TempTree tree_;
  FakeClock clock_;
};

TEST_F(ConfigurationSourceTest, ReadsTheFileAtOnceAndAfterEachChange) {
  tree_.Write(kFile, "20");
  const auto source = Open();
  EXPECT_EQ(Distance(*source), 20);
  EXPECT_EQ(source->Status().path, tree_.Path(kFile));
  EXPECT_EQ(source->Status().load_time, clock_.Now());
  EXPECT_EQ(source->Status().error, "");
  const auto before = source->Current();

  clock_.Advance(absl::Seconds(5));
  EXPECT_FALSE(source->Reload()) << "nothing has changed";
  EXPECT_EQ(source->Status().load_time, clock_.Now() - absl::Seconds(5));

  tree_.Write(kFile, "30");
  EXPECT_TRUE(source->Reload());
  EXPECT_EQ(Distance(*source), 30);
  EXPECT_EQ(source->Status().load_time, clock_.Now());
  EXPECT_EQ(before->local_distance, 20) << "what a reader holds does not change under it";
}

TEST_F(ConfigurationSourceTest, NamesSettingsThatTakeEffectAfterARestart) {
  tree_.Write(kFile, "20");
  const auto source = Open();
  EXPECT_THAT(source->Status().restart_keys, IsEmpty());
  tree_.Write(kFile, "30");
  source->Reload();
  EXPECT_THAT(source->Status().restart_keys, ElementsAre("localDistance"));
  tree_.Write(kFile, "20");
  source->Reload();
  EXPECT_THAT(source->Status().restart_keys, IsEmpty()) << "as at the start again";
}

TEST(KeysForRestartTest, AreThoseThatAreReadAtTheStart) {
  const Configuration started;
  Configuration now;
  now.period = absl::Seconds(1);
  now.limits.concurrent_migrations = 7;
  now.http.max_containers = 7;
  EXPECT_THAT(KeysForRestart(started, now), IsEmpty());
  now.local_distance = 20;
  now.http.address = "[::]:9464";
  now.sources = {"/run/c.sock", "", "", true};
  now.self = {true, "/run/s/s.sock", true, 7};
  EXPECT_THAT(KeysForRestart(started, now),
              ElementsAre("localDistance", "http.address", "sources.criSocket", "sources.criEvents",
                          "sources.kubeletDir", "sources.podLogsDir", "self.enabled", "self.socket",
                          "self.devicePlugin", "self.devices"));
}

TEST_F(ConfigurationSourceTest, WithoutAPathTheDefaultsHold) {
  ConfigurationSource source("", Presence::kRequired, clock_, ParseNumber);
  EXPECT_FALSE(source.Reload());
  EXPECT_EQ(*source.Current(), Configuration());
  EXPECT_EQ(source.Status().error, "");
  EXPECT_EQ(source.Status().load_time, absl::InfinitePast());
}

TEST_F(ConfigurationSourceTest, AnOptionalFileMayBeAbsentAndAppear) {
  const auto source = Open(Presence::kOptional);
  EXPECT_EQ(*source->Current(), Configuration());
  EXPECT_EQ(source->Status().error, "");
  tree_.Write(kFile, "20");
  EXPECT_TRUE(source->Reload());
  EXPECT_EQ(Distance(*source), 20);
}

TEST_F(ConfigurationSourceTest, ARequiredFileThatIsAbsentIsAnError) {
  const auto source = Open();
  EXPECT_EQ(*source->Current(), Configuration());
  EXPECT_THAT(source->Status().error, HasSubstr("No such file"));
  EXPECT_THAT(source->Status().error, HasSubstr(tree_.Path(kFile)));
}

TEST_F(ConfigurationSourceTest, AWrongFileKeepsTheOldOneUntilItIsRight) {
  tree_.Write(kFile, "20");
  const auto source = Open();
  tree_.Write(kFile, "twenty");
  EXPECT_FALSE(source->Reload());
  EXPECT_EQ(Distance(*source), 20);
  EXPECT_EQ(source->Status().error, "line 1, column 1: not a number");
  EXPECT_EQ(source->Status().load_time, clock_.Now()) << "that of the one in force";

  tree_.Write(kFile, "20");
  EXPECT_TRUE(source->Reload()) << "also by taking the change back";
  EXPECT_EQ(source->Status().error, "");
}

TEST_F(ConfigurationSourceTest, AConfigurationThatTheCheckRefusesIsNotUsed) {
  tree_.Write(kFile, "20");
  const auto source = Open();
  tree_.Write(kFile, "100");
  EXPECT_FALSE(source->Reload());
  EXPECT_EQ(Distance(*source), 20);
  EXPECT_EQ(source->Status().error, "above 99 is not for this agent");
}

TEST_F(ConfigurationSourceTest, AFileThatVanishesKeepsTheOldOneAndMayComeBack) {
  for (const Presence presence : {Presence::kRequired, Presence::kOptional}) {
    tree_.Write(kFile, "20");
    const auto source = Open(presence);
    tree_.Remove(kFile);
    EXPECT_FALSE(source->Reload());
    EXPECT_EQ(Distance(*source), 20);
    EXPECT_THAT(source->Status().error, HasSubstr("No such file"));
    tree_.Write(kFile, "20");
    EXPECT_TRUE(source->Reload());
    EXPECT_EQ(source->Status().error, "");
  }
}

TEST_F(ConfigurationSourceTest, WhatIsNoFileIsAnError) {
  tree_.Write(kFile, "20");
  const auto source = Open();
  tree_.Remove(kFile);
  tree_.MakeDirectory(kFile);
  EXPECT_FALSE(source->Reload());
  EXPECT_THAT(source->Status().error, HasSubstr("directory"));
  EXPECT_EQ(Distance(*source), 20);
}

TEST_F(ConfigurationSourceTest, AnErrorIsLoggedOnceAChange) {
  tree_.Write(kFile, "twenty");
  testing::internal::CaptureStdout();
  const auto source = Open();
  for (int i = 0; i < 3; ++i) source->Reload();
  tree_.Write(kFile, "thirty");
  for (int i = 0; i < 3; ++i) source->Reload();
  const std::string log = testing::internal::GetCapturedStdout();
  size_t lines = 0;
  for (size_t at = 0; (at = log.find("column 1: not a number", at)) != std::string::npos; ++at) {
    ++lines;
  }
  EXPECT_EQ(lines, 2u) << log;
}

// As kubelet updates a ConfigMap: config.yaml -> ..data/config.yaml, ..data -> a directory, and
// that link is replaced.
TEST_F(ConfigurationSourceTest, TheSwapOfAConfigMapIsSeenByTheThread) {
  tree_.Write("..2026_1/config.yaml", "20");
  tree_.Link("..data", "..2026_1");
  tree_.Link(kFile, "..data/config.yaml");
  const auto source = Open();
  EXPECT_EQ(Distance(*source), 20);

  std::atomic<int> seen = 0;
  source->Start(absl::Milliseconds(20), [&] { seen = Distance(*source); });
  tree_.Write("..2026_2/config.yaml", "30");
  tree_.Link("..data_tmp", "..2026_2");
  tree_.Rename("..data_tmp", "..data");
  tree_.Remove("..2026_1");
  for (int i = 0; i < 500 && seen == 0; ++i) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(seen, 30);
  source->Stop();
  tree_.Write("..2026_2/config.yaml", "40");
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(Distance(*source), 30) << "after Stop nothing is read";
}

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
}  // namespace numalocality::configuration_source_test
