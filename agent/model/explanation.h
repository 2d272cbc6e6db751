// Explains why a workload's memory is remote: splits its remote bytes by reason, with advice for
// each part. Pure.
#ifndef NUMALOCALITY_AGENT_MODEL_EXPLANATION_H_
#define NUMALOCALITY_AGENT_MODEL_EXPLANATION_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "agent/model/circumstance.h"
#include "agent/model/enum_table.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"
#include "agent/model/topology.h"

namespace numalocality {

// Why memory is remote. Where several reasons apply to a page, it has the one that must be dealt
// with first: see Explain.
enum class RemoteReason {
  kRepairable,  // nothing prevents a migration
  kShared,      // several processes map it
  kPageCache,   // and shmem that no process maps: files in a tmpfs
  kHugetlb,
  kPinned,          // could not be moved before
  kMemoryPolicy,    // the process asked for this node
  kCpusetForbids,   // the home nodes
  kNoRoom,          // on the home nodes
  kMemoryOnlyNode,  // it is on a node without CPUs
  kUnlocated,       // the kernel does not say where it is
};
// "localityctl migrate WORKLOAD" in advice stands for the command with the workload's options.
const EnumTable<RemoteReason>& TableOf(RemoteReason);

struct RemotePart {
  RemoteReason reason = RemoteReason::kRepairable;
  int64_t bytes = 0;
  std::string advice;  // what to do about it, for people
  std::string detail;  // the nodes it is on and other facts, for people
};

// Whether other processes map a page.
enum class PageSharing {
  kNone,
  kOwned,    // other processes of the workload only
  kForeign,  // processes of other workloads too, as far as is known
  kUnknown,  // pagemap cannot be read
};

// Properties of pages of one process.
struct PageClass {
  NodeId node;  // may be kHiddenNode
  MemoryKind kind = MemoryKind::kAnon;
  PageSharing sharing = PageSharing::kUnknown;
  auto operator<=>(const PageClass&) const = default;
};

// The facts about one address space.
struct ProcessFacts {
  ProcessId id;
  CpuSet cpus;  // that its threads may run on
  NodeSet home_nodes;
  NodeSet allowed_nodes;  // Mems_allowed
  NodeSet policy_nodes;   // that its memory policy names; none if unknown
  // Sampled anonymous and shmem pages. Sharing is known on remote nodes only.
  std::map<PageClass, int64_t> pages;
  int64_t sampled_pages = 0;
  int64_t resident_pages = 0;  // that the sample represents
};

// The room of a node.
struct NodeSpace {
  int64_t bytes = 0;  // above its reserve
  std::string words;  // "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve"
};

struct ExplanationFacts {
  WorkloadPlacement placement;
  Topology topology;
  std::vector<ProcessFacts> processes;
  bool complete = false;  // every page of every process was sampled
  std::map<NodeId, NodeSpace> space;
  int64_t stuck_bytes = 0;    // that earlier migrations found pinned or busy
  std::string sharing_note;   // what is unproved about shared pages, for people; may be empty
  CircumstanceFacts machine;  // in addition to the placement
};

struct PlacementExplanation {
  WorkloadPlacement placement;
  bool complete = false;
  int64_t sampled_pages = 0;
  // The error of each part with 95 % confidence, as a fraction of the anonymous and shmem bytes; 0
  // if complete.
  double error_bound = 0;
  std::vector<RemotePart> parts;  // largest first; each has bytes
  std::vector<Circumstance> circumstances;
};

// The placement gives the anonymous and shmem bytes on each node. The sampled pages give, for each
// node and kind, which fraction is local to its process and why the rest is not. Therefore the
// parts add up to exactly the placement's bytes on nodes other than the home nodes, provided that
// all processes have the same home nodes.
//
// A page with several reasons gets the first one of this order: the kernel would refuse the move
// (cpuset); its place is intended (memory policy, node without CPUs); a migration would leave it
// (shared, pinned, no room). The other pages are repairable.
PlacementExplanation Explain(ExplanationFacts facts);

// Half the width of the 95 % confidence interval of any part of the processes' pages in the worst
// case, as a fraction of all pages. Assumes that pages are independent of each other, so it is too
// small where a few huge pages make up the memory.
double ErrorBound(const std::vector<ProcessFacts>& processes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_EXPLANATION_H_
