// The command line of numa-migrate.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_

#include <sys/types.h>

#include <optional>

#include "agent/cli/exit_code.h"
#include "agent/cli/numa_migrate/memory_part.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"

namespace numalocality {

struct Options {
  pid_t pid = 0;
  bool check = false;  // only look; all but `pid` and `json` is unused then
  MemoryPart part;
  NodeId to_node;      // set unless `check`
  NodeSet from_nodes;  // empty: all others
  double min_moved = 0.90;
  bool verify = false;
  bool dry_run = false;
  bool json = false;
};

// Fills in `options`. Returns the exit code if the program is to end now, with what it had to say
// said: help, or an error.
std::optional<ExitCode> ParseOptions(int argc, const char* const* argv, Options& options);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OPTIONS_H_
