// localityctl --all: several agents at different addresses behind one name.
#include "agent/cli/localityctl/all_agents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/component/tls_client.h"
#include "tests/unit/cli/localityctl/fake_agent.h"

namespace numalocality::localityctl::all_agents_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNobody[] = "127.0.0.9:1";

// Agents of node-0 to node-2, each with one placement and one migration of its own.
class AllAgentsTest : public TlsClientTest {
 protected:
  AllAgentsTest() {
    for (int i = 0; i < 3; ++i) {
      auto& agent = *agents_.emplace_back(std::make_unique<FakeAgent>(
          absl::StrCat("127.0.0.", i + 1), ServerCredentialsOf(ca_.Issue(kServerName), ca_)));
      agent.agent_status.set_node_name(absl::StrCat("node-", i));
      agent.placement_pages.resize(1);
      auto& workload = *agent.placement_pages[0].add_placements()->mutable_workload();
      workload.set_cgroup_path(absl::StrCat("/w", i));
      agent.migrations.add_migrations()->set_id(absl::StrCat("m-", i));
      endpoints_.push_back(agent.endpoint());
    }
    globals_.all = absl::StrCat(kServerName, ":9463");
    globals_.tls.server_name = "";
    globals_.resolve = [this](const HostPort& name) -> absl::StatusOr<std::vector<std::string>> {
      EXPECT_EQ(name.host, kServerName);
      EXPECT_EQ(name.port, 9463);
      return endpoints_;
    };
  }

  // Makes `agent` the only one that has the pod.
  void GivePodTo(int agent) {
    for (int i = 0; i < 3; ++i) {
      if (i != agent) agents_[i]->placement_status = {grpc::StatusCode::NOT_FOUND, "no such pod"};
    }
    agents_[agent]->placement.add_placements()->mutable_workload()->set_cgroup_path("/pod");
    agents_[agent]
        ->explanation.add_explanations()
        ->mutable_placement()
        ->mutable_workload()
        ->set_pid(12);
  }

  std::vector<std::unique_ptr<FakeAgent>> agents_;
  std::vector<std::string> endpoints_;
};

TEST_F(AllAgentsTest, ATableNamesTheNodesFirst) {
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitSuccess) << complaints_;
  EXPECT_THAT(printed_, testing::StartsWith("NODE     POD"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(printed_, testing::ContainsRegex(absl::StrCat("\nnode-", i, " .*/w", i, " ")));
  }
  EXPECT_EQ(*Run(MigrationsCommand, {"migrations"}), kExitSuccess);
  EXPECT_THAT(printed_, AllOf(HasSubstr("\nnode-0   m-0 "), HasSubstr("\nnode-2   m-2 ")));
  EXPECT_EQ(*Run(TopologyCommand, {"topology"}), kExitSuccess);
  EXPECT_THAT(printed_, AllOf(HasSubstr("== node-0 ==\n"), HasSubstr("== node-2 ==\n")));
  EXPECT_EQ(*Run(PoliciesCommand, {"policies"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("== node-1 ==\nNo policies"));
}

TEST_F(AllAgentsTest, ProgramsReadOneListOfAgents) {
  endpoints_ = {endpoints_[1], kNobody};
  globals_.output = OutputFormat::kJson;
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitError);
  EXPECT_THAT(printed_, testing::StartsWith(absl::StrCat(
                            "{\"agents\":[\n{\"node\":\"127.0.0.9\",\"endpoint\":\"", kNobody,
                            "\",\"error\":\"cannot reach the agent at 127.0.0.9:1: ")));
  EXPECT_THAT(printed_,
              HasSubstr(absl::StrCat(",\n{\"node\":\"node-1\",\"endpoint\":\"", endpoints_[0],
                                     "\",\"response\":{\"placements\":[")));
  globals_.output = OutputFormat::kYaml;
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitError);
  EXPECT_THAT(printed_, testing::StartsWith("agents:\n  - node: \"127.0.0.9\"\n"));
}

TEST_F(AllAgentsTest, OneThatIsDeadDoesNotHideTheOthers) {
  endpoints_[1] = kNobody;
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitError);
  EXPECT_THAT(printed_, AllOf(HasSubstr("/w0"), Not(HasSubstr("/w1")), HasSubstr("/w2")));
  EXPECT_THAT(complaints_, HasSubstr("ERROR: 127.0.0.9: cannot reach the agent at 127.0.0.9:1"));
  endpoints_ = {kNobody};
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitError);
  EXPECT_EQ(printed_, "");
}

TEST_F(AllAgentsTest, AListNamesThemAndTheirNodes) {
  tree_.Write("endpoints", absl::StrCat("# of the cluster\n\n", endpoints_[0], "\n", kNobody,
                                        " node-9\n", endpoints_[2], "\tn \n", endpoints_[0]));
  globals_.all = "";
  globals_.endpoints_file = tree_.Path("endpoints");
  globals_.tls.server_name = kServerName;
  globals_.parallel = 1;
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitError);
  EXPECT_THAT(printed_, testing::ContainsRegex("\nnode-0 .*/w0 .*\nnode-2 .*/w2 "));
  EXPECT_THAT(complaints_, HasSubstr("ERROR: node-9: cannot reach the agent at 127.0.0.9:1"));
  GivePodTo(2);
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pod", "uid-1"}), kExitSuccess);
  EXPECT_EQ(agents_[2]->create_requests.size(), 1u);
  EXPECT_TRUE(absl::IsInvalidArgument(Run(ReserveCommand, {"reserve", "--pod", "a"}).status()));
  tree_.Write("endpoints", "\n");
  EXPECT_THAT(std::string(Run(TopCommand, {"top"}).status().message()),
              HasSubstr("endpoints: there is no endpoint in it"));
  tree_.Remove("endpoints");
  EXPECT_TRUE(absl::IsNotFound(Run(TopCommand, {"top"}).status()));
}

