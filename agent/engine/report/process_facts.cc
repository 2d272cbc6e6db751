#include "agent/engine/report/process_facts.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/base/status.h"
#include "agent/model/page_span.h"
#include "agent/os/pages/page_sample.h"
#include "agent/os/pages/page_scanner.h"
#include "agent/os/pages/pagemap.h"
#include "agent/os/pages/scan_pacer.h"
#include "agent/os/process/numa_maps.h"

namespace numalocality {
namespace {

// Pagemap entries of one read: for 16 MiB of base pages the kernel holds the mmap lock for 0.1 ms.
constexpr int64_t kMostEntries = 4096;

// Counts the pages of one process by node, kind and sharing.
class PageTally {
 public:
  // `pagemap`: nullopt if the agent may not read it. All references must outlive this.
  PageTally(std::optional<Pagemap> pagemap, const ProcessHandle& process, const ProcessScan& scan,
            int64_t page_bytes, ScanPacer& pacer, ProcessFacts& facts)
      : pagemap_(std::move(pagemap)),
        process_(process),
        scan_(scan),
        page_bytes_(page_bytes),
        pacer_(pacer),
        facts_(facts) {}

  void Add(const PageSpan& span) {
    facts_.sampled_pages += span.pages;
    const bool is_remote = span.node != kHiddenNode && !facts_.home_nodes.Contains(span.node);
    if (!is_remote || !pagemap_.has_value()) {
      facts_.pages[{span.node, span.kind, PageSharing::kUnknown}] += span.pages;
      return;
    }
    for (int64_t done = 0; done < span.pages; done += kMostEntries) {
      const uint64_t start = AddressOf(span, done);
      const uint64_t end = AddressOf(span, std::min(done + kMostEntries, span.pages));
      AddRemote(span, {start, end});
    }
  }

 private:
  uint64_t AddressOf(const PageSpan& span, int64_t page) const {
    return span.address + static_cast<uint64_t>(page * page_bytes_);
  }

  void AddRemote(const PageSpan& span, AddressRange range) {
    const auto page_bytes = static_cast<uint64_t>(page_bytes_);
    if (!pagemap_->Read(range, entries_).ok()) entries_.clear();
    pacer_.AfterRead();
    // The read returns fewer entries while the process exits.
    entries_.resize(range.size() / page_bytes);
    for (const PagemapEntry entry : entries_) {
      ++facts_.pages[{span.node, span.kind, SharingOf(entry, range.start)}];
      range.start += page_bytes;
    }
  }

  PageSharing SharingOf(PagemapEntry entry, uint64_t address) {
    if (!entry.is_present()) return PageSharing::kUnknown;  // freed meanwhile
    if (entry.is_exclusive()) return PageSharing::kNone;
    if (!owned_.has_value()) {
      const auto mappings = process_.ReadMaps(scan_.budget);
      owned_.emplace();
      if (mappings.ok()) owned_ = scan_.proof().OwnedRanges(process_.pid(), *mappings);
    }
    const auto after =
        std::upper_bound(owned_->begin(), owned_->end(), address,
                         [](uint64_t at, const AddressRange& range) { return at < range.end; });
    const bool is_owned = after != owned_->end() && after->start <= address;
    return is_owned ? PageSharing::kOwned : PageSharing::kForeign;
  }

  std::optional<Pagemap> pagemap_;
  const ProcessHandle& process_;
  const ProcessScan& scan_;
  const int64_t page_bytes_;
  ScanPacer& pacer_;
  ProcessFacts& facts_;
  std::optional<std::vector<AddressRange>> owned_;  // ascending
  std::vector<PagemapEntry> entries_;
};

absl::Status ScanAllPages(const EngineContext& context, const ProcessHandle& process,
                          int64_t page_bytes, const ProcessScan& scan, PageTally& tally) {
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> mappings, process.ReadMaps(scan.budget));
  const absl::Duration start = context.clock.Monotonic();
  NL_RETURN_IF_ERROR(PageScanner(context.kernel, context.clock, context.host, page_bytes)
                         .Scan(process, mappings, {kWholeAddressSpace}, kPrivateKinds,
                               [&](absl::Span<const PageSpan> spans) {
                                 for (const PageSpan& span : spans) tally.Add(span);
                                 return !scan.is_cancelled();
                               },
                               {}));
  scan.budget.Exclude(context.clock.Monotonic() - start);
  return scan.is_cancelled() ? absl::CancelledError("the caller has cancelled") : absl::OkStatus();
}

absl::Status CountPages(const EngineContext& context, const Topology& topology,
                        const ProcessHandle& process, const ProcessScan& scan, ProcessFacts& facts,
                        CircumstanceFacts& machine) {
  ScanPacer pacer(context.clock);
  auto opened = Pagemap::Open(context.kernel, process, topology.page_bytes);
  std::optional<Pagemap> pagemap;
  if (opened.ok()) {
    pagemap.emplace(*std::move(opened));
  } else {
    machine.unread.insert("which pages several processes map");
  }
  PageTally tally(std::move(pagemap), process, scan, topology.page_bytes, pacer, facts);
  if (!scan.max_pages.has_value()) {
    NL_RETURN_IF_ERROR(ScanAllPages(context, process, topology.page_bytes, scan, tally));
    facts.resident_pages = facts.sampled_pages;
    return absl::OkStatus();
  }
  NL_ASSIGN_OR_RETURN(const PageSample sample,
                      SamplePages(context.kernel, context.clock, process, context.host, topology,
                                  *scan.max_pages, scan.budget));
  const absl::Duration start = context.clock.Monotonic();
  for (const PageSpan& span : sample.spans) tally.Add(span);
  scan.budget.Exclude(context.clock.Monotonic() - start);  // a proof has limits of its own
  facts.resident_pages = sample.resident_pages;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProcessFacts> ReadProcessFacts(const EngineContext& context,
                                              const Topology& topology,
                                              const ProcessHandle& process, const ProcessScan& scan,
                                              CircumstanceFacts& machine) {
  ProcessFacts facts;
  facts.id = process.id();
  NL_ASSIGN_OR_RETURN(const ProcessThreads threads,
                      ReadThreads(context.kernel, context.host, process.pid(), scan.budget));
  facts.cpus = threads.cpus;
  facts.home_nodes = topology.HomeNodes(threads.cpus);
  NL_ASSIGN_OR_RETURN(facts.allowed_nodes, process.ReadAllowedNodes());
  if (const auto policy = ReadPolicyNodes(context.host, process, scan.budget); policy.ok()) {
    facts.policy_nodes = *policy;
  } else {
    machine.unread.insert("memory policies");
  }
  NL_RETURN_IF_ERROR(CountPages(context, topology, process, scan, facts, machine));
  machine.swapped_bytes += process.ReadSwappedBytes().value_or(0);
  if (process.Fate() != ProcessFate::kRunning) {
    return absl::NotFoundError("the process has exited");
  }
  return facts;
}

}  // namespace numalocality
