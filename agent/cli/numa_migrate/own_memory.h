// Memory of this program's own, to be moved about.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OWN_MEMORY_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_OWN_MEMORY_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "agent/model/ids.h"

namespace numalocality::numa_migrate {

enum class PageKind { kBase, kHuge };

// A private anonymous mapping between guard pages: one line in /proc/PID/maps that the kernel joins
// with no other. Movable.
class OwnMemory {
 public:
  // `bytes`, rounded up to whole pages, none of which is resident yet. RESOURCE_EXHAUSTED if there
  // is no room for it.
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
