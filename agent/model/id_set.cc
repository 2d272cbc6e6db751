#include "agent/model/id_set.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace numalocality {
namespace {

// Far above the kernel's MAX_NUMNODES (1024) and NR_CPUS (8192), low enough that a hostile
// "0-999999999" costs nothing.
constexpr int kMaxId = 65535;

bool ParseId(absl::string_view text, int& id) {
  return !text.empty() && absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
         absl::SimpleAtoi(text, &id) && id <= kMaxId;
}

}  // namespace

absl::StatusOr<std::set<int>> ParseIdList(absl::string_view text) {
  std::set<int> ids;
  text = absl::StripAsciiWhitespace(text);
  if (text.empty()) return ids;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> bounds =
        absl::StrSplit(part, absl::MaxSplits('-', 1));
    int first = 0;
    int last = 0;
    const bool is_range = part.find('-') != absl::string_view::npos;
    if (!ParseId(bounds.first, first) || !ParseId(is_range ? bounds.second : bounds.first, last) ||
        last < first) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", text, "' is not a list of ids such as 0-3,8"));
    }
    for (int id = first; id <= last; ++id) ids.insert(id);
  }
  return ids;
}

std::string FormatIdList(const std::set<int>& ids) {
  std::vector<std::string> parts;
  for (auto it = ids.begin(); it != ids.end();) {
    const int first = *it;
    int last = first;
    while (++it != ids.end() && *it == last + 1) last = *it;
    if (first == last) {
      parts.push_back(absl::StrCat(first));
    } else {
      parts.push_back(absl::StrCat(first, "-", last));
    }
  }
  return absl::StrJoin(parts, ",");
}

}  // namespace numalocality
