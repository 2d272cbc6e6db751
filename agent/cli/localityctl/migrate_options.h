// What 'localityctl migrate' can be asked for, and the request it makes of that.
#ifndef NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATE_OPTIONS_H_
#define NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATE_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/cli/localityctl/selector.h"
#include "agent/model/id_set.h"
#include "agent/model/node_map.h"
#include "numalocality/v1/migration.pb.h"

namespace numalocality::localityctl {

// Members hold what was given; what was not is left to the agent.
struct MigrateOptions {
  SelectorOptions selector;
  NodeSet to_nodes;
  NodeSet from_nodes;
  NodeMap node_map;
  std::vector<std::string> ranges;
  std::vector<std::string> kinds;
  v1::SharingRule shared = v1::SHARING_RULE_UNSPECIFIED;
  bool hold = false;
  v1::StickMode stick = v1::STICK_MODE_UNSPECIFIED;
  bool stick_on_old_kernels = false;
  int64_t bytes_per_second = 0;
  std::optional<absl::Duration> max_call_time;
  int workers = 0;
  std::optional<double> min_moved;
  std::optional<absl::Duration> deadline;
  std::vector<std::string> verify_after;
  std::string request_id;
  std::vector<std::string> reservations;
  bool dry_run = false;
  bool wait = false;
};

// Adds all of them to `arguments`.
void AddMigrateOptions(CLI::App& arguments, MigrateOptions& options);

// INVALID_ARGUMENT if no workload is named, or a list holds what it should not.
absl::StatusOr<v1::CreateMigrationRequest> ToRequest(const MigrateOptions& options);

}  // namespace numalocality::localityctl

#endif  // NUMALOCALITY_AGENT_CLI_LOCALITYCTL_MIGRATE_OPTIONS_H_
