// Watches the reads of workloads that a call of the API makes: a read of a process's memory may not
// return, and occupies a thread of the server until then. Limits their time, because a client may
// set no deadline.
#ifndef NUMALOCALITY_AGENT_RPC_REQUEST_WATCH_H_
#define NUMALOCALITY_AGENT_RPC_REQUEST_WATCH_H_

#include <grpcpp/server_context.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/engine/watchdog.h"

namespace numalocality {

// For one call, on its thread.
class RequestWatch {
 public:
  // Of all reads of a call.
  static constexpr absl::Duration kLongest = absl::Minutes(10);

  // `watchdog` may be null: then nothing is watched. `method`: such as "GetPlacement".
  RequestWatch(Watchdog* watchdog, const grpc::ServerContext& context, const std::string& method,
               absl::Duration longest = kLongest)
      : watchdog_(watchdog), context_(context), longest_(longest) {
    if (watchdog_ != nullptr) work_ = watchdog_->Begin("request " + method);
  }
  ~RequestWatch() {
    if (watchdog_ != nullptr) watchdog_->End(work_);
  }
  RequestWatch(const RequestWatch&) = delete;
  RequestWatch& operator=(const RequestWatch&) = delete;

  // From now on the call reads `subject`, such as "prod/db-0/mysql".
  void Reads(const std::string& subject) {
    read_ = absl::StrCat("a read of ", LogSafe(subject));
    BeginRead();
  }

  // Whether the caller has cancelled, or the call has taken too long. Ask between reads, after
  // Reads: the time of each counts by itself.
  bool IsCancelled() {
    BeginRead();
    return context_.IsCancelled() || IsOver();
  }

  // The answer if a read has ended with `status`: DEADLINE_EXCEEDED if the call has taken too long.
  absl::Status Ended(const absl::Status& status) const {
    if (status.ok() || !IsOver()) return status;
    return absl::DeadlineExceededError(absl::StrCat(
        read_, " was not complete after ", absl::FormatDuration(longest_),
        ", the limit of a call; ask for fewer workloads, or without querying every page"));
  }

 private:
  bool IsOver() const { return Clock::System().Monotonic() - start_ >= longest_; }

  void BeginRead() {
    if (watchdog_ != nullptr) watchdog_->BeginCall(work_, 0, read_);
  }

  Watchdog* const watchdog_;
  const grpc::ServerContext& context_;
  const absl::Duration longest_;
  const absl::Duration start_ = Clock::System().Monotonic();
  int64_t work_ = 0;
  std::string read_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_REQUEST_WATCH_H_
