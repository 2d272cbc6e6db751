// Decides which of the pages that several processes map belong to the workload being moved.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_OWNED_MEMORY_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_OWNED_MEMORY_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/move/move_ledger.h"
#include "agent/engine/move/process_migration.h"
#include "agent/engine/workload/sharing_proof.h"
#include "agent/model/ids.h"
#include "agent/model/migration_plan.h"
#include "agent/model/workload.h"

namespace numalocality {

// What a sharing proof says about the processes of one migration. Immutable, so safe to read by any
// thread.
class ProvenMemory {
 public:
  // `ranges`: what it proves, by process; ascending, disjoint.
  ProvenMemory(SharingProof proof, std::map<pid_t, std::vector<AddressRange>> ranges)
      : proof_(std::move(proof)), ranges_(std::move(ranges)) {}

  // Whether only processes of the workload map the page at `address` of process `pid`, by proof.
  bool Has(pid_t pid, uint64_t address) const;

  struct LastLook {
    // The moves whose pages only processes of the workload map, by the proof, and whose mappings
    // are still those that it was about.
    std::vector<PageMove> owned;
    // The process has mapped something else over some of the others (MAP_FIXED), such as a library
    // that foreign processes use.
    bool is_replaced = false;
  };

  // Looks at the mappings below `moves`, of one process, right before the pages move. Nothing is
  // owned if the mappings cannot be read within a second.
  LastLook Look(const Clock& clock, const ProcessHandle& process,
                absl::Span<const PageMove> moves) const;

 private:
  const SharingProof proof_;
  const std::map<pid_t, std::vector<AddressRange>> ranges_;
};

// Takes a sharing proof on the first call, and a new one when that is 5 s old. Thread-safe; callers
// wait while one of them takes a proof.
class OwnedMemory {
 public:
  // All references must outlive this. The ledger gets a note about what could not be proved.
  OwnedMemory(const EngineContext& context, const Workload& workload,
              absl::Span<const std::unique_ptr<ProcessMigration>> processes, MoveLedger& ledger)
      : context_(context), workload_(workload), processes_(processes), ledger_(ledger) {}

  // See ProvenMemory::Has.
  bool Has(pid_t pid, uint64_t address) { return Current()->Has(pid, address); }

  // What is proved. Never null.
  std::shared_ptr<const ProvenMemory> Current();

 private:
  std::shared_ptr<const ProvenMemory> Prove();

  const EngineContext& context_;
  const Workload& workload_;
  const absl::Span<const std::unique_ptr<ProcessMigration>> processes_;
  MoveLedger& ledger_;
  Mutex mutex_;
  absl::Duration old_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // monotonic
  std::shared_ptr<const ProvenMemory> proven_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_OWNED_MEMORY_H_
