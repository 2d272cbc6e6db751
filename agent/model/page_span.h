// Resident pages as a scan finds them.
#ifndef NUMALOCALITY_AGENT_MODEL_PAGE_SPAN_H_
#define NUMALOCALITY_AGENT_MODEL_PAGE_SPAN_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "agent/model/enum_table.h"
#include "agent/model/ids.h"
#include "agent/model/placement.h"

namespace numalocality {

// The node of resident pages of which the kernel does not say where they are: Linux 6.1 to 6.5
// does not admit to pages that may not be accessed, as automatic NUMA balancing has marked them or
// the process has made them PROT_NONE.
inline constexpr NodeId kHiddenNode{-2};

// Consecutive resident base pages of one mapping that have everything in common.
struct PageSpan {
  uint64_t address = 0;  // of the first
  int64_t pages = 1;
  NodeId node;
  MemoryKind kind = MemoryKind::kAnon;
  bool is_huge = false;  // known to be whole transparent huge pages
  bool operator==(const PageSpan&) const = default;
};

// How a scan finds out what is resident and where; best first. Which one a process gets depends on
// the kernel and on what the caller may do.
enum class ScanMethod {
  kFrames,    // page frame numbers from pagemap: CAP_SYS_ADMIN
  kPresence,  // PAGEMAP_SCAN or pagemap, and queries of what is present: Linux 6.7 for huge pages
  kQuery,     // move_pages queries of every mapped address: CAP_SYS_PTRACE, or one's own process
};

const EnumTable<ScanMethod>& TableOf(ScanMethod);

// Older name of KeyOf.
inline absl::string_view ScanMethodName(ScanMethod method) { return KeyOf(method); }

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_MODEL_PAGE_SPAN_H_
