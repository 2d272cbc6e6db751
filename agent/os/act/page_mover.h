// The one door through which pages are moved: a batch of move_pages(2) with an outcome for every
// page, whatever the kernel says or leaves unsaid.
#ifndef NUMALOCALITY_AGENT_OS_ACT_PAGE_MOVER_H_
#define NUMALOCALITY_AGENT_OS_ACT_PAGE_MOVER_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "agent/base/clock.h"
#include "agent/model/migration.h"
#include "agent/model/migration_plan.h"
#include "agent/model/page_outcome.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// Why nothing more of this process should be moved.
enum class MoveStop {
  kNone,
  kExited,            // the process
  kReplaced,          // the PID names another process
  kNoMemory,          // the kernel found no room on the target
  kForbidden,         // the target is outside the process's cpuset.mems
  kPermissionDenied,  // capability, seccomp filter or security module
  kUnexpected,        // an errno that this code does not expect, or the target went offline
};

struct BatchResult {
  std::vector<PageOutcome> outcomes;  // one a move, in the order given
  MoveStop stop = MoveStop::kNone;
  int error_number = 0;  // the kernel's, with kUnexpected and kPermissionDenied
  CallTimes calls;       // migrating ones
};

// Stateless and thread-safe. Blocks while the kernel moves; call without holding a lock.
class PageMover {
 public:
  // Where no process can have memory; of an empty call.
  static constexpr uint64_t kNeverMapped = kWholeAddressSpace.end - 4096;

  PageMover(KernelCalls& kernel, const Clock& clock, int64_t page_bytes)
      : kernel_(kernel), clock_(clock), page_bytes_(page_bytes) {}

  // Moves pages that all have the same target. Those that the kernel tried and could not move,
  // kBusy or kPinned, may move at another time, or have come along with a later page of their huge
  // page: ask again. Checks that the process is the same before and after each call. When it stops
  // early, the pages not tried get the outcome that fits `stop`. Pages that the kernel denies
  // though pagemap has them (see kHiddenNode) are kBusy.
  BatchResult Move(const ProcessHandle& process, absl::Span<const PageMove> moves,
                   MoveFlag flag = MoveFlag::kExclusive) const;

  // How long a call takes that moves nothing; nullopt if the kernel refuses.
  std::optional<absl::Duration> MeasureEmptyCall(const ProcessHandle& process) const;

  // The node of each page now; negative (-errno) where there is none. Empty if the process is gone.
  std::vector<int> Query(const ProcessHandle& process, absl::Span<const PageMove> moves) const;

 private:
  KernelCalls& kernel_;
  const Clock& clock_;
  const int64_t page_bytes_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_PAGE_MOVER_H_
