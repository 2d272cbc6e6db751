#include "agent/cli/numa_migrate/move_rate.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "agent/cli/numa_migrate/own_memory.h"

namespace numalocality::numa_migrate {
namespace {

// Enough for the cost of a call not to count, and little enough to be done in a moment.
constexpr size_t kPages = 1024;

bool MoveAll(const EngineContext& context, absl::Span<const uint64_t> addresses, NodeId target) {
  const std::vector<int> nodes(addresses.size(), target.value);
  std::vector<int> status(addresses.size(), kStatusUnwritten);
  const int result = context.kernel.MovePages(getpid(), addresses, nodes, absl::MakeSpan(status));
  return result == 0 && status == nodes;
}

}  // namespace

std::optional<absl::Duration> MeasurePageMove(const EngineContext& context, NodeId from, NodeId to,
                                              int64_t page_bytes) {
  auto memory = OwnMemory::Map(static_cast<int64_t>(kPages) * page_bytes, PageKind::kBase);
  if (!memory.ok()) return std::nullopt;
  std::vector<uint64_t> addresses(kPages);
  for (size_t i = 0; i < kPages; ++i) {
    addresses[i] = memory->range().start + i * static_cast<uint64_t>(page_bytes);
    memory->words()[i * static_cast<size_t>(page_bytes) / sizeof(uint64_t)] = 1;
  }
  std::array<absl::Duration, 3> times;
  for (absl::Duration& time : times) {
    if (!MoveAll(context, addresses, from)) return std::nullopt;
    const absl::Duration start = context.clock.Monotonic();
    if (!MoveAll(context, addresses, to)) return std::nullopt;
    time = context.clock.Monotonic() - start;
  }
  std::sort(times.begin(), times.end());
  return times[1] / kPages;
}

}  // namespace numalocality::numa_migrate
