// How much a run may still put on each node.
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

// By node, what is to be left free: `fraction` of its memory or, where that is more, its watermark.
std::map<NodeId, int64_t> ReserveBytes(const Topology& topology, double fraction,
                                       const std::map<NodeId, int64_t>& watermarks);

// Keeps a reserve free on every node: a fraction of its memory, or the sum of its zones' high
// watermarks where that is more, for below these the kernel would take page cache away from
// others. Thread-safe once Read has returned.
class NodeRoom {
 public:
  NodeRoom(const Host& host, const Topology& topology) : topology_(topology), reader_(host) {}

  // Reads the reserves. `fraction`: of each node's memory.
  absl::Status Read(double fraction);

  struct Room {
    int64_t pages = 0;  // base pages that the node can take without touching its reserve
    // Batches are on their way to it: until they are there, what they have used may be taken off
    // twice, so that a lack of room proves nothing.
    bool is_claimed = false;
  };
  // Now, what others have claimed taken off; 0 also if that cannot be read, or the node is full.
  Room On(NodeId node) const;

  // Sets `pages` aside for a batch that is about to move, or as many as there is room for now; they
  // are to be released when it has.
  Room ClaimUpTo(NodeId node, int64_t pages);
  void Release(NodeId node, int64_t pages);

  // Nothing more goes to `node` for the rest of the run.
  void MarkFull(NodeId node);
  NodeSet FullNodes() const;

  // "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve", for people.
  std::string Describe(NodeId node) const;

 private:
  Room Look(NodeId node) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Topology& topology_;
  const TopologyReader reader_;
  std::map<NodeId, int64_t> reserve_bytes_;  // constant after Read

  mutable Mutex mutex_;
  std::map<NodeId, int64_t> claimed_pages_ ABSL_GUARDED_BY(mutex_);
  NodeSet full_nodes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_WORKLOAD_NODE_ROOM_H_
