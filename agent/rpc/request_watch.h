// Watches the reads of workloads that a call of the API makes: a read of a process's memory may not
// return, and occupies a thread of the server until then.
#ifndef NUMALOCALITY_AGENT_RPC_REQUEST_WATCH_H_
#define NUMALOCALITY_AGENT_RPC_REQUEST_WATCH_H_

#include <grpcpp/server_context.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/log.h"
#include "agent/engine/watchdog.h"

namespace numalocality {

// For one call, on its thread.
class RequestWatch {
 public:
  // `watchdog` may be null: then nothing is watched. `method`: such as "GetPlacement".
  RequestWatch(Watchdog* watchdog, const grpc::ServerContext& context, const std::string& method)
      : watchdog_(watchdog), context_(context) {
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

  // Whether the caller has cancelled. Ask between reads, after Reads: the time of each counts by
  // itself.
  bool IsCancelled() {
    BeginRead();
    return context_.IsCancelled();
  }

 private:
  void BeginRead() {
    if (watchdog_ != nullptr) watchdog_->BeginCall(work_, 0, read_);
  }

  Watchdog* const watchdog_;
  const grpc::ServerContext& context_;
  int64_t work_ = 0;
  std::string read_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_REQUEST_WATCH_H_
