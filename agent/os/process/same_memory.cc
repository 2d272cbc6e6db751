#include "agent/os/process/same_memory.h"

#include <compare>
#include <cstddef>
#include <optional>

#include "agent/os/process/process_handle.h"

namespace numalocality {
namespace {

using Groups = std::vector<std::vector<pid_t>>;

// A group, for comparison with others: the thread through which its first member has memory.
struct Sample {
  pid_t thread = 0;
  size_t group = 0;  // index
};

// Where a process belongs among groups that are sorted by address space.
struct Place {
  size_t index = 0;
  bool is_member = false;  // of the group there; else it goes before that
};

// nullopt if `thread` cannot be compared (any more). Groups whose sample has ended meanwhile are
// taken out of `sorted`.
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

Groups GroupBySameMemory(KernelCalls& kernel, const Host& host, absl::Span<const pid_t> pids) {
  Groups groups;
  std::vector<Sample> sorted;
  for (const pid_t pid : pids) {
    const pid_t thread = FindThreadWithMemory(host, pid);
    auto place = thread == 0 ? std::nullopt : FindPlace(kernel, thread, sorted);
    // To the kernel, threads that have ended are all equal: they have no memory. One that still has
    // some had it when it was compared, and so had the other.
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
