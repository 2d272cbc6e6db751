#include "agent/cli/numa_migrate/own_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/base/units.h"

namespace numalocality::numa_migrate {
namespace {

// A multiple of the default size of transparent huge pages, and of every base page size.
constexpr size_t kAlignment = size_t{2} << 20;

}  // namespace

absl::StatusOr<OwnMemory> OwnMemory::Map(int64_t bytes, PageKind pages) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t size = (static_cast<size_t>(bytes) + page - 1) / page * page;
  // Room for a guard on both sides, wherever the aligned start is.
  const size_t reserved = size + 2 * kAlignment;
  void* reservation =
      mmap(nullptr, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reservation == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot allocate ", FormatBytes(bytes), ": the address space has no room"));
  }
  const auto start = (reinterpret_cast<uintptr_t>(reservation) / kAlignment + 1) * kAlignment;
  auto* const words = reinterpret_cast<uint64_t*>(start);
  OwnMemory memory(reservation, reserved, absl::MakeSpan(words, size / sizeof(uint64_t)));
  if (mprotect(words, size, PROT_READ | PROT_WRITE) != 0) {
    return ErrnoStatus(errno, absl::StrCat("allocate ", FormatBytes(bytes)));
  }
  // Kernels without transparent huge pages refuse both, and need neither.
  madvise(words, size, pages == PageKind::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return memory;
}

OwnMemory::~OwnMemory() {
  if (reservation_ != nullptr) munmap(reservation_, reserved_bytes_);
}

OwnMemory::OwnMemory(OwnMemory&& other) noexcept
    : reservation_(std::exchange(other.reservation_, nullptr)),
      reserved_bytes_(other.reserved_bytes_),
      words_(other.words_) {}

AddressRange OwnMemory::range() const {
  const auto start = reinterpret_cast<uintptr_t>(words_.data());
  return {start, start + words_.size() * sizeof(uint64_t)};
}

}  // namespace numalocality::numa_migrate