TEST_F(AllAgentsTest, AListOfSocketsNeedsNoCertificates) {
  FakeAgent local;
  local.placement_pages.resize(1);
  local.placement_pages[0].add_placements()->mutable_workload()->set_cgroup_path("/local");
  tree_.Write("endpoints", local.endpoint());
  globals_.all = "";
  globals_.endpoints_file = tree_.Path("endpoints");
  globals_.tls = {};
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitSuccess) << complaints_;
  EXPECT_THAT(printed_, HasSubstr("/local"));
}

TEST_F(AllAgentsTest, EachHasALimitedTime) {
  globals_.timeout = absl::Milliseconds(500);
  const auto agents = AllAgents::Find(globals_);
  ASSERT_TRUE(agents.ok()) << agents.status();
  // One of them never comes to an end.
  const auto answers = agents->Ask<v1::GetStatusResponse>([](AgentClient& agent) {
    auto status = agent.GetStatus();
    while (status.ok() && status->node_name() == "node-1") status = agent.GetStatus();
    return status;
  });
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_TRUE(answers[0].response.ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(answers[1].response.status()));
  EXPECT_TRUE(answers[2].response.ok());
}

TEST_F(AllAgentsTest, EachMustHaveACertificateForTheName) {
  const FakeAgent other("127.0.0.4", ServerCredentialsOf(ca_.Issue("other.test"), ca_));
  endpoints_ = {endpoints_[0], other.endpoint()};
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitError);
  EXPECT_THAT(printed_, HasSubstr("/w0"));
  EXPECT_THAT(complaints_, HasSubstr("is for another name"));
}

TEST_F(AllAgentsTest, DoctorReportsIfAnyIsUnfit) {
  EXPECT_EQ(*Run(DoctorCommand, {"doctor"}), kExitSuccess);
  agents_[1]->agent_status.add_findings()->set_severity(v1::FINDING_SEVERITY_ERROR);
  EXPECT_EQ(*Run(DoctorCommand, {"doctor"}), kExitNotMigrated);
  EXPECT_THAT(printed_, HasSubstr("== node-2 ==\nAgent"));
}

TEST_F(AllAgentsTest, APodIsExplainedByTheOneAgentThatKnowsIt) {
  GivePodTo(2);
  EXPECT_EQ(*Run(ExplainCommand, {"explain", "--pod", "uid-1"}), kExitSuccess) << complaints_;
  EXPECT_THAT(printed_, testing::StartsWith("== node-2 ==\n"));
  EXPECT_EQ(complaints_, "");
  agents_[2]->placement_status = agents_[0]->placement_status;
  EXPECT_TRUE(absl::IsNotFound(Run(ExplainCommand, {"explain", "--pod", "uid-1"}).status()));
}

TEST_F(AllAgentsTest, APodIsMigratedByTheOneAgentThatKnowsIt) {
  GivePodTo(1);
  const auto exit_code = Run(MigrateCommand, {"migrate", "--pod", "uid-1"});
  ASSERT_TRUE(exit_code.ok()) << exit_code.status();
  EXPECT_EQ(agents_[0]->create_requests.size(), 0u);
  EXPECT_EQ(agents_[1]->create_requests.size(), 1u);
  EXPECT_EQ(agents_[2]->create_requests.size(), 0u);
}

TEST_F(AllAgentsTest, NothingIsMovedOnAGuess) {
  for (const std::vector<const char*>& guess :
       std::vector<std::vector<const char*>>{{"migrate", "--pid", "12"},
                                             {"migrate", "--cgroup", "/system.slice"},
                                             {"migrate", "--pod", "uid-1"}}) {
    EXPECT_FALSE(Run(MigrateCommand, guess).ok()) << guess[1] << ": all of them have it";
  }
  EXPECT_TRUE(absl::IsInvalidArgument(Run(EvacuateCommand, {"evacuate", "0", "--yes"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Run(ReserveCommand, {"reserve", "--pod", "a"}).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Run(TopCommand, {"top", "--watch"}).status()));
  for (const auto& agent : agents_) EXPECT_EQ(agent->create_requests.size(), 0u);
}

TEST(ParseAddressesTest, NamesTheLineThatIsWrong) {
  const auto addresses = ParseAddresses("unix:/run/a.sock\r\n[2001:db8::1]:9463  node-1\n");
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  ASSERT_EQ(addresses->size(), 2u);
  EXPECT_EQ((*addresses)[0].node, "unix:/run/a.sock");
  EXPECT_EQ((*addresses)[1].endpoint, "[2001:db8::1]:9463");
  EXPECT_EQ((*addresses)[1].node, "node-1");
  for (const char* wrong : {"\nnode-1", "\n10.0.0.1:9463 node-1 ready"}) {
    EXPECT_THAT(std::string(ParseAddresses(wrong).status().message()), HasSubstr("line 2: "));
  }
}

TEST(ResolveHostTest, GivesEachAddressOnce) {
  const auto endpoints = ResolveHost({"127.0.0.1", 9463});
  ASSERT_TRUE(endpoints.ok()) << endpoints.status();
  EXPECT_THAT(*endpoints, testing::ElementsAre("127.0.0.1:9463"));
  EXPECT_THAT(*ResolveHost({"::1", 9463}), testing::ElementsAre("[::1]:9463"));
  EXPECT_TRUE(absl::IsUnavailable(ResolveHost({"nowhere.invalid", 1}).status()));
}

}  // namespace
}  // namespace numalocality::localityctl::all_agents_test
