// numa-migrate: shows where a process's memory is, and moves it, without the agent.
#include "agent/base/clock.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/engine/context.h"
#include "agent/os/act/system_kernel_calls.h"
#include "agent/os/base/host.h"
#include "agent/os/process/process_cgroup.h"

namespace numalocality::numa_migrate {
namespace {

absl::StatusOr<ExitCode> Run(const EngineContext& context, const Options& options) {
  switch (options.command) {
    case Command::kCheck: return Check(context, options);
    case Command::kMigrate: return Migrate(context, options);
    case Command::kHelper: return RunHelper(context, options.helper);
  }
  return kExitError;
}

int Main(int argc, char** argv) {
  Options options;
  if (const auto exit_code = ParseOptions(argc, argv, options)) return *exit_code;
  Host host;
  if (auto name_space = FindCgroupNamespace(host); name_space.ok()) {
    host.SetOwnPlace({true, *std::move(name_space), ""});
  }
  HostLimits limits;
  limits.room.reclaim_cache = options.reclaim_cache;
  return End(Run({SystemKernelCalls(), Clock::System(), host, limits}, options));
}

}  // namespace
}  // namespace numalocality::numa_migrate

int main(int argc, char** argv) { return numalocality::numa_migrate::Main(argc, argv); }
