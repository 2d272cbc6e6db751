#include "agent/rpc/call_limits.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/log.h"
#include "agent/model/error_details.h"

namespace numalocality {
namespace {

// Most calls end within a second. Watches last, so that a client must end one itself.
constexpr absl::Duration kRetryAfterCalls = absl::Seconds(1);
constexpr absl::Duration kRetryAfterWatches = absl::Seconds(10);

absl::Status TooManyCalls(absl::string_view whose) {
  return WithDetails(absl::ResourceExhaustedError(absl::StrCat(
                         whose, " calls that have not ended; make fewer at the same time")),
                     {ErrorReason::kTooManyCalls, {}, kRetryAfterCalls});
}

}  // namespace

absl::Status TooManyWatches(absl::string_view whose) {
  return WithDetails(
      absl::ResourceExhaustedError(absl::StrCat(whose, " watches; end some of them")),
      {ErrorReason::kTooManyWatches, {}, kRetryAfterWatches});
}

absl::Status CallLimits::Begin(const std::string& identity, CallKind kind) {
  MutexLock lock(mutex_);
  Running& running = running_[identity];
  const bool is_watch = kind == CallKind::kWatch;
  int& count = is_watch ? running.watches : running.calls;
  // A client without any running call is below both limits: its entry gets a call now.
  if (const int most = is_watch ? limits_.watches : limits_.calls; count >= most) {
    const std::string whose = absl::StrCat("client ", LogSafe(identity), " has ", most);
    return is_watch ? TooManyWatches(whose) : TooManyCalls(whose);
  }
  ++count;
  ++(is_watch ? counts_.running_watches : counts_.running_calls);
  return absl::OkStatus();
}

void CallLimits::End(const std::string& identity, CallKind kind) {
  MutexLock lock(mutex_);
  const auto found = running_.find(identity);
  const bool is_watch = kind == CallKind::kWatch;
  --(is_watch ? found->second.watches : found->second.calls);
  --(is_watch ? counts_.running_watches : counts_.running_calls);
  if (found->second.calls == 0 && found->second.watches == 0) running_.erase(found);
}

void CallLimits::Answered(const std::string& method, const absl::Status& status) {
  MutexLock lock(mutex_);
  ++counts_.ended[{method, status.code()}];
  CountReason(status);
}

void CallLimits::Refused(const absl::Status& status) {
  MutexLock lock(mutex_);
  CountReason(status);
}

void CallLimits::SetConnections(int connections) {
  MutexLock lock(mutex_);
  counts_.connections = connections;
}

CallCounts CallLimits::Counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

void CallLimits::CountReason(const absl::Status& status) {
  const std::optional<ErrorDetails> details = DetailsOf(status);
  if (details.has_value()) ++counts_.refused[details->reason];
}

}  // namespace numalocality
