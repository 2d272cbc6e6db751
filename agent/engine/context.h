// The objects that all parts of the engine use: the kernel's interface, the clock and the host.
#ifndef NUMALOCALITY_AGENT_ENGINE_CONTEXT_H_
#define NUMALOCALITY_AGENT_ENGINE_CONTEXT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/base/clock.h"
#include "agent/model/room.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

class NameDirectory;
class BandwidthLimit;

// Limits that apply to every migration, on request and by policy.
struct HostLimits {
  RoomLimits room;
  // Requests move the memory of these namespaces' pods only with override_protection.
  std::vector<std::string> protected_namespaces = {};
};

// Cheap to copy. The kernel, the clock and the objects behind the pointers must outlive all copies.
struct EngineContext {
  KernelCalls& kernel;
  const Clock& clock;
  Host host;
  HostLimits limits;
  BandwidthLimit* bandwidth = nullptr;   // of all migrations on the host together; may be null
  const NameDirectory* names = nullptr;  // null: workloads have no names
  // A held process is released after this real time, even if its kernel call has not returned: the
  // call may take seconds, behind a real-time task. Tests that hold raise it, because a busy
  // machine may delay the thread that makes the call.
  absl::Duration longest_hold = absl::Milliseconds(100);
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_CONTEXT_H_
