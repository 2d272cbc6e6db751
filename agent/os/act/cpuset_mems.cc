#include "agent/os/act/cpuset_mems.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/file.h"
#include "agent/os/base/running_kernel.h"

namespace numalocality {
namespace {

constexpr int kMostOverwrites = 2;

// On cgroup v1 the cgroup to which a process's memory is charged need not be the one of its cpuset.
// There the kernel also does not fit a written set to those of the ancestors and children, and
// moves no pages (cpuset.memory_migrate is off).
absl::Status CheckVersion(const Host& host) {
  NL_ASSIGN_OR_RETURN(const CgroupLayout layout, FindCgroupLayout(host));
  if (layout.version == CgroupVersion::kV2) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "cpuset.mems: the agent writes it on cgroup v2 only, and this is cgroup v1; boot with "
      "systemd.unified_cgroup_hierarchy=1, or let the container runtime write it");
}

// Before this release, the kernel moves the pages under the process's mmap lock.
absl::Status CheckRelease(const Host& host) {
  NL_ASSIGN_OR_RETURN(const KernelRelease release, ReadKernelRelease(host));
  if (release.IsAtLeast(6, 7)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "cpuset.mems: on Linux ", release.text,
      " a write blocks the process's page faults and mmap calls until the kernel has moved all its "
      "pages; use Linux 6.7 or later, or force the write (--policy force-bind, "
      "--stick-on-old-kernels)"));
}

// Writes the file of `cgroup`.
absl::Status WriteFileOf(const CgroupDir& cgroup, const NodeSet& nodes) {
  NL_ASSIGN_OR_RETURN(const int directory, cgroup.CpusetDirectory());
  const std::string list = nodes.empty() ? "" : nodes.ToString();
  return WithContext(WriteFileAt(directory, "cpuset.mems", list + "\n"), "cgroup " + cgroup.path());
}

// A container has no `pid`: it may contain any processes.
absl::Status CheckAlone(const CgroupDir& cgroup, std::optional<pid_t> pid) {
  if (!pid.has_value()) return absl::OkStatus();
  const auto processes = cgroup.ReadProcesses();
  if (absl::IsNotFound(processes.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("cgroup ", cgroup.path(),
                     ": not found in the cgroup v2 tree, so there is no cpuset.mems to write"));
  }
  NL_RETURN_IF_ERROR(processes.status());
  if (processes->pids == std::vector<pid_t>{*pid} && processes->hidden_count == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "cgroup ", cgroup.path(), ": contains ", processes->pids.size() + processes->hidden_count,
      " processes, not only process ", *pid,
      ", and cpuset.mems would apply to all of them; start the process in its own cgroup, such as "
      "by systemd-run --scope -p AllowedMemoryNodes=..."));
}

}  // namespace

absl::StatusOr<CpusetMems> CpusetMems::Open(const Host& host, const ProcessHandle& process,
                                            bool on_old_kernel) {
  NL_ASSIGN_OR_RETURN(const std::string path, process.ReadCgroup(host));
  if (path.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("process ", process.pid(),
                     ": is not in the cgroup v2 tree, so there is no cpuset.mems to write"));
  }
  NL_ASSIGN_OR_RETURN(CgroupDir cgroup, CgroupDir::Open(host, path));
  return Open(host, std::move(cgroup), process.pid(), nullptr, on_old_kernel);
}

absl::StatusOr<CpusetMems> CpusetMems::OpenContainer(const Host& host, CgroupDir cgroup,
                                                     Writer write, bool on_old_kernel) {
  return Open(host, std::move(cgroup), std::nullopt, std::move(write), on_old_kernel);
}

absl::StatusOr<CpusetMems> CpusetMems::Open(const Host& host, CgroupDir cgroup,
                                            std::optional<pid_t> pid, Writer write,
                                            bool on_old_kernel) {
  NL_RETURN_IF_ERROR(CheckVersion(host));
  if (!on_old_kernel) NL_RETURN_IF_ERROR(CheckRelease(host));
  NL_RETURN_IF_ERROR(CheckAlone(cgroup, pid));
  const auto written = cgroup.ReadNodes();
  if (absl::IsNotFound(written.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("cgroup ", cgroup.path(),
                     ": has no cpuset.mems; enable the cpuset controller in "
                     "cgroup.subtree_control of the cgroup above it"));
  }
  if (!written.ok()) return written.status();
  NL_ASSIGN_OR_RETURN(const NodeSet effective, cgroup.ReadEffectiveNodes());
  return CpusetMems(std::move(cgroup), pid, std::move(write), *written, effective);
}

absl::Status CpusetMems::Widen(const NodeSet& nodes) {
  NL_RETURN_IF_ERROR(Check());
  return nodes_before_.ContainsAll(nodes) ? absl::OkStatus() : Write(nodes_before_ | nodes);
}

absl::Status CpusetMems::Confine(const NodeSet& nodes) {
  NL_RETURN_IF_ERROR(CheckAlone(cgroup_, pid_));
  NL_RETURN_IF_ERROR(Check());
  return Write(nodes);
}

absl::Status CpusetMems::Restore() {
  NL_RETURN_IF_ERROR(Check());
  return written_ == written_before_ ? absl::OkStatus() : Write(written_before_);
}

absl::Status CpusetMems::Check() {
  NL_ASSIGN_OR_RETURN(const NodeSet found, cgroup_.ReadNodes());
  if (found == written_) return absl::OkStatus();
  if (++overwrites_ < kMostOverwrites) return Write(written_);
  return absl::AbortedError(absl::StrCat(
      "cgroup ", cgroup_.path(), ": another program has written cpuset.mems twice; it is now ",
      found.ToString(), " instead of ", written_.ToString(),
      "; let the manager of the cgroup (systemd or the container runtime) write it"));
}

absl::Status CpusetMems::Write(const NodeSet& nodes) {
  NL_RETURN_IF_ERROR(WriteRaw(nodes));
  // The kernel accepts nodes that an ancestor does not allow, and ignores them without an error.
  NL_ASSIGN_OR_RETURN(const NodeSet effective, cgroup_.ReadEffectiveNodes());
  if (effective.ContainsAll(nodes)) {
    written_ = nodes;
    return absl::OkStatus();
  }
  NL_RETURN_IF_ERROR(WriteRaw(written_));
  return absl::FailedPreconditionError(
      absl::StrCat("cgroup ", cgroup_.path(), ": its ancestors allow only node ",
                   effective.ToString(), " of the nodes ", nodes.ToString()));
}

absl::Status CpusetMems::WriteRaw(const NodeSet& nodes) const {
  if (!write_) return WriteFileOf(cgroup_, nodes);
  // Container runtimes take an empty set to mean no change.
  return write_(nodes.empty() ? nodes_before_ : nodes);
}

}  // namespace numalocality
