// Watches cgroups by inotify: which ones are created and removed, and for which ones someone has
// written CPUs, memory nodes or processes.
#ifndef NUMALOCALITY_AGENT_ENGINE_REPAIR_CGROUP_WATCH_H_
#define NUMALOCALITY_AGENT_ENGINE_REPAIR_CGROUP_WATCH_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/os/base/file_events.h"
#include "agent/os/base/host.h"

namespace numalocality {

struct CgroupNews {
  bool tree_changed = false;   // cgroups were created or removed
  bool lost = false;           // events were lost: anything may have changed
  bool kubelet_wrote = false;  // one of its state files
  // By cgroup path, the name of the file that was written, such as "cpuset.cpus".
  std::map<std::string, std::string> written;

  bool empty() const { return !tree_changed && !lost && !kubelet_wrote && written.empty(); }
};

// All methods are for one thread, except Wake, which is thread-safe.
class CgroupWatch {
 public:
  static absl::StatusOr<CgroupWatch> Create(const Host& host);

  // Also watches kubelet's directory, where it writes its assignments. Call at most once. While the
  // directory is absent, each Watch looks for it again.
  void WatchKubelet(const std::string& directory);

  // Watches these cgroups in addition to those watched already; on cgroup v1 in the trees of memory
  // and cpuset. Returns whether some are new: cgroups that were created in them before are not
  // reported, so the caller must list them again. An error means that some are not watched.
  absl::StatusOr<bool> Watch(const std::vector<std::string>& paths);

  // Waits for events, `timeout` at most.
  CgroupNews Wait(absl::Duration timeout);
  // Ends a Wait in another thread, or the next one.
  void Wake() { events_.Wake(); }

 private:
  CgroupWatch(const Host& host, FileEvents events) : host_(host), events_(std::move(events)) {}

  void Add(const FileEvent& event, CgroupNews& news);

  struct Watched {
    std::string path;       // of the cgroup
    std::string directory;  // one of its directories
  };

  Host host_;
  FileEvents events_;
  std::string kubelet_directory_;
  int kubelet_watch_ = -1;  // none
  std::map<int, Watched> watched_;
  std::set<std::string> directories_;  // all that are watched
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_CGROUP_WATCH_H_
