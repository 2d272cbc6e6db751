// PAGEMAP_SCAN and the files that go with it, as fs/proc/task_mmu.c has them.
#ifndef NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_PAGEMAP_H_
#define NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_PAGEMAP_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/types/span.h"
#include "agent/os/base/kernel_calls.h"
#include "tests/unit/fake/fake_process.h"

namespace numalocality {

// The process whose pagemap is open as `fd`; -1 if it is none.
pid_t ProcessOf(int fd);

// See KernelCalls::ScanPagemap. Regions span mappings, huge pages are cut at the limit, and
// walk_end is stale after an answer of several rounds.
int FakeScan(const FakeProcess& process, const PagemapQuery& query,
             absl::Span<PagemapRegion> regions, uint64_t& walk_end);

}  // namespace numalocality

#endif  // NUMALOCALITY_TESTS_UNIT_FAKE_FAKE_PAGEMAP_H_
