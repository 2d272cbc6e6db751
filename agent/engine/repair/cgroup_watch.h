// What happens to cgroups, as the kernel tells of it: which come and go, and whose CPUs or memory
// nodes someone has set.
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
  bool tree_changed = false;  // cgroups have come or gone
  bool lost = false;          // news were lost: anything may have changed
  bool kubelet_wrote = false;
  // By cgroup path, the file of it that was written, such as "cpuset.cpus".
  std::map<std::string, std::string> written;

  bool empty() const { return !tree_changed && !lost && !kubelet_wrote && written.empty(); }
};

// For one thread, except Wake.
class CgroupWatch {
 public:
  static absl::StatusOr<CgroupWatch> Create(const Host& host);

  // Kubelet's directory, where it writes down what it has assigned; once. While it is absent, each
  // Watch looks for it again.
  void WatchKubelet(const std::string& directory);

  // Watches these cgroups, on v1 in the trees of memory and cpuset; those watched already stay so.
  // Whether some are new: what came to be in them before is not told, so look once more. An error
  // means that some are not watched.
  absl::StatusOr<bool> Watch(const std::vector<std::string>& paths);

  CgroupNews Wait(absl::Duration timeout);
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
  std::set<std::string> directories_;  // that are watched
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_REPAIR_CGROUP_WATCH_H_
