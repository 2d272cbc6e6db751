// The output of numa-migrate, and its explanations of denied kernel calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/report.h"
#include "tests/unit/fake/temp_tree.h"

namespace numalocality::numa_migrate::report_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

Options OptionsForNode1() {
  Options options;
  options.pid = 4321;
  options.spec.target_nodes = {NodeId{1}};
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
  result.verifications.resize(1);
  result.verifications[0].after = absl::Seconds(10);
  result.verifications[0].pages_on_target = 125567;
  result.verifications[0].drifted_pages = 4905;
  return result;
}

// The lines without indentation.
std::string Unindented(const std::string& text) {
  std::string lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line[0] != ' ') lines.append(std::string(line) + "\n");
  }
  return lines;
}

TEST(MigrationReportTest, AddsUp) {
  Options options = OptionsForNode1();
  options.verify = true;
  const std::string text = MigrationReport(options, Partial(), {});
  EXPECT_EQ(Unindented(text),
            "Pages examined: 131072\n"
            "Moved: 125000\n"
            "Unchanged: 5472\n"
            "Busy: 500\n"
            "Failed: 100\n"
            "Drifted: 4905\n"
            "Verification: 95.8% on node 1\n");
  EXPECT_THAT(text, HasSubstr("Failed: 100\n  pinned: 60 (stop whatever pins them "));
  EXPECT_THAT(text, HasSubstr("  no memory on the target: 40 (free memory on the target, "));
  EXPECT_THAT(text, HasSubstr("on node 1\n  after 10s: 95.8%, 4905 drifted\n"));
}

TEST(MigrationReportTest, SaysWhyPagesDriftedAndWhatWouldStopThat) {
  Observations observations;
  observations.drift_causes = {{"moon", "the moon is full", "--dark"}};
  EXPECT_THAT(MigrationReport(OptionsForNode1(), Partial(), observations),
              HasSubstr("Drifted: 4905\n  likely cause: the moon is full\n"
                        "  what stops it: --dark\n"));
}

TEST(MigrationReportTest, SharedPagesThatAreNotProvedToBeOwnedSayWhyNot) {
  WorkloadMigration result = Partial();
  result.outcomes.Add(PageOutcome::kShared, 7);
  EXPECT_THAT(MigrationReport(OptionsForNode1(), result, {}),
              HasSubstr("  shared: 7 (change the sharing rule: "));
  result.sharing_note = "process 9 maps them, too";
  EXPECT_THAT(MigrationReport(OptionsForNode1(), result, {}),
              HasSubstr("  shared: 7 (process 9 maps them, too)\n"));
}

TEST(MigrationReportTest, TheCrossCheckAgreesOrNot) {
  Options options = OptionsForNode1();
  options.verify = true;
  Observations observations;
  observations.numa_maps = NumaMapsCheck{.pages = 1000, .pages_on_target = 958};
  EXPECT_THAT(MigrationReport(options, Partial(), observations),
              HasSubstr("\n  numa_maps: 95.8% on node 1; agrees on all 1000 pages "
                        "that it can compare\n"));
  observations.numa_maps->pages = Partial().outcomes.Total();
  EXPECT_THAT(MigrationReport(options, Partial(), observations),
              HasSubstr("; agrees on every page\n"));
  observations.numa_maps->pages = 0;
  EXPECT_THAT(MigrationReport(options, Partial(), observations),
              HasSubstr("\n  numa_maps: no comparison, as no mapping"));
  observations.numa_maps->pages = 1000;
  observations.numa_maps->differing_pages = 3;
  EXPECT_THAT(MigrationReport(options, Partial(), observations),
              HasSubstr("\n  numa_maps: 95.8% on node 1; disagrees on 3 of 1000 pages"));
  observations.numa_maps = NumaMapsCheck{.skipped = true, .largest_bytes = int64_t{512} << 20};
  EXPECT_THAT(MigrationReport(options, Partial(), observations),
              AllOf(HasSubstr("\n  numa_maps: not read, as a mapping has 512.0 MiB"),
                    HasSubstr("--verify-numa-maps")));
}

TEST(MigrationReportTest, SaysNothingOfAVerificationThatWasNotAskedForOrNotMade) {
  EXPECT_THAT(MigrationReport(OptionsForNode1(), Partial(), {}), Not(HasSubstr("Verification")));
  Options options = OptionsForNode1();
  options.verify = true;
  WorkloadMigration cancelled = Partial();
  cancelled.state = MigrationState::kCancelled;
  EXPECT_THAT(MigrationReport(options, cancelled, {}), HasSubstr("\n  after 10s: 95.8%, 4905"));
  cancelled.verifications.clear();
  EXPECT_THAT(MigrationReport(options, cancelled, {}), Not(HasSubstr("Verification")));
  EXPECT_THAT(MigrationReport(options, cancelled, {}), Not(HasSubstr("Drifted")));
}

TEST(MigrationReportTest, ANodeMapHasSeveralTargets) {
  Options options = OptionsForNode1();
  options.spec.target_nodes = {};
  options.spec.node_map = {{NodeId{0}, NodeId{2}}, {NodeId{1}, NodeId{3}}};
  options.verify = true;
  EXPECT_THAT(MigrationReport(options, Partial(), {}), HasSubstr("95.8% on nodes 2-3\n"));
  options.format = OutputFormat::kJson;
  EXPECT_THAT(MigrationReport(options, Partial(), {}), HasSubstr(R"("node_map": "0:2,1:3")"));
}

