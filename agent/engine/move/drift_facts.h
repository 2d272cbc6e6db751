// What is so when a verification has found pages drifted; model/drift says what that means.
#ifndef NUMALOCALITY_AGENT_ENGINE_MOVE_DRIFT_FACTS_H_
#define NUMALOCALITY_AGENT_ENGINE_MOVE_DRIFT_FACTS_H_

#include "agent/engine/context.h"
#include "agent/model/drift.h"
#include "agent/model/id_set.h"
#include "agent/model/topology.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// Adds to `facts` what is so now of a process whose memory belongs on `targets`. Memory policies of
// single mappings are not looked at (see os/process/numa_maps).
void AddDriftFacts(const EngineContext& context, const Topology& topology,
                   const ProcessHandle& process, const NodeSet& targets, DriftFacts& facts);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_MOVE_DRIFT_FACTS_H_
