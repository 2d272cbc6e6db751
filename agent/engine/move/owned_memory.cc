#include "agent/engine/move/owned_memory.h"

#include <algorithm>
#include <iterator>

#include "agent/os/base/read_budget.h"

namespace numalocality {
namespace {

// Memory that other processes begin to share within this time may still be moved.
constexpr absl::Duration kProofLifetime = absl::Seconds(5);

// What the last look at the mappings may cost. It must be short: the process may change them
// meanwhile.
constexpr ReadLimits kLastLookLimits{int64_t{16} << 20, absl::Seconds(1)};

// `ranges`: ascending, disjoint.
bool Contains(const std::vector<AddressRange>& ranges, uint64_t address) {
  const auto behind = std::upper_bound(
      ranges.begin(), ranges.end(), address,
      [](uint64_t value, const AddressRange& range) { return value < range.start; });
  return behind != ranges.begin() && address < std::prev(behind)->end;
}

}  // namespace

bool OwnedMemory::Has(pid_t pid, uint64_t address) {
  MutexLock lock(mutex_);
  if (context_.clock.Monotonic() >= old_at_) Prove();
  return Contains(ranges_[pid], address);
}

std::vector<PageMove> OwnedMemory::StillOwned(const ProcessHandle& process,
                                              absl::Span<const PageMove> moves) {
  // Before the mappings are read: a proof takes long, and they must be those of the moment.
  std::shared_ptr<const SharingProof> proof;
  std::vector<PageMove> proven;
  {
    MutexLock lock(mutex_);
    if (context_.clock.Monotonic() >= old_at_) Prove();
    proof = proof_;
    const std::vector<AddressRange>& ranges = ranges_[process.pid()];
    std::copy_if(moves.begin(), moves.end(), std::back_inserter(proven),
                 [&](const PageMove& move) { return Contains(ranges, move.address); });
  }
  ReadBudget budget(kLastLookLimits, context_.clock);
  const auto mappings = process.ReadMaps(budget);
  if (!mappings.ok()) return {};
  const std::vector<AddressRange> now = proof->OwnedRanges(process.pid(), *mappings);
  std::erase_if(proven, [&](const PageMove& move) { return !Contains(now, move.address); });
  return proven;
}

void OwnedMemory::Prove() {
  std::vector<pid_t> pids;
  for (const auto& process : processes_) {
    // The PID of an exited process may already belong to a process outside the workload.
    if (process->handle().Fate() == ProcessFate::kRunning) pids.push_back(process->handle().pid());
  }
  const auto must_stop = [this] { return ledger_.StopReason() != MigrationReason::kNone; };
  const SharingProof proof = SharingProof::Take(context_.kernel, context_.clock, context_.host,
                                                workload_, pids, must_stop);
  proof_ = std::make_shared<const SharingProof>(proof);
  ranges_.clear();
  for (const auto& process : processes_) {
    if (must_stop()) break;
    ReadBudget budget(kRequestLimits, context_.clock);
    const auto mappings = process->handle().ReadMaps(budget);
    // The process is gone, or its shared memory stays where it is.
    if (!mappings.ok() || process->handle().Fate() != ProcessFate::kRunning) continue;
    const pid_t pid = process->handle().pid();
    ranges_[pid] = proof.OwnedRanges(pid, *mappings);
  }
  // From the end of the reads: a proof that takes longer than its lifetime is used at least once.
  old_at_ = context_.clock.Monotonic() + kProofLifetime;
  if (proof.note().empty()) return;  // keep an earlier note: it may be why pages were left
  ledger_.Update([&](WorkloadMigration& result) { result.sharing_note = proof.note(); });
}

}  // namespace numalocality
