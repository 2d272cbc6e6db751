#include "agent/cli/numa_migrate/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace numalocality {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Options OptionsForNode1() {
  Options options;
  options.pid = 4321;
  options.to_node = NodeId{1};
  return options;
}

WorkloadMigration Partial() {
  WorkloadMigration result;
  result.state = MigrationState::kSucceeded;
  result.outcomes.Add(PageOutcome::kMoved, 125000);
  result.outcomes.Add(PageOutcome::kAlreadyThere, 5472);
  result.outcomes.Add(PageOutcome::kBusy, 500);
  result.outcomes.Add(PageOutcome::kPinned, 60);
  result.outcomes.Add(PageOutcome::kNoMemory, 40);
  result.drifted_pages = 4905;
  result.pages_on_target = 125567;
  return result;
}

TEST(MigrationReportTest, AddsUp) {
  Options options = OptionsForNode1();
  options.verify = true;
  EXPECT_EQ(MigrationReport(options, Partial()),
            "Pages examined: 131072\n"
            "Moved: 125000\n"
            "Unchanged: 5472\n"
            "Busy: 500\n"
            "Failed: 100\n"
            "  pinned: 60\n"
            "  no memory on the target: 40\n"
            "Drifted: 4905\n"
            "Verification: 95.8% on node 1\n");
}

TEST(MigrationReportTest, SaysNothingOfAVerificationThatWasNotAskedForOrNotMade) {
  EXPECT_THAT(MigrationReport(OptionsForNode1(), Partial()), Not(HasSubstr("Verification")));
  Options options = OptionsForNode1();
  options.verify = true;
  WorkloadMigration cancelled = Partial();
  cancelled.state = MigrationState::kCancelled;
  EXPECT_THAT(MigrationReport(options, cancelled), Not(HasSubstr("Verification")));
  EXPECT_THAT(MigrationReport(options, cancelled), Not(HasSubstr("Drifted")));
}

TEST(MigrationReportTest, JsonHasTheSameFigures) {
  Options options = OptionsForNode1();
  options.json = true;
  WorkloadMigration result = Partial();
  result.message = "say \"no\"";
  EXPECT_EQ(MigrationReport(options, result),
            R"({"pid": 4321, "pages": 131072, "moved": 125000, "unchanged": 5472, "busy": 500, )"
            R"("failed": 100, "failed_by_reason": {"pinned": 60, "no_memory_on_the_target": 40}, )"
            R"("wanted": 131072, "target_node": 1, "state": "SUCCEEDED", "reason": "NONE", )"
            R"("message": "say \"no\"", "move_calls": 0, "move_call_seconds": 0, )"
            R"("longest_move_call_seconds": 0, "on_target": 125567, "drifted": 4905})"
            "\n");
}

TEST(CheckReportTest, GivesEachNodeItsShare) {
  Options options = OptionsForNode1();
  const std::map<NodeId, int64_t> pages = {{NodeId{0}, 42}, {NodeId{1}, 958}, {NodeId{4}, 0}};
  EXPECT_EQ(CheckReport(options, pages),
            "Node 0: 4.2% pages\nNode 1: 95.8% pages\nNode 4: 0.0% pages\n");
  options.json = true;
  EXPECT_EQ(CheckReport(options, pages),
            R"({"pid": 4321, "pages": 1000, "nodes": [{"node": 0, "pages": 42, "percent": 4.2}, )"
            R"({"node": 1, "pages": 958, "percent": 95.8}, {"node": 4, "pages": 0, )"
            R"("percent": 0.0}]})"
            "\n");
}

TEST(CheckReportTest, AProcessWithoutPagesIsNowhere) {
  EXPECT_EQ(CheckReport(OptionsForNode1(), {{NodeId{0}, 0}}), "Node 0: 0.0% pages\n");
}

TEST(PlanReportTest, SaysWhatWouldMoveAndWhetherThereIsRoom) {
  WorkloadMigration plan;
  plan.target_nodes = {NodeId{1}};
  plan.pages_planned = 256;
  plan.before.Add(NodeId{0}, MemoryKind::kAnon, 256 * 4096);
  plan.before.Add(NodeId{1}, MemoryKind::kAnon, 3 * 4096);
  EXPECT_EQ(PlanReport(OptionsForNode1(), plan, 4096, int64_t{1} << 30),
            "Would move: 256 pages (1.0 MiB) to node 1\n"
            "Unchanged: 3\n"
            "Free on node 1: 1.0 GiB\n");
}

}  // namespace
}  // namespace numalocality
