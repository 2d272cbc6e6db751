#include "agent/model/placement.h"

namespace numalocality {
namespace {

constexpr EnumTable<MemoryKind> kMemoryKinds = {{
    {MemoryKind::kAnon, "anon", "anon", ""},
    {MemoryKind::kShmem, "shmem", "shmem", ""},
    {MemoryKind::kFile, "file", "file", ""},
    {MemoryKind::kHugetlb, "hugetlb", "hugetlb", ""},
}};
static_assert(IsWellFormed(kMemoryKinds));

constexpr EnumTable<PlacementView> kPlacementViews = {{
    {PlacementView::kBasic, "basic", "basic", ""},
    {PlacementView::kPages, "pages", "pages", ""},
    {PlacementView::kHome, "", "", ""},
}};
static_assert(IsWellFormed(kPlacementViews));

constexpr EnumTable<PlacementState> kPlacementStates = {{
    {PlacementState::kComplete, "complete", "complete", ""},
    {PlacementState::kTooLarge, "too_large_to_sample", "too large to sample",
     "Look for a process of it with very many mappings or threads, for very many processes or "
     "child "
     "cgroups, and, before Linux 6.11, for mapped files below thousands of directories"},
}};
static_assert(IsWellFormed(kPlacementStates));

std::optional<double> Fraction(int64_t part, int64_t total) {
  if (total == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(total);
}

}  // namespace

const EnumTable<MemoryKind>& TableOf(MemoryKind) { return kMemoryKinds; }
const EnumTable<PlacementView>& TableOf(PlacementView) { return kPlacementViews; }
const EnumTable<PlacementState>& TableOf(PlacementState) { return kPlacementStates; }

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

std::optional<double> ProcessPlacement::LocalFraction() const {
  if (home_nodes.empty()) return std::nullopt;
  return Fraction(memory.BytesOn(home_nodes, kPrivateKinds), memory.Bytes(kPrivateKinds));
}

std::optional<double> WorkloadPlacement::LocalFraction() const {
  if (home_nodes.empty()) return std::nullopt;
  if (processes.empty()) {
    return Fraction(memory.BytesOn(home_nodes, kPrivateKinds), memory.Bytes(kPrivateKinds));
  }
  int64_t local = 0;
  int64_t total = 0;
  for (const ProcessPlacement& process : processes) {
    local += process.memory.BytesOn(process.home_nodes, kPrivateKinds);
    total += process.memory.Bytes(kPrivateKinds);
  }
  return Fraction(local, total);
}

bool WorkloadPlacement::IsSandbox() const {
  if (process_count + hidden_process_count > 1 || thread_count > 1) return false;
  return workload.role == ContainerRole::kSandbox ||
         (workload.role == ContainerRole::kPresumedSandbox &&
          memory.Bytes(kPrivateKinds) < kMostSandboxBytes);
}

}  // namespace numalocality
