#include "agent/os/same_memory.h"

#include <compare>
#include <cstddef>

namespace numalocality {
namespace {

using Groups = std::vector<std::vector<pid_t>>;

// Where a process belongs among groups that are sorted by address space.
struct Place {
  size_t index = 0;
  bool is_member = false;  // of the group there; else it goes before that
};

// Groups whose first member has exited meanwhile are taken out of `sorted`, which has indices of
// `groups`.
Place FindPlace(KernelCalls& kernel, pid_t pid, const Groups& groups, std::vector<size_t>& sorted) {
  size_t low = 0;
  size_t high = sorted.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const auto order = kernel.CompareMemory(pid, groups[sorted[middle]].front());
    if (!order.ok()) {
      sorted.erase(sorted.begin() + static_cast<std::ptrdiff_t>(middle));
      --high;
    } else if (*order == std::strong_ordering::equal) {
      return {middle, true};
    } else if (*order == std::strong_ordering::less) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return {low, false};
}

}  // namespace

Groups GroupBySameMemory(KernelCalls& kernel, absl::Span<const pid_t> pids) {
  Groups groups;
  std::vector<size_t> sorted;
  for (const pid_t pid : pids) {
    const bool is_comparable = kernel.CompareMemory(pid, pid).ok();
    const Place place = is_comparable ? FindPlace(kernel, pid, groups, sorted) : Place{};
    if (place.is_member) {
      groups[sorted[place.index]].push_back(pid);
      continue;
    }
    if (is_comparable) {
      sorted.insert(sorted.begin() + static_cast<std::ptrdiff_t>(place.index), groups.size());
    }
    groups.push_back({pid});
  }
  return groups;
}

}  // namespace numalocality
