// What the options change beside the pages, so that these stay where they are moved to.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_STAY_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_STAY_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/cli/numa_migrate/options.h"
#include "agent/cli/numa_migrate/subject.h"
#include "agent/engine/context.h"
#include "agent/model/id_set.h"
#include "agent/os/act/cpuset_mems.h"
#include "agent/os/act/numa_balancing.h"

namespace numalocality::numa_migrate {

// The nodes that a migration's memory goes to.
NodeSet TargetsOf(const MigrationSpec& spec);

// Begin, move, KeepThere, look again, End. What was not kept is put back when this is destroyed,
// but for the threads' CPUs: pinned threads stay pinned.
class Stay {
 public:
  // --policy bind allows the targets beside the nodes that the process has, and --numa-balancing
  // off takes effect. Errors name what is missing; nothing is changed then.
  static absl::StatusOr<Stay> Begin(const EngineContext& context, const Options& options,
                                    const Subject& subject);
  ~Stay();
  Stay(Stay&&) = default;
  Stay& operator=(Stay&&) = delete;

  // --pin-threads. After an error some threads may be pinned.
  absl::Status PinThreads(const EngineContext& context, const Options& options,
                          const Subject& subject);

  // --policy bind: the process gets memory from the targets only from now on. Call once the pages
  // are there: the kernel moves those that are not by itself.
  absl::Status KeepThere();

  // --numa-balancing is what it was. ABORTED if somebody else has switched it meanwhile.
  absl::Status End();

  // All that was not to stay, from any thread: for a program that ends there and then.
  void PutBack();

  // For people, what was done.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  Stay() = default;
  absl::Status Bind(const EngineContext& context, const Options& options, const Subject& subject);

  std::unique_ptr<NumaBalancingOff> balancing_off_;
  std::unique_ptr<CpusetMems> mems_;  // until it is decided what to leave behind
  NodeSet nodes_to_keep_;
  std::vector<std::string> notes_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_STAY_H_
