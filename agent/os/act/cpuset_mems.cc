#include "agent/os/act/cpuset_mems.h"

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/os/base/kernel_release.h"

namespace numalocality {
namespace {

constexpr int kMostOverwrites = 2;

// A process's cgroup that memory is charged to says nothing of its cpuset on v1; and there a write
// keeps neither to what the cgroups above and below have, nor moves what is left.
absl::Status CheckVersion(const Host& host) {
  NL_ASSIGN_OR_RETURN(const CgroupLayout layout, FindCgroupLayout(host));
  if (layout.version == CgroupVersion::kV2) return absl::OkStatus();
  return absl::FailedPreconditionError(
      "cpuset.mems: is written on cgroup v2 only, and this is v1; boot with "
      "systemd.unified_cgroup_hierarchy=1, or have the container runtime set it");
}

// The kernel moves pages for a write under the process's mmap lock before this release.
absl::Status CheckRelease(const Host& host) {
  NL_ASSIGN_OR_RETURN(const KernelRelease release, ReadKernelRelease(host));
  if (release.IsAtLeast(6, 7)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "cpuset.mems: on Linux ", release.text,
      " a write stops the process in every page fault and mmap until the kernel has moved all its "
      "pages; it takes Linux 6.7, or to be forced"));
}

// Of a container, which has no `pid`, all processes count.
absl::Status CheckAlone(const CgroupDir& cgroup, std::optional<pid_t> pid) {
  if (!pid.has_value()) return absl::OkStatus();
  const auto processes = cgroup.ReadProcesses();
  if (absl::IsNotFound(processes.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "cgroup ", cgroup.path(), ": is gone, or not of version 2, and so has no cpuset.mems"));
  }
  NL_RETURN_IF_ERROR(processes.status());
  if (processes->pids == std::vector<pid_t>{*pid} && processes->hidden_count == 0) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "cgroup ", cgroup.path(), ": holds ", processes->pids.size() + processes->hidden_count,
      " processes, not process ", *pid,
      " alone, and cpuset.mems would bind them all; give it a cgroup of its own, such as by "
      "systemd-run --scope -p AllowedMemoryNodes=..."));
}

}  // namespace

absl::StatusOr<CpusetMems> CpusetMems::Open(const Host& host, const ProcessHandle& process,
                                            bool on_old_kernel) {
  NL_ASSIGN_OR_RETURN(const std::string path, process.ReadCgroup(host));
  if (path.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "process ", process.pid(), ": is in no cgroup of version 2, and so has no cpuset.mems"));
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
  return absl::AbortedError(
      absl::StrCat("cgroup ", cgroup_.path(), ": somebody else has twice written cpuset.mems, now ",
                   found.ToString(), " where this wrote ", written_.ToString(),
                   "; have the one who manages the cgroup (systemd, a container runtime) set it"));
}

absl::Status CpusetMems::Write(const NodeSet& nodes) {
  NL_RETURN_IF_ERROR(WriteRaw(nodes));
  // What the cgroups above do not have is taken without a word.
  NL_ASSIGN_OR_RETURN(const NodeSet effective, cgroup_.ReadEffectiveNodes());
  if (effective.ContainsAll(nodes)) {
    written_ = nodes;
    return absl::OkStatus();
  }
  NL_RETURN_IF_ERROR(WriteRaw(written_));
  return absl::FailedPreconditionError(
      absl::StrCat("cgroup ", cgroup_.path(), ": of nodes ", nodes.ToString(),
                   " the cgroups above allow only ", effective.ToString()));
}

absl::Status CpusetMems::WriteRaw(const NodeSet& nodes) const {
  if (!write_) return cgroup_.WriteNodes(nodes);
  // A runtime takes the empty set for "as it is".
  return write_(nodes.empty() ? nodes_before_ : nodes);
}

}  // namespace numalocality
