#include "agent/model/page_outcome.h"

#include <numeric>

namespace numalocality {

namespace {

constexpr EnumTable<PageOutcome> kPageOutcomes = {{
    {PageOutcome::kMoved, "moved", "moved", ""},
    {PageOutcome::kAlreadyThere, "already_there", "already there", ""},
    {PageOutcome::kBusy, "busy", "busy",
     "migrate again; more retries help while a workload is busy; before Linux 6.6, "
     "kernel.numa_balancing=0 helps too, and inaccessible memory (PROT_NONE) cannot be moved"},
    {PageOutcome::kShared, "shared", "shared",
     "change the sharing rule: 'owned' also moves pages that only this workload maps, 'all' also "
     "moves pages that others map"},
    {PageOutcome::kPinned, "pinned", "pinned",
     "stop whatever pins them (DMA, RDMA, io_uring): the kernel cannot move them until then"},
    {PageOutcome::kNoMemory, "no_memory", "no memory on the target",
     "free memory on the target, or name more target nodes"},
    {PageOutcome::kForbidden, "forbidden", "forbidden by cpuset",
     "add the target to the workload's cpuset.mems"},
    {PageOutcome::kNotMigratable, "not_migratable", "not migratable",
     "nothing: the kernel cannot move pages of this kind"},
    {PageOutcome::kVanished, "vanished", "vanished", "nothing: the pages no longer exist"},
    {PageOutcome::kIdentityChanged, "identity_changed", "identity changed",
     "nothing: the process has exited, and another one has its PID"},
    {PageOutcome::kPermissionDenied, "permission_denied", "permission denied",
     "grant CAP_SYS_PTRACE and a seccomp profile that allows move_pages; if both are granted, look "
     "for denials by a security module (SELinux, AppArmor) in the audit log"},
    {PageOutcome::kNotAttempted, "not_attempted", "not attempted",
     "migrate again: this migration ended before it reached them"},
}};
static_assert(IsWellFormed(kPageOutcomes));

}  // namespace

const EnumTable<PageOutcome>& TableOf(PageOutcome) { return kPageOutcomes; }

void OutcomeCounts::Add(const OutcomeCounts& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

int64_t OutcomeCounts::Total() const {
  return std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
}

}  // namespace numalocality
