// numa-migrate: shows where a process's memory is and moves it, without a daemon.
#include "agent/base/clock.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/os/host_paths.h"
#include "agent/os/kernel_calls.h"
#include "agent/os/process_cgroup.h"

int main(int argc, char** argv) {
  using namespace numalocality;  // NOLINT(google-build-using-namespace): main cannot be inside
  Options options;
  if (const auto exit_code = ParseOptions(argc, argv, options)) return *exit_code;
  HostPaths paths;
  if (auto name_space = FindCgroupNamespace(paths); name_space.ok()) {
    paths.cgroup_namespace = *std::move(name_space);
  }
  const MigrationContext context{KernelCalls::System(), Clock::System(), paths, {}};
  absl::StatusOr<ExitCode> exit_code = kExitError;
  switch (options.command) {
    case Command::kCheck: exit_code = Check(context, options); break;
    case Command::kMigrate: exit_code = Migrate(context, options); break;
    case Command::kHelper: exit_code = RunHelper(context, options.helper); break;
  }
  return End(exit_code);
}
