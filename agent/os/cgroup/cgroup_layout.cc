#include "agent/os/cgroup/cgroup_layout.h"

#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/cgroup/parse_cgroup.h"

namespace numalocality {
namespace {

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

absl::StatusOr<CgroupLayout> FindCgroupLayout(const Host& host) {
  CgroupLayout layout;
  layout.page_bytes = host.page_bytes;
  layout.memory = layout.cpuset = layout.hugetlb = host.cgroup;
  // Only cgroup v2 has this file. A hybrid host mounts v2 in a subdirectory, so it is not found
  // here.
  if (Exists(host.cgroup + "/cgroup.controllers")) return layout;
  layout.version = CgroupVersion::kV1;
  layout.memory += "/memory";
  layout.cpuset += "/cpuset";
  layout.hugetlb += "/hugetlb";
  layout.threads = "tasks";
  layout.effective_cpus = "cpuset.effective_cpus";
  layout.effective_nodes = "cpuset.effective_mems";
  layout.lists_grow_old = true;
  if (Exists(layout.memory + "/tasks") && Exists(layout.cpuset + "/tasks")) return layout;
  return absl::FailedPreconditionError(absl::StrCat(
      host.cgroup,
      ": neither cgroup v2 nor the controllers memory and cpuset of cgroup v1 are mounted there"));
}

absl::StatusOr<MemoryByNode> CgroupLayout::ParseMemory(absl::string_view text) const {
  return version == CgroupVersion::kV1 ? ParseNumaStatV1(text, page_bytes) : ParseNumaStat(text);
}

bool IsMachineRoot(const Host& host) {
  const auto layout = FindCgroupLayout(host);
  if (!layout.ok()) return false;
  // Only the root has release_agent on v1; only the root lacks cgroup.events on v2.
  return layout->version == CgroupVersion::kV1 ? Exists(layout->memory + "/release_agent")
                                               : !Exists(layout->memory + "/cgroup.events");
}

absl::StatusOr<std::vector<std::string>> ListHugetlbNumaStats(int directory_fd) {
  NL_ASSIGN_OR_RETURN(const std::vector<DirectoryEntry> entries, ListDirectory(directory_fd, "."));
  std::vector<std::string> names;
  for (const DirectoryEntry& entry : entries) {
    if (absl::StartsWith(entry.name, "hugetlb.") && absl::EndsWith(entry.name, ".numa_stat")) {
      names.push_back(entry.name);
    }
  }
  return names;
}

}  // namespace numalocality
