// The fixture of the Migrator's tests: pods on a fake host, and a way to stall kernel calls.
#ifndef NUMALOCALITY_TESTS_UNIT_ENGINE_MIGRATE_MIGRATOR_FIXTURE_H_
#define NUMALOCALITY_TESTS_UNIT_ENGINE_MIGRATE_MIGRATOR_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/engine/context.h"
#include "agent/engine/migrate/migrator.h"
#include "tests/unit/fake/fake_machine.h"
#include "tests/unit/fake/gate.h"

namespace numalocality {

class MigratorTest : public ::testing::Test {
 protected:
  static constexpr absl::Duration kLong = absl::Seconds(30);  // more than any of this takes

  MigratorTest() { machine_.SetHugePages(false); }

  // A cgroup with one process of `count` pages on node 0.
  std::shared_ptr<FakeProcess> AddPod(const std::string& path, pid_t pid, int count = 100) {
    auto process = machine_.AddProcess(pid, "0-3", path);
    process->AddPages(0x10001000, count, 0);
    machine_.Publish(*process);
    machine_.AddCgroup(path, {pid});
    return process;
  }

  static MigrationRequest Request(const std::string& cgroup, const std::string& request_id = "") {
    MigrationRequest request;
    request.workloads = {{{}, {}, cgroup, {}}};
    request.spec.target_nodes = {NodeId{1}};
    request.request_id = request_id;
    return request;
  }

  // Real time: waits are real here. The records' times do not matter.
  std::unique_ptr<Migrator> MakeMigrator(int workers) {
    auto migrator = std::make_unique<Migrator>(
        EngineContext{machine_.kernel(), Clock::System(), machine_.host(), {}});
    if (workers > 0) migrator->Start(workers);
    return migrator;
  }

  static Migration WaitForEnd(const Migrator& migrator, const std::string& id) {
    const absl::Duration end = Clock::System().Monotonic() + kLong;
    uint64_t version = 0;
    while (Clock::System().Monotonic() < end) {
      version = migrator.WaitForAnyChange(version, absl::Seconds(1));
      const auto now = migrator.Get(id);
      EXPECT_TRUE(now.ok()) << now.status();
      if (IsFinal(now->state)) return *now;
    }
    ADD_FAILURE() << "migration " << id << " has not ended";
    return {};
  }

  FakeMachine machine_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_ENGINE_MIGRATE_MIGRATOR_FIXTURE_H_
