#include "agent/engine/workload/unshared_pages.h"

#include <vector>

#include "agent/base/status.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/model/page_span.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/pages/page_sample.h"
#include "agent/os/pages/pagemap.h"
#include "agent/os/process/same_memory.h"

namespace numalocality {
namespace {

absl::StatusOr<MappedPages> EstimateProcess(const EngineContext& context,
                                            const ProcessHandle& process, NodeId node,
                                            const Topology& topology, size_t max_pages,
                                            ReadBudget& budget) {
  NL_ASSIGN_OR_RETURN(const Pagemap pagemap,
                      Pagemap::Open(context.kernel, process, topology.page_bytes));
  NL_ASSIGN_OR_RETURN(const PageSample sample,
                      SamplePages(context.kernel, context.clock, process, context.host, topology,
                                  max_pages, budget));
  MappedPages pages;
  std::vector<PagemapEntry> entries;
  for (const PageSpan& span : sample.spans) {
    if (span.node != node) continue;
    const auto bytes = static_cast<uint64_t>(span.pages * topology.page_bytes);
    NL_RETURN_IF_ERROR(pagemap.Read({span.address, span.address + bytes}, entries));
    for (const PagemapEntry entry : entries) {
      if (!entry.is_present()) continue;  // freed meanwhile
      pages.all += 1;
      pages.unshared += entry.is_exclusive() ? 1 : 0;
    }
  }
  if (sample.sampled_pages == 0) return pages;
  const double scale =
      static_cast<double>(sample.resident_pages) / static_cast<double>(sample.sampled_pages);
  return MappedPages{pages.all * scale, pages.unshared * scale};
}

}  // namespace

absl::StatusOr<MappedPages> EstimateUnshared(const EngineContext& context, const Workload& workload,
                                             NodeId node, const Topology& topology,
                                             absl::FunctionRef<bool()> is_cancelled) {
  const WorkloadFinder finder(context.host);
  ReadBudget budget(kPeriodicLimits, context.clock, [&] { return is_cancelled(); });
  NL_ASSIGN_OR_RETURN(const WorkloadProcesses processes, finder.ListProcesses(workload, budget));
  NL_ASSIGN_OR_RETURN(const auto groups,
                      GroupBySameMemory(context.kernel, context.host, processes.pids, budget));
  const size_t max_pages = SamplePagesOfEach(groups.size());
  MappedPages all;
  for (const std::vector<pid_t>& sharers : groups) {
    // All have the same memory: the first process that still exists shows it.
    for (const pid_t pid : sharers) {
      const auto process = finder.OpenProcess(context.kernel, workload, pid);
      if (absl::IsNotFound(process.status())) continue;
      if (!process.ok()) return process.status();
      const auto pages = EstimateProcess(context, *process, node, topology, max_pages, budget);
      if (absl::IsNotFound(pages.status())) continue;
      if (!pages.ok()) return pages.status();
      all.all += pages->all;
      all.unshared += pages->unshared;
      break;
    }
  }
  return all;
}

}  // namespace numalocality
