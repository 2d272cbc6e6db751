// Restricts the nodes on which the kernel allocates memory for a process or a container, by
// cpuset.mems of its cgroup (Documentation/admin-guide/cgroup-v2.rst). For a process it writes the
// file; for a container it calls the container runtime (engine/migrate/stickiness).
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

// Call Widen, then move the pages, then call Confine. At each write the kernel immediately moves
// all pages on nodes that are no longer allowed, at full speed and including pages that other
// processes share. So move the pages before Confine. Not thread-safe.
//
// Another program may write the file at any time (systemd does when it reloads). Each step
// therefore first reads the file. If the content has changed for the first time, it is written
// again; the second time, the step returns ABORTED with both values and leaves the file to the
// other program.
class CpusetMems {
 public:
  // Writes nothing yet. FAILED_PRECONDITION on cgroup v1, if the process is in the root cgroup, if
  // its cgroup contains another process, or if the cpuset controller is not enabled there. Also
  // before Linux 6.7 unless `on_old_kernel`: there the process's page faults and mmap calls block
  // while the kernel moves the pages.
  static absl::StatusOr<CpusetMems> Open(const Host& host, const ProcessHandle& process,
                                         bool on_old_kernel = false);

  // For a container, whose cpuset.mems is managed by its runtime: `write` asks the runtime to set
  // it to at least one node. Errors as above, but the cgroup may contain several processes.
  using Writer = std::function<absl::Status(const NodeSet&)>;
  static absl::StatusOr<CpusetMems> OpenContainer(const Host& host, CgroupDir cgroup, Writer write,
                                                  bool on_old_kernel);

  // The effective nodes before the first write.
  const NodeSet& nodes_before() const { return nodes_before_; }

  // Allows `nodes` in addition to nodes_before(). FAILED_PRECONDITION, without a change, if an
  // ancestor does not allow them.
  absl::Status Widen(const NodeSet& nodes);
  // Allows only `nodes`, permanently. FAILED_PRECONDITION if another process has joined the cgroup.
  absl::Status Confine(const NodeSet& nodes);
  // Checks that the file still has the value of the last write: see above. OK if nothing was
  // written.
  absl::Status Check();
  // Writes the value from before the first write; for a container, the effective nodes of that
  // time.
  absl::Status Restore();

  // How many writes by other programs were found.
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
  std::optional<pid_t> pid_;  // the only process allowed in the cgroup; nullopt for containers
  Writer write_;              // only for containers
  NodeSet written_before_;    // empty if the parent's nodes apply
  NodeSet nodes_before_;
  NodeSet written_;  // the value that the file should have
  int overwrites_ = 0;
};

}  // namespace numalocality

#endif  // NUMALOCALITY_AGENT_OS_ACT_CPUSET_MEMS_H_
