#include "agent/engine/workload/node_room.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"

namespace numalocality {

std::map<NodeId, int64_t> ReserveBytes(const Topology& topology, double fraction,
                                       const std::map<NodeId, int64_t>& watermarks) {
  std::map<NodeId, int64_t> reserves;
  for (const auto& [id, node] : topology.nodes) {
    const auto share = static_cast<int64_t>(fraction * static_cast<double>(node.total_bytes));
    const auto watermark = watermarks.find(id);
    reserves[id] = std::max(share, watermark == watermarks.end() ? 0 : watermark->second);
  }
  return reserves;
}

absl::Status NodeRoom::Read(double fraction) {
  NL_ASSIGN_OR_RETURN(const auto watermarks, reader_.ReadHighWatermarks());
  reserve_bytes_ = ReserveBytes(topology_, fraction, watermarks);
  return absl::OkStatus();
}

// A node may have gone between two readings of the topology.
int64_t NodeRoom::ReserveOf(NodeId node) const {
  const auto found = reserve_bytes_.find(node);
  return found == reserve_bytes_.end() ? 0 : found->second;
}

bool NodeRoom::IsGone(NodeId node) const {
  const auto nodes = reader_.ReadMemoryNodes();
  return nodes.ok() && !nodes->Contains(node);
}

NodeRoom::Room NodeRoom::OnLocked(NodeId node) const {
  if (full_nodes_.Contains(node)) return {};
  const int64_t spare = reader_.ReadFreeBytes(node).value_or(0) - ReserveOf(node);
  const auto found = claimed_pages_.find(node);
  const int64_t claimed = found == claimed_pages_.end() ? 0 : found->second;
  return {std::max(int64_t{0}, spare / topology_.page_bytes - claimed), claimed > 0};
}

NodeRoom::Room NodeRoom::On(NodeId node) const {
  MutexLock lock(mutex_);
  return OnLocked(node);
}

NodeRoom::Room NodeRoom::ClaimUpTo(NodeId node, int64_t pages) {
  MutexLock lock(mutex_);
  Room room = OnLocked(node);
  room.pages = std::min(room.pages, pages);
  claimed_pages_[node] += room.pages;
  return room;
}

void NodeRoom::Release(NodeId node, int64_t pages) {
  MutexLock lock(mutex_);
  claimed_pages_[node] -= pages;
}

void NodeRoom::MarkFull(NodeId node) {
  MutexLock lock(mutex_);
  full_nodes_.Insert(node);
}

NodeSet NodeRoom::FullNodes() const {
  MutexLock lock(mutex_);
  return full_nodes_;
}

std::string NodeRoom::Describe(NodeId node) const {
  const auto free_bytes = reader_.ReadFreeBytes(node);
  if (!free_bytes.ok()) return std::string(free_bytes.status().message());
  return absl::StrCat("node ", node.value, " has ", FormatBytes(*free_bytes), " free, of which ",
                      FormatBytes(ReserveOf(node)), " are kept in reserve");
}

}  // namespace numalocality
