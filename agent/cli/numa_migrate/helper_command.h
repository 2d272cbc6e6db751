// numa-migrate helper: a process to try numa-migrate on. The content of its memory, and the node
// that it suggests as a target.
#ifndef NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_HELPER_COMMAND_H_
#define NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_HELPER_COMMAND_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "absl/types/span.h"
#include "agent/model/id_set.h"
#include "agent/model/ids.h"

namespace numalocality::numa_migrate {

// The word at `index`: splitmix64 of the seed and the index, so that a mix-up of pages or words
// always changes the content.
constexpr uint64_t HelperWord(uint64_t seed, size_t index) {
  uint64_t word = seed + 0x9e3779b97f4a7c15 * (index + 1);
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

// Fills `words` for `seed`. `first` is the index of words[0].
inline void FillWords(uint64_t seed, size_t first, absl::Span<uint64_t> words) {
  for (size_t i = 0; i < words.size(); ++i) words[i] = HelperWord(seed, first + i);
}

// The position in `words` of the first wrong word; nullopt if all are right.
inline std::optional<size_t> FindWrongWord(uint64_t seed, size_t first,
                                           absl::Span<const uint64_t> words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != HelperWord(seed, first + i)) return i;
  }
  return std::nullopt;
}

// The first of `nodes` that is not the node with most of the pages; nullopt if there is none.
inline std::optional<NodeId> SuggestTarget(const NodeSet& nodes,
                                           const std::map<NodeId, int64_t>& pages) {
  const auto most = std::max_element(pages.begin(), pages.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  for (const NodeId node : nodes) {
    if (most == pages.end() || node != most->first) return node;
  }
  return std::nullopt;
}

}  // namespace numalocality::numa_migrate

#endif  // NUMALOCALITY_AGENT_CLI_NUMA_MIGRATE_HELPER_COMMAND_H_
