// Verification of a migration: a scan after the last batch that finds where the pages are now, and
// the facts about processes whose pages have drifted.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_VERIFICATION_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_VERIFICATION_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/engine/context.h"
#include "agent/engine/move/process_migration.h"
#include "agent/model/drift.h"
#include "agent/model/migration.h"
#include "agent/model/topology.h"

namespace numalocality {

struct VerificationResult {
  // OK if the scan is complete. NOT_FOUND if processes exited during it: it is complete for the
  // others.
  absl::Status status;
  Verification verification;
  std::optional<DriftFacts> drift_facts;  // nullopt without drift
};

// Scans `processes` again, `after` the last batch. Ends at the first error except NOT_FOUND: an
// incomplete scan proves nothing.
VerificationResult VerifyProcesses(const EngineContext& context, const Topology& topology,
                                   const std::vector<std::unique_ptr<ProcessMigration>>& processes,
                                   absl::Duration after, const std::function<bool()>& is_cancelled);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_VERIFICATION_H_
