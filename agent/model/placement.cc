#include "agent/model/placement.h"

namespace numalocality {

void MemoryByNode::Add(const MemoryByNode& other) {
  for (const auto& [node, bytes] : other.nodes) {
    KindBytes& mine = nodes[node];
    for (int kind = 0; kind < kMemoryKindCount; ++kind) mine.by_kind[kind] += bytes.by_kind[kind];
  }
}

int64_t MemoryByNode::Bytes(const KindSet& kinds) const {
  NodeSet all;
  for (const auto& [node, bytes] : nodes) all.Insert(node);
  return BytesOn(all, kinds);
}

int64_t MemoryByNode::BytesOn(const NodeSet& on, const KindSet& kinds) const {
  int64_t total = 0;
  for (const auto& [node, bytes] : nodes) {
    if (!on.Contains(node)) continue;
    for (int kind = 0; kind < kMemoryKindCount; ++kind) {
      if (kinds.Contains(static_cast<MemoryKind>(kind))) total += bytes.by_kind[kind];
    }
  }
  return total;
}

std::optional<double> WorkloadPlacement::LocalFraction() const {
  const int64_t total = memory.Bytes(kPrivateKinds);
  if (total == 0 || home_nodes.empty()) return std::nullopt;
  return static_cast<double>(memory.BytesOn(home_nodes, kPrivateKinds)) /
         static_cast<double>(total);
}

}  // namespace numalocality
