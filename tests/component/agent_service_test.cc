// AgentService, called without the socket. server_test covers the socket.
#include "agent/rpc/agent_service.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <string>

#include "agent/config/parse_configuration.h"
#include "agent/engine/health/configuration_source.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::agent_service_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFile[] = R"(
policies:
- name: databases
  selector: {namespaces: [prod], matchLabels: {tier: "db \"é\""}}
  action: repair
  settle: 1m30s
limits: {nodeReserve: 0.00001}
api: {clients: [{identity: operator, role: admin}]}
)";

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

  v1::GetConfigurationResponse GetConfiguration() {
    v1::GetConfigurationResponse response;
    const grpc::Status status = service_.GetConfiguration(&context_, nullptr, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  // The settings of an answer as JSON, read as a configuration file.
  static Configuration AsFile(const v1::GetConfigurationResponse& answer) {
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(answer.settings(), &json).ok());
    const auto configuration = ParseConfiguration(json);
    EXPECT_TRUE(configuration.ok()) << configuration.status() << json;
    return configuration.value_or(Configuration());
  }

  FakeMachine machine_;
  const std::string path_ = machine_.tree().Path("config");
  ConfigurationSource configuration_{path_, ConfigurationSource::Presence::kOptional,
                                     machine_.context().clock, ParseConfiguration};
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

TEST_F(AgentServiceTest, GivesTheConfigurationInForceWithDefaults) {
  const auto defaults = GetConfiguration();
  EXPECT_EQ(AsFile(defaults), Configuration());
  EXPECT_EQ(defaults.settings().fields().at("period").string_value(), "30s");
  EXPECT_EQ(defaults.status().path(), path_);
  EXPECT_FALSE(defaults.status().has_load_time());

  machine_.tree().Write("config", kFile);
  configuration_.Reload();
  const auto answer = GetConfiguration();
  EXPECT_EQ(AsFile(answer), *ParseConfiguration(kFile));
  const auto& policy =
      answer.settings().fields().at("policies").list_value().values(0).struct_value().fields();
  EXPECT_EQ(policy.at("name").string_value(), "databases");
  EXPECT_EQ(policy.at("minLocalFraction").number_value(), 0.9);
  EXPECT_EQ(policy.at("pageCache").bool_value(), false);
  EXPECT_TRUE(answer.status().has_load_time());
  EXPECT_EQ(answer.status().error(), "");
}

TEST_F(AgentServiceTest, SaysThatOnlyValidSectionsAreInForce) {
  machine_.tree().Write("config", "period: soon\nlocalDistance: 20\n");
  const ConfigurationSource configuration(path_, ConfigurationSource::Presence::kOptional,
                                          machine_.context().clock, ParseConfiguration, nullptr,
                                          ParseValidSections);
  AgentService service(callers_, machine_.context(), nullptr, &configuration, board_);
  v1::GetConfigurationResponse answer;
  ASSERT_TRUE(service.GetConfiguration(&context_, nullptr, &answer).ok());
  EXPECT_EQ(AsFile(answer).local_distance, 20);
  EXPECT_TRUE(answer.status().only_valid_sections());
  EXPECT_FALSE(answer.status().has_load_time());
  EXPECT_THAT(answer.status().error(), HasSubstr("line 1, column 9: period"));
  EXPECT_FALSE(GetConfiguration().status().only_valid_sections());
}

TEST_F(AgentServiceTest, AWrongFileIsReportedAndTheOldConfigurationStays) {
  machine_.tree().Write("config", kFile);
  configuration_.Reload();
  machine_.tree().Write("config", "period: soon");
  configuration_.Reload();
  EXPECT_EQ(AsFile(GetConfiguration()), *ParseConfiguration(kFile));
  EXPECT_THAT(GetConfiguration().status().error(), HasSubstr("line 1, column 9: period"));
  const auto status = GetStatus();
  EXPECT_THAT(status.configuration().error(), HasSubstr("line 1, column 9: period"));
  EXPECT_THAT(status.findings(), testing::Contains(testing::ResultOf(
                                     [](const v1::Finding& finding) { return finding.message(); },
                                     HasSubstr("line 1, column 9: period"))));
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
                                     HasSubstr("no watch left"))));
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
  machine_.tree().Write("config", "localDistance: 20");
  configuration_.Reload();
  EXPECT_THAT(GetConfiguration().status().restart_keys(), ElementsAre("localDistance"));
  EXPECT_THAT(GetStatus().configuration().restart_keys(), ElementsAre("localDistance"));
}

}  // namespace
}  // namespace numalocality::agent_service_test
