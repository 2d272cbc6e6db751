// Parsers for cgroup paths and cgroup files (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/).
// Pure.
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

// A container's cgroup that was found in a path.
struct ContainerCgroup {
  ContainerRef container;
  std::string path;        // of the container's cgroup: a prefix of the parsed path
  bool is_nested = false;  // the parsed path is below that cgroup
};

// The Kubernetes container of the cgroup `path`, which is relative to the cgroup root and begins
// with
// "/". nullopt for other cgroups: host services, plain docker or podman containers, pods' own
// cgroups, CRI-O's monitor processes. Supports kubelet's cgroupfs and systemd drivers with any
// cgroup root; containerd, CRI-O (also with crun's child cgroup) and docker; and runtimes whose
// driver differs from kubelet's. If containers nest, returns the outer one.
std::optional<ContainerCgroup> ParseContainerCgroup(absl::string_view path);

// Whether `path` is the cgroup of all pods, of a QoS class or of one pod, or is below one of these.
// Same layouts as ParseContainerCgroup.
bool IsInPods(absl::string_view path);

// Parses memory.numa_stat of cgroup v2, which counts bytes. Returns the kinds anon, shmem, and file
// without shmem; includes nodes where all are 0. INVALID_ARGUMENT if a line has another format.
absl::StatusOr<MemoryByNode> ParseNumaStat(absl::string_view text);

// Parses memory.numa_stat of cgroup v1, which counts pages. Includes the memory charged to
// descendants. Counts shmem as anon, because the kernel does not separate them there. Counts all
// unevictable memory, such as mlocked memory of any kind, as anon, too. INVALID_ARGUMENT as above.
absl::StatusOr<MemoryByNode> ParseNumaStatV1(absl::string_view text, int64_t page_bytes);

// Parses hugetlb.<size>.numa_stat, which counts bytes, as kind hugetlb. Includes the memory charged
// to descendants.
absl::StatusOr<MemoryByNode> ParseHugetlbNumaStat(absl::string_view text);

// Parses cgroup.procs. Returns the PIDs without duplicates. Sets `hidden_count` to the number of
// entries that are 0: processes outside the reader's PID namespace. 0 must never be used as a PID.
absl::StatusOr<std::vector<pid_t>> ParseCgroupProcs(absl::string_view text, int& hidden_count);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CGROUP_PARSE_CGROUP_H_
