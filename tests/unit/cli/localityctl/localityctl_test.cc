// The subcommands of localityctl against a fake agent: from the command line to the output and the
// exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "agent/cli/arguments.h"
#include "agent/cli/localityctl/commands.h"
#include "agent/cli/localityctl/evacuate_command.h"
#include "agent/cli/localityctl/follow.h"
#include "tests/unit/cli/localityctl/fake_agent.h"
#include "tests/unit/fake/fake_clock.h"

namespace numalocality::localityctl::localityctl_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LocalityctlTest : public testing::Test {
 protected:
  using MakeCommand = Command (*)(CLI::App&, const GlobalOptions&);

  LocalityctlTest() {
    globals_.endpoint = agent_.endpoint();
    globals_.clock = &clock_;
  }

  absl::StatusOr<ExitCode> Run(MakeCommand make, const std::vector<const char*>& arguments) {
    CLI::App app;
    const Command command = make(app, globals_);
    std::vector<const char*> argv = {"localityctl"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const auto exit_code = ParseCommandLine(app, static_cast<int>(argv.size()), argv.data());
    if (exit_code.has_value()) return *exit_code;
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    auto result = command.run();
    printed_ = testing::internal::GetCapturedStdout();
    complaints_ = testing::internal::GetCapturedStderr();
    return result;
  }

  // A stream of placements: a sandbox, and a cgroup that disappears.
  void SetChanges() {
    agent_.placement_changes.resize(5);
    agent_.placement_changes[0].set_resync(true);
    agent_.placement_changes[1].mutable_placement()->set_is_sandbox(true);
    auto& placement = *agent_.placement_changes[2].mutable_placement();
    placement.mutable_workload()->set_cgroup_path("/a");
    placement.add_home_node_ids(1);
    placement.set_local_fraction(0.25);
    for (const int node : {0, 1}) {
      auto& usage = *placement.add_node_usages();
      usage.set_node_id(node);
      usage.set_anon_bytes(node == 0 ? 3072 : 1024);
    }
    placement.mutable_read_time()->set_seconds(1795369801);
    placement.mutable_decision()->set_verdict(v1::REPAIR_VERDICT_WAIT);
    placement.mutable_decision()->set_reason(v1::REPAIR_REASON_SETTLING);
    agent_.placement_changes[3].set_synced(true);
    agent_.placement_changes[4].mutable_gone()->set_cgroup_path("/a");
  }

  void SetPlan() {
    agent_.plan.set_page_bytes(4096);
    agent_.plan.add_workloads()->set_planned_page_count(1);
  }

  FakeAgent agent_;
  GlobalOptions globals_;
  FakeClock clock_;
  std::string printed_;
  std::string complaints_;
};

TEST_F(LocalityctlTest, TopHidesSandboxesUnlessAskedForThem) {
  agent_.placement_pages.resize(1);
  for (const bool is_sandbox : {true, false, true}) {
    auto* placement = agent_.placement_pages[0].add_placements();
    placement->set_is_sandbox(is_sandbox);
    placement->mutable_workload()->set_cgroup_path(is_sandbox ? "/sandbox" : "/worker");
  }
  EXPECT_EQ(*Run(TopCommand, {"top"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("/worker"));
  EXPECT_THAT(printed_, Not(HasSubstr("/sandbox")));
  EXPECT_EQ(*Run(TopCommand, {"top", "--sandboxes"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("/sandbox"));
}

TEST_F(LocalityctlTest, TopOfOnePodAsksForThatPod) {
  globals_.output = OutputFormat::kJson;
  EXPECT_EQ(*Run(TopCommand, {"top", "--pod", "uid-1", "--container", "abc", "--pages"}),
            kExitSuccess);
  EXPECT_EQ(agent_.placement_request.workload().pod().uid(), "uid-1");
  EXPECT_EQ(agent_.placement_request.workload().pod().container_id(), "abc");
  EXPECT_EQ(agent_.placement_request.view(), v1::PLACEMENT_VIEW_PAGES);
  EXPECT_THAT(printed_, HasSubstr("\"placements\": []"));
}

TEST_F(LocalityctlTest, PodsAndContainersMayBeNamed) {
  const auto selector = [&](std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "top");
    EXPECT_EQ(*Run(TopCommand, arguments), kExitSuccess);
    return agent_.placement_request.workload();
  };
  EXPECT_EQ(selector({"--pod", "shop/db-0"}).resource_name(), "namespaces/shop/pods/db-0");
  for (const char* name : {"mysql", "db", "deadbeef"}) {
    EXPECT_EQ(selector({"--container", name, "--pod", "shop/db-0"}).resource_name(),
              std::string("namespaces/shop/pods/db-0/containers/") + name);
  }
  for (const char* id : {"0123456789ab", "containerd://0123456789ab"}) {
    EXPECT_EQ(selector({"--pod", "shop/db-0", "--container", id}).container_id(), id);
    EXPECT_EQ(selector({"--container", id}).container_id(), id);
  }
  for (const std::vector<const char*>& wrong :
       std::vector<std::vector<const char*>>{{"top", "--container", "mysql"},
                                             {"top", "--pod", "uid-1", "--container", "mysql"},
                                             {"top", "--pod", "a/b/c"},
                                             {"top", "--pod", "shop/"},
                                             {"top", "--pod", "/db-0"}}) {
    EXPECT_EQ(*Run(TopCommand, wrong), kExitError) << wrong.back();
  }
}

TEST_F(LocalityctlTest, MigrateSendsItsOptionsAndPrintsTheId) {
  EXPECT_EQ(
      *Run(MigrateCommand, {"migrate", "--pid", "12", "--to-node", "1-2", "--from-node", "0",
                            "--range", "1000-2000", "--range", "3000-4000", "--kinds", "anon,file",
                            "--min-moved", "0.5", "--deadline", "1m30s", "--request-id", "r-1"}),
      kExitSuccess);
  EXPECT_EQ(printed_, "m-1\n");
  const auto& request = agent_.create_request;
  EXPECT_EQ(request.workloads(0).pid(), 12);
  EXPECT_EQ(request.target_node_ids_size(), 2);
  EXPECT_EQ(request.source_node_ids(0), 0);
  ASSERT_EQ(request.address_ranges_size(), 2);
  EXPECT_EQ(request.address_ranges(1).end(), 0x4000);
  ASSERT_EQ(request.memory_kinds_size(), 2);
  EXPECT_EQ(request.memory_kinds(1), v1::MEMORY_KIND_FILE);
  EXPECT_EQ(request.min_moved(), 0.5);
  EXPECT_EQ(request.timeout().seconds(), 90);
  EXPECT_EQ(request.request_id(), "r-1");
  EXPECT_FALSE(request.validate_only());
}

TEST_F(LocalityctlTest, MigrateSendsLimitsHoldAndStick) {
  EXPECT_EQ(*Run(MigrateCommand, {"migrate",
                                  "--pid",
                                  "12",
                                  "--node-map",
                                  "0:2,1:3",
                                  "--shared",
                                  "owned",
                                  "--hold",
                                  "--stick",
                                  "cpuset-mems",
                                  "--stick-on-old-kernels",
                                  "--override-protection",
                                  "--force",
                                  "--bandwidth",
                                  "8M",
                                  "--max-call-time",
                                  "2ms",
                                  "--workers",
                                  "4",
                                  "--verify-after",
                                  "1s,1m"}),
            kExitSuccess);
  const auto& request = agent_.create_request;
  ASSERT_EQ(request.node_map_size(), 2);
  EXPECT_EQ(request.node_map(1).source_node_id(), 1);
  EXPECT_EQ(request.node_map(1).target_node_id(), 3);
  EXPECT_EQ(request.shared_pages(), v1::SHARING_RULE_OWNED);
  EXPECT_EQ(request.hold(), v1::HOLD_MODE_PTRACE);
  EXPECT_EQ(request.stick(), v1::STICK_MODE_CPUSET_MEMS);
  EXPECT_TRUE(request.stick_on_old_kernels());
  EXPECT_TRUE(request.override_protection());
  EXPECT_TRUE(request.force_stick());
  EXPECT_EQ(request.limits().bandwidth_bytes_per_second(), 8 << 20);
  EXPECT_EQ(request.limits().max_call_time().nanos(), 2'000'000);
  EXPECT_EQ(request.limits().worker_count(), 4);
  ASSERT_EQ(request.verify_after_size(), 2);
  EXPECT_EQ(request.verify_after(1).seconds(), 60);
}

TEST_F(LocalityctlTest, MigrateLeavesDefaultsToTheAgent) {
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--cgroup", "/a"}), kExitSuccess);
  v1::CreateMigrationRequest bare;
  bare.add_workloads()->set_cgroup_path("/a");
  EXPECT_THAT(agent_.create_request.request_id(), testing::StartsWith("localityctl-"));
  EXPECT_LE(agent_.create_request.request_id().size(), 36u) << "the agent takes no longer ones";
  agent_.create_request.clear_request_id();
  EXPECT_EQ(agent_.create_request.SerializeAsString(), bare.SerializeAsString());
}

TEST_F(LocalityctlTest, MigrateTriesAgainWithTheSameRequestId) {
  agent_.first_statuses = {{grpc::StatusCode::UNAVAILABLE, "restarting"},
                           {grpc::StatusCode::UNAVAILABLE, "restarting"}};
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12"}), kExitSuccess);
  EXPECT_EQ(printed_, "m-1\n");
  EXPECT_THAT(complaints_, AllOf(HasSubstr("NOTE: cannot reach the agent at "),
                                 HasSubstr("restarting"), HasSubstr("; trying again for 30s\n")));
  ASSERT_EQ(agent_.create_requests.size(), 3u);
  const std::string id = agent_.create_requests[0].request_id();
  EXPECT_NE(id, "");
  for (const auto& request : agent_.create_requests) EXPECT_EQ(request.request_id(), id);
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12"}), kExitSuccess);
  EXPECT_NE(agent_.create_request.request_id(), id) << "another request";
}

TEST_F(LocalityctlTest, MigrateGivesUpInTheEnd) {
  agent_.status = {grpc::StatusCode::UNAVAILABLE, "restarting"};
  EXPECT_TRUE(absl::IsUnavailable(Run(MigrateCommand, {"migrate", "--pid", "12"}).status()));
  EXPECT_EQ(clock_.slept(), globals_.timeout);
  agent_.status = {grpc::StatusCode::NOT_FOUND, "no such process"};
  EXPECT_TRUE(absl::IsNotFound(Run(MigrateCommand, {"migrate", "--pid", "12"}).status()));
  globals_.endpoint = "unix:/nonexistent/agent.sock";
  EXPECT_FALSE(Run(MigrateCommand, {"migrate", "--pid", "12"}).ok());
  EXPECT_EQ(clock_.slept(), globals_.timeout) << "others are not tried again";
}

TEST_F(LocalityctlTest, ADryRunHasNoRequestId) {
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12", "--dry-run"}), kExitSuccess);
  EXPECT_EQ(agent_.create_request.request_id(), "");
}

TEST_F(LocalityctlTest, MigrateRefusesInvalidOptions) {
  const std::vector<std::vector<const char*>> command_lines = {
      {"migrate"},
      {"migrate", "--pid", "12", "--kinds", "hugetlb"},
      {"migrate", "--pid", "12", "--range", "2000-1000"},
      {"migrate", "--pid", "12", "--verify-after", "1s,soon"}};
  for (const auto& arguments : command_lines) {
    EXPECT_EQ(ExitCodeFor(Run(MigrateCommand, arguments).status()), kExitError);
  }
  const std::vector<std::pair<const char*, const char*>> bad_options = {
      {"--pod", "uid-1"},   {"--shared", "some"}, {"--stick", "always"},
      {"--bandwidth", "0"}, {"--workers", "0"},   {"--node-map", "0:1,0:2"}};
  for (const auto& [name, value] : bad_options) {
    EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12", name, value}), kExitError) << name;
  }
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12", "--node-map", "0:1", "--to-node", "1"}),
            kExitError);
}

TEST_F(LocalityctlTest, WaitingReturnsWhetherItSucceeded) {
  agent_.migration_states.resize(1);
  agent_.migration_states[0].set_state(v1::MIGRATION_STATE_SUCCEEDED);
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12", "--wait"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Migration m-1: SUCCEEDED"));
  for (const auto state :
       {v1::MIGRATION_STATE_PARTIAL, v1::MIGRATION_STATE_FAILED, v1::MIGRATION_STATE_CANCELLED}) {
    agent_.migration_states[0].set_state(state);
    EXPECT_EQ(*Run(WatchCommand, {"watch", "m-1"}), kExitNotMigrated);
  }
}

TEST_F(LocalityctlTest, WaitingSurvivesARestartOfTheAgent) {
  agent_.migration_states.resize(1);
  agent_.migration_states[0].set_state(v1::MIGRATION_STATE_SUCCEEDED);
  agent_.first_statuses = {grpc::Status::OK, {grpc::StatusCode::UNAVAILABLE, "ends"}};
  EXPECT_EQ(*Run(MigrateCommand, {"migrate", "--pid", "12", "--wait"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("Migration m-1: SUCCEEDED"));
  EXPECT_THAT(complaints_, HasSubstr("ends; check that numa-locality-agent runs"));
  EXPECT_THAT(complaints_, HasSubstr("NOTE: the agent answers again\n"));
}

TEST_F(LocalityctlTest, AnErrorForABusyWorkloadHasAdvice) {
  agent_.status = {grpc::StatusCode::ABORTED, "process 12: migration m-0 is moving it"};
  const auto exit_code = Run(MigrateCommand, {"migrate", "--pid", "12"});
  EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitNotMigrated);
  EXPECT_THAT(std::string(exit_code.status().message()), HasSubstr("m-0"));
  EXPECT_THAT(std::string(exit_code.status().message()), HasSubstr("localityctl cancel"));
}

TEST_F(LocalityctlTest, TheConfigurationIsTextOrTheWholeMessage) {
  auto& settings = *agent_.configuration.mutable_settings()->mutable_fields();
  auto& policy = *settings["policies"].mutable_list_value()->add_values()->mutable_struct_value();
  (*policy.mutable_fields())["name"].set_string_value("databases");
  settings["localDistance"].set_number_value(10);
  EXPECT_EQ(*Run(PoliciesCommand, {"policies"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("1   databases   "));
  EXPECT_EQ(*Run(ConfigurationCommand, {"configuration"}), kExitSuccess);
  EXPECT_EQ(
      printed_,
      "# no file, built-in defaults\nlocalDistance: 10\npolicies:\n  - name: \"databases\"\n");
  globals_.output = OutputFormat::kJson;
  EXPECT_EQ(*Run(ConfigurationCommand, {"configuration"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("\"settings\": {\n  \"localDistance\": 10,\n"));
}

TEST_F(LocalityctlTest, TheTableOfMigrationsNeedsOnlySummaries) {
  EXPECT_EQ(*Run(MigrationsCommand, {"migrations"}), kExitSuccess);
  EXPECT_EQ(agent_.list_migrations_request.detail(), v1::DETAIL_SUMMARY);
  globals_.output = OutputFormat::kJson;
  EXPECT_EQ(*Run(MigrationsCommand, {"migrations"}), kExitSuccess);
  EXPECT_EQ(agent_.list_migrations_request.detail(), v1::DETAIL_FULL);
}

TEST_F(LocalityctlTest, ExplainAsksForOneWorkload) {
  agent_.explanation.add_explanations()->mutable_placement()->mutable_workload()->set_pid(12);
  EXPECT_EQ(*Run(ExplainCommand, {"explain", "--pid", "12", "--complete"}), kExitSuccess);
  EXPECT_EQ(agent_.explain_request.workload().pid(), 12);
  EXPECT_TRUE(agent_.explain_request.complete());
  EXPECT_THAT(printed_, HasSubstr("process 12: "));
  EXPECT_EQ(ExitCodeFor(Run(ExplainCommand, {"explain"}).status()), kExitError);
}

TEST_F(LocalityctlTest, WithoutATerminalTopPrintsALineForEachChange) {
  SetChanges();
  const auto exit_code = Run(TopCommand, {"top", "--watch"});
  EXPECT_TRUE(absl::IsUnavailable(exit_code.status())) << "the agent ended the stream";
  EXPECT_EQ(printed_,
            "2026-11-22T17:50:01Z  cgroup /a: 4.0 KiB, 25.0% local to node 1, 3.0 KiB remote; "
            "wait: settling\n"
            "cgroup /a: gone\n");
  EXPECT_FALSE(Run(TopCommand, {"top", "--watch", "--cgroup", "/b"}).ok());
  EXPECT_EQ(printed_, "");
}

TEST_F(LocalityctlTest, AWatchSurvivesARestartOfTheAgent) {
  SetChanges();
  agent_.placement_changes.resize(4);
  agent_.first_statuses = {{grpc::StatusCode::CANCELLED, ""}, {grpc::StatusCode::INTERNAL, "x"}};
  agent_.status = {grpc::StatusCode::NOT_FOUND, "the end of the test"};
  EXPECT_TRUE(absl::IsNotFound(Run(WatchCommand, {"watch"}).status()));
  const std::vector<std::string> lines = absl::StrSplit(printed_, '\n', absl::SkipEmpty());
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const auto& line) { return absl::StrContains(line, "cgroup /a:"); }),
            3);
  EXPECT_THAT(complaints_, HasSubstr("; trying again for 10m\nNOTE: the agent answers again\n"));
}

TEST_F(LocalityctlTest, AWatchThatAsksAgainAndAgainSurvivesARestartOfTheAgent) {
  const grpc::Status lost(grpc::StatusCode::UNAVAILABLE, "restarting");
  const grpc::Status end(grpc::StatusCode::NOT_FOUND, "the end of the test");
  agent_.placement.add_placements()->mutable_workload()->set_pid(12);
  agent_.first_statuses = {grpc::Status::OK, lost, lost, grpc::Status::OK, end};
  EXPECT_TRUE(absl::IsNotFound(Run(TopCommand, {"top", "--watch", "--pid", "12"}).status()));
  EXPECT_THAT(complaints_, HasSubstr("; trying again for 10m\nNOTE: the agent answers again\n"));
  agent_.first_statuses = {lost};
  EXPECT_TRUE(absl::IsUnavailable(Run(TopCommand, {"top", "--watch", "--pid", "12"}).status()))
      << "it was never reached";
  agent_.first_statuses = {lost};
  EXPECT_TRUE(absl::IsUnavailable(Run(TopCommand, {"top", "--pid", "12"}).status()));
}

TEST_F(LocalityctlTest, TopOfANamespace) {
  agent_.placement_pages.resize(1);
  for (const char* name : {"shop", "shop2"}) {
    auto& workload = *agent_.placement_pages[0].add_placements()->mutable_workload();
    workload.set_pod_namespace(name);
    workload.set_pod_name("db-0");
  }
  EXPECT_EQ(*Run(TopCommand, {"top", "--namespace", "shop"}), kExitSuccess);
  EXPECT_THAT(printed_, AllOf(HasSubstr("shop/db-0"), Not(HasSubstr("shop2/db-0"))));
  SetChanges();
  auto& workload = *agent_.placement_changes[2].mutable_placement()->mutable_workload();
  workload.set_pod_namespace("shop");
  EXPECT_FALSE(Run(TopCommand, {"top", "--watch", "--namespace", "shop"}).ok());
  EXPECT_THAT(printed_, HasSubstr("25.0% local"));
  EXPECT_FALSE(Run(TopCommand, {"top", "--watch", "--namespace", "sho"}).ok());
  EXPECT_EQ(printed_, "");
}

TEST_F(LocalityctlTest, JsonHasALineForEachChange) {
  SetChanges();
  globals_.output = OutputFormat::kJson;
  EXPECT_FALSE(Run(WatchCommand, {"watch"}).ok());
  const std::vector<std::string> lines = absl::StrSplit(printed_, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[0], R"({"resync":true})");
  EXPECT_THAT(lines[1], HasSubstr(R"("is_sandbox":true)"));
  EXPECT_THAT(lines[2], HasSubstr(R"("cgroup_path":"/a")"));
  EXPECT_EQ(lines[3], R"({"synced":true})");
  EXPECT_THAT(lines[4], HasSubstr(R"({"gone":{)"));
}

TEST_F(LocalityctlTest, ReservesAndReleases) {
  agent_.reservation.set_token("t-1");
  agent_.reservation.add_workloads()->set_cgroup_path("/a");
  EXPECT_EQ(*Run(ReserveCommand,
                 {"reserve", "--cgroup", "/a", "--ttl", "90s", "--owner", "me", "--token", "t-0"}),
            kExitSuccess);
  EXPECT_EQ(agent_.reserve_request.workload().cgroup_path(), "/a");
  EXPECT_EQ(agent_.reserve_request.ttl().seconds(), 90);
  EXPECT_EQ(agent_.reserve_request.owner(), "me");
  EXPECT_EQ(agent_.reserve_request.token(), "t-0");
  EXPECT_EQ(agent_.reserve_request.request_id(), "") << "a renewal is the same whenever it is made";
  EXPECT_THAT(printed_, HasSubstr("  cgroup /a\nToken: t-1\n"));
  EXPECT_EQ(ExitCodeFor(Run(ReserveCommand, {"reserve"}).status()), kExitError);
  EXPECT_EQ(*Run(ReserveCommand, {"reserve", "--token", "t-1"}), kExitSuccess);
  EXPECT_FALSE(agent_.reserve_request.has_workload());
  EXPECT_EQ(agent_.reserve_request.owner(), "") << "the owner stays";
  EXPECT_EQ(*Run(ReserveCommand, {"reserve", "--cgroup", "/a"}), kExitSuccess);
  EXPECT_EQ(agent_.reserve_request.owner(), "localityctl");
  EXPECT_THAT(agent_.reserve_request.request_id(), testing::StartsWith("localityctl-"));
  EXPECT_EQ(*Run(ReleaseCommand, {"release", "t-1"}), kExitSuccess);
  EXPECT_EQ(agent_.release_request.token(), "t-1");
  EXPECT_TRUE(absl::IsInvalidArgument(Run(ReleaseCommand, {"release"}).status()));
}

TEST_F(LocalityctlTest, EvacuateShowsThePlanFirst) {
  SetPlan();
  EXPECT_EQ(*Run(EvacuateCommand, {"evacuate", "0", "--to", "1-2", "--free", "1G", "--keep-clear",
                                   "1h", "--reservation", "t-1", "--override-protection", "--yes"}),
            kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("To free node 0"));
  EXPECT_THAT(printed_, HasSubstr("\nm-1\n"));
  ASSERT_EQ(agent_.create_requests.size(), 2u);
  EXPECT_TRUE(agent_.create_requests[0].validate_only());
  EXPECT_FALSE(agent_.create_requests[1].validate_only());
  const v1::Evacuation& evacuation = agent_.create_requests[1].evacuation();
  EXPECT_EQ(evacuation.node_id(), 0);
  EXPECT_EQ(evacuation.target_node_ids_size(), 2);
  EXPECT_EQ(evacuation.free_bytes(), int64_t{1} << 30);
  EXPECT_EQ(evacuation.keep_clear().seconds(), 3600);
  EXPECT_EQ(agent_.create_requests[1].reservation_tokens(0), "t-1");
  EXPECT_TRUE(agent_.create_requests[1].override_protection());
}

TEST_F(LocalityctlTest, EvacuateMovesNothingUnlessConfirmed) {
  SetPlan();
  EXPECT_EQ(*Run(EvacuateCommand, {"evacuate", "0", "--dry-run"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("To free node 0"));
  ASSERT_NE(std::freopen("/dev/null", "r", stdin), nullptr);  // no terminal
  const auto exit_code = Run(EvacuateCommand, {"evacuate", "0"});
  EXPECT_EQ(ExitCodeFor(exit_code.status()), kExitError);
  EXPECT_THAT(std::string(exit_code.status().message()), HasSubstr("--yes"));
  EXPECT_THAT(printed_, HasSubstr("To free node 0"));
  for (const auto& request : agent_.create_requests) EXPECT_TRUE(request.validate_only());
  EXPECT_EQ(*Run(EvacuateCommand, {"evacuate"}), kExitError);
  EXPECT_EQ(*Run(EvacuateCommand, {"evacuate", "0-1", "--yes"}), kExitError);
}

TEST_F(LocalityctlTest, EvacuateWaitsAndJsonHasOnlyTheResult) {
  SetPlan();
  agent_.migration_states.resize(1);
  agent_.migration_states[0].set_state(v1::MIGRATION_STATE_PARTIAL);
  globals_.output = OutputFormat::kJson;
  EXPECT_EQ(*Run(EvacuateCommand, {"evacuate", "0", "--yes", "--wait"}), kExitNotMigrated);
  EXPECT_THAT(printed_, testing::StartsWith("{"));
  EXPECT_THAT(printed_, HasSubstr("MIGRATION_STATE_PARTIAL"));
}

TEST(ConfirmTest, NoIsTheDefault) {
  EXPECT_TRUE(IsYes("y"));
  EXPECT_TRUE(IsYes(" YES "));
  for (const char* answer : {"", "n", "no", "yesterday", "j"}) EXPECT_FALSE(IsYes(answer));
}

TEST_F(LocalityctlTest, DoctorReturnsWhetherTheAgentIsFit) {
  auto& finding = *agent_.agent_status.add_findings();
  finding.set_message("Something is off");
  finding.set_severity(v1::FINDING_SEVERITY_WARNING);
  EXPECT_EQ(*Run(DoctorCommand, {"doctor"}), kExitSuccess);
  EXPECT_THAT(printed_, HasSubstr("WARNING: Something is off.\n"));
  finding.set_severity(v1::FINDING_SEVERITY_ERROR);
  EXPECT_EQ(*Run(DoctorCommand, {"doctor"}), kExitNotMigrated);
  EXPECT_THAT(printed_, HasSubstr("ERROR: Something is off.\n"));
  agent_.status = {grpc::StatusCode::INTERNAL, "no"};
  EXPECT_EQ(ExitCodeFor(Run(DoctorCommand, {"doctor"}).status()), kExitError);
}

TEST(EndOnInterruptDeathTest, PrintsTheLastMessage) {
  EXPECT_EXIT(
      {
        EndOnInterrupt("first");
        EndOnInterrupt("Migration m-1 goes on");
        std::raise(SIGINT);
      },
      testing::ExitedWithCode(kExitInterrupted), "^\nMigration m-1 goes on\n$");
}

}  // namespace
}  // namespace numalocality::localityctl::localityctl_test
