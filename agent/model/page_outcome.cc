#include "agent/model/page_outcome.h"

#include <numeric>

namespace numalocality {

absl::string_view PageOutcomeName(PageOutcome outcome) {
  switch (outcome) {
    case PageOutcome::kMoved: return "moved";
    case PageOutcome::kAlreadyThere: return "already there";
    case PageOutcome::kBusy: return "busy";
    case PageOutcome::kShared: return "shared";
    case PageOutcome::kPinned: return "pinned";
    case PageOutcome::kNoMemory: return "no memory on the target";
    case PageOutcome::kForbidden: return "forbidden by cpuset";
    case PageOutcome::kNotMigratable: return "not migratable";
    case PageOutcome::kVanished: return "vanished";
    case PageOutcome::kIdentityChanged: return "identity changed";
    case PageOutcome::kPermissionDenied: return "permission denied";
    case PageOutcome::kNotAttempted: return "not attempted";
  }
  return "unknown";
}

absl::string_view PageOutcomeAdvice(PageOutcome outcome) {
  switch (outcome) {
    case PageOutcome::kMoved:
    case PageOutcome::kAlreadyThere: return "";
    case PageOutcome::kBusy:
      return "migrate again; more retries help while a workload is busy; before Linux 6.6, so does "
             "kernel.numa_balancing=0, and memory that is inaccessible (PROT_NONE) stays";
    case PageOutcome::kShared:
      return "the sharing rule leaves them: 'owned' moves those that only this workload maps, "
             "'all' "
             "also those of others";
    case PageOutcome::kPinned:
      return "they stay for as long as a device or the kernel holds them (DMA, RDMA, io_uring)";
    case PageOutcome::kNoMemory: return "make room on the target, or name further target nodes";
    case PageOutcome::kForbidden: return "let the cpuset.mems of the workload have the target";
    case PageOutcome::kNotMigratable: return "nothing: the kernel cannot move pages of this kind";
    case PageOutcome::kVanished: return "nothing: they are no longer there";
    case PageOutcome::kIdentityChanged:
      return "nothing: the process has exited, and another one has its PID";
    case PageOutcome::kPermissionDenied:
      return "give the mover CAP_SYS_PTRACE, and a seccomp profile with move_pages; if it has "
             "both, look for denials by a security module (SELinux, AppArmor) in the audit log";
    case PageOutcome::kNotAttempted: return "migrate again: this one ended before it came to them";
  }
  return "";
}

void OutcomeCounts::Add(const OutcomeCounts& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

int64_t OutcomeCounts::Total() const {
  return std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
}

}  // namespace numalocality
