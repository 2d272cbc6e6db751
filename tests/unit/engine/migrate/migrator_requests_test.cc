// Requests that the Migrator accepts, and requests that it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/engine/migrate/admission.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"
#include "tests/unit/fake/fake_runtime.h"

namespace numalocality::migrator_requests_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using MigratorRequestsTest = MigratorTest;

TEST_F(MigratorRequestsTest, BadRequestsAreRefusedAtOnce) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  using Code = absl::StatusCode;
  const auto code_of = [&](const std::function<void(MigrationRequest&)>& change) {
    MigrationRequest request = Request("/pod");
    change(request);
    const absl::Status submitted = migrator->Submit(request).status();
    EXPECT_EQ(submitted.code(), migrator->Plan(request, [] { return false; }).status().code());
    EXPECT_FALSE(submitted.message().empty());
    return submitted.code();
  };
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {{}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) {
              r.workloads.push_back({{}, {}, {}, 10});
            }),
            Code::kInvalidArgument);  // the pod's own process
  EXPECT_EQ(code_of([](auto& r) { r.workloads.assign(kMaxSelectors + 1, r.workloads.front()); }),
            Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.workloads[0].cgroup_path = "/none"; }), Code::kNotFound);
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {{{}, {}, {}, 99}}; }), Code::kNotFound);
  EXPECT_EQ(code_of([](auto& r) { r.workloads = {{{}, {}, {}, 0}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.target_nodes = {NodeId{7}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.source_nodes = {NodeId{7}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.source_nodes = {NodeId{1}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.ranges = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.ranges = {{4096, 4096}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.ranges = {{0, ~uint64_t{0}}}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.kinds = {}; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.kinds = kAllKinds; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.min_moved = 1.5; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.min_moved = -0.1; }), Code::kInvalidArgument);
  EXPECT_EQ(code_of([](auto& r) { r.spec.min_moved = std::nan(""); }), Code::kInvalidArgument);
  process->allowed_nodes = {NodeId{0}};
  machine_.Publish(*process);
  EXPECT_EQ(code_of([](auto&) {}), Code::kFailedPrecondition);
  EXPECT_THAT(std::string(migrator->Submit(Request("/pod")).status().message()),
              HasSubstr("allows node 0 only, but the target is node 1"));
  EXPECT_THAT(migrator->List(), ElementsAre());
}

TEST_F(MigratorRequestsTest, ACgroupWithoutProcessesIsNotFound) {
  machine_.AddCgroup("/empty");
  const auto migrator = MakeMigrator(0);
  EXPECT_TRUE(absl::IsNotFound(migrator->Submit(Request("/empty")).status()));
}

TEST_F(MigratorRequestsTest, OfAPodContainersWithoutProcessesAreLeftOut) {
  const std::string pod = "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/";
  AddPod(pod + std::string(64, 'a'), 10);
  machine_.AddCgroup(pod + std::string(64, 'b'));
  const auto migrator = MakeMigrator(0);
  MigrationRequest request = Request("/");
  request.workloads = {{"01234567-cccc-dddd-eeee-ffff00001111", {}, {}, {}}};
  const auto submitted = migrator->Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  EXPECT_EQ(submitted->workloads.size(), 1u);
}

TEST_F(MigratorRequestsTest, ABusyWorkloadIsAbortedWithTheOthersId) {
  AddPod("/a/b", 10);
  AddPod("/c", 11);
  const auto migrator = MakeMigrator(0);
  const auto first = migrator->Submit(Request("/a/b"));
  ASSERT_TRUE(first.ok());
  MigrationRequest process = Request("/");
  process.workloads = {{{}, {}, {}, 10}};
  for (const MigrationRequest& request : {Request("/a/b"), Request("/a"), process}) {
    const absl::Status status = migrator->Submit(request).status();
    EXPECT_TRUE(absl::IsAborted(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(first->id));
  }
  EXPECT_TRUE(migrator->Submit(Request("/c")).ok());
}

TEST_F(MigratorRequestsTest, AFinishedMigrationLeavesItsWorkloadFree) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(1);
  const auto first = migrator->Submit(Request("/pod"));
  WaitForEnd(*migrator, first->id);
  const auto second = migrator->Submit(Request("/pod"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(second->id, first->id);
  EXPECT_EQ(WaitForEnd(*migrator, second->id).workloads[0].outcomes[PageOutcome::kAlreadyThere],
            100);
}

TEST_F(MigratorRequestsTest, ARequestIdNamesOneRequest) {
  AddPod("/pod", 10);
  AddPod("/other", 11);
  const auto migrator = MakeMigrator(1);
  const auto first = migrator->Submit(Request("/pod", "id-1"));
  ASSERT_TRUE(first.ok());
  WaitForEnd(*migrator, first->id);
  const auto again = migrator->Submit(Request("/pod", "id-1"));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->id, first->id);
  EXPECT_EQ(again->state, MigrationState::kSucceeded);
  EXPECT_EQ(migrator->Submit(Request("/other", "id-1")).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(migrator->List().size(), 1u);
}

TEST_F(MigratorRequestsTest, ARequestThatComesInTwiceAtOnceIsOneMigration) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  // The second arrives while the first is being checked, outside of the lock.
  absl::StatusOr<Migration> second = absl::UnknownError("not submitted");
  machine_.kernel().RunAt(1, [&] { second = migrator->Submit(Request("/pod", "id-1")); });
  const auto first = migrator->Submit(Request("/pod", "id-1"));
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->id, second->id);
  EXPECT_EQ(migrator->List().size(), 1u);
}

TEST_F(MigratorRequestsTest, PlanReportsAndMovesNothing) {
  const auto process = AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  const auto plan = migrator->Plan(Request("/pod"), [] { return false; });
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->id, "");
  EXPECT_EQ(plan->state, MigrationState::kPending);
  EXPECT_EQ(plan->workloads[0].pages_planned, 100);
  EXPECT_THAT(migrator->List(), ElementsAre());
  EXPECT_EQ(process->PagesOn(0), 100);
}

TEST_F(MigratorRequestsTest, SharedPagesTakeACapability) {
  AddPod("/pod", 10);
  const auto migrator = MakeMigrator(0);
  MigrationRequest request = Request("/pod");
  machine_.tree().Write("proc/self/ns/pid", "");
  for (const SharingRule rule : {SharingRule::kOwned, SharingRule::kAll}) {
    request.spec.sharing = rule;
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t0000000000080004\nMems_allowed_list:\t0-1\n");
    const absl::Status refused = migrator->Submit(request).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("CAP_SYS_NICE"));
    machine_.tree().Write("proc/self/status",
                          "CapEff:\t0000000000880004\nMems_allowed_list:\t0-1\n");
    const auto planned = migrator->Plan(request, [] { return false; });
    EXPECT_TRUE(planned.ok()) << planned.status();
  }
}

TEST_F(MigratorRequestsTest, AContainerSticksThroughItsRuntime) {
  const std::string id(64, 'a');
  const std::string cgroup = "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/" + id;
  const auto process = AddPod(cgroup, 10);
  process->allowed_nodes = {NodeId{0}};
  machine_.Publish(*process);
  machine_.tree().Write("proc/sys/kernel/osrelease", "6.12.0\n");
  FakeRuntime runtime(machine_, cgroup);
  runtime.Write("0");
  MigrationRequest request = Request(cgroup);
  request.stick = StickMode::kCpusetMems;
  EXPECT_TRUE(absl::IsFailedPrecondition(MakeMigrator(0)->Submit(request).status()))
      << "no runtime";

  // The kernel would let the process have node 1 as soon as that is written.
  runtime.on_write = [&](const NodeSet& nodes) {
    process->allowed_nodes = nodes;
    machine_.Publish(*process);
  };
  Migrator migrator(machine_.context(), &runtime);
  migrator.Start(1);
  const auto submitted = migrator.Submit(request);
  ASSERT_TRUE(submitted.ok()) << submitted.status();
  const Migration ended = WaitForEnd(migrator, submitted->id);
  EXPECT_EQ(ended.state, MigrationState::kSucceeded) << ended.message;
  EXPECT_EQ(process->PagesOn(1), 100);
  EXPECT_THAT(runtime.writes, ElementsAre("0-1", "1"));
  EXPECT_FALSE(ended.workloads[0].stick_note.empty());
}

TEST_F(MigratorRequestsTest, WaitingMigrationsAreBounded) {
  const auto migrator = MakeMigrator(0);
  for (size_t i = 0; i <= Migrator::kMaxPending; ++i) {
    const std::string path = absl::StrCat("/pod", i);
    AddPod(path, static_cast<pid_t>(10 + i), 1);
    EXPECT_EQ(
        migrator->Submit(Request(path)).status().code(),
        i < Migrator::kMaxPending ? absl::StatusCode::kOk : absl::StatusCode::kResourceExhausted);
  }
}

}  // namespace
}  // namespace numalocality::migrator_requests_test
