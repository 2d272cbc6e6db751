#include "agent/os/process/parse_numa_maps.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "agent/base/log.h"
#include "agent/base/status.h"

namespace numalocality {
namespace {

// More than any line tells of a mapping, and little enough for products not to overflow.
constexpr int64_t kMostPages = int64_t{1} << 40;
constexpr int64_t kMostPageKib = int64_t{1} << 22;

// "bind:0-1", "prefer=static:1", "default". "prefer (many):0-1" comes in two words, of which the
// first tells the mode and the second the nodes.
absl::Status ParsePolicy(absl::string_view word, NumaMapping& mapping) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(word, absl::MaxSplits(':', 1));
  if (mapping.policy.empty()) {
    const absl::string_view mode = parts.first.substr(0, parts.first.find('='));
    mapping.policy = std::string(mode);
  }
  NL_ASSIGN_OR_RETURN(mapping.policy_nodes, NodeSet::Parse(parts.second));
  return absl::OkStatus();
}

// "N1=42": adds pages on a node. False if the word is something else.
bool ParseNodePages(absl::string_view word, std::map<NodeId, int64_t>& pages) {
  if (!absl::ConsumePrefix(&word, "N")) return false;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(word, absl::MaxSplits('=', 1));
  NodeId node;
  int64_t count = 0;
  if (!absl::SimpleAtoi(parts.first, &node.value) || node.value < 0 ||
      !absl::SimpleAtoi(parts.second, &count) || count < 0 || count > kMostPages) {
    return false;
  }
  pages[node] += count;
  return true;
}

absl::StatusOr<NumaMapping> ParseLine(absl::string_view line) {
  NumaMapping mapping;
  int64_t page_kib = 0;
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
  const bool starts_well = words.size() >= 2 && absl::SimpleHexAtoi(words[0], &mapping.start);
  if (!starts_well) {
    return absl::InvalidArgumentError(absl::StrCat("numa_maps: bad line '", LogSafe(line), "'"));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    absl::string_view word = words[i];
    // A file's path comes escaped, and so cannot look like two words.
    if (i == 1 || (i == 2 && absl::StartsWith(word, "("))) {
      NL_RETURN_IF_ERROR(ParsePolicy(word, mapping));
    } else if (absl::ConsumePrefix(&word, "kernelpagesize_kB=")) {
      if (!absl::SimpleAtoi(word, &page_kib) || page_kib < 0 || page_kib > kMostPageKib) {
        return absl::InvalidArgumentError(absl::StrCat("numa_maps: page size '", word, "'"));
      }
    } else {
      ParseNodePages(word, mapping.bytes_on);
    }
  }
  for (auto& [node, pages] : mapping.bytes_on) pages *= page_kib * 1024;
  return mapping;
}

}  // namespace

absl::StatusOr<std::vector<NumaMapping>> ParseNumaMaps(absl::string_view text) {
  std::vector<NumaMapping> mappings;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    NL_ASSIGN_OR_RETURN(NumaMapping mapping, ParseLine(line));
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

}  // namespace numalocality
