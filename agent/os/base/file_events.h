// Notifications of changes in directories (inotify(7)): files written, entries created and removed.
// On cgroupfs, inotify reports files that programs write, not values that the kernel changes.
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
  kWritten,   // a file in the directory was written
  kAppeared,  // an entry was created or moved in
  kVanished,  // an entry was removed or moved out
  kEnded,     // the directory was removed: the watch reports nothing more
  kLost,      // the kernel dropped events (queue overflow): anything may have changed
};

struct FileEvent {
  FileEventKind kind = FileEventKind::kLost;
  int watch = -1;             // returned by Watch; -1 for kLost
  std::string name;           // the name of the entry
  bool is_directory = false;  // whether the entry is a directory
};

// Not thread-safe, except Wake.
class FileEvents {
 public:
  static absl::StatusOr<FileEvents> Create();

  // Watches the directory `path`, not its subdirectories. Returns the same watch if the path is
  // already watched. NOT_FOUND if the directory does not exist; RESOURCE_EXHAUSTED if the limit
  // fs.inotify.max_user_watches is reached.
  absl::StatusOr<int> Watch(const std::string& path);
  void Unwatch(int watch);

  // Waits for events, until Wake, or for `timeout`. Returns the events so far; may be empty.
  std::vector<FileEvent> Wait(absl::Duration timeout);

  // Makes the current Wait return, or else the next one.
  void Wake();

 private:
  FileEvents(ScopedFd inotify, ScopedFd wake)
      : inotify_(std::move(inotify)), wake_(std::move(wake)) {}

  ScopedFd inotify_;
  ScopedFd wake_;  // eventfd
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_BASE_FILE_EVENTS_H_
