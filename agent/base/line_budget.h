// A limit for log lines that others can cause.
#ifndef NUMALOCALITY_AGENT_BASE_LINE_BUDGET_H_
#define NUMALOCALITY_AGENT_BASE_LINE_BUDGET_H_

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace numalocality {

// 20 lines a minute. Not thread-safe.
class LineBudget {
 public:
  // `now` is monotonic. Number of lines that were dropped before this one, usually 0; nullopt if
  // this one must be dropped, too.
  std::optional<int> Spend(absl::Duration now);

 private:
  absl::Duration minute_start_ = -absl::InfiniteDuration();
  int lines_ = 0;
};

// " (N lines before it were left out)", or "" for 0.
std::string LinesLeftOut(int count);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_BASE_LINE_BUDGET_H_
