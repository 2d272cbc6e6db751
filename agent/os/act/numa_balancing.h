// Automatic NUMA balancing, by which the kernel itself moves pages and may undo a migration
// (Documentation/admin-guide/sysctl/kernel.rst, numa_balancing).
#ifndef NUMALOCALITY_AGENT_OS_ACT_NUMA_BALANCING_H_
#define NUMALOCALITY_AGENT_OS_ACT_NUMA_BALANCING_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/os/base/host.h"

namespace numalocality {

// The machine's mode: a sum of 1 (move pages to the CPUs that use them) and 2 (move hot pages to
// faster memory); 0 is off. NOT_FOUND on kernels built without NUMA balancing.
absl::StatusOr<int> ReadNumaBalancing(const Host& host);

// Switches automatic NUMA balancing off, for the whole machine, during the lifetime of this object.
// A program that is killed by a signal leaves it off, so catch SIGINT and SIGTERM and return.
class NumaBalancingOff {
 public:
  // OK also if it was off before or is not built in. PERMISSION_DENIED without CAP_SYS_ADMIN.
  static absl::StatusOr<std::unique_ptr<NumaBalancingOff>> Begin(const Host& host);
  ~NumaBalancingOff() { Restore().IgnoreError(); }
  NumaBalancingOff(const NumaBalancingOff&) = delete;
  NumaBalancingOff& operator=(const NumaBalancingOff&) = delete;

  // The mode before Begin; 0 if it was off.
  int mode_before() const { return mode_before_; }

  // Restores the mode now; later calls do nothing. ABORTED if another program has switched NUMA
  // balancing on since: then the mode is not changed, and balancing ran during the migration.
  absl::Status Restore();

 private:
  NumaBalancingOff(const Host& host, int mode) : host_(host), mode_before_(mode) {}

  const Host host_;
  const int mode_before_;
  bool ended_ = false;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_NUMA_BALANCING_H_
