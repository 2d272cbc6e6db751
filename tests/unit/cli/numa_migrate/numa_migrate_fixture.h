// A process of 1000 pages on node 0 of the fake host, and numa-migrate's commands on it.
#ifndef NUMALOCALITY_TESTS_UNIT_CLI_NUMA_MIGRATE_NUMA_MIGRATE_FIXTURE_H_
#define NUMALOCALITY_TESTS_UNIT_CLI_NUMA_MIGRATE_NUMA_MIGRATE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "agent/cli/numa_migrate/commands.h"
#include "tests/unit/fake/fake_machine.h"

namespace numalocality::numa_migrate {

inline constexpr pid_t kPid = 7;
inline constexpr uint64_t kStart = 0x10000000;
inline constexpr char kBalancing[] = "proc/sys/kernel/numa_balancing";

class NumaMigrateTest : public testing::Test {
 protected:
  NumaMigrateTest() {
    process_->AddPages(kStart, 1000, 0);
    machine_.Publish(*process_);
    options_.pid = kPid;
    options_.spec.target_nodes = {NodeId{1}};
  }

  // Runs a command and keeps what it printed.
  template <typename Run>
  absl::StatusOr<ExitCode> Do(Run run) {
    testing::internal::CaptureStdout();
    auto exit_code = run(machine_.context(), options_);
    printed_ = testing::internal::GetCapturedStdout();
    return exit_code;
  }

  FakeMachine machine_;
  std::shared_ptr<FakeProcess> process_ = machine_.AddProcess(kPid);
  Options options_;
  std::string printed_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_TESTS_UNIT_CLI_NUMA_MIGRATE_NUMA_MIGRATE_FIXTURE_H_
