// Automatic NUMA balancing: the kernel's own mover of pages, which may undo what a migration did
// (Documentation/admin-guide/sysctl/kernel.rst, numa_balancing).
#ifndef NUMALOCALITY_AGENT_OS_ACT_NUMA_BALANCING_H_
#define NUMALOCALITY_AGENT_OS_ACT_NUMA_BALANCING_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/os/base/host.h"

namespace numalocality {

// The machine's mode, a sum of 1 (pages go to the CPUs that use them) and 2 (hot pages to faster
// memory); 0 is off. NOT_FOUND on kernels built without it.
absl::StatusOr<int> ReadNumaBalancing(const Host& host);

// Automatic NUMA balancing is off, for the whole machine, while this lives. A program that is
// killed by a signal leaves it off: catch SIGINT and SIGTERM, and return.
class NumaBalancingOff {
 public:
  // OK also if it was off before, or is not built in. PERMISSION_DENIED without CAP_SYS_ADMIN.
  static absl::StatusOr<std::unique_ptr<NumaBalancingOff>> Begin(const Host& host);
  ~NumaBalancingOff() { Restore().IgnoreError(); }
  NumaBalancingOff(const NumaBalancingOff&) = delete;
  NumaBalancingOff& operator=(const NumaBalancingOff&) = delete;

  // The mode to go back to; 0 if it was off.
  int mode_before() const { return mode_before_; }

  // Puts it back now; later calls do nothing. ABORTED if somebody else has switched it on since:
  // then it stays as it is, and the migration ran beside it.
  absl::Status Restore();

 private:
  NumaBalancingOff(const Host& host, int mode) : host_(host), mode_before_(mode) {}

  const Host host_;
  const int mode_before_;
  bool ended_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_NUMA_BALANCING_H_
