// The options that keep the memory on its target: --policy, --pin-threads, --numa-balancing.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_KEEP_PLACEMENT_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_KEEP_PLACEMENT_H_

#include <memory>
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

// Applies these options around a migration: Begin, PinThreads, move, KeepThere, verify,
// RestoreBalancing. The destructor restores settings that were not made permanent. Pinned threads
// stay pinned.
class PlacementKeeper {
 public:
  // --policy bind: adds the targets to cpuset.mems, so that the pages may move there.
  // --numa-balancing off: switches it off. After an error nothing is changed.
  static absl::StatusOr<PlacementKeeper> Begin(const EngineContext& context, const Options& options,
                                               const Subject& subject);
  ~PlacementKeeper();
  PlacementKeeper(PlacementKeeper&&) = default;
  PlacementKeeper& operator=(PlacementKeeper&&) = delete;

  // --pin-threads: pins the threads to the CPUs of the targets. After an error some may be pinned.
  absl::Status PinThreads(const EngineContext& context, const Options& options,
                          const Subject& subject);

  // --policy bind: restricts cpuset.mems to the targets, permanently. Call it after the pages
  // moved, as the kernel itself moves those that are elsewhere.
  absl::Status KeepThere();

  // Restores what --numa-balancing changed. ABORTED if another program has switched it meanwhile.
  absl::Status RestoreBalancing();

  // Restores all settings that are not permanent. For a program that exits at once; any thread.
  void Restore();

  // What was changed, in words for people.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  PlacementKeeper() = default;
  absl::Status Bind(const EngineContext& context, const Options& options, const Subject& subject);

  std::unique_ptr<NumaBalancingOff> balancing_off_;
  std::unique_ptr<CpusetMems> mems_;  // until KeepThere or the destructor
  NodeSet nodes_to_keep_;
  std::string kernel_moves_;  // what the kernel moves when cpuset.mems is narrowed, for people
  std::vector<std::string> notes_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_KEEP_PLACEMENT_H_
