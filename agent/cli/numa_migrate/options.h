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
#include "agent/model/room.h"

namespace numalocality::numa_migrate {

enum class Command { kCheck, kMigrate, kHelper };
enum class OutputFormat { kText, kJson, kCsv };

// --policy: whether to set cpuset.mems of the process's cgroup to the targets.
enum class BindPolicy {
  kNone,
  kBind,
  kForced,  // also before Linux 6.7, where that may stall the process
};

// numa-migrate helper
struct HelperOptions {
  int64_t bytes = 0;
  uint64_t seed = 0;
  std::optional<NodeId> node;  // whose CPUs touch the memory first; nullopt: any
  bool huge_pages = false;
};

struct Options {
  Command command = Command::kMigrate;
  HelperOptions helper;  // for Command::kHelper, which ignores the rest

  pid_t pid = 0;
  MemoryPart part;
  OutputFormat format = OutputFormat::kText;

  // The rest is for Command::kMigrate.
  MigrationSpec spec;  // without the ranges (see `part`) and the sharing rule (see `sharing`)
  std::optional<SharingRule> sharing;  // nullopt: as the capabilities permit
  double reclaim_cache = RoomLimits().reclaim_cache;
  bool dry_run = false;
  bool verify = false;
  bool verify_numa_maps = false;  // read numa_maps even if that stalls the process
  bool pin_threads = false;
  BindPolicy bind = BindPolicy::kNone;
  bool balancing_off = false;
};

// Fills in `options` from the command line. Returns an exit code if the program must end now: after
// it printed help, the version, the man page or an error.
std::optional<ExitCode> ParseOptions(int argc, const char* const* argv, Options& options);

// The nodes that a migration's memory goes to.
NodeSet TargetsOf(const MigrationSpec& spec);

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_
