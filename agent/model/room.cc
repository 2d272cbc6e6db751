#include "agent/model/room.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/units.h"

namespace numalocality {
namespace {

int64_t FractionOf(double fraction, int64_t bytes) {
  return static_cast<int64_t>(fraction * static_cast<double>(bytes));
}

}  // namespace

int64_t MemoryShare::Of(int64_t total_bytes) const {
  return bytes > 0 ? bytes : FractionOf(fraction, total_bytes);
}

const MemoryShare& NodeReserve::On(NodeId node) const {
  const auto found = of_node.find(node);
  return found == of_node.end() ? of_each : found->second;
}

std::map<NodeId, int64_t> ReserveBytes(const Topology& topology, const NodeReserve& reserve,
                                       const std::map<NodeId, Watermarks>& watermarks) {
  std::map<NodeId, int64_t> reserves;
  for (const auto& [id, node] : topology.nodes) {
    const auto found = watermarks.find(id);
    const int64_t high = found == watermarks.end() ? 0 : found->second.high;
    reserves[id] = std::max(reserve.On(id).Of(node.total_bytes), high);
  }
  return reserves;
}

RoomCount CountRoom(int64_t free, int64_t reserve, double share, int64_t clean_cache,
                    int64_t clean_cache_before) {
  const int64_t most = FractionOf(share, clean_cache_before);
  const int64_t kept = clean_cache_before - most;
  return {free, reserve, std::clamp(clean_cache - kept, int64_t{0}, most), clean_cache, share};
}

std::string CacheWords(const RoomCount& room) {
  if (room.share == 0) {
    return absl::StrCat("its ", FormatBytes(room.clean_cache),
                        " of clean page cache do not count (reclaimCache 0)");
  }
  return absl::StrFormat("%s of its clean page cache count as room (reclaimCache %g%%)",
                         FormatBytes(room.cache), 100 * room.share);
}

std::string RoomWords(NodeId node, const RoomCount& room) {
  std::string words =
      absl::StrCat("node ", node.value, " has ", FormatBytes(room.free), " free, of which ",
                   FormatBytes(room.reserve), " are kept in reserve");
  if (room.clean_cache > 0) absl::StrAppend(&words, "; ", CacheWords(room));
  return words;
}

}  // namespace numalocality
