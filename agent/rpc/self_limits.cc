#include "agent/rpc/self_limits.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/model/error_details.h"

namespace numalocality {
namespace {

// Most calls and connections end within a second; those of watches, and slow reads of memory, do
// not.
constexpr absl::Duration kRetryAfterConnections = absl::Seconds(1);

absl::Status TooMany(absl::string_view what, absl::Duration retry_after) {
  return WithDetails(
      absl::ResourceExhaustedError(absl::StrCat("self socket: ", what, "; try again later")),
      {ErrorReason::kTooManyCalls, {}, retry_after});
}

}  // namespace

absl::Duration UseBudget::Take(absl::Duration now) {
  const absl::Duration from = std::max(full_at_, now);
  const absl::Duration wait = from + period_ - now - most_ * period_;
  if (wait > absl::ZeroDuration()) return wait;
  full_at_ = from + period_;
  return absl::ZeroDuration();
}

absl::Status SelfLimits::Connect(const std::string& pod, absl::Duration now) {
  // Pods that used it up to now, and need not be remembered any more.
  if (pods_.size() >= 2 * kMostConnections) {
    std::erase_if(pods_, [now](const auto& entry) {
      const Pod& other = entry.second;
      return other.connections == 0 && other.calls.IsFull(now) && other.changes.IsFull(now);
    });
  }
  Pod& of_pod = pods_[pod];
  if (of_pod.connections == kMostOfAPod) {
    return TooMany(absl::StrCat("this pod has ", kMostOfAPod, " connections already"),
                   kRetryAfterConnections);
  }
  if (connection_count_ == kMostConnections) {
    return TooMany("pods have too many connections", kRetryAfterConnections);
  }
  const absl::Duration wait = of_pod.calls.Take(now);
  if (wait > absl::ZeroDuration()) return TooMany("this pod makes too many calls", wait);
  ++of_pod.connections;
  ++connection_count_;
  return absl::OkStatus();
}

void SelfLimits::Disconnect(const std::string& pod) {
  --pods_.at(pod).connections;
  --connection_count_;
}

absl::Status SelfLimits::Begin(const std::string& pod, bool is_change, absl::Duration now) {
  Pod& of_pod = pods_.at(pod);
  if (of_pod.calls_now == kMostCallsOfAPod) {
    return TooMany(absl::StrCat("this pod has ", kMostCallsOfAPod, " calls that have not ended"),
                   kRetryAfterConnections);
  }
  const absl::Duration wait = is_change ? of_pod.changes.Take(now) : absl::ZeroDuration();
  if (wait > absl::ZeroDuration()) {
    return TooMany("this pod asks for too many migrations and reservations", wait);
  }
  ++of_pod.calls_now;
  return absl::OkStatus();
}

void SelfLimits::End(const std::string& pod) { --pods_.at(pod).calls_now; }

}  // namespace numalocality
