// Which node's memory goes to which node: "0:2,1:3".
#ifndef NUMALOCALITY_AGENT_MODEL_NODE_MAP_H_
#define NUMALOCALITY_AGENT_MODEL_NODE_MAP_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/topology.h"

namespace numalocality {

// Where memory on each node belongs: a node that maps to itself keeps its memory; memory on a node
// that is absent is none of the migration's business. A node may be both source and target: pages
// are judged by where they are when the migration begins.
using NodeMap = std::map<NodeId, NodeId>;

// "0:2,1:3", at least one pair. INVALID_ARGUMENT for anything else, and for a source named twice.
absl::StatusOr<NodeMap> ParseNodeMap(absl::string_view text);

// "0:2,1:3".
std::string FormatNodeMap(const NodeMap& map);

// The nodes that memory comes from, those that map to themselves left out; and those it goes to.
NodeSet SourcesOf(const NodeMap& map);
NodeSet TargetsOf(const NodeMap& map);

// The map for the memory nodes of `topology`: nodes in `targets` keep theirs, those in `sources`
// (empty: all others) give it to the best of `targets` by Topology::TargetsFor.
NodeMap MapToNearest(const Topology& topology, const NodeSet& targets, const NodeSet& sources);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_NODE_MAP_H_
