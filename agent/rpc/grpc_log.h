// gRPC's own errors in the agent's log.
#ifndef NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_
#define NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_

#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "agent/base/mutex.h"

namespace numalocality {

// How many lines may be written: 20 a minute. Thread-safe.
class LineBudget {
 public:
  // How many lines were left out before this one, mostly 0; nullopt if this one is to be, too.
  std::optional<int> Spend(absl::Time now);

 private:
  Mutex mutex_;
  absl::Time minute_start_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int lines_ ABSL_GUARDED_BY(mutex_) = 0;
};

// From now on these are warnings of the agent, within a LineBudget: whoever reaches the port can
// cause one with each connection that is refused.
void TakeOverGrpcLog();

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_GRPC_LOG_H_
