// A block of this program's own memory, to measure or try moves on.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OWN_MEMORY_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OWN_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/model/ids.h"

namespace numalocality::numa_migrate {

enum class PageKind { kBase, kHuge };

// A private anonymous mapping between guard pages, so that it is one line of /proc/PID/maps. The
// class can be moved.
class OwnMemory {
 public:
  // Maps `bytes`, rounded up to whole pages. No page is resident yet. RESOURCE_EXHAUSTED if the
  // address space has no room.
  static absl::StatusOr<OwnMemory> Map(int64_t bytes, PageKind pages);
  ~OwnMemory();
  OwnMemory(OwnMemory&& other) noexcept;
  OwnMemory& operator=(OwnMemory&&) = delete;

  AddressRange range() const;
  absl::Span<uint64_t> words() { return words_; }

 private:
  OwnMemory(void* reservation, size_t reserved_bytes, absl::Span<uint64_t> words)
      : reservation_(reservation), reserved_bytes_(reserved_bytes), words_(words) {}

  void* reservation_;
  size_t reserved_bytes_;
  absl::Span<uint64_t> words_;
};

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OWN_MEMORY_H_
