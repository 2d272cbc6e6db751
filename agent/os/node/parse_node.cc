#include "agent/os/node/parse_node.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace numalocality {
namespace {

// Bytes of the line "Node 0 MemFree:   123 kB" of `text`.
absl::StatusOr<int64_t> KilobyteField(absl::string_view text, absl::string_view key) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() != 5 || words[2] != key) continue;
    int64_t kilobytes = 0;
    if (absl::SimpleAtoi(words[3], &kilobytes) && kilobytes >= 0 && words[4] == "kB" &&
        kilobytes <= std::numeric_limits<int64_t>::max() / 1024) {
      return kilobytes * 1024;
    }
    return absl::InvalidArgumentError(absl::StrCat("node meminfo: bad line '", line, "'"));
  }
  return absl::InvalidArgumentError(absl::StrCat("node meminfo: no ", key));
}

}  // namespace

absl::StatusOr<NodeMemory> ParseNodeMeminfo(absl::string_view text) {
  const auto total = KilobyteField(text, "MemTotal:");
  if (!total.ok()) return total.status();
  const auto free = KilobyteField(text, "MemFree:");
  if (!free.ok()) return free.status();
  return NodeMemory{*total, *free};
}

absl::StatusOr<std::vector<int>> ParseDistances(absl::string_view text) {
  std::vector<int> distances;
  for (const absl::string_view word :
       absl::StrSplit(absl::StripAsciiWhitespace(text), ' ', absl::SkipEmpty())) {
    int distance = 0;
    if (!absl::SimpleAtoi(word, &distance) || distance <= 0) {
      return absl::InvalidArgumentError(absl::StrCat("node distance: bad number '", word, "'"));
    }
    distances.push_back(distance);
  }
  return distances;
}

absl::StatusOr<std::map<NodeId, int64_t>> ParseHighWatermarks(absl::string_view text) {
  std::map<NodeId, int64_t> watermarks;
  NodeId node;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" ,"), absl::SkipEmpty());
    int64_t pages = 0;
    if (words.size() == 4 && words[0] == "Node" && words[2] == "zone") {
      if (absl::SimpleAtoi(words[1], &node.value)) continue;
    } else if (words.size() == 2 && words[0] == "high") {
      if (absl::SimpleAtoi(words[1], &pages) && pages >= 0) {
        watermarks[node] += pages;
        continue;
      }
    } else {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat("zoneinfo: bad line '", line, "'"));
  }
  return watermarks;
}

}  // namespace numalocality
