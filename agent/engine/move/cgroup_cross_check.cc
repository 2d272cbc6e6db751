#include "agent/engine/move/cgroup_cross_check.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/engine/workload/workload_finder.h"

namespace numalocality {
namespace {

absl::StatusOr<CgroupDir> OpenCounters(const Host& host, const Workload& workload) {
  if (workload.cgroup_path.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(workload.ToString(), " is in no cgroup that counts memory"));
  }
  if (workload.cgroup_path == "/") {
    return absl::FailedPreconditionError(absl::StrCat(
        workload.ToString(), " is in the root cgroup, whose counters cover the whole machine"));
  }
  if (workload.process.has_value()) return CgroupDir::Open(host, workload.cgroup_path);
  return WorkloadFinder(host).OpenCgroup(workload);
}

int CountCpus(const Topology& topology) {
  size_t count = 0;
  for (const auto& [id, node] : topology.nodes) count += node.cpus.size();
  return static_cast<int>(count);
}

}  // namespace

CgroupCrossCheck::CgroupCrossCheck(const Host& host, const Workload& workload)
    : cgroup_(OpenCounters(host, workload)), before_(Read()) {}

ExpectedNodes CgroupCrossCheck::Uniform() const {
  ExpectedNodes expected;
  if (!before_.ok()) return expected;
  NodeSet nodes;
  for (const auto& [node, bytes] : before_->nodes) {
    if (bytes[MemoryKind::kAnon] > 0) nodes.Insert(node);
  }
  if (nodes.size() == 1) expected[MemoryKind::kAnon] = *nodes.begin();
  return expected;
}

void CgroupCrossCheck::ReadAgain() { after_ = Read(); }

absl::StatusOr<MemoryByNode> CgroupCrossCheck::Read() const {
  if (!cgroup_.ok()) return cgroup_.status();
  auto memory = cgroup_->ReadMemory();
  if (!absl::IsNotFound(memory.status())) return memory;
  return absl::NotFoundError(
      absl::StrCat("cgroup ", cgroup_->path(),
                   " has no memory.numa_stat: the cgroup was removed, or its memory "
                   "controller is not enabled"));
}

CrossCheck CgroupCrossCheck::Compare(const PageFlows& flows, int64_t drifted_pages, KindSet kinds,
                                     const Topology& topology) const {
  if (!before_.ok() || !after_.ok()) {
    CrossCheck none;
    none.verdict = CrossCheckVerdict::kUnavailable;
    none.note = std::string((before_.ok() ? after_ : before_).status().message());
    return none;
  }
  // Always both: not every scan can distinguish them for a copy in a private mapping.
  kinds.Insert(MemoryKind::kAnon);
  kinds.Insert(MemoryKind::kShmem);
  std::map<NodeId, ChargedNode> nodes;
  for (const auto& [id, bytes] : before_->nodes) {
    nodes[id].before_bytes = before_->BytesOn({id}, kinds);
  }
  for (const auto& [id, bytes] : after_->nodes) {
    nodes[id].after_bytes = after_->BytesOn({id}, kinds);
  }
  for (const auto& [way, pages] : flows) {
    nodes[way.first].moved_bytes -= pages * topology.page_bytes;
    nodes[way.second].moved_bytes += pages * topology.page_bytes;
  }
  return CompareWithCounters(std::move(nodes),
                             CounterLagBytes(CountCpus(topology), topology.page_bytes),
                             drifted_pages * topology.page_bytes);
}

}  // namespace numalocality
