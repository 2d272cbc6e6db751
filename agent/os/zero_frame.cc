#include "agent/os/zero_frame.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "agent/base/status.h"
#include "agent/os/file.h"

namespace numalocality {
namespace {

constexpr char kPagemap[] = "/proc/self/pagemap";

// The own pagemap's entry for `page`.
absl::StatusOr<uint64_t> ReadEntry(const volatile char* page, long page_bytes) {
  const ScopedFd fd(open(kPagemap, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, kPagemap);
  uint64_t entry = 0;
  const auto offset = reinterpret_cast<uintptr_t>(page) / static_cast<uintptr_t>(page_bytes);
  const ssize_t got =
      pread(fd.get(), &entry, sizeof entry, static_cast<off_t>(offset * sizeof entry));
  if (got != sizeof entry) return ErrnoStatus(got < 0 ? errno : EIO, kPagemap);
  return entry;
}

}  // namespace

absl::StatusOr<uint64_t> FindZeroFrame() {
  const long page_bytes = sysconf(_SC_PAGESIZE);
  void* memory =
      mmap(nullptr, static_cast<size_t>(page_bytes), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return ErrnoStatus(errno, "map a page of zeros");
  const auto* page = static_cast<const volatile char*>(memory);
  (void)*page;  // memory that is only read is the page of zeros
  const auto entry = ReadEntry(page, page_bytes);
  munmap(memory, static_cast<size_t>(page_bytes));
  if (!entry.ok()) return entry.status();
  const uint64_t frame = *entry & ((uint64_t{1} << 55) - 1);
  if (frame == 0) {
    return absl::PermissionDeniedError("page frame numbers are hidden: they need CAP_SYS_ADMIN");
  }
  return frame;
}

}  // namespace numalocality
