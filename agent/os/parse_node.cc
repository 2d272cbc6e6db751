#include "agent/os/parse_node.h"

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

}  // namespace numalocality
