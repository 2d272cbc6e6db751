#include "agent/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"

namespace numalocality {
namespace {

constexpr int kMostLines = 20;

void Log(gpr_log_func_args* line) {
  // Never destroyed: gRPC's threads log until the process exits.
  static LineBudget* const budget = new LineBudget;
  const std::optional<int> left_out = budget->Spend(Clock::System().Monotonic());
  if (!left_out.has_value()) return;
  const std::string more =
      *left_out == 0 ? "" : absl::StrCat(" (", *left_out, " lines before it were left out)");
  LogWarning(absl::StrCat("gRPC: ", LogSafe(line->message), more));
}

}  // namespace

std::optional<int> LineBudget::Spend(absl::Duration now) {
  const MutexLock lock(mutex_);
  int left_out = 0;
  if (now - minute_start_ >= absl::Minutes(1)) {
    left_out = std::max(lines_ - kMostLines, 0);
    minute_start_ = now;
    lines_ = 0;
  }
  if (++lines_ > kMostLines) return std::nullopt;
  return left_out;
}

void TakeOverGrpcLog() { gpr_set_log_function(Log); }

}  // namespace numalocality
