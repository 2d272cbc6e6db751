// The second half of a scan: the nodes of what is present, by move_pages(2) queries.
#ifndef NUMALOCALITY_AGENT_OS_PAGES_PAGE_NODES_H_
#define NUMALOCALITY_AGENT_OS_PAGES_PAGE_NODES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "agent/model/ids.h"
#include "agent/model/page_span.h"
#include "agent/model/placement.h"
#include "agent/os/base/kernel_calls.h"
#include "agent/os/pages/page_finder.h"
#include "agent/os/pages/scan_pacer.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {

// By kind, the one node that all memory is on as far as cheaper sources tell (the totals of the
// process's cgroup, a machine with one memory node); -1 where there is none.
class ExpectedNodes {
 public:
  NodeId& operator[](MemoryKind kind) { return nodes_[static_cast<size_t>(kind)]; }
  NodeId operator[](MemoryKind kind) const { return nodes_[static_cast<size_t>(kind)]; }

 private:
  std::array<NodeId, kMemoryKindCount> nodes_;
};

// Asks the kernel where pages are. Not thread-safe.
class PageNodes {
 public:
  // References outlive this.
  PageNodes(KernelCalls& kernel, const ProcessHandle& process, uint64_t page_bytes,
            const ExpectedNodes& expected, ScanPacer& pacer)
      : kernel_(kernel),
        process_(process),
        page_bytes_(page_bytes),
        expected_(expected),
        pacer_(pacer) {}

  // Fills in the nodes that are missing in `found`: kHiddenNode where the kernel says there is no
  // page (any more). Where a node is expected, one page in 16 is asked for; if any is elsewhere, so
  // are all others, now and later. NOT_FOUND if the process is gone, PERMISSION_DENIED if the
  // kernel refuses.
  absl::Status Resolve(std::vector<FoundPage>& found);

 private:
  absl::Status Ask(std::vector<FoundPage>& found);
  // Whether the pages asked for are where they were expected; forgets what was wrong.
  bool ExpectationsHold(const std::vector<FoundPage>& found);
  absl::Status AskForParts(std::vector<FoundPage>& found);
  bool IsExpectable(const FoundPage& page) const;

  KernelCalls& kernel_;
  const ProcessHandle& process_;
  const uint64_t page_bytes_;
  ExpectedNodes expected_;
  ScanPacer& pacer_;
  std::vector<uint32_t> asked_;  // indices
  std::vector<uint64_t> addresses_;
  std::vector<int> status_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_NODES_H_
