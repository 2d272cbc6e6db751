// numa-migrate: shows where a process's memory is and moves it, without a daemon.
#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/os/host_paths.h"
#include "agent/os/kernel_calls.h"

int main(int argc, char** argv) {
  using namespace numalocality;  // NOLINT(google-build-using-namespace): main cannot be inside
  Options options;
  if (const auto exit_code = ParseOptions(argc, argv, options)) return *exit_code;
  const MigrationContext context{KernelCalls::System(), Clock::System(), HostPaths(), {}};
  const auto exit_code = options.check ? Check(context, options) : Migrate(context, options);
  if (exit_code.ok()) return *exit_code;
  if (!absl::IsPermissionDenied(exit_code.status())) return Fail(exit_code.status());
  return Fail(absl::PermissionDeniedError(
      absl::StrCat(exit_code.status().message(), ": ", ExplainDenial(context.paths))));
}
