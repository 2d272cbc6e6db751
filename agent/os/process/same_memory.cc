#include "agent/os/process/same_memory.h"

#include <compare>
#include <cstddef>
#include <optional>

#include "agent/base/status.h"
#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

using Groups = std::vector<std::vector<pid_t>>;

// Represents a group in comparisons: the thread through which the memory of its first member is
// reached.
struct Sample {
  pid_t thread = 0;
  size_t group = 0;  // index
};

// The place of a process among groups that are sorted by address space.
struct Place {
  size_t index = 0;
  bool is_member = false;  // of the group at `index`; otherwise it is inserted before that group
};

// nullopt if `thread` cannot be compared, or no longer. Removes groups from `sorted` whose sample
// has exited meanwhile.
std::optional<Place> FindPlace(KernelCalls& kernel, pid_t thread, std::vector<Sample>& sorted) {
  const auto is_comparable = [&] { return kernel.CompareMemory(thread, thread).ok(); };
  if (!is_comparable()) return std::nullopt;
  size_t low = 0;
  size_t high = sorted.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const auto order = kernel.CompareMemory(thread, sorted[middle].thread);
    if (!order.ok()) {
      if (!is_comparable()) return std::nullopt;
      sorted.erase(sorted.begin() + static_cast<std::ptrdiff_t>(middle));
      --high;
    } else if (*order == std::strong_ordering::equal) {
      return Place{middle, true};
    } else if (*order == std::strong_ordering::less) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return Place{low, false};
}

}  // namespace

absl::StatusOr<Groups> GroupBySameMemory(KernelCalls& kernel, const Host& host,
                                         absl::Span<const pid_t> pids, ReadBudget& budget) {
  Groups groups;
  std::vector<Sample> sorted;
  for (const pid_t pid : pids) {
    NL_RETURN_IF_ERROR(budget.Take("the processes that share memory", 0));
    const pid_t thread = FindThreadWithMemory(host, pid);
    auto place = thread == 0 ? std::nullopt : FindPlace(kernel, thread, sorted);
    // kcmp(2) reports threads that have exited as equal, because they have no memory. If this
    // thread still has memory, it and the other one had memory when they were compared.
    if (place.has_value() && place->is_member && FindThreadWithMemory(host, pid) != thread) {
      place.reset();
    }
    if (place.has_value() && place->is_member) {
      groups[sorted[place->index].group].push_back(pid);
      continue;
    }
    if (place.has_value()) {
      sorted.insert(sorted.begin() + static_cast<std::ptrdiff_t>(place->index),
                    {thread, groups.size()});
    }
    groups.push_back({pid});
  }
  return groups;
}

}  // namespace numalocality
