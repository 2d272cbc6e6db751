// Changes in directories as the kernel tells of them (inotify(7)): files written, entries made and
// removed. Works on cgroupfs for what programs write; not for what the kernel changes by itself.
#ifndef NUMALOCALITY_AGENT_OS_BASE_FILE_EVENTS_H_
#define NUMALOCALITY_AGENT_OS_BASE_FILE_EVENTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "agent/os/base/file.h"

namespace numalocality {

enum class FileEventKind {
  kWritten,   // a file in the directory
  kAppeared,  // an entry was made, or moved in
  kVanished,  // an entry was removed, or moved away
  kEnded,     // the directory itself is gone: nothing more comes of this watch
  kLost,      // there were more events than the kernel keeps: anything may have changed
};

struct FileEvent {
  FileEventKind kind = FileEventKind::kLost;
  int watch = -1;             // as Watch returned it; -1 with kLost
  std::string name;           // of the entry
  bool is_directory = false;  // the entry
};

// Watch and Unwatch for one thread; Wake for any.
class FileEvents {
 public:
  static absl::StatusOr<FileEvents> Create();

  // Watches the directory `path`, not what is below it. A path that is watched already returns the
  // same watch. NOT_FOUND if it is not there; RESOURCE_EXHAUSTED if the kernel allows no more
  // (fs.inotify.max_user_watches).
  absl::StatusOr<int> Watch(const std::string& path);
  void Unwatch(int watch);

  // Waits for events, `timeout` at most, or until Wake; returns what has come, maybe nothing.
  std::vector<FileEvent> Wait(absl::Duration timeout);

  // Ends a Wait, or the next one.
  void Wake();

 private:
  FileEvents(ScopedFd inotify, ScopedFd wake)
      : inotify_(std::move(inotify)), wake_(std::move(wake)) {}

  ScopedFd inotify_;
  ScopedFd wake_;  // eventfd
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_FILE_EVENTS_H_