TEST(MigrationReportTest, JsonHasTheSameFigures) {
  Options options = OptionsForNode1();
  options.format = OutputFormat::kJson;
  WorkloadMigration result = Partial();
  result.message = "say \"no\"";
  const std::string json = MigrationReport(options, result, {});
  EXPECT_THAT(json, HasSubstr(R"({"pid": 4321, "pages": 131072, "moved": 125000, )"
                              R"("unchanged": 5472, "busy": 500, "failed": 100, )"
                              R"("failed_by_reason": {"shared": 0, "pinned": 60, )"
                              R"("no_memory": 40, )"));
  EXPECT_THAT(json, HasSubstr(R"("wanted": 131072, "target_node": 1, "state": "SUCCEEDED", )"
                              R"("reason": "NONE", "message": "say \"no\"", )"));
  EXPECT_THAT(json, HasSubstr(R"("on_target": 125567, "drifted": 4905, "verifications": )"
                              R"([{"after_seconds": 10, "on_target": 125567, "drifted": 4905}])"));
}

TEST(MigrationReportTest, CsvHasAValueForEachName) {
  Options options = OptionsForNode1();
  options.format = OutputFormat::kCsv;
  const std::vector<std::string> lines =
      absl::StrSplit(MigrationReport(options, Partial(), {}), '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0],
              HasSubstr("pid,pages,moved,unchanged,busy,failed,failed_by_reason_shared,"));
  EXPECT_THAT(lines[1], HasSubstr("4321,131072,125000,5472,500,100,0,60,40,"));
  const std::vector<std::string> names = absl::StrSplit(lines[0], ',');
  const std::vector<std::string> values = absl::StrSplit(lines[1], ',');
  EXPECT_EQ(names.size(), values.size());
}

TEST(FieldsTest, CsvQuotesWhatWouldBreakTheLine) {
  Fields row;
  row.Add("a", "one, \"two\"");
  row.Add("b", true);
  EXPECT_EQ(Fields::ToCsv({row}), "a,b\n\"one, \"\"two\"\"\",true\n");
}

TEST(CheckReportTest, GivesEachNodeItsShare) {
  Options options = OptionsForNode1();
  const std::map<NodeId, int64_t> pages = {{NodeId{0}, 42}, {NodeId{1}, 958}, {NodeId{4}, 0}};
  EXPECT_EQ(CheckReport(options, pages),
            "Node 0: 4.2% pages\nNode 1: 95.8% pages\nNode 4: 0.0% pages\n");
  options.format = OutputFormat::kJson;
  EXPECT_EQ(CheckReport(options, pages),
            R"({"pid": 4321, "pages": 1000, "nodes": [{"node": 0, "pages": 42, "percent": 4.2}, )"
            R"({"node": 1, "pages": 958, "percent": 95.8}, {"node": 4, "pages": 0, )"
            R"("percent": 0}]})"
            "\n");
  options.format = OutputFormat::kCsv;
  EXPECT_EQ(CheckReport(options, pages),
            "pid,node,pages,percent\n4321,0,42,4.2\n4321,1,958,95.8\n4321,4,0,0\n");
}

TEST(CheckReportTest, AProcessWithoutPagesIsNowhere) {
  EXPECT_EQ(CheckReport(OptionsForNode1(), {{NodeId{0}, 0}}), "Node 0: 0.0% pages\n");
}

constexpr uint64_t kAll = 0x1ffffffffff;

Privileges With(uint64_t capabilities, SeccompMode seccomp) {
  Privileges privileges;
  privileges.effective = CapabilitySet(capabilities);
  privileges.seccomp = seccomp;
  return privileges;
}

TEST(ExplainDenialTest, NamesWhatIsInTheWay) {
  const uint64_t all_but_ptrace = kAll & ~(uint64_t{1} << 19);
  EXPECT_THAT(ExplainDenial(With(all_but_ptrace, SeccompMode::kFilter), Capability::kSysPtrace),
              HasSubstr("CAP_SYS_PTRACE is missing"));
  EXPECT_THAT(ExplainDenial(With(kAll, SeccompMode::kFilter), Capability::kSysPtrace),
              AllOf(HasSubstr("seccomp filter is active"), HasSubstr("move_pages")));
  EXPECT_THAT(ExplainDenial(With(kAll, SeccompMode::kDisabled), Capability::kSysPtrace),
              HasSubstr("security module"));
}

TEST(ExplainDenialTest, NamesTheCapabilityThatWasNeeded) {
  EXPECT_THAT(ExplainDenial(With(0, SeccompMode::kDisabled), Capability::kSysNice),
              HasSubstr("CAP_SYS_NICE is missing"));
  EXPECT_THAT(ExplainDenial(With(0, SeccompMode::kDisabled), Capability::kSysAdmin),
              HasSubstr("CAP_SYS_ADMIN is missing"));
}

TEST(WithDenialTest, ExplainsRefusalsOnly) {
  const TempTree nothing;
  const Host host = Host::Below(nothing.root());
  EXPECT_EQ(WithDenial(absl::NotFoundError("x"), Capability::kSysPtrace, host),
            absl::NotFoundError("x"));
  // If nothing can be read, a missing capability is the likeliest cause.
  EXPECT_THAT(
      std::string(WithDenial(absl::PermissionDeniedError("process 1"), Capability::kSysPtrace, host)
                      .message()),
      AllOf(HasSubstr("process 1: "), HasSubstr("CAP_SYS_PTRACE is missing")));
  EXPECT_FALSE(HasCapability(Capability::kSysPtrace, host));
}

}  // namespace

}  // namespace numalocality::numa_migrate::report_test
