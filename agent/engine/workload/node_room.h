// How much memory a migration may still move to each node.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/room.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {

// Room is the free memory above the reserve, and a share of the clean inactive page cache that the
// node had when Read was called (see model/room). The kernel makes room of page cache by itself:
// move_pages wakes its reclaim when it finds too little free memory. Call Read first; after it has
// returned, all other methods are thread-safe.
class NodeRoom {
 public:
  NodeRoom(const Host& host, const Topology& topology) : topology_(topology), reader_(host) {}

  // Reads the watermarks and the page cache, and computes the reserves.
  absl::Status Read(const RoomLimits& limits);

  struct Room {
    int64_t pages = 0;       // base pages that fit on the node without using its reserve
    int64_t free_pages = 0;  // of these, those for which no page cache must go
    // Batches are moving to the node. Pages that have arrived count as used and as claimed until
    // the claim is released, so the node may have more room than `pages` says.
    bool is_claimed = false;
    // There is room, but the kernel must drop page cache first: a batch that takes more than is
    // free above the min watermark makes everybody on the node wait who allocates memory.
    bool must_wait = false;
  };
  // The current room on a node without the claimed pages; 0 also if the free memory cannot be read,
  // the node is not in the topology, or it was marked full.
  Room On(NodeId node) const;

  // Claims `pages` for a batch that is about to move, or as many as there is room for at once. The
  // caller must release the claimed number after the batch. `at_least`: of the room for which page
  // cache must go, so many pages do not wait for that: the kernel drops it during the call.
  Room ClaimUpTo(NodeId node, int64_t pages, int64_t at_least = 0);
  void Release(NodeId node, int64_t pages);

  // Treats `node` as full for the rest of the migration.
  void MarkFull(NodeId node);
  NodeSet FullNodes() const;

  // Counts no page cache as room for the rest of the migration; `why` is for people. The first call
  // counts.
  void LeaveCache(std::string why);

  // Whether the node has no memory any more: it went offline. Reads a file.
  bool IsGone(NodeId node) const;

  // How room on the node is counted now. NOT_FOUND and other errors if it cannot be read.
  absl::StatusOr<RoomCount> Count(NodeId node) const;

  // RoomWords of the node, and why page cache does not count any more.
  std::string Describe(NodeId node) const;

  // Page cache that the kernel may reclaim ahead of need: it goes on up to the high watermark.
  int64_t AheadPages() const;

 private:
  absl::StatusOr<RoomCount> CountLocked(NodeId node) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Room RoomOf(NodeId node, const RoomCount& count) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Topology& topology_;
  const TopologyReader reader_;
  // Constant after Read, as are the next two. Bytes by node.
  std::map<NodeId, int64_t> reserve_;
  std::map<NodeId, Watermarks> watermarks_;
  std::map<NodeId, int64_t> cache_before_;
  double reclaim_cache_ = 0;

  mutable Mutex mutex_;
  std::map<NodeId, int64_t> claimed_pages_ ABSL_GUARDED_BY(mutex_);
  NodeSet full_nodes_ ABSL_GUARDED_BY(mutex_);
  std::string why_no_cache_ ABSL_GUARDED_BY(mutex_);  // empty: it counts
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_
