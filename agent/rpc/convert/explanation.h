// Explanations of placements as the API has them. Pure.
#ifndef NUMALOCALITY_AGENT_RPC_CONVERT_EXPLANATION_H_
#define NUMALOCALITY_AGENT_RPC_CONVERT_EXPLANATION_H_

#include "agent/model/explanation.h"
#include "agent/rpc/convert/convert.h"

namespace numalocality {

void ToProto(const PlacementExplanation& explanation, pb::PlacementExplanation& message);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CONVERT_EXPLANATION_H_
