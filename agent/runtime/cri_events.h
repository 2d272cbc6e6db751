// Events of containers that start and stop, which the container runtime sends immediately (CRI,
// runtime.v1, GetContainerEvents): containerd since 1.7, CRI-O if configured. Opt-in, because these
// runtimes send each event to one listener only (containerd#7318, cri-o#6466): a kubelet with
// EventedPLEG would miss the events that the agent receives. Nothing depends on the events: the
// agent also sees starts and stops in the cgroups, and then asks for names.
#ifndef NUMALOCALITY_AGENT_RUNTIME_CRI_EVENTS_H_
#define NUMALOCALITY_AGENT_RUNTIME_CRI_EVENTS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status_code_enum.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "agent/base/mutex.h"
#include "agent/model/configuration.h"

namespace numalocality {

// Listens from construction to destruction, on its own thread.
class CriEvents {
 public:
  // `on_event` is called when a container has started or stopped, one call at a time, on a thread
  // of gRPC. After the runtime disconnects, CriEvents tries again with RetryDelay; if the runtime
  // has no events (UNIMPLEMENTED), it does not.
  CriEvents(const std::string& socket, std::function<void()> on_event);
  ~CriEvents();

 private:
  void Run();
  // Passes events on until the stream ends. Returns why it ended, and whether there were events.
  grpc::StatusCode Listen(bool& had_events);

  const std::string socket_;
  const std::function<void()> on_event_;
  Mutex mutex_;
  ConditionVariable stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mutex_) = nullptr;  // the current one
  std::thread thread_;  // the last member, because it uses all others
};

// A listener to the configured runtime; null if no runtime or no events are configured.
std::unique_ptr<CriEvents> MakeCriEvents(const SourceOptions& options,
                                         std::function<void()> on_event);

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_RUNTIME_CRI_EVENTS_H_
