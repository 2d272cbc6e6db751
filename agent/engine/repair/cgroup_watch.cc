#include "agent/engine/repair/cgroup_watch.h"

#include <utility>

#include "absl/strings/match.h"
#include "agent/base/status.h"
#include "agent/os/cgroup/cgroup_layout.h"

namespace numalocality {
namespace {

// Whether writing this file may change where a workload's threads or pages may be.
bool IsAboutPlacement(const std::string& file) {
  return absl::StartsWith(file, "cpuset.") || file == "cgroup.procs" || file == "cgroup.threads" ||
         file == "tasks";
}

}  // namespace

absl::StatusOr<CgroupWatch> CgroupWatch::Create(const Host& host) {
  NL_ASSIGN_OR_RETURN(FileEvents events, FileEvents::Create());
  return CgroupWatch(host, std::move(events));
}

void CgroupWatch::WatchKubelet(const std::string& directory) {
  kubelet_directory_ = directory;
  const auto watch = events_.Watch(directory);
  if (watch.ok()) kubelet_watch_ = *watch;
}

absl::StatusOr<bool> CgroupWatch::Watch(const std::vector<std::string>& paths) {
  if (!kubelet_directory_.empty() && kubelet_watch_ < 0) WatchKubelet(kubelet_directory_);
  NL_ASSIGN_OR_RETURN(const CgroupLayout layout, FindCgroupLayout(host_));
  bool some_are_new = false;
  for (const std::string& path : paths) {
    for (const std::string& root : std::set<std::string>{layout.memory, layout.cpuset}) {
      const std::string directory = root + path;
      if (directories_.contains(directory)) continue;
      const auto watch = events_.Watch(directory);
      if (absl::IsNotFound(watch.status())) continue;  // removed meanwhile, or not there yet
      if (!watch.ok()) return watch.status();
      watched_[*watch] = {path, directory};
      directories_.insert(directory);
      some_are_new = true;
    }
  }
  return some_are_new;
}

CgroupNews CgroupWatch::Wait(absl::Duration timeout) {
  CgroupNews news;
  for (const FileEvent& event : events_.Wait(timeout)) Add(event, news);
  return news;
}

void CgroupWatch::Add(const FileEvent& event, CgroupNews& news) {
  if (event.kind == FileEventKind::kLost) {
    news.lost = true;
    // Ends of watches may be among the lost events, so all watches are requested again. For a
    // directory that still exists inotify returns the same watch.
    watched_.clear();
    directories_.clear();
    kubelet_watch_ = -1;
    return;
  }
  if (event.watch == kubelet_watch_) {
    if (event.kind == FileEventKind::kEnded) kubelet_watch_ = -1;
    news.kubelet_wrote = news.kubelet_wrote || absl::EndsWith(event.name, "_manager_state");
    return;
  }
  const auto it = watched_.find(event.watch);
  if (it == watched_.end()) return;
  if (event.kind == FileEventKind::kEnded) {
    news.tree_changed = true;
    directories_.erase(it->second.directory);
    watched_.erase(it);
  } else if (event.kind == FileEventKind::kWritten) {
    if (IsAboutPlacement(event.name)) news.written[it->second.path] = event.name;
  } else if (event.is_directory) {
    news.tree_changed = true;
  }
}

}  // namespace numalocality
