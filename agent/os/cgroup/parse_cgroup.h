// Names and texts of the cgroup file system. Pure.
#ifndef NUMALOCALITY_AGENT_OS_CGROUP_PARSE_CGROUP_H_
#define NUMALOCALITY_AGENT_OS_CGROUP_PARSE_CGROUP_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "agent/model/placement.h"
#include "agent/model/workload.h"

namespace numalocality {

// A container's cgroup found in a path.
struct ContainerCgroup {
  ContainerRef container;
  std::string path;        // of the container's own cgroup: the front part of what was parsed
  bool is_nested = false;  // the parsed path lies below that cgroup
};

// The Kubernetes container that `path` (below the cgroup root, "/" first) belongs to; nullopt if
// it is none: host services, plain docker or podman containers, pods' own cgroups, CRI-O's monitor
// processes. Knows the layouts of kubelet's cgroupfs and systemd drivers, with any cgroup root,
// and of containerd, CRI-O (crun's child cgroup included), docker, and of runtimes whose driver
// differs from kubelet's. Where containers nest, the outer one counts.
std::optional<ContainerCgroup> ParseContainerCgroup(absl::string_view path);

// Whether the cgroup at `path` is for pods, all of them, some or one, or lies in such a cgroup;
// with the layouts that ParseContainerCgroup knows.
bool IsInPods(absl::string_view path);

// memory.numa_stat of cgroup v2 (bytes). Kinds: anon, shmem, and file without shmem. Nodes at which
// all of these are 0 are included. INVALID_ARGUMENT if a line is not in the format.
absl::StatusOr<MemoryByNode> ParseNumaStat(absl::string_view text);

// memory.numa_stat of cgroup v1 (pages), with what is charged below; shmem counts as anon, as the
// kernel does not tell them apart there, and so does what cannot be evicted, such as mlocked
// memory, whatever it is. INVALID_ARGUMENT as above.
absl::StatusOr<MemoryByNode> ParseNumaStatV1(absl::string_view text, int64_t page_bytes);

// hugetlb.<size>.numa_stat (bytes), as kind hugetlb, with what is charged below.
absl::StatusOr<MemoryByNode> ParseHugetlbNumaStat(absl::string_view text);

// The PIDs of cgroup.procs, without duplicates. `hidden_count` gets the number of entries that are
// 0: processes outside the reader's PID namespace, which must never be used as a PID.
absl::StatusOr<std::vector<pid_t>> ParseCgroupProcs(absl::string_view text, int& hidden_count);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_PARSE_CGROUP_H_
