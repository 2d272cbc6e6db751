// Node maps: which node's memory moves to which node, such as "0:2,1:3".
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

// The target of the memory on each node. A node that maps to itself keeps its memory; a migration
// ignores memory on nodes that are absent. A node may be both source and target: the node of a page
// is the one at the start of the migration.
using NodeMap = std::map<NodeId, NodeId>;

// Parses "0:2,1:3", at least one pair. INVALID_ARGUMENT for anything else, and for a source that
// occurs twice.
absl::StatusOr<NodeMap> ParseNodeMap(absl::string_view text);

// "0:2,1:3".
std::string FormatNodeMap(const NodeMap& map);

// The sources, without the nodes that map to themselves; and all targets.
NodeSet SourcesOf(const NodeMap& map);
NodeSet TargetsOf(const NodeMap& map);

// The map for the memory nodes of `topology`: nodes in `targets` keep their memory, the memory of
// nodes in `sources` (empty: all others) moves to the best of `targets` by Topology::TargetsFor.
NodeMap MapToNearest(const Topology& topology, const NodeSet& targets, const NodeSet& sources);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_NODE_MAP_H_
