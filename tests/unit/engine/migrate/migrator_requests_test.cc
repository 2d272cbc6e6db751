// Requests that the Migrator accepts, and requests that it refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/engine/migrate/admission.h"
#include "agent/engine/workload/name_directory.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"
#include "tests/unit/fake/fake_name_source.h"
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

// To their home nodes: the threads of each process are read.
class ManyProcessesTest : public MigratorTest {
 protected:
  static constexpr int kCount = 100;

  ManyProcessesTest() {
    for (pid_t pid = 10; pid < 10 + kCount; ++pid) AddPod(absl::StrCat("/pods/", pid), pid, 1);
    request_.workloads = {{{}, {}, "/pods", {}}};
  }
  int Reads() { return machine_.kernel().CallCount(FakeCall::kThreadCpus); }

  MigrationRequest request_;
};

TEST_F(ManyProcessesTest, AreReadNoLongerThanTheCallerWaits) {
  Migrator migrator(machine_.context());
  bool has_gone = false;
  machine_.kernel().RunAt(FakeCall::kThreadCpus, 5, [&] { has_gone = true; });
  const auto submitted = migrator.Submit(request_, Access::Full(""), [&] { return has_gone; });
  EXPECT_TRUE(absl::IsCancelled(submitted.status())) << submitted.status();
  EXPECT_EQ(Reads(), 5);
  EXPECT_THAT(migrator.List(), ElementsAre());
}

