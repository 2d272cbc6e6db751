// The room on a node: how much memory migrations may still put there. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_ROOM_H_
#define NUMALOCALITY_AGENT_MODEL_ROOM_H_

#include <cstdint>
#include <map>
#include <string>

#include "agent/model/ids.h"
#include "agent/model/topology.h"

namespace numalocality {

// A share of a node's memory: bytes or, if they are 0, a fraction.
struct MemoryShare {
  double fraction = 0;
  int64_t bytes = 0;

  int64_t Of(int64_t total_bytes) const;
  bool operator==(const MemoryShare&) const = default;
};

// The memory of each node that migrations leave free.
struct NodeReserve {
  MemoryShare of_each = {.fraction = 0.02};
  std::map<NodeId, MemoryShare> of_node;  // replaces of_each

  const MemoryShare& On(NodeId node) const;
  bool operator==(const NodeReserve&) const = default;
};

// What counts as room.
struct RoomLimits {
  NodeReserve reserve;
  // Fraction of a node's clean inactive page cache that counts as room, because the kernel drops it
  // when memory is moved there. 0: none.
  double reclaim_cache = 0.25;
  bool operator==(const RoomLimits&) const = default;
};

// Free memory of a node at which the kernel begins to act, in bytes.
struct Watermarks {
  int64_t min = 0;   // below it, whoever allocates memory must first reclaim some
  int64_t high = 0;  // the kernel reclaims in the background until as much is free
  bool operator==(const Watermarks&) const = default;
};

// The bytes to leave free, by node: the reserve or the high watermark, whichever is more, because
// below the watermark the kernel reclaims page cache.
std::map<NodeId, int64_t> ReserveBytes(const Topology& topology, const NodeReserve& reserve,
                                       const std::map<NodeId, Watermarks>& watermarks);

// How the room on a node was counted, in bytes.
struct RoomCount {
  int64_t free = 0;
  int64_t reserve = 0;
  int64_t cache = 0;        // page cache that counts as room
  int64_t clean_cache = 0;  // all clean inactive page cache
  double share = 0;         // RoomLimits::reclaim_cache

  // Negative if the node is below its reserve.
  int64_t Bytes() const { return free - reserve + cache; }
};

// `clean_cache_before` is what there was when the migration began: only the share of that counts,
// however much has been reclaimed since.
RoomCount CountRoom(int64_t free, int64_t reserve, double share, int64_t clean_cache,
                    int64_t clean_cache_before);

// For people: "212.0 MiB of its clean page cache count as room (reclaimCache 25%)".
std::string CacheWords(const RoomCount& room);

// For people: "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve", with CacheWords if
// it has clean page cache.
std::string RoomWords(NodeId node, const RoomCount& room);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_ROOM_H_
