// The commands of numa-migrate: check, migrate, helper. They print their result on standard output.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/engine/context.h"

namespace numalocality::numa_migrate {

// --check: prints the share of the process's pages on each node. NOT_FOUND if there is no such
// process, PERMISSION_DENIED if the kernel refuses.
absl::StatusOr<ExitCode> Check(const EngineContext& context, const Options& options);

// Moves the memory, or with asked.dry_run prints what would move. SIGINT, SIGTERM and SIGHUP end
// it after the current batch: it prints the partial result, restores the machine's settings and
// returns 128 plus the signal's number. Errors: those of Check; INVALID_ARGUMENT for nodes or
// ranges that do not exist; FAILED_PRECONDITION if the process's cpuset forbids the target, or if
// an option that keeps the memory there cannot take effect; ABORTED if too few pages are on target
// at the end.
absl::StatusOr<ExitCode> Migrate(const EngineContext& context, const Options& asked);

// helper: fills memory from a seed, prints where it is, and checks its content until SIGINT,
// SIGTERM or SIGHUP. DATA_LOSS if a byte is wrong.
absl::StatusOr<ExitCode> RunHelper(const EngineContext& context, const HelperOptions& options);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_
