#include "agent/base/line_budget.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace numalocality {
namespace {

constexpr int kMostLines = 20;

}  // namespace

std::optional<int> LineBudget::Spend(absl::Duration now) {
  int left_out = 0;
  if (now - minute_start_ >= absl::Minutes(1)) {
    left_out = std::max(lines_ - kMostLines, 0);
    minute_start_ = now;
    lines_ = 0;
  }
  if (++lines_ > kMostLines) return std::nullopt;
  return left_out;
}

std::string LinesLeftOut(int count) {
  return count == 0 ? "" : absl::StrCat(" (", count, " lines before it were left out)");
}

}  // namespace numalocality
