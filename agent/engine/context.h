// What every part of the engine works with: the kernel, the clock, and the host that both belong
// to.
#ifndef NUMALOCALITY_AGENT_ENGINE_CONTEXT_H_
#define NUMALOCALITY_AGENT_ENGINE_CONTEXT_H_

#include "agent/base/clock.h"
#include "agent/os/base/host.h"
#include "agent/os/base/kernel_calls.h"

namespace numalocality {

class NameDirectory;
class BandwidthLimit;

// Limits of every migration, whoever asked for it.
struct HostLimits {
  // Fraction of a target node's memory that is left free; more where the kernel would begin to
  // take page cache away from others earlier.
  double node_reserve = 0.02;
};

// Copies of references: the kernel, the clock and what the pointers name outlive it.
struct EngineContext {
  KernelCalls& kernel;
  const Clock& clock;
  Host host;
  HostLimits limits;
  BandwidthLimit* bandwidth = nullptr;   // of all migrations of the host together; may be null
  const NameDirectory* names = nullptr;  // null: workloads have no names
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_ENGINE_CONTEXT_H_
