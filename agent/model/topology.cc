#include "agent/model/topology.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace numalocality {

const Node* Topology::Find(NodeId id) const {
  const auto it = nodes.find(id);
  return it == nodes.end() ? nullptr : &it->second;
}

NodeSet Topology::OnlineNodes() const {
  NodeSet set;
  for (const auto& [id, node] : nodes) set.Insert(id);
  return set;
}

NodeSet Topology::MemoryNodes() const {
  NodeSet set;
  for (const auto& [id, node] : nodes) {
    if (node.has_memory) set.Insert(id);
  }
  return set;
}

NodeSet Topology::NodesWithCpus() const {
  NodeSet set;
  for (const auto& [id, node] : nodes) {
    if (!node.cpus.empty()) set.Insert(id);
  }
  return set;
}

std::optional<NodeId> Topology::NodeOf(CpuId cpu) const {
  for (const auto& [id, node] : nodes) {
    if (node.cpus.Contains(cpu)) return id;
  }
  return std::nullopt;
}

int Topology::Distance(NodeId from, NodeId to) const {
  if (const Node* node = Find(from); node != nullptr) {
    if (const auto it = node->distances.find(to); it != node->distances.end()) return it->second;
  }
  return from == to ? 10 : std::numeric_limits<int>::max();
}

NodeSet Topology::HomeNodes(const CpuSet& cpus) const {
  NodeSet own;
  for (const auto& [id, node] : nodes) {
    if (!(node.cpus & cpus).empty()) own.Insert(id);
  }
  NodeSet homes;
  for (const NodeId node : own) {
    if (Find(node)->has_memory) {
      homes.Insert(node);
      for (const auto& [id, near] : nodes) {
        const bool may_be_home = near.has_memory && !near.cpus.empty();
        if (may_be_home && Distance(node, id) <= local_distance) homes.Insert(id);
      }
      continue;
    }
    int nearest = std::numeric_limits<int>::max();
    NodeSet nearest_nodes;
    for (const auto& [id, candidate] : nodes) {
      if (!candidate.has_memory || candidate.cpus.empty()) continue;
      const int distance = Distance(node, id);
      if (distance < nearest) {
        nearest = distance;
        nearest_nodes = NodeSet();
      }
      if (distance == nearest) nearest_nodes.Insert(id);
    }
    homes = homes | nearest_nodes;
  }
  return homes;
}

std::vector<NodeId> Topology::TargetsFor(NodeId from, const NodeSet& candidates) const {
  std::vector<NodeId> targets;
  for (const NodeId id : candidates& MemoryNodes()) targets.push_back(id);
  std::sort(targets.begin(), targets.end(), [&](NodeId a, NodeId b) {
    return std::tuple(Distance(from, a), -Find(a)->free_bytes, a) <
           std::tuple(Distance(from, b), -Find(b)->free_bytes, b);
  });
  return targets;
}

}  // namespace numalocality