TEST_F(ManyProcessesTest, HaveOneBudgetTogether) {
  for (int i = 1; i <= kCount; ++i) {
    machine_.kernel().RunAt(FakeCall::kThreadCpus, i,
                            [this] { machine_.clock().Advance(absl::Seconds(1)); });
  }
  const auto submitted = Migrator(machine_.context()).Submit(request_);
  EXPECT_TRUE(absl::IsResourceExhausted(submitted.status())) << submitted.status();
  EXPECT_LT(machine_.clock().Monotonic(), absl::Seconds(12));
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

// A pod on a node whose container runtime answers: a sandbox and a container whose only process is
// called "pause", too.
class PodRequestsTest : public MigratorTest {
 protected:
  static constexpr char kUid[] = "01234567-cccc-dddd-eeee-ffff00001111";
  static std::string Id(char digit) { return std::string(64, digit); }
  static std::string Path(char digit) {
    return absl::StrCat("/kubepods/pod", kUid, "/", Id(digit));
  }

  PodRequestsTest() {
    for (const char digit : {'a', 'b'}) {
      const auto process = AddPod(Path(digit), digit);  // any PIDs
      process->command = "pause";
      machine_.Publish(*process);
    }
    source_->known = {
        {Id('a'), kUid, {{"shop", "db-0", ""}, metadata_, {}, ContainerRole::kSandbox}},
        {Id('b'), kUid, {{"shop", "db-0", "mysql"}, {}, {}, ContainerRole::kApp}}};
    names_.ReadAll();
  }
  static std::vector<std::unique_ptr<NameSource>> Sources(FakeNameSource*& source) {
    auto made = std::make_unique<FakeNameSource>("cri");
    source = made.get();
    std::vector<std::unique_ptr<NameSource>> sources;
    sources.push_back(std::move(made));
    return sources;
  }
  EngineContext Context() {
    EngineContext context = machine_.context();
    context.names = &names_;
    return context;
  }
  // A request for the whole pod.
  static MigrationRequest PodRequest() {
    MigrationRequest request = Request("");
    request.workloads = {{kUid, {}, {}, {}}};
    return request;
  }

  PodMetadata metadata_;
  FakeNameSource* source_ = nullptr;
  NameDirectory names_{Sources(source_), machine_.clock()};
};

TEST_F(PodRequestsTest, APodIsItsContainersWithoutItsSandbox) {
  Migrator migrator(Context());
  for (const WorkloadSelector& selector :
       {WorkloadSelector{kUid, {}, {}, {}},
        WorkloadSelector{{}, {}, {}, {}, ContainerNames{"shop", "db-0", ""}}}) {
    MigrationRequest request = PodRequest();
    request.workloads = {selector};
    const auto planned = migrator.Plan(request, [] { return false; });
    ASSERT_TRUE(planned.ok()) << planned.status();
    ASSERT_EQ(planned->workloads.size(), 1u) << selector.ToString();
    EXPECT_EQ(planned->workloads[0].workload.cgroup_path, Path('b'));
  }
  MigrationRequest by_id = PodRequest();
  by_id.workloads = {{{}, Id('a'), {}, {}}};
  EXPECT_TRUE(migrator.Plan(by_id, [] { return false; }).ok()) << "named itself";
}

TEST_F(PodRequestsTest, ASandboxAloneIsNoContainer) {
  machine_.RemoveCgroup(Path('b'));
  const auto planned = Migrator(Context()).Plan(PodRequest(), [] { return false; });
  EXPECT_TRUE(absl::IsNotFound(planned.status())) << planned.status();
  EXPECT_THAT(std::string(planned.status().message()), HasSubstr("only its sandbox"));
}

// Plans a request for the pod; the error's message, or "" if nothing refuses it.
class ProtectionTest : public PodRequestsTest {
 protected:
  std::string Refusal(const MigrationRequest& request) {
    Migrator migrator(Context());
    HostLimits limits;
    limits.protected_namespaces = protected_namespaces_;
    migrator.SetLimits(limits, 0);
    const auto planned = migrator.Plan(request, [] { return false; });
    EXPECT_TRUE(planned.ok() || absl::IsFailedPrecondition(planned.status())) << planned.status();
    MigrationRequest overriding = request;
    overriding.override_protection = true;
    EXPECT_TRUE(migrator.Plan(overriding, [] { return false; }).ok());
    return planned.ok() ? "" : std::string(planned.status().message());
  }
  // What the runtime reports from now on.
  void Report(const std::string& name_space, const PodMetadata& metadata) {
    source_->known = {
        {Id('a'), kUid, {{name_space, "db-0", ""}, metadata, {}, ContainerRole::kSandbox}},
        {Id('b'), kUid, {{name_space, "db-0", "mysql"}, {}, {}, ContainerRole::kApp}}};
    machine_.clock().Advance(absl::Minutes(1));
    names_.ReadAll();
  }

  std::vector<std::string> protected_namespaces_ = {"kube-system"};
};

// While somebody sleeps, the name sources are read, as the repair loop has it done.
class ReadingClock final : public Clock {
 public:
  ReadingClock(const FakeClock& clock, NameDirectory& names) : clock_(clock), names_(names) {}
  absl::Time Now() const override { return clock_.Now(); }
  absl::Duration Monotonic() const override { return clock_.Monotonic(); }
  void Sleep(absl::Duration duration) const override {
    clock_.Sleep(duration);
    names_.Nudge();
    names_.ReadAll();
  }

 private:
  const FakeClock& clock_;
  NameDirectory& names_;
};

TEST_F(ProtectionTest, OtherPodsMove) { EXPECT_EQ(Refusal(PodRequest()), ""); }

TEST_F(ProtectionTest, BindsRequestsHoweverTheyNameIt) {
  protected_namespaces_ = {"shop"};
  MigrationRequest by_pid = PodRequest();
  by_pid.workloads = {{{}, {}, {}, 'b'}};
  MigrationRequest by_id = PodRequest();
  by_id.workloads = {{{}, Id('b'), {}, {}}};
  for (const MigrationRequest& request :
       {PodRequest(), by_pid, by_id, Request(Path('b')), Request("/kubepods")}) {
    const std::string refusal = Refusal(request);
    EXPECT_THAT(refusal, HasSubstr("its namespace shop is in protectedNamespaces"));
    EXPECT_THAT(refusal, HasSubstr("override_protection"));
  }
}

TEST_F(ProtectionTest, TheAnnotationOffBindsRequests) {
  Report("shop", {{}, {{"numa-locality.io/policy", "off"}}});
  EXPECT_THAT(Refusal(PodRequest()), HasSubstr(R"(annotation numa-locality.io/policy: "off")"));
  Report("shop", {{}, {{"numa-locality.io/policy", "databases"}}});
  EXPECT_EQ(Refusal(PodRequest()), "");
}

TEST_F(ProtectionTest, WhatIsNotKnownYetIsProtected) {
  const std::string path = "/kubepods/pod89abcdef-cccc-dddd-eeee-ffff00002222/" + Id('c');
  AddPod(path, 'c');
  EXPECT_THAT(Refusal(Request(path)), HasSubstr("its namespace, which may be protected"));
  protected_namespaces_.clear();
  EXPECT_THAT(Refusal(Request(path)), HasSubstr("annotations, which may turn migrations off"));
}

TEST_F(ProtectionTest, WithoutNameSourcesNothingIsKnownAndNothingProtected) {
  NameDirectory none{Sources(source_), machine_.clock()};
  source_->status = absl::NotFoundError("no socket");
  none.ReadAll();
  EngineContext context = Context();
  context.names = &none;
  context.limits.protected_namespaces = {"shop"};
  EXPECT_TRUE(Admit(context, nullptr, PodRequest(), Access::Full(""), [] { return false; }).ok());
}

TEST_F(ProtectionTest, ANewContainerIsWaitedFor) {
  const std::string path = "/kubepods/pod89abcdef-cccc-dddd-eeee-ffff00002222/" + Id('c');
  AddPod(path, 'c');
  source_->known.push_back({Id('c'),
                            "89abcdef-cccc-dddd-eeee-ffff00002222",
                            {{"shop", "db-1", "mysql"}, PodMetadata(), {}, ContainerRole::kApp}});
  const ReadingClock clock(machine_.clock(), names_);
  EngineContext context{machine_.kernel(), clock, machine_.host(), {}};
  context.names = &names_;
  context.limits.protected_namespaces = protected_namespaces_;
  const auto admitted =
      Admit(context, nullptr, Request(path), Access::Full(""), [] { return false; });
  EXPECT_TRUE(admitted.ok()) << admitted.status();
}

TEST_F(ProtectionTest, AnEvacuationLeavesItWithTheReason) {
  protected_namespaces_ = {"shop"};
  machine_.WriteCgroupFile(Path('b'), "memory.numa_stat",
                           "anon N0=8388608 N1=0\nfile N0=0 N1=0\nshmem N0=0 N1=0\n");
  MigrationRequest request;
  request.evacuation = Evacuation{NodeId{0}, {}, 0};
  Migrator migrator(Context());
  HostLimits limits;
  limits.protected_namespaces = protected_namespaces_;
  migrator.SetLimits(limits, 0);
  const auto planned = migrator.Plan(request, [] { return false; });
  ASSERT_TRUE(planned.ok()) << planned.status();
  ASSERT_EQ(planned->workloads.size(), 1u);
  EXPECT_EQ(planned->workloads[0].reason, MigrationReason::kProtected);
  EXPECT_EQ(planned->workloads[0].pages_planned, 0);
  EXPECT_THAT(planned->workloads[0].message, HasSubstr("protectedNamespaces"));
  request.override_protection = true;
  const auto overriding = migrator.Plan(request, [] { return false; });
  ASSERT_TRUE(overriding.ok()) << overriding.status();
  EXPECT_EQ(overriding->workloads[0].reason, MigrationReason::kNone);
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
