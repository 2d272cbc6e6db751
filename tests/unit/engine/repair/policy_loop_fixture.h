// What the tests of the repair loop share: containers on a fake host with a clock that stands
// still, a loop that goes one step at a time, and a Migrator that really moves.
#ifndef NUMALOCALITY_TESTS_UNIT_ENGINE_REPAIR_POLICY_LOOP_FIXTURE_H_
#define NUMALOCALITY_TESTS_UNIT_ENGINE_REPAIR_POLICY_LOOP_FIXTURE_H_

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "agent/base/mutex.h"
#include "agent/engine/repair/policy_loop.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality {

class PolicyLoopTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kHeap = 0x10000000;
  static constexpr auto kPage = static_cast<int64_t>(kFakePage);
  static constexpr int kPages = 1000;

  // With one policy, for all containers, that acts at once.
  PolicyLoopTest() {
    machine_.SetHugePages(false);
    LocalityPolicy policy;
    policy.name = "keep";
    policy.action = PolicyAction::kRepair;
    policy.min_local_fraction = 0.95;
    policy.min_remote_bytes = 10 * kPage;
    policy.settle = absl::ZeroDuration();
    configuration_->policies = {policy};
    machine_.kernel().OnMoved([this](const auto& memory) {
      machine_.WriteMeminfo(memory);
      ShowAll();
    });
    migrator_.AddListener(&totals_);
    migrator_.AddListener(&loop_);
  }
  ~PolicyLoopTest() override { migrator_.Shutdown(absl::Seconds(30)); }

  LocalityPolicy& policy() { return configuration_->policies[0]; }

  static std::string Path(char container) {
    return "/kubepods/pod01234567-cccc-dddd-eeee-ffff00001111/" + std::string(64, container);
  }

  // A container of one process with kPages on node 0.
  std::shared_ptr<FakeProcess> AddContainer(char container, pid_t pid, const std::string& cpus) {
    auto process = machine_.AddProcess(pid, cpus);
    process->AddPages(kHeap, kPages, 0);
    machine_.Publish(*process);
    machine_.AddCgroup(Path(container), {pid});
    {
      MutexLock lock(mutex_);
      processes_[container] = process;
    }
    ShowAll();
    return process;
  }
  // Each memory.numa_stat shows where the process's pages are.
  void ShowAll() {
    MutexLock lock(mutex_);
    for (const auto& [container, process] : processes_) {
      machine_.WriteCgroupFile(
          Path(container), "memory.numa_stat",
          absl::StrFormat("anon N0=%d N1=%d\nfile N0=0 N1=0\nshmem N0=0 N1=0\n",
                          process->PagesOn(0) * kPage, process->PagesOn(1) * kPage));
    }
  }
  Workload Find(char container) {
    return WorkloadFinder(machine_.host()).Find({{}, {}, Path(container), {}}).value().front();
  }

  // One step: nothing has happened, or somebody has written the container's CPUs.
  absl::Duration Tick() { return loop_.Tick({}); }
  absl::Duration Pin(char container, pid_t pid, const std::string& cpus) {
    machine_.kernel().Find(pid)->threads[pid] = CpuSet::Parse(cpus).value();
    CgroupNews news;
    news.written[Path(container)] = "cpuset.cpus";
    return loop_.Tick(news);
  }
  absl::Duration TickLater(absl::Duration duration) {
    machine_.clock().Advance(duration);
    return Tick();
  }
  // Waits until all migrations have ended, and makes a step in which the loop takes them in.
  void Migrate() {
    if (!std::exchange(is_started_, true)) migrator_.Start(2);
    for (int i = 0; i < 10000 && migrator_.ActiveCount() > 0; ++i) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    EXPECT_EQ(migrator_.ActiveCount(), 0);
    Tick();
  }

  RepairDecision DecisionOn(char container) const {
    const auto report = board_.Latest();  // kept: the loop's thread may publish the next one
    for (const auto& workload : report->workloads) {
      if (workload->placement.workload.cgroup_path == Path(container)) return *workload->decision;
    }
    ADD_FAILURE() << "no report of " << container;
    return {};
  }
  std::string Reason(char container) const {
    return std::string(KeyOf(DecisionOn(container).reason));
  }
  std::vector<Migration> Migrations() const { return migrator_.List(); }

  FakeMachine machine_;
  std::shared_ptr<Configuration> configuration_ = std::make_shared<Configuration>();
  ContainerDescription description_{{"prod", "db-0", "mysql"}, PodMetadata(), {}};
  int name_requests_ = 0;
  Migrator migrator_{machine_.context()};
  ReportBoard board_{machine_.clock()};
  TotalsCounter totals_;
  PolicyLoop loop_{
      machine_.context(),
      {[this] { return configuration_; }, [this](const ContainerRef&) { return description_; },
       [this] { ++name_requests_; }, true, ""},
      migrator_,
      board_,
      totals_};

 private:
  bool is_started_ = false;
  Mutex mutex_;
  std::map<char, std::shared_ptr<FakeProcess>> processes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_ENGINE_REPAIR_POLICY_LOOP_FIXTURE_H_
