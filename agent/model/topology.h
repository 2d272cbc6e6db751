// The machine's NUMA nodes, and the home nodes of a set of CPUs.
#ifndef NUMALOCALITY_AGENT_MODEL_TOPOLOGY_H_
#define NUMALOCALITY_AGENT_MODEL_TOPOLOGY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/model/id_set.h"
#include "agent/model/ids.h"

namespace numalocality {

struct Node {
  CpuSet cpus;              // empty for memory-only (CXL, GPU) nodes
  bool has_memory = false;  // false for memory-less nodes
  int64_t total_bytes = 0;
  // At the time of reading.
  int64_t free_bytes = 0;
  int64_t clean_cache_bytes = 0;  // inactive page cache that needs no writing before it is dropped
  // The distance (SLIT, 10 = local) to every online node.
  std::map<NodeId, int> distances;
};

// A snapshot of /sys/devices/system/node. Value type.
struct Topology {
  std::map<NodeId, Node> nodes;  // online nodes
  int64_t page_bytes = 4096;     // base page size
  int local_distance = 10;       // nodes up to this distance from a CPU's node are home nodes too

  const Node* Find(NodeId id) const;
  NodeSet OnlineNodes() const;
  NodeSet MemoryNodes() const;
  NodeSet NodesWithCpus() const;

  // The node a CPU belongs to; nullopt for an offline or unknown CPU.
  std::optional<NodeId> NodeOf(CpuId cpu) const;

  // The distance between two nodes; larger than any real distance if either is unknown.
  int Distance(NodeId from, NodeId to) const;

  // The home nodes of `cpus`: for each CPU its own node and those within local_distance of it or,
  // if its own node has no memory, the nearest nodes with memory and CPUs. A node without CPUs is
  // never a home node.
  NodeSet HomeNodes(const CpuSet& cpus) const;

  // The `candidates` with memory, in the order of preference for memory that is now on `from`: the
  // nearest first, and at the same distance the one with the most free memory first.
  std::vector<NodeId> TargetsFor(NodeId from, const NodeSet& candidates) const;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_TOPOLOGY_H_
