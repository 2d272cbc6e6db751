// The self socket: a unix socket on which any container of a pod asks for itself, without
// privileges (protocol: self.proto). A client is known by the kernel's credentials of its
// connection: process → cgroup → container. Clients may be hostile: what one pod can occupy is
// limited before its request is read.
#ifndef NUMALOCALITY_AGENT_RPC_SELF_SOCKET_H_
#define NUMALOCALITY_AGENT_RPC_SELF_SOCKET_H_

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/base/line_budget.h"
#include "agent/base/mutex.h"
#include "agent/engine/context.h"
#include "agent/engine/workload/workload_finder.h"
#include "agent/os/base/file.h"
#include "agent/rpc/call_limits.h"
#include "agent/rpc/self_connection.h"
#include "agent/rpc/self_limits.h"
#include "agent/rpc/self_request.h"
#include "agent/rpc/self_server.h"
#include "agent/rpc/server.h"

namespace numalocality {

// Serves from Start until its destruction, which cancels the calls that still run.
class SelfSocket {
 public:
  // Listens at `path`: see ListenForAll.
  static absl::StatusOr<std::unique_ptr<SelfSocket>> Start(const std::string& path,
                                                           const Served& served);
  ~SelfSocket();
  SelfSocket(const SelfSocket&) = delete;
  SelfSocket& operator=(const SelfSocket&) = delete;

  // UNAVAILABLE if clients cannot reach the socket, because it has been removed or replaced.
  // Thread-safe.
  absl::Status Check() const;

  // The counts of its calls. May outlive the socket.
  std::shared_ptr<const CallLimits> calls() const { return server_->calls(); }

 private:
  struct Client {
    SelfConnection connection;
    SelfCaller caller;
    uint64_t id = 0;    // of the connection
    uint64_t call = 0;  // its id, while one runs
    bool is_watch = false;
  };

  SelfSocket(std::string path, ScopedFd listener, ScopedFd wake, FileVersion version,
             const Served& served);

  void Run();
  // Returns how long to accept no further connection.
  absl::Duration Accept();
  absl::StatusOr<SelfCaller> Identify(int connection_fd) const;
  void Step(Client& client);
  void CountConnections() const;
  void LogRefusal(const SelfCaller& caller, const absl::Status& status);
  // Passes on the answers that have come. Returns false if the socket must stop.
  bool TakeAnswers();

  const std::string path_;
  const ScopedFd listener_;
  const ScopedFd wake_;        // readable after an answer, and once the socket must stop
  const FileVersion version_;  // of the file at path_
  const EngineContext context_;
  const WorkloadFinder finder_;
  std::unique_ptr<SelfServer> server_;

  // Used by the thread only.
  SelfLimits limits_;
  LineBudget lines_;  // of refusals, in the log
  std::list<Client> clients_;
  uint64_t last_id_ = 0;

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<uint64_t, std::string>> answers_ ABSL_GUARDED_BY(mutex_);  // by client
  std::thread thread_;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RPC_SELF_SOCKET_H_
