// The API's services for containers that ask for themselves. They have no port: the self socket
// calls them within this process, because gRPC 1.51 does not withstand clients that send bad HTTP/2
// (CVE-2023-4785, CVE-2023-33953), and any pod may be such a client.
#ifndef NUMALOCALITY_AGENT_RPC_SELF_SERVER_H_
#define NUMALOCALITY_AGENT_RPC_SELF_SERVER_H_

#include <grpcpp/channel.h>
#include <grpcpp/server.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "agent/base/mutex.h"
#include "agent/rpc/call_limits.h"
#include "agent/rpc/callers.h"
#include "agent/rpc/migration_service.h"
#include "agent/rpc/placement_service.h"
#include "agent/rpc/self_request.h"
#include "agent/rpc/server.h"

namespace numalocality {

// Thread-safe.
class SelfServer {
 public:
  // Gets the serialized SelfResponse, on a thread of gRPC.
  using Answer = std::function<void(std::string response)>;

  // UNAVAILABLE if gRPC cannot start.
  static absl::StatusOr<std::unique_ptr<SelfServer>> Start(const Served& served, int most_calls);
  // Cancels the calls that still run, and waits for their answers.
  ~SelfServer();

  // Makes a call; `answer` is called once, when it has ended. Returns the call's id, never used
  // again.
  uint64_t Call(const SelfCaller& caller, const SelfCall& call, Answer answer);
  // Ends a watch: its answer comes soon.
  void Cancel(uint64_t id);

  // Of its calls. May outlive the server.
  const std::shared_ptr<CallLimits>& calls() const { return callers_.limits(); }

 private:
  class Running;

  explicit SelfServer(const Served& served);

  absl::StatusOr<Workload> ContainerOf(const std::string& id) const;
  void Ended(uint64_t id);

  const Callers callers_;
  PlacementService placement_service_;
  MigrationService migration_service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  mutable Mutex mutex_;
  ConditionVariable all_ended_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::shared_ptr<Running>> running_ ABSL_GUARDED_BY(mutex_);
  // Destroyed on other threads than gRPC's: a call holds the channel, and a channel whose last
  // holder is a thread of gRPC takes the queue away from it that it works on.
  std::vector<std::shared_ptr<Running>> ended_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SELF_SERVER_H_
