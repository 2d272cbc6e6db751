// Page spans: resident pages as a scan finds them.
#ifndef NUMALOCALITY_AGENT_MODEL_PAGE_SPAN_H_
#define NUMALOCALITY_AGENT_MODEL_PAGE_SPAN_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "agent/model/enum_table.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"

namespace numalocality {

// The node of resident pages whose node the kernel does not report: Linux 6.1 to 6.5 does not
// report inaccessible pages, which automatic NUMA balancing has marked or the process has made
// PROT_NONE.
inline constexpr NodeId kHiddenNode{-2};

// Consecutive resident base pages of one mapping, on one node and of one kind.
struct PageSpan {
  uint64_t address = 0;  // of the first page
  int64_t pages = 1;
  NodeId node;
  MemoryKind kind = MemoryKind::kAnon;
  bool is_huge = false;  // known to be whole transparent huge pages
  bool operator==(const PageSpan&) const = default;
};

// How a scan finds resident pages and their nodes; best first. The kernel and the caller's
// privileges decide which method is possible for a process.
enum class ScanMethod {
  kFrames,    // page frame numbers from pagemap: CAP_SYS_ADMIN
  kPresence,  // PAGEMAP_SCAN or pagemap, and queries of what is present: Linux 6.7 for huge pages
  kQuery,  // move_pages queries of every mapped address: CAP_SYS_PTRACE, or a process of the caller
};
const EnumTable<ScanMethod>& TableOf(ScanMethod);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_PAGE_SPAN_H_
