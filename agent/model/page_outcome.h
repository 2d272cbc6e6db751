// Page outcomes: what happened to each page that a migration considered.
#ifndef NUMALOCALITY_AGENT_MODEL_PAGE_OUTCOME_H_
#define NUMALOCALITY_AGENT_MODEL_PAGE_OUTCOME_H_

#include <array>
#include <cstdint>

#include "agent/model/enum_table.h"

namespace numalocality {

enum class PageOutcome {
  kMoved,            // was elsewhere, is on its target now
  kAlreadyThere,     // was on a wanted node
  kBusy,             // could not be isolated, not even after the retries; or see kHiddenNode
  kShared,           // mapped by several processes, which the sharing rule leaves alone
  kPinned,           // carries an extra reference: DMA, RDMA, vmsplice, io_uring; or was not tried,
                     // because no page of a sample moved (engine/move/stuck_memory)
  kNoMemory,         // the target has no room, or would fall below its reserve
  kForbidden,        // the target is outside the process's cpuset.mems
  kNotMigratable,    // the kernel cannot move this kind of page
  kVanished,         // unmapped, swapped out, or its process exited
  kIdentityChanged,  // the process exited, and another one has its PID
  kPermissionDenied,  // the kernel refused: capability, seccomp filter or security module
  kNotAttempted,      // the migration was cancelled or ran out of time before it
};

// Advice is empty for the pages that are where they belong.
const EnumTable<PageOutcome>& TableOf(PageOutcome);

// Base pages by outcome. Every page that was considered is counted exactly once, so Total() is
// their number.
class OutcomeCounts {
 public:
  void Add(PageOutcome outcome, int64_t pages) { counts_[static_cast<size_t>(outcome)] += pages; }
  void Add(const OutcomeCounts& other);
  int64_t operator[](PageOutcome outcome) const { return counts_[static_cast<size_t>(outcome)]; }
  int64_t Total() const;
  // Pages that the request wanted on their target: all except those that its sharing rule leaves.
  int64_t Wanted() const { return Total() - (*this)[PageOutcome::kShared]; }
  bool operator==(const OutcomeCounts&) const = default;

 private:
  std::array<int64_t, kEnumCount<PageOutcome>> counts_{};
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_PAGE_OUTCOME_H_
