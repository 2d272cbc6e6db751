// What numa-migrate does: look, move, or be a process to try that on. All print their result on
// standard output.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_

#include "absl/status/statusor.h"
#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/engine/context.h"

namespace numalocality::numa_migrate {

// --check. Errors: NOT_FOUND if there is no such process, PERMISSION_DENIED if the kernel refuses.
absl::StatusOr<ExitCode> Check(const EngineContext& context, const Options& options);

// Moves, or with options.dry_run says what would move. SIGINT, SIGTERM and SIGHUP end it after the
// batch in flight, with the result so far printed, the machine's settings back as they were, and
// 128 plus the signal's number returned. Errors: those of Check, INVALID_ARGUMENT for nodes and
// ranges that are none, FAILED_PRECONDITION if the process's cpuset forbids the target, or what was
// asked for to keep the memory there cannot be.
absl::StatusOr<ExitCode> Migrate(const EngineContext& context, const Options& options);

// Fills memory from a seed, says where it is, and checks it until SIGINT, SIGTERM or SIGHUP comes.
// DATA_LOSS if a byte is wrong.
absl::StatusOr<ExitCode> RunHelper(const EngineContext& context, const HelperOptions& options);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_COMMANDS_H_
