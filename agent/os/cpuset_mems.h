// The memory nodes that the kernel gives a process from now on: cpuset.mems of its own cgroup
// (Documentation/admin-guide/cgroup-v2.rst). For lone processes; a container's belongs to its
// runtime.
#ifndef NUMALOCALITY_AGENT_OS_CPUSET_MEMS_H_
#define NUMALOCALITY_AGENT_OS_CPUSET_MEMS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/os/cgroup_dir.h"
#include "agent/os/host_paths.h"
#include "agent/os/process_handle.h"

namespace numalocality {

// Widen, move the pages, then Confine. Each write makes the kernel move, by itself and as fast as
// it can, all pages on nodes that the new set leaves out, those shared with other processes, too:
// so what Confine narrows should be moved already. Not thread-safe.
//
// Somebody else may write the file at any time (systemd does when it reloads). What was written is
// read back before each step; the first time that it has changed it is written again, the second
// time the step is ABORTED, with a report, and the file left to the other.
class CpusetMems {
 public:
  // Writes nothing. FAILED_PRECONDITION if the process is in the root cgroup, its cgroup holds
  // another process, or the cpuset controller is not enabled there; also before Linux 6.7 unless
  // `on_old_kernel`, as the process can then map and fault no page while the kernel moves.
  static absl::StatusOr<CpusetMems> Open(const HostPaths& paths, const ProcessHandle& process,
                                         bool on_old_kernel = false);

  // The nodes in effect before the first write.
  const NodeSet& nodes_before() const { return nodes_before_; }

  // Allows `nodes` beside those that are allowed already. FAILED_PRECONDITION, with nothing
  // changed, if a cgroup above does not have them.
  absl::Status Widen(const NodeSet& nodes);
  // Allows `nodes` only, and leaves it so. FAILED_PRECONDITION if another process has joined.
  absl::Status Confine(const NodeSet& nodes);
  // Reads back what was written last: see above. OK if nothing was.
  absl::Status Check();
  // Writes what stood there before the first write.
  absl::Status Restore();

 private:
  CpusetMems(CgroupDir cgroup, pid_t pid, NodeSet written_before, NodeSet nodes_before)
      : cgroup_(std::move(cgroup)),
        pid_(pid),
        written_before_(std::move(written_before)),
        nodes_before_(std::move(nodes_before)),
        written_(written_before_) {}

  absl::Status Write(const NodeSet& nodes);

  CgroupDir cgroup_;
  pid_t pid_;
  NodeSet written_before_;  // empty: as the cgroup above has it
  NodeSet nodes_before_;
  NodeSet written_;  // what the file should say
  int overwrites_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_CPUSET_MEMS_H_
