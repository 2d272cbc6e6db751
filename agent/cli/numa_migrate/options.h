// The command line of numa-migrate.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/memory_part.h"
#include "agent/model/ids.h"
#include "agent/model/migration.h"

namespace numalocality::numa_migrate {

enum class Command { kCheck, kMigrate, kHelper };
enum class OutputFormat { kText, kJson, kCsv };

// --policy: whether to leave cpuset.mems of the process's cgroup at the targets.
enum class BindPolicy {
  kNone,
  kBind,
  kForced,  // also where the kernel stalls the process for it
};

// numa-migrate helper
struct HelperOptions {
  int64_t bytes = 0;
  uint64_t seed = 0;
  std::optional<NodeId> node;  // where the memory is touched first; anywhere if not given
  bool huge_pages = false;
};

struct Options {
  Command command = Command::kMigrate;
  HelperOptions helper;  // all that counts with Command::kHelper

  pid_t pid = 0;
  MemoryPart part;
  OutputFormat format = OutputFormat::kText;

  // The rest is for Command::kMigrate.
  MigrationSpec spec;  // complete but for the ranges, which `part` names, and for the sharing rule
  std::optional<SharingRule> sharing;  // not given: as much as the caller's capabilities allow
  bool dry_run = false;
  bool verify = false;
  bool verify_numa_maps = false;  // read numa_maps however large the process's mappings are
  bool pin_threads = false;
  BindPolicy bind = BindPolicy::kNone;
  bool balancing_off = false;
};

// Fills in `options`. Returns the exit code if the program is to end now, with what it had to say
// said: help, the man page, or an error.
std::optional<ExitCode> ParseOptions(int argc, const char* const* argv, Options& options);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_
