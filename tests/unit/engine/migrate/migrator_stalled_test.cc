// Kernel calls that do not return: reported, their workers replaced, and no lock held.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/unit/engine/migrate/migrator_fixture.h"

namespace numalocality::migrator_stalled_test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MigratorStalledTest : public MigratorTest {
 protected:
  // On the host's own clock, so that no test waits for real seconds.
  MigratorStalledTest() { migrator_.Start(1); }
  ~MigratorStalledTest() override { go_on_.Open(); }

  // A migration whose `call`th moving call of all, the first of its own, does not return.
  std::string SubmitStalled(int call) {
    const std::string path = absl::StrCat("/stalled", call);
    AddPod(path, 100 + call);
    Stall(FakeCall::kMove, call, in_call_[static_cast<size_t>(call)]);
    const auto submitted = migrator_.Submit(Request(path));
    EXPECT_TRUE(submitted.ok()) << submitted.status();
    return submitted->id;
  }

  // A repair of one workload, as the repair loop requests it.
  static MigrationRequest Repair(const std::string& path) {
    MigrationRequest request = Request(path);
    request.origin = MigrationOrigin::kPolicy;
    request.estimate.emplace();
    return request;
  }

  // The `call`th call of `kind` opens `gate`, and does not return until go_on_ opens.
  void Stall(FakeCall kind, int call, Gate& gate) {
    machine_.kernel().RunAt(kind, call, [this, &gate] {
      gate.Open();
      go_on_.Wait();
    });
  }

  // Time passes until calls count as stalled, and the watchdog runs.
  void PassTheLimit() {
    machine_.clock().Advance(kStalledAfter + absl::Seconds(1));
    migrator_.FindStalledCalls();
  }

  // The stalled call returns: the migration succeeds, and no message names the call any more.
  void LetItEnd(const std::string& id) {
    go_on_.Open();
    const Migration ended = WaitForEnd(migrator_, id);
    EXPECT_EQ(ended.state, MigrationState::kSucceeded);
    EXPECT_EQ(ended.message, "");
    EXPECT_EQ(ended.workloads[0].message, "");
  }

  Gate go_on_;
  Gate in_read_;
  std::array<Gate, 40> in_call_;
  Migrator migrator_{EngineContext{machine_.kernel(), machine_.clock(), machine_.host(), {}}};
};

TEST_F(MigratorStalledTest, TheRecordNamesTheCall) {
  const std::string id = SubmitStalled(1);
  in_call_[1].Wait();
  migrator_.FindStalledCalls();
  EXPECT_EQ(migrator_.Get(id)->message, "") << "not yet too long";
  PassTheLimit();
  const auto record = migrator_.Get(id);
  EXPECT_EQ(record->state, MigrationState::kRunning);
  EXPECT_THAT(
      record->message,
      HasSubstr("move_pages of 64 pages of process 101 has not returned from the kernel for 6s"));
  EXPECT_EQ(record->workloads[0].message, record->message);
  LetItEnd(id);
}

TEST_F(MigratorStalledTest, OthersNeedNotWaitForIt) {
  const std::string stalled = SubmitStalled(1);
  in_call_[1].Wait();
  AddPod("/other", 10);
  const auto other = migrator_.Submit(Request("/other"));
  ASSERT_TRUE(other.ok()) << other.status();
  migrator_.FindStalledCalls();
  EXPECT_EQ(migrator_.Get(other->id)->state, MigrationState::kPending);
  PassTheLimit();
  EXPECT_EQ(WaitForEnd(migrator_, other->id).state, MigrationState::kSucceeded);
  EXPECT_EQ(migrator_.Get(stalled)->state, MigrationState::kRunning);
  go_on_.Open();
  EXPECT_EQ(WaitForEnd(migrator_, stalled).state, MigrationState::kSucceeded);
  // The worker in the stalled call has ended; its replacement does the rest.
  AddPod("/later", 11);
  const auto later = migrator_.Submit(Request("/later"));
  EXPECT_EQ(WaitForEnd(migrator_, later->id).state, MigrationState::kSucceeded);
}

TEST_F(MigratorStalledTest, AReadIsNamedAsAMoveIs) {
  AddPod("/hostile", 7);
  Stall(FakeCall::kQuery, 1, in_read_);
  const std::string id = migrator_.Submit(Request("/hostile"))->id;
  in_read_.Wait();
  migrator_.FindStalledCalls();
  EXPECT_EQ(migrator_.Get(id)->message, "") << "not yet too long";
  PassTheLimit();
  EXPECT_THAT(migrator_.Get(id)->message,
              HasSubstr("a read of its processes' memory has not returned from the kernel for 6s"));
  ASSERT_THAT(migrator_.StalledCalls(), SizeIs(1));
  EXPECT_THAT(migrator_.StalledCalls()[0].work, HasSubstr("/hostile"));
  LetItEnd(id);
}

