// The calls of one socket: each client may have only so many at the same time, so that one client
// does not keep others from the agent; and metrics count them.
#ifndef NUMALOCALITY_AGENT_RPC_CALL_LIMITS_H_
#define NUMALOCALITY_AGENT_RPC_CALL_LIMITS_H_

#include <limits>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "agent/base/mutex.h"
#include "agent/model/call_counts.h"

namespace numalocality {

enum class CallKind {
  kUnary,  // occupies a thread of the server while it runs
  kWatch,  // occupies memory
};

// Of one identity at the same time.
struct ClientLimits {
  int calls = std::numeric_limits<int>::max();  // without watches
  int watches = std::numeric_limits<int>::max();
};

// Of a client of the network. Its calls take at most a quarter of the server's threads.
inline constexpr ClientLimits kNetworkLimits = {16, 1024};

// RESOURCE_EXHAUSTED with the details of kTooManyWatches.
absl::Status TooManyWatches(absl::string_view whose);

// Thread-safe.
class CallLimits {
 public:
  explicit CallLimits(ClientLimits limits) : limits_(limits) {}

  // OK: a call of the client with this identity counts until End. RESOURCE_EXHAUSTED with details
  // if the client has as many already.
  absl::Status Begin(const std::string& identity, CallKind kind);
  void End(const std::string& identity, CallKind kind);

  // A call was answered. `method`: such as "GetPlacement".
  void Answered(const std::string& method, const absl::Status& status);
  // A request was answered before it became a call.
  void Refused(const absl::Status& status);
  // For CallCounts::connections.
  void SetConnections(int connections);

  CallCounts Counts() const;

 private:
  struct Running {
    int calls = 0;
    int watches = 0;
  };

  void CountReason(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ClientLimits limits_;
  mutable Mutex mutex_;
  std::map<std::string, Running> running_ ABSL_GUARDED_BY(mutex_);  // by identity
  CallCounts counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_CALL_LIMITS_H_
