// What numa-migrate does: look, or move. Both print their result on standard output.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/engine/migration_run.h"

namespace numalocality {

// --check. Errors: NOT_FOUND if there is no such process, PERMISSION_DENIED if the kernel refuses.
absl::StatusOr<ExitCode> Check(const MigrationContext& context, const Options& options);

// Moves, or with options.dry_run says what would move. SIGINT and SIGTERM end it after the batch
// in flight, with the result so far printed and 128 plus the signal's number returned. Errors:
// those of Check, INVALID_ARGUMENT for nodes and ranges that are none, FAILED_PRECONDITION if the
// process's cpuset forbids the target.
absl::StatusOr<ExitCode> Migrate(const MigrationContext& context, const Options& options);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_
