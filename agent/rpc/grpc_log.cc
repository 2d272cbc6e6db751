#include "agent/rpc/grpc_log.h"

#include <grpc/support/log.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "agent/base/clock.h"
#include "agent/base/line_budget.h"
#include "agent/base/log.h"
#include "agent/base/mutex.h"

namespace numalocality {
namespace {

std::optional<int> Spend() {
  // Never destroyed: gRPC's threads log until the process exits.
  static Mutex* const mutex = new Mutex;
  static LineBudget* const budget = new LineBudget;
  const MutexLock lock(*mutex);
  return budget->Spend(Clock::System().Monotonic());
}

void Log(gpr_log_func_args* line) {
  const std::optional<int> left_out = Spend();
  if (!left_out.has_value()) return;
  LogWarning(absl::StrCat("gRPC: ", LogSafe(line->message), LinesLeftOut(*left_out)));
}

}  // namespace

void TakeOverGrpcLog() { gpr_set_log_function(Log); }

}  // namespace numalocality
