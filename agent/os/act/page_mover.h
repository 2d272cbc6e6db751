// Moves pages by move_pages(2); nothing else in this project does. Moves one batch and determines
// the outcome of every page, also where the kernel reports none (see KernelCalls::MovePages).
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

// Why no more pages of this process should be moved.
enum class MoveStop {
  kNone,
  kExited,            // the process has exited
  kReplaced,          // the PID now names another process
  kNoMemory,          // the target node has no free memory
  kForbidden,         // the target is not in the process's cpuset.mems
  kPermissionDenied,  // a capability is missing, or a seccomp filter or security module denies the
                      // call
  kNodeGone,          // the target node has no memory any more: it went offline
  kUnexpected,        // another errno
};

struct BatchResult {
  std::vector<PageOutcome> outcomes;  // one for each move, in the same order
  MoveStop stop = MoveStop::kNone;
  int error_number = 0;  // errno, for kUnexpected and kPermissionDenied
  CallTimes calls;       // the calls that moved pages
};

// Stateless and thread-safe. Blocks while the kernel moves pages; do not call it with a lock held.
class PageMover {
 public:
  // An address at which no process can have memory, for MeasureEmptyCall.
  static constexpr uint64_t kNeverMapped = kWholeAddressSpace.end - 4096;

  PageMover(KernelCalls& kernel, const Clock& clock, int64_t page_bytes)
      : kernel_(kernel), clock_(clock), page_bytes_(page_bytes) {}

  // Moves pages, all to the same target. Checks before and after each call that the PID still names
  // the same process. Pages that the kernel tried and could not move are kBusy or kPinned; they may
  // be movable later, or may have moved together with a later page of their huge page, so try
  // again. If the batch stops early, pages that were not tried get the outcome that corresponds to
  // `stop`. Pages that the kernel reports as absent although pagemap has them (see kHiddenNode) are
  // kBusy.
  BatchResult Move(const ProcessHandle& process, absl::Span<const PageMove> moves,
                   MoveFlag flag = MoveFlag::kExclusive) const;

  // The duration of a call to `target` that moves no page; nullopt if the kernel refuses the call,
  // such as when cpuset.mems forbids the target.
  std::optional<absl::Duration> MeasureEmptyCall(const ProcessHandle& process, NodeId target) const;

  // The current node of each page; -errno if there is no page. Empty if the process has exited.
  std::vector<int> Query(const ProcessHandle& process, absl::Span<const PageMove> moves) const;

 private:
  KernelCalls& kernel_;
  const Clock& clock_;
  const int64_t page_bytes_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_PAGE_MOVER_H_
