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
#include "agent/base/log.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/cgroup/parse_cgroup.h"
#include "agent/os/process/parse_proc.h"

namespace numalocality {
namespace {

// The cgroups that a search has skipped.
struct Skipped {
  int count = 0;
  std::string first;  // in words

  // Adds the cgroup at `path` if `status` is an error. A removed cgroup does not count.
  void Add(const std::string& path, const absl::Status& status) {
    if (status.ok() || absl::IsNotFound(status)) return;
    if (++count == 1) first = absl::StrCat(LogSafe(path), ": ", status.message());
  }
};

// The cgroup that contains this process: `path` or one of its descendants. `left`: how many more
// may be visited; null without a limit.
std::optional<std::string> FindSelf(const Host& host, const std::string& path, uid_t root_owner,
                                    int* left, Skipped& skipped) {
  const auto cgroup = CgroupDir::Open(host, path);
  skipped.Add(path, cgroup.status());
  if (!cgroup.ok()) return std::nullopt;
  int most = kMostTenantCgroups;
  if (left == nullptr && (ParseContainerCgroup(path).has_value() ||
                          cgroup->ReadOwner().value_or(root_owner) != root_owner)) {
    left = &most;
  }
  const auto is_here = cgroup->Contains(getpid());
  skipped.Add(path, is_here.status());
  if (is_here.value_or(false)) return path;
  ReadBudget budget(left == nullptr ? kRequestLimits : kTenantLimits);
  const auto children = cgroup->ListChildren(budget);
  skipped.Add(path, children.status());
  if (!children.ok()) return std::nullopt;
  for (const std::string& name : *children) {
    if (left != nullptr && --*left < 0) break;
    auto found =
        FindSelf(host, absl::StrCat(path == "/" ? "" : path, "/", name), root_owner, left, skipped);
    if (found.has_value()) return found;
  }
  if (most < 0) {
    skipped.Add(path, absl::ResourceExhaustedError(absl::StrCat(
                          "there are more than ", kMostTenantCgroups, " cgroups below it")));
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
  if (direct.ok() && direct->Contains(getpid()).value_or(false)) return "/";
  Skipped skipped;
  const auto root = CgroupDir::Open(host, "/");
  const uid_t owner = root.ok() ? root->ReadOwner().value_or(0) : 0;
  const auto found = FindSelf(host, "/", owner, nullptr, skipped);
  if (found.has_value()) {
    absl::string_view name_space = *found;
    if (own == "/") return *found;
    if (absl::ConsumeSuffix(&name_space, own)) {
      return name_space.empty() ? "/" : std::string(name_space);
    }
  }
  if (skipped.count > 0) {
    return absl::UnavailableError(
        absl::StrCat(host.cgroup, ": this process was not found, and ", skipped.count,
                     " of the cgroups could not be read, such as ", skipped.first));
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
  host.SetOwnPlace({false, "/", ""});
  FindOwnPlace(host);
  return host;
}

void FindOwnPlace(const Host& host) {
  OwnPlace place = *host.own_place();
  if (place.is_known) return;
  if (auto name_space = FindCgroupNamespace(host); name_space.ok()) {
    place.is_known = true;
    place.cgroup_namespace = *std::move(name_space);
    host.SetOwnPlace(place);
  }
  place.only_pod = FindOnlyPod(host);
  host.SetOwnPlace(std::move(place));
}

absl::StatusOr<std::string> ProcessCgroup(const Host& host, absl::string_view text) {
  NL_ASSIGN_OR_RETURN(const std::string path, ParseProcessCgroup(text));
  return FromCgroupNamespace(host.own_place()->cgroup_namespace, path);
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
