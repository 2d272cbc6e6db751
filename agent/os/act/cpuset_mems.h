// The memory nodes that the kernel gives a process or a container from now on: cpuset.mems of its
// cgroup (Documentation/admin-guide/cgroup-v2.rst).
#ifndef NUMALOCALITY_AGENT_OS_ACT_CPUSET_MEMS_H_
#define NUMALOCALITY_AGENT_OS_ACT_CPUSET_MEMS_H_

#include <functional>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/model/id_set.h"
#include "agent/os/base/host.h"
#include "agent/os/cgroup/cgroup_dir.h"
#include "agent/os/process/process_handle.h"

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
  // Writes nothing. FAILED_PRECONDITION on cgroup v1, if the process is in the root cgroup, its
  // cgroup holds another process, or the cpuset controller is not enabled there; also before
  // Linux 6.7 unless `on_old_kernel`, as the process can then map and fault no page while the
  // kernel moves.
  static absl::StatusOr<CpusetMems> Open(const Host& host, const ProcessHandle& process,
                                         bool on_old_kernel = false);

  // For a container, whose cpuset.mems belongs to its runtime: `write` has that set it, to at least
  // one node. Errors as above but for the processes.
  using Writer = std::function<absl::Status(const NodeSet&)>;
  static absl::StatusOr<CpusetMems> OpenContainer(const Host& host, CgroupDir cgroup, Writer write,
                                                  bool on_old_kernel);

  // The nodes in effect before the first write.
  const NodeSet& nodes_before() const { return nodes_before_; }

  // Allows `nodes` beside those that are allowed already. FAILED_PRECONDITION, with nothing
  // changed, if a cgroup above does not have them.
  absl::Status Widen(const NodeSet& nodes);
  // Allows `nodes` only, and leaves it so. FAILED_PRECONDITION if another process has joined.
  absl::Status Confine(const NodeSet& nodes);
  // Reads back what was written last: see above. OK if nothing was.
  absl::Status Check();
  // Writes what stood there before the first write; of a container, what was in effect.
  absl::Status Restore();

  // How often somebody else was found to have written it.
  int overwrites() const { return overwrites_; }

 private:
  CpusetMems(CgroupDir cgroup, std::optional<pid_t> pid, Writer write, NodeSet written_before,
             NodeSet nodes_before)
      : cgroup_(std::move(cgroup)),
        pid_(pid),
        write_(std::move(write)),
        written_before_(std::move(written_before)),
        nodes_before_(std::move(nodes_before)),
        written_(written_before_) {}

  static absl::StatusOr<CpusetMems> Open(const Host& host, CgroupDir cgroup,
                                         std::optional<pid_t> pid, Writer write,
                                         bool on_old_kernel);
  absl::Status Write(const NodeSet& nodes);
  absl::Status WriteRaw(const NodeSet& nodes) const;

  CgroupDir cgroup_;
  std::optional<pid_t> pid_;  // the only one that may be in the cgroup; of a container, nothing
  Writer write_;              // of a container
  NodeSet written_before_;    // empty: as the cgroup above has it
  NodeSet nodes_before_;
  NodeSet written_;  // what the file should say
  int overwrites_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_CPUSET_MEMS_H_
