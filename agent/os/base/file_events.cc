#include "agent/os/base/file_events.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

constexpr uint32_t kWanted =
    IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_ONLYDIR;

FileEventKind KindOf(uint32_t mask) {
  if ((mask & IN_Q_OVERFLOW) != 0) return FileEventKind::kLost;
  if ((mask & (IN_IGNORED | IN_DELETE_SELF | IN_UNMOUNT)) != 0) return FileEventKind::kEnded;
  if ((mask & (IN_CREATE | IN_MOVED_TO)) != 0) return FileEventKind::kAppeared;
  if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) return FileEventKind::kVanished;
  return FileEventKind::kWritten;
}

}  // namespace

absl::StatusOr<FileEvents> FileEvents::Create() {
  ScopedFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.valid() && errno == EMFILE) {
    return absl::ResourceExhaustedError(
        "inotify_init: no inotify instance is left for this user, or no file descriptor for the "
        "agent; raise sysctl fs.inotify.max_user_instances");
  }
  if (!inotify.valid()) return ErrnoStatus(errno, "inotify_init");
  ScopedFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  return FileEvents(std::move(inotify), std::move(wake));
}

absl::StatusOr<int> FileEvents::Watch(const std::string& path) {
  const int watch = inotify_add_watch(inotify_.get(), path.c_str(), kWanted);
  if (watch >= 0) return watch;
  if (errno == ENOSPC) {
    return absl::ResourceExhaustedError(absl::StrCat("watch ", path,
                                                     ": no inotify watch is left; raise sysctl "
                                                     "fs.inotify.max_user_watches"));
  }
  return ErrnoStatus(errno, absl::StrCat("watch ", path));
}

void FileEvents::Unwatch(int watch) { inotify_rm_watch(inotify_.get(), watch); }

std::vector<FileEvent> FileEvents::Wait(absl::Duration timeout) {
  pollfd polled[2] = {{inotify_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
  const timespec time = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  if (ppoll(polled, 2, &time, nullptr) <= 0) return {};
  uint64_t wakes = 0;
  if (read(wake_.get(), &wakes, sizeof(wakes)) < 0) wakes = 0;

  std::vector<FileEvent> events;
  alignas(inotify_event) char buffer[16384];
  while (true) {
    const ssize_t got = read(inotify_.get(), buffer, sizeof(buffer));
    if (got <= 0) return events;
    for (ssize_t offset = 0; offset < got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + offset);
      offset += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
      events.push_back({KindOf(event->mask), event->wd, event->len > 0 ? event->name : "",
                        (event->mask & IN_ISDIR) != 0});
    }
  }
}

void FileEvents::Wake() {
  const uint64_t one = 1;
  // Fails only after 2^64 wakes without a Wait.
  if (write(wake_.get(), &one, sizeof(one)) < 0) return;
}

}  // namespace numalocality
