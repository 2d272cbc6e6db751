// The second half of a scan: finds the nodes of the pages that are present, by move_pages(2)
// queries.
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

// For each memory kind, the single node that contains all its pages according to a cheaper source
// (the counters of the process's cgroup, or a machine with one memory node); -1 if there is no such
// node.
class ExpectedNodes {
 public:
  NodeId& operator[](MemoryKind kind) { return nodes_[static_cast<size_t>(kind)]; }
  NodeId operator[](MemoryKind kind) const { return nodes_[static_cast<size_t>(kind)]; }

 private:
  std::array<NodeId, kMemoryKindCount> nodes_;
};

// Queries the nodes of pages. Not thread-safe.
class PageNodes {
 public:
  // The references must outlive this object.
  PageNodes(KernelCalls& kernel, const ProcessHandle& process, uint64_t page_bytes,
            const ExpectedNodes& expected, ScanPacer& pacer)
      : kernel_(kernel),
        process_(process),
        page_bytes_(page_bytes),
        expected_(expected),
        pacer_(pacer) {}

  // Sets the missing nodes in `found`: kHiddenNode if the kernel reports no page there. Where a
  // node is expected, only one page in 16 is queried. If one sampled page is elsewhere, the
  // remaining pages are queried too, in this and all later calls. NOT_FOUND if the process has
  // exited, PERMISSION_DENIED if the kernel refuses.
  absl::Status Resolve(std::vector<FoundPage>& found);

 private:
  absl::Status Ask(std::vector<FoundPage>& found);
  // Whether the queried pages are on their expected nodes. Drops expectations that were wrong.
  bool ExpectationsHold(const std::vector<FoundPage>& found);
  absl::Status AskForParts(std::vector<FoundPage>& found);
  bool IsExpectable(const FoundPage& page) const;

  KernelCalls& kernel_;
  const ProcessHandle& process_;
  const uint64_t page_bytes_;
  ExpectedNodes expected_;
  ScanPacer& pacer_;
  std::vector<uint32_t> asked_;  // indices in `found`
  std::vector<uint64_t> addresses_;
  std::vector<int> status_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_PAGES_PAGE_NODES_H_
