// Writes gRPC's own errors to the agent's log.
#ifndef NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_
#define NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Limits a log to 20 lines a minute. Thread-safe.
class LineBudget {
 public:
  // `now` is monotonic. Number of lines that were dropped before this one, usually 0; nullopt if
  // this one must be dropped, too.
  std::optional<int> Spend(absl::Duration now);

 private:
  Mutex mutex_;
  absl::Duration minute_start_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  int lines_ ABSL_GUARDED_BY(mutex_) = 0;
};

// From now on gRPC's log lines are warnings of the agent, limited by a LineBudget: clients of the
// front can cause them.
void TakeOverGrpcLog();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_
