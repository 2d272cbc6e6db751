#include "agent/os/process/process_cgroup.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/cgroup/parse_cgroup.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {
namespace {

// The cgroup that contains this process: `path` or one of its descendants.
absl::StatusOr<std::optional<std::string>> FindSelf(const Host& host, const std::string& path) {
  const auto cgroup = CgroupDir::Open(host, path);
  if (absl::IsNotFound(cgroup.status())) return std::nullopt;  // removed meanwhile
  if (!cgroup.ok()) return cgroup.status();
  NL_ASSIGN_OR_RETURN(const bool is_here, cgroup->Contains(getpid()));
  if (is_here) return path;
  const auto children = cgroup->ListChildren();
  if (absl::IsNotFound(children.status())) return std::nullopt;
  if (!children.ok()) return children.status();
  for (const std::string& name : *children) {
    NL_ASSIGN_OR_RETURN(auto found,
                        FindSelf(host, absl::StrCat(path == "/" ? "" : path, "/", name)));
    if (found.has_value()) return found;
  }
  return std::nullopt;
}

// The Kubernetes container of a process, if it is in one.
std::optional<ContainerRef> ContainerOf(const Host& host, absl::string_view pid) {
  const auto text = ReadFile(absl::StrCat(host.proc, "/", pid, "/cgroup"));
  if (!text.ok()) return std::nullopt;
  const auto cgroup = ProcessCgroup(host, *text);
  if (!cgroup.ok()) return std::nullopt;
  auto found = ParseContainerCgroup(*cgroup);
  if (!found.has_value()) return std::nullopt;
  return std::move(found->container);
}

}  // namespace

absl::StatusOr<std::string> FindCgroupNamespace(const Host& host) {
  NL_ASSIGN_OR_RETURN(const std::string text, ReadFile(host.proc + "/self/cgroup"));
  NL_ASSIGN_OR_RETURN(const std::string own, ParseProcessCgroup(text));
  const auto direct = CgroupDir::Open(host, own);
  if (direct.ok()) {
    NL_ASSIGN_OR_RETURN(const bool is_here, direct->Contains(getpid()));
    if (is_here) return "/";
  }
  NL_ASSIGN_OR_RETURN(const auto found, FindSelf(host, "/"));
  if (found.has_value()) {
    absl::string_view name_space = *found;
    if (own == "/") return *found;
    if (absl::ConsumeSuffix(&name_space, own)) {
      return name_space.empty() ? "/" : std::string(name_space);
    }
  }
  return absl::NotFoundError(absl::StrCat(
      host.cgroup,
      ": this process is in none of its cgroups; mount the host's whole cgroup tree there"));
}

std::string FindOnlyPod(const Host& host) {
  const auto own = ContainerOf(host, "self");
  const auto first = ContainerOf(host, "1");
  if (!own.has_value() || !first.has_value() || own->container_id == first->container_id) return "";
  return own->pod_uid == first->pod_uid ? own->pod_uid : "";
}

Host ReadHost() {
  Host host;
  if (auto name_space = FindCgroupNamespace(host); name_space.ok()) {
    host.cgroup_namespace = *std::move(name_space);
  }
  host.only_pod = FindOnlyPod(host);
  return host;
}

absl::StatusOr<std::string> ProcessCgroup(const Host& host, absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const std::string path, ParseProcessCgroup(text));
  return FromCgroupNamespace(host.cgroup_namespace, path);
}

std::string FromCgroupNamespace(absl::string_view name_space, absl::string_view path) {
  std::vector<absl::string_view> names = absl::StrSplit(name_space, '/', absl::SkipEmpty());
  for (const absl::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (name != "..") {
      names.push_back(name);
    } else if (!names.empty()) {
      names.pop_back();
    }
  }
  return "/" + absl::StrJoin(names, "/");
}

}  // namespace numalocality
