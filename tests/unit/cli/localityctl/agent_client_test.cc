#include "agent/cli/localityctl/agent_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/cli/localityctl/fake_agent.h"

namespace numalocality::localityctl::agent_client_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AgentClientTest, ReadsAllPagesOfAList) {
  FakeAgent agent;
  agent.placement_pages.resize(3);
  for (int i = 0; i < 3; ++i) agent.placement_pages[i].add_placements()->set_process_count(i);
  AgentClient client(agent.endpoint(), absl::Seconds(10));
  const auto list = client.ListPlacements(v1::PLACEMENT_VIEW_BASIC);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ(list->placements_size(), 3);
  EXPECT_EQ(list->placements(2).process_count(), 2);
}

TEST(AgentClientTest, WatchesToTheEnd) {
  FakeAgent agent;
  agent.migration_states.resize(2);
  agent.migration_states[0].set_state(v1::MIGRATION_STATE_RUNNING);
  agent.migration_states[1].set_state(v1::MIGRATION_STATE_SUCCEEDED);
  AgentClient client(agent.endpoint(), absl::Seconds(10));
  std::vector<v1::MigrationState> seen;
  const auto migration =
      client.WatchMigration("m-1", [&](const v1::Migration& now) { seen.push_back(now.state()); });
  ASSERT_TRUE(migration.ok()) << migration.status();
  EXPECT_EQ(migration->state(), v1::MIGRATION_STATE_SUCCEEDED);
  EXPECT_THAT(seen, ElementsAre(v1::MIGRATION_STATE_RUNNING, v1::MIGRATION_STATE_SUCCEEDED));
}

TEST(AgentClientTest, PassesTheAgentsErrorsOn) {
  FakeAgent agent;
  agent.status = {grpc::StatusCode::NOT_FOUND, "pod x: no such container on this machine"};
  AgentClient client(agent.endpoint(), absl::Seconds(10));
  EXPECT_EQ(client.GetPlacement({}).status(),
            absl::NotFoundError("pod x: no such container on this machine"));
}

TEST(AgentClientTest, SaysWhichSocketIsNotThere) {
  AgentClient client("unix:/nonexistent/agent.sock", absl::Seconds(10));
  const absl::Status status = client.GetTopology().status();
  EXPECT_FALSE(absl::IsPermissionDenied(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot reach the agent at unix:/nonexistent/agent.sock: No such file"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--endpoint"));
}

}  // namespace
}  // namespace numalocality::localityctl::agent_client_test
