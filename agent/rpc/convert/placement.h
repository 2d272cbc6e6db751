// Topology, placements, decisions and explanations as messages. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_PLACEMENT_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_PLACEMENT_H_

#include "agent/engine/workload/placement_reader.h"
#include "agent/model/explanation.h"
#include "agent/model/locality_report.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"
#include "agent/rpc/convert/common.h"
#include "numalocality/v1/placement.pb.h"

namespace numalocality {

void ToProto(const Topology& topology, pb::Topology& message);
void ToProto(const WorkloadPlacement& placement, pb::WorkloadPlacement& message);
void ToProto(const RepairDecision& decision, pb::RepairDecision& message);
void ToProto(const PlacementExplanation& explanation, pb::PlacementExplanation& message);

// Adds to a placement that was just read what the latest report knows: names, decision, kubelet's
// assignment, and the single processes if their home nodes differ.
void AddReport(const WorkloadReport& report, pb::WorkloadPlacement& message);

// Clears what the API's DETAIL_SUMMARY leaves out.
void Summarize(pb::WorkloadPlacement& message);

// INVALID_ARGUMENT for a value that the API does not have.
absl::StatusOr<PlacementView> FromProto(pb::PlacementView view);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_PLACEMENT_H_
