#include "agent/model/node_map.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

absl::StatusOr<NodeId> ParseNode(absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const NodeSet nodes, NodeSet::Parse(text));
  if (nodes.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not one node"));
  }
  return *nodes.begin();
}

}  // namespace

absl::StatusOr<NodeMap> ParseNodeMap(absl::string_view text) {
  NodeMap map;
  for (const absl::string_view pair : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> nodes = absl::StrSplit(pair, ':');
    if (nodes.size() != 2) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", pair, "' must be pairs OLD:NEW, such as 0:2,1:3"));
    }
    NL_ASSIGN_OR_RETURN(const NodeId source, ParseNode(nodes[0]));
    NL_ASSIGN_OR_RETURN(const NodeId target, ParseNode(nodes[1]));
    if (!map.emplace(source, target).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("node ", source.value, " is mapped twice in '", text, "'"));
    }
  }
  return map;
}

std::string FormatNodeMap(const NodeMap& map) {
  return absl::StrJoin(map, ",", [](std::string* out, const auto& pair) {
    absl::StrAppend(out, pair.first.value, ":", pair.second.value);
  });
}

NodeSet SourcesOf(const NodeMap& map) {
  NodeSet sources;
  for (const auto& [source, target] : map) {
    if (source != target) sources.Insert(source);
  }
  return sources;
}

NodeSet TargetsOf(const NodeMap& map) {
  NodeSet targets;
  for (const auto& [source, target] : map) targets.Insert(target);
  return targets;
}

NodeMap MapToNearest(const Topology& topology, const NodeSet& targets, const NodeSet& sources) {
  NodeMap map;
  for (const NodeId node : topology.MemoryNodes()) {
    if (targets.Contains(node)) {
      map[node] = node;
    } else if (sources.empty() || sources.Contains(node)) {
      const std::vector<NodeId> best = topology.TargetsFor(node, targets);
      if (!best.empty()) map[node] = best.front();
    }
  }
  return map;
}

}  // namespace numalocality
