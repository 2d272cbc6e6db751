#include "agent/cli/numa_migrate/shared_pages.h"

#include <algorithm>
#include <vector>

#include "agent/base/status.h"
#include "agent/engine/workload/sharing_proof.h"
#include "agent/os/pages/pagemap.h"

namespace numalocality::numa_migrate {
namespace {

// Entries read at once: as many as a scan reads, so that the process is not kept waiting longer.
constexpr int64_t kPagesAtOnce = 4096;

// What belongs to the process alone although several processes may map it.
std::vector<AddressRange> OwnedRanges(const EngineContext& context, const MigrationSpec& spec,
                                      const ProcessHandle& process) {
  if (spec.sharing != SharingRule::kOwned) return {};
  const auto mappings = process.ReadMaps();
  if (!mappings.ok()) return {};
  Workload workload;
  workload.process = process.id();
  const auto proof = SharingProof::Take(context.host, workload, {process.pid()});
  return proof.OwnedRanges(process.pid(), *mappings);
}

bool IsIn(const std::vector<AddressRange>& ranges, uint64_t address) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const AddressRange& range) {
    return range.start <= address && address < range.end;
  });
}

}  // namespace

absl::StatusOr<std::optional<int64_t>> CountSharedThatStay(const EngineContext& context,
                                                           const MigrationSpec& spec,
                                                           const Subject& subject,
                                                           const NodeSet& sources) {
  if (spec.sharing == SharingRule::kAll) return 0;
  const auto page = static_cast<uint64_t>(subject.topology.page_bytes);
  const auto pagemap = Pagemap::Open(context.kernel, subject.process, subject.topology.page_bytes);
  if (!pagemap.ok()) return std::nullopt;
  const std::vector<AddressRange> owned = OwnedRanges(context, spec, subject.process);
  int64_t shared = 0;
  std::vector<PagemapEntry> entries;
  absl::Status read;
  const auto count = [&](absl::Span<const PageSpan> runs) {
    for (const PageSpan& run : runs) {
      if (!sources.Contains(run.node) || IsIn(owned, run.address)) continue;
      for (int64_t done = 0; done < run.pages && read.ok(); done += kPagesAtOnce) {
        const uint64_t start = run.address + static_cast<uint64_t>(done) * page;
        const auto pages = static_cast<uint64_t>(std::min(kPagesAtOnce, run.pages - done));
        read = pagemap->Read({start, start + pages * page}, entries);
        shared += std::count_if(entries.begin(), entries.end(), [](const PagemapEntry& entry) {
          return entry.is_present() && !entry.is_exclusive();
        });
      }
    }
    return read.ok();
  };
  NL_RETURN_IF_ERROR(
      ScanUntilSignal(subject.scanner, subject.process, spec.ranges, spec.kinds, count));
  if (!read.ok()) return std::nullopt;
  return shared;
}

}  // namespace numalocality::numa_migrate
