// Containers that start and stop, as the container runtime tells of them at once (CRI, runtime.v1,
// GetContainerEvents): containerd 1.7 and later, CRI-O if it is configured so. Opt-in, since these
// runtimes give each event to one listener only (containerd#7318, cri-o#6466): a kubelet with
// EventedPLEG would miss those that the agent gets. Nothing relies on it: starts and stops are seen
// in the cgroups, and names are asked for then.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_EVENTS_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_EVENTS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status_code_enum.h>

#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"

namespace numalocality {

// Listens from construction to destruction, on a thread of its own.
class CriEvents {
 public:
  // Calls `on_event`, from threads of gRPC, one call at a time, when a container has started or
  // stopped. A runtime that goes away is asked again after RetryDelay; one that has no events
  // (UNIMPLEMENTED) is not.
  CriEvents(const std::string& socket, std::function<void()> on_event);
  ~CriEvents();

 private:
  void Run();
  // Hands events on until the stream ends, and returns why it did, and whether there were any.
  grpc::StatusCode Listen(bool& had_events);

  const std::string socket_;
  const std::function<void()> on_event_;
  Mutex mutex_;
  ConditionVariable stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the one under way
  std::thread thread_;  // the last member: it uses all others
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_EVENTS_H_