TEST_F(MigratorStalledTest, SoIsTheLastReadOfARepair) {
  AddPod("/hostile", 7);
  FakeKernel& kernel = machine_.kernel();
  kernel.RunAt(FakeCall::kMove, 1, [this, &kernel] {
    Stall(FakeCall::kThreadCpus, kernel.CallCount(FakeCall::kThreadCpus) + 1, in_read_);
  });
  const std::string id = migrator_.Submit(Repair("/hostile"))->id;
  in_read_.Wait();
  PassTheLimit();
  EXPECT_THAT(migrator_.StalledCalls(), SizeIs(1));
  LetItEnd(id);
}

TEST_F(MigratorStalledTest, AStalledRepairHoldsUpNoOtherOne) {
  AddPod("/hostile", 7);
  AddPod("/other", 10);
  Stall(FakeCall::kQuery, 1, in_read_);
  const std::string stalled = migrator_.Submit(Repair("/hostile"))->id;
  in_read_.Wait();
  const std::string other = migrator_.Submit(Repair("/other"))->id;
  migrator_.FindStalledCalls();
  EXPECT_EQ(migrator_.Get(other)->state, MigrationState::kPending);
  EXPECT_THAT(migrator_.StalledRepairs(), IsEmpty());
  PassTheLimit();
  EXPECT_EQ(WaitForEnd(migrator_, other).state, MigrationState::kSucceeded);
  ASSERT_THAT(migrator_.StalledRepairs(), SizeIs(1));
  EXPECT_EQ(migrator_.StalledRepairs()[0].cgroup_path, "/hostile");
  EXPECT_TRUE(absl::IsAborted(migrator_.Submit(Repair("/hostile")).status()))
      << "a second one would wait behind the first";
  go_on_.Open();
  EXPECT_EQ(WaitForEnd(migrator_, stalled).state, MigrationState::kSucceeded);
  EXPECT_THAT(migrator_.StalledRepairs(), IsEmpty());
  EXPECT_TRUE(migrator_.Submit(Repair("/hostile")).ok());
}

TEST_F(MigratorStalledTest, OnePodDoesNotUseUpTheReplacements) {
  constexpr int kStalled = MigrationQueue::kMaxStalledOfPod;
  const auto container = [](int number) {
    return absl::StrCat("/kubepods/pod11111111-2222-3333-4444-555555555555/",
                        std::string(64, static_cast<char>('0' + number)));
  };
  std::vector<std::string> of_pod;
  for (int number = 1; number <= kStalled + 1; ++number) {
    AddPod(container(number), 100 + number);
    if (number <= kStalled) {
      Stall(FakeCall::kMove, number, in_call_[static_cast<size_t>(number)]);
    }
    of_pod.push_back(migrator_.Submit(Request(container(number)))->id);
  }
  for (size_t call = 1; call <= kStalled; ++call) {
    in_call_[call].Wait();
    PassTheLimit();
  }
  EXPECT_EQ(migrator_.Get(of_pod.back())->state, MigrationState::kPending) << "the pod's third one";
  AddPod(container(4), 104);
  const absl::Status refused = migrator_.Submit(Request(container(4))).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("2 migrations of its pod wait for kernel calls"));
  AddPod("/other", 10);
  const auto other = migrator_.Submit(Request("/other"));
  EXPECT_EQ(WaitForEnd(migrator_, other->id).state, MigrationState::kSucceeded) << "another pod";
  go_on_.Open();
  for (const std::string& id : of_pod) {
    EXPECT_EQ(WaitForEnd(migrator_, id).state, MigrationState::kSucceeded);
  }
  EXPECT_TRUE(migrator_.Submit(Request(container(4))).ok());
}

TEST_F(MigratorStalledTest, ReplacementsAreBounded) {
  for (int call = 1; call <= Migrator::kMaxReplaced + 1; ++call) {
    SubmitStalled(call);
    if (call > 1) PassTheLimit();
    in_call_[static_cast<size_t>(call)].Wait();
  }
  AddPod("/other", 10);
  const auto other = migrator_.Submit(Request("/other"));
  PassTheLimit();
  PassTheLimit();
  EXPECT_EQ(migrator_.Get(other->id)->state, MigrationState::kPending);
  go_on_.Open();
  EXPECT_EQ(WaitForEnd(migrator_, other->id).state, MigrationState::kSucceeded);
}

TEST_F(MigratorStalledTest, MoreOrFewerMayRunFromNowOn) {
  SubmitStalled(1);
  in_call_[1].Wait();
  SubmitStalled(2);
  migrator_.SetWorkers(3);
  in_call_[2].Wait();
  migrator_.SetWorkers(2);
  AddPod("/other", 10);
  const auto other = migrator_.Submit(Request("/other"));
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(migrator_.Get(other->id)->state, MigrationState::kPending);
  migrator_.SetWorkers(3);
  EXPECT_EQ(WaitForEnd(migrator_, other->id).state, MigrationState::kSucceeded);
}

}  // namespace
}  // namespace numalocality::migrator_stalled_test
