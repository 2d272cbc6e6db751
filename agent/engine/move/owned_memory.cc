#include "agent/engine/move/owned_memory.h"

#include <algorithm>
#include <iterator>
#include <utility>

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

bool ProvenMemory::Has(pid_t pid, uint64_t address) const {
  const auto found = ranges_.find(pid);
  return found != ranges_.end() && Contains(found->second, address);
}

ProvenMemory::LastLook ProvenMemory::Look(const Clock& clock, const ProcessHandle& process,
                                          absl::Span<const PageMove> moves) const {
  ReadBudget budget(kLastLookLimits, clock);
  const auto mappings = process.ReadMaps(budget);
  if (!mappings.ok()) return {};
  const std::vector<AddressRange> now = proof_.OwnedRanges(process.pid(), *mappings);
  std::vector<AddressRange> mapped;
  for (const Mapping& mapping : *mappings) mapped.push_back(mapping.range);
  LastLook look;
  for (const PageMove& move : moves) {
    if (!Has(process.pid(), move.address)) continue;
    if (Contains(now, move.address)) {
      look.owned.push_back(move);
    } else if (Contains(mapped, move.address)) {
      look.is_replaced = true;
    }
  }
  return look;
}

std::shared_ptr<const ProvenMemory> OwnedMemory::Current() {
  MutexLock lock(mutex_);
  if (context_.clock.Monotonic() >= old_at_) {
    proven_ = Prove();
    // From the end of the reads: a proof that takes longer than its lifetime is used at least once.
    old_at_ = context_.clock.Monotonic() + kProofLifetime;
  }
  return proven_;
}

std::shared_ptr<const ProvenMemory> OwnedMemory::Prove() {
  std::vector<pid_t> pids;
  for (const auto& process : processes_) {
    // The PID of an exited process may already belong to a process outside the workload.
    if (process->handle().Fate() == ProcessFate::kRunning) pids.push_back(process->handle().pid());
  }
  const auto must_stop = [this] { return ledger_.StopReason() != MigrationReason::kNone; };
  SharingProof proof = SharingProof::Take(context_.kernel, context_.clock, context_.host, workload_,
                                          pids, must_stop);
  std::map<pid_t, std::vector<AddressRange>> ranges;
  for (const auto& process : processes_) {
    if (must_stop()) break;
    ReadBudget budget(kRequestLimits, context_.clock, must_stop);
    const auto mappings = process->handle().ReadMaps(budget);
    // The process is gone, or its shared memory stays where it is.
    if (!mappings.ok() || process->handle().Fate() != ProcessFate::kRunning) continue;
    const pid_t pid = process->handle().pid();
    ranges[pid] = proof.OwnedRanges(pid, *mappings);
  }
  // An empty note does not replace an earlier one: that may be why pages were left.
  if (!proof.note().empty()) {
    ledger_.Update([&](WorkloadMigration& result) { result.sharing_note = proof.note(); });
  }
  return std::make_shared<const ProvenMemory>(std::move(proof), std::move(ranges));
}

}  // namespace numalocality
