// Placements: where a workload's memory is relative to its CPUs.
#ifndef NUMALOCALITY_AGENT_MODEL_PLACEMENT_H_
#define NUMALOCALITY_AGENT_MODEL_PLACEMENT_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/model/enum_table.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"
#include "agent/model/workload.h"

namespace numalocality {

enum class MemoryKind { kAnon, kShmem, kFile, kHugetlb };
inline constexpr int kMemoryKindCount = kEnumCount<MemoryKind>;
const EnumTable<MemoryKind>& TableOf(MemoryKind);

// A set of memory kinds.
class KindSet {
 public:
  constexpr KindSet() = default;
  constexpr KindSet(std::initializer_list<MemoryKind> kinds) {
    for (const MemoryKind kind : kinds) Insert(kind);
  }
  constexpr void Insert(MemoryKind kind) { bits_ |= 1u << static_cast<unsigned>(kind); }
  constexpr bool Contains(MemoryKind kind) const {
    return (bits_ >> static_cast<unsigned>(kind) & 1u) != 0;
  }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr bool operator==(const KindSet&) const = default;

 private:
  unsigned bits_ = 0;
};

// The kinds that the local fraction counts and that a migration moves by default. Page cache is
// used by all readers of a file, and moving hugetlb pages would change the pools that kubelet
// accounts for.
inline constexpr KindSet kPrivateKinds{MemoryKind::kAnon, MemoryKind::kShmem};
inline constexpr KindSet kAllKinds{MemoryKind::kAnon, MemoryKind::kShmem, MemoryKind::kFile,
                                   MemoryKind::kHugetlb};

// Bytes on one node by kind.
struct KindBytes {
  std::array<int64_t, kMemoryKindCount> by_kind{};
  int64_t& operator[](MemoryKind kind) { return by_kind[static_cast<size_t>(kind)]; }
  int64_t operator[](MemoryKind kind) const { return by_kind[static_cast<size_t>(kind)]; }
  bool operator==(const KindBytes&) const = default;
};

// Bytes per node and kind.
struct MemoryByNode {
  std::map<NodeId, KindBytes> nodes;

  void Add(NodeId node, MemoryKind kind, int64_t bytes) { nodes[node][kind] += bytes; }
  void Add(const MemoryByNode& other);
  int64_t Bytes(const KindSet& kinds) const;
  int64_t BytesOn(const NodeSet& nodes, const KindSet& kinds) const;
  bool operator==(const MemoryByNode&) const = default;
};

// How much of a workload's placement is read.
enum class PlacementView {
  kBasic,  // the cgroup's own counters: at most 10 system calls a process and 2 a thread
  kPages,  // every resident page is looked up: exact, and as slow as the process is large
  kHome,   // everything except the memory; no interface shows it
};
const EnumTable<PlacementView>& TableOf(PlacementView);

// Whether a placement shows all that it should.
enum class PlacementState {
  kComplete,
  // The workload has so many processes, threads, mappings or cgroups that reading them exceeds the
  // budget. The placement shows its cgroup's counters, and the CPUs of its cpuset.
  kTooLarge,
};
const EnumTable<PlacementState>& TableOf(PlacementState);

// How `WorkloadPlacement::memory` was measured.
enum class PlacementSource {
  kNumaStat,  // memory.numa_stat: the memory charged to the cgroup, O(1)
  kPageScan,  // every resident page of every process; shared pages count once per mapping
};

// Where one process's memory is relative to its CPUs.
struct ProcessPlacement {
  ProcessId id;
  CpuSet cpus;                // that its threads may run on
  NodeSet home_nodes;         // of those CPUs
  MemoryByNode memory;        // anonymous and shmem, estimated from a sample of pages
  int64_t sampled_pages = 0;  // of a small process, all its pages

  // As WorkloadPlacement::LocalFraction.
  std::optional<double> LocalFraction() const;
};

// More anonymous and shmem memory than the process of any sandbox needs.
inline constexpr int64_t kMostSandboxBytes = int64_t{1} << 20;

// One workload at one moment.
struct WorkloadPlacement {
  Workload workload;
  PlacementSource source = PlacementSource::kNumaStat;
  MemoryByNode memory;
  int64_t unlocated_bytes = 0;  // found by a scan on kHiddenNode: the node is unknown
  CpuSet cpus;                  // CPUs that its threads may run on
  NodeSet home_nodes;           // of those CPUs
  NodeSet allowed_nodes;        // cpuset.mems.effective
  int process_count = 0;
  int thread_count = 0;
  int vanished_process_count = 0;  // exited while being read
  int hidden_process_count = 0;    // outside the agent's PID namespace: cannot be read or moved
  bool incomplete = false;         // processes kept appearing until listing was given up
  PlacementState state = PlacementState::kComplete;
  std::string state_message;  // for people: the file and the limit that it exceeds; may be empty
  absl::Time read_time;
  // If its processes have different home nodes, one element for each; otherwise empty.
  std::vector<ProcessPlacement> processes;

  // Anonymous and shmem bytes on home nodes, divided by all anonymous and shmem bytes; nullopt if
  // the workload has no such bytes or no home nodes. With `processes`, the home nodes are each
  // process's.
  std::optional<double> LocalFraction() const;

  // Whether the workload is a pod's sandbox in which nothing runs except its own idle process. The
  // sandboxes of gVisor and Kata run the whole pod, in many threads. A presumed sandbox must also
  // have less than kMostSandboxBytes.
  bool IsSandbox() const;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_PLACEMENT_H_
