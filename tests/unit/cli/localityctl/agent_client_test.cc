#include "agent/cli/localityctl/agent_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "agent/cli/localityctl/reconnect.h"
#include "tests/unit/cli/localityctl/fake_agent.h"
#include "tests/unit/fake/fake_clock.h"
#include "tests/unit/fake/temp_tree.h"

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

TEST(AgentClientTest, AWatchIsTakenUpAtTheNextAgent) {
  TempTree tree;
  const std::string endpoint = "unix:" + tree.Path("agent.sock");
  auto agent = std::make_unique<FakeAgent>(endpoint);
  agent->placement_changes.resize(1);
  agent->placement_changes[0].set_resync(true);
  agent->status = {grpc::StatusCode::CANCELLED, "the agent stops"};
  const FakeClock clock;
  AgentClient client(endpoint, absl::Seconds(10), clock);
  int count = 0;
  EXPECT_TRUE(client
                  .WatchPlacements([&](const v1::WatchPlacementsResponse& change) {
                    EXPECT_TRUE(change.resync());
                    if (++count == 2) return false;
                    const auto changes = agent->placement_changes;
                    agent.reset();  // only one server can listen at the path
                    agent = std::make_unique<FakeAgent>(endpoint);
                    agent->placement_changes = changes;
                    return true;
                  })
                  .ok());
  EXPECT_EQ(count, 2);
  EXPECT_GT(clock.slept(), absl::ZeroDuration());
}

TEST(AgentClientTest, AWatchGivesUpInTheEnd) {
  TempTree tree;
  auto agent = std::make_unique<FakeAgent>("unix:" + tree.Path("agent.sock"));
  agent->placement_changes.resize(1);
  const FakeClock clock;
  AgentClient client(agent->endpoint(), absl::Seconds(10), clock);
  agent->status = {grpc::StatusCode::CANCELLED, "the agent stops"};
  const absl::Status end = client.WatchPlacements([&](const v1::WatchPlacementsResponse&) {
    agent.reset();
    return true;
  });
  EXPECT_TRUE(absl::IsUnavailable(end)) << end;
  EXPECT_EQ(clock.slept(), kWatchPatience);
}

TEST(AgentClientTest, ALimitIsForAllCallsTogether) {
  FakeAgent agent;
  AgentClient client(agent.endpoint(), absl::Seconds(10));
  EXPECT_TRUE(client.Within(absl::Minutes(10)).GetStatus().ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.Within(-absl::Seconds(1)).GetStatus().status()));
  EXPECT_TRUE(client.GetStatus().ok());
}

TEST(AgentClientTest, ALimitOfAllCallsIsMonotonic) {
  FakeAgent agent;
  const FakeClock clock;
  AgentClient client =
      AgentClient(agent.endpoint(), absl::Minutes(1), clock).Within(absl::Hours(1));
  clock.StepWall(absl::Hours(6));
  EXPECT_TRUE(client.GetStatus().ok());
  clock.StepWall(-absl::Hours(12));
  clock.Advance(absl::Hours(2));
  EXPECT_TRUE(absl::IsDeadlineExceeded(client.GetStatus().status()));
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
  EXPECT_TRUE(absl::IsUnavailable(status)) << "NOT_FOUND would be a workload";
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cannot reach the agent at unix:/nonexistent/agent.sock: No such file"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--endpoint"));
}

}  // namespace
}  // namespace numalocality::localityctl::agent_client_test
