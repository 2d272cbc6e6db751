// Why a workload's memory is remote: its remote bytes, split by what keeps them there, and what to
// do about each part. Pure.
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
  kRepairable,      // nothing hinders it
  kShared,          // several processes map it
  kPageCache,       // also shmem that no process maps: files in a tmpfs
  kHugetlb,         //
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
  std::string detail;  // on which nodes it is, and what else is known, for people
};

// Whether other processes map a page.
enum class PageSharing {
  kNone,
  kOwned,    // other processes of the workload only
  kForeign,  // also such of others, as far as is known
  kUnknown,  // as pagemap may not be read
};

// Pages of one process that have everything in common.
struct PageClass {
  NodeId node;  // may be kHiddenNode
  MemoryKind kind = MemoryKind::kAnon;
  PageSharing sharing = PageSharing::kUnknown;
  auto operator<=>(const PageClass&) const = default;
};

// What was found out about one address space.
struct ProcessFacts {
  ProcessId id;
  CpuSet cpus;  // that its threads may run on
  NodeSet home_nodes;
  NodeSet allowed_nodes;  // Mems_allowed
  NodeSet policy_nodes;   // that its memory policy names; none if unknown
  // Anonymous and shmem pages that were looked at. Sharing counts on remote nodes only.
  std::map<PageClass, int64_t> pages;
  int64_t sampled_pages = 0;
  int64_t resident_pages = 0;  // it stands for so many
};

// How much a node can still take.
struct NodeSpace {
  int64_t bytes = 0;  // above its reserve
  std::string words;  // "node 1 has 60.0 MiB free, of which 50.0 MiB are kept in reserve"
};

struct ExplanationFacts {
  WorkloadPlacement placement;
  Topology topology;
  std::vector<ProcessFacts> processes;
  bool complete = false;  // every page of every process was looked at
  std::map<NodeId, NodeSpace> space;
  int64_t stuck_bytes = 0;    // that earlier migrations have found pinned or busy
  std::string sharing_note;   // what is not proved of shared pages, for people; may be empty
  CircumstanceFacts machine;  // beside the placement
};

struct PlacementExplanation {
  WorkloadPlacement placement;
  bool complete = false;
  int64_t sampled_pages = 0;
  // How far each part may be from the truth, as a fraction of the anonymous and shmem bytes, 19
  // times of 20; 0 if complete.
  double error_bound = 0;
  std::vector<RemotePart> parts;  // largest first; none without bytes
  std::vector<Circumstance> circumstances;
};

// The placement tells how many anonymous and shmem bytes are on each node; the pages that were
// looked at tell, of each node and kind, which part is local to its process and why the rest is
// not. So the parts add up to exactly the bytes that the placement has on other nodes than home, as
// long as all processes have the same home.
//
// Of several reasons that a page has, this order decides: the kernel would refuse (cpuset); it was
// wanted so (memory policy, node without CPUs); a migration would leave it (shared, pinned, no
// room). What is left is repairable.
PlacementExplanation Explain(ExplanationFacts facts);

// Half the width of the 95 % confidence interval of any part of the processes' pages, in the worst
// case, as a fraction of all of them. Supposes that pages are independent of each other: it is too
// small for few huge pages.
double ErrorBound(const std::vector<ProcessFacts>& processes);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_EXPLANATION_H_
