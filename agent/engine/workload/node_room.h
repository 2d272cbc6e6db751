// How much memory a migration may still move to each node.
#ifndef NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_
#define NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "agent/base/mutex.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/topology.h"
#include "agent/os/base/host.h"
#include "agent/os/node/topology_reader.h"

namespace numalocality {

// Bytes to leave free, by node: `fraction` of its memory or its watermark, whichever is more.
std::map<NodeId, int64_t> ReserveBytes(const Topology& topology, double fraction,
                                       const std::map<NodeId, int64_t>& watermarks);

// Keeps a reserve free on every node: a fraction of its memory or the sum of its zones' high
// watermarks, whichever is more, because below the watermarks the kernel reclaims page cache of
// others. Call Read first; after it has returned, all other methods are thread-safe.
class NodeRoom {
 public:
  NodeRoom(const Host& host, const Topology& topology) : topology_(topology), reader_(host) {}

  // Reads the watermarks and computes the reserves. `fraction`: of each node's memory.
  absl::Status Read(double fraction);

  struct Room {
    int64_t pages = 0;  // base pages that fit on the node without using its reserve
    // Batches are moving to the node. Pages that have arrived count as used and as claimed until
    // the claim is released, so the node may have more room than `pages` says.
    bool is_claimed = false;
  };
  // The current room on a node without the claimed pages; 0 also if the free memory cannot be read,
  // the node is not in the topology, or it was marked full.
  Room On(NodeId node) const;

  // Claims `pages` for a batch that is about to move, or as many as there is room for. The caller
  // must release the claimed number after the batch.
  Room ClaimUpTo(NodeId node, int64_t pages);
  void Release(NodeId node, int64_t pages);

  // Treats `node` as full for the rest of the migration.
  void MarkFull(NodeId node);
  NodeSet FullNodes() const;

  // Whether the node has no memory any more: it went offline. Reads a file.
  bool IsGone(NodeId node) const;

  // For people: "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve".
  std::string Describe(NodeId node) const;

 private:
  int64_t ReserveOf(NodeId node) const;
  Room OnLocked(NodeId node) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Topology& topology_;
  const TopologyReader reader_;
  std::map<NodeId, int64_t> reserve_bytes_;  // constant after Read

  mutable Mutex mutex_;
  std::map<NodeId, int64_t> claimed_pages_ ABSL_GUARDED_BY(mutex_);
  NodeSet full_nodes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_
