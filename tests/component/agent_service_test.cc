// AgentService, called without the socket. server_test covers the socket.
#include "agent/rpc/agent_service.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/engine/health/configuration_source.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::agent_service_test {
namespace {

using ::testing::ElementsAre;

// Whatever the file says, but "bad".
absl::StatusOr<Configuration> ParseForTest(absl::string_view text) {
  if (text == "bad") return absl::InvalidArgumentError("line 1, column 1: bad");
  LocalityPolicy policy;
  policy.name = "databases";
  policy.selector.namespaces = {"prod"};
  policy.selector.match_labels = {{"tier", "db"}};
  policy.selector.qos_classes = {QosClass::kBurstable};
  policy.action = PolicyAction::kRepair;
  policy.sharing = SharingRule::kOwned;
  policy.stick = StickMode::kCpusetMems;
  policy.bytes_per_second = 1 << 30;
  Configuration configuration;
  configuration.policies = {policy};
  if (text == "distant") configuration.local_distance = 20;
  return configuration;
}

class AgentServiceTest : public testing::Test {
 protected:
  AgentServiceTest() {
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t0000000000080000\nSeccomp:\t0\nMems_allowed_list:\t0\n");
    machine_.tree().Write("proc/self/ns/pid", "");
    machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
  }

  v1::GetStatusResponse GetStatus() {
    v1::GetStatusResponse response;
    const grpc::Status status = service_.GetStatus(&context_, nullptr, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::GetPoliciesResponse GetPolicies() {
    v1::GetPoliciesResponse response;
    const grpc::Status status = service_.GetPolicies(&context_, nullptr, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  FakeMachine machine_;
  const std::string path_ = machine_.tree().Path("config");
  ConfigurationSource configuration_{path_, ConfigurationSource::Presence::kOptional,
                                     machine_.context().clock, ParseForTest};
  ReportBoard board_{machine_.clock()};
  absl::Status changes_;
  SourceStatus device_plugin_{"device plugin", "device_plugin", "/k/kubelet.sock"};
  grpc::ServerContext context_;
  const Callers callers_;  // of the agent's own socket
  AgentService service_{callers_,
                        machine_.context(),
                        nullptr,
                        &configuration_,
                        board_,
                        [this] { return changes_; },
                        "",
                        nullptr,
                        [this] { return device_plugin_; }};
};

TEST_F(AgentServiceTest, ReportsTheKernelsSettings) {
  machine_.tree().Write("sys/kernel/security/lsm", "capability,apparmor");
  machine_.tree().Write("sys/kernel/mm/transparent_hugepage/enabled", "[always] madvise never\n");
  const auto status = GetStatus();
  EXPECT_THAT(status.security_modules(), ElementsAre("capability", "apparmor"));
  EXPECT_EQ(status.transparent_huge_pages(), "always");
  EXPECT_EQ(status.cgroup_driver(), "");
}

TEST_F(AgentServiceTest, GivesThePoliciesInForce) {
  const auto defaults = GetPolicies();
  EXPECT_EQ(defaults.policies_size(), 0);
  EXPECT_EQ(defaults.concurrent_migration_count(), 2);
  EXPECT_EQ(defaults.period().seconds(), 30);
  EXPECT_THAT(defaults.protected_namespaces(), ElementsAre("kube-system"));
  EXPECT_EQ(defaults.configuration().path(), path_);
  EXPECT_FALSE(defaults.configuration().has_load_time());

  machine_.tree().Write("config", "good");
  configuration_.Reload();
  const auto policies = GetPolicies();
  ASSERT_EQ(policies.policies_size(), 1);
  v1::Policy expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(
        name: "databases"
        namespaces: "prod"
        match_labels { key: "tier" value: "db" }
        qos_classes: QOS_CLASS_BURSTABLE
        repairs: true
        min_local_fraction: 0.9
        min_remote_bytes: 67108864
        settle { seconds: 10 }
        cooldown { seconds: 300 }
        shared_pages: SHARING_RULE_OWNED
        stick: STICK_MODE_CPUSET_MEMS
        limits {
          bandwidth_bytes_per_second: 1073741824
          max_call_time { nanos: 10000000 }
        }
        by_annotation: ANNOTATION_RULE_NONE
      )pb",
      &expected));
  EXPECT_EQ(policies.policies(0).DebugString(), expected.DebugString());
  EXPECT_TRUE(policies.configuration().has_load_time());
  EXPECT_EQ(policies.configuration().error(), "");
}

TEST_F(AgentServiceTest, AWrongFileIsReportedAndTheOldPoliciesStay) {
  machine_.tree().Write("config", "good");
  configuration_.Reload();
  machine_.tree().Write("config", "bad");
  configuration_.Reload();
  EXPECT_EQ(GetPolicies().policies_size(), 1);
  EXPECT_EQ(GetPolicies().configuration().error(), "line 1, column 1: bad");
  const auto status = GetStatus();
  EXPECT_EQ(status.configuration().error(), "line 1, column 1: bad");
  EXPECT_THAT(status.findings(), testing::Contains(testing::ResultOf(
                                     [](const v1::Finding& finding) { return finding.message(); },
                                     testing::HasSubstr("line 1, column 1: bad"))));
}

TEST_F(AgentServiceTest, ReportsWhetherChangesAreNoticedAtOnce) {
  const v1::Source watched = *GetStatus().sources().rbegin();
  EXPECT_EQ(watched.name(), "changes");
  EXPECT_EQ(watched.address(), "inotify");
  EXPECT_EQ(watched.state(), v1::SOURCE_STATE_OK);
  changes_ = absl::ResourceExhaustedError("no watch left");
  const auto status = GetStatus();
  EXPECT_EQ(status.sources().rbegin()->state(), v1::SOURCE_STATE_ERROR);
  EXPECT_EQ(status.sources().rbegin()->message(), "no watch left");
  EXPECT_THAT(status.findings(), testing::Contains(testing::ResultOf(
                                     [](const v1::Finding& finding) { return finding.message(); },
                                     testing::HasSubstr("no watch left"))));
}

TEST_F(AgentServiceTest, ReportsTheDevicePlugin) {
  const auto source = [this] {
    const auto status = GetStatus();
    return *(status.sources().rbegin() + 1);
  };
  EXPECT_EQ(source().name(), "device plugin");
  EXPECT_EQ(source().address(), "/k/kubelet.sock");
  EXPECT_EQ(source().state(), v1::SOURCE_STATE_ABSENT);
  device_plugin_.last_read = absl::UnavailableError("refused");
  EXPECT_EQ(source().state(), v1::SOURCE_STATE_ERROR);
  EXPECT_EQ(source().message(), "refused");
  device_plugin_.last_read = absl::OkStatus();
  EXPECT_EQ(source().state(), v1::SOURCE_STATE_OK);
}

TEST_F(AgentServiceTest, ReportsWhatWaitsForARestart) {
  machine_.tree().Write("config", "distant");
  configuration_.Reload();
  EXPECT_THAT(GetPolicies().configuration().restart_keys(), ElementsAre("localDistance"));
  EXPECT_THAT(GetStatus().configuration().restart_keys(), ElementsAre("localDistance"));
}

}  // namespace
}  // namespace numalocality::agent_service_test
