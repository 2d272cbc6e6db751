#include "agent/cli/numa_migrate/subject.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/os/base/read_budget.h"
#include "agent/os/node/topology_reader.h"
#include "agent/os/process/own_process.h"

namespace numalocality::numa_migrate {
namespace {

// System calls take the PIDs of this program's PID namespace. If /proc shows the PIDs of another
// namespace, they would act on other processes than those in /proc.
absl::Status CheckPidNamespace(const Host& host) {
  char self[PATH_MAX];
  const ssize_t length = readlink((host.proc + "/self").c_str(), self, sizeof self);
  if (length < 0 && errno != ENOENT) return absl::OkStatus();  // no procfs
  if (length > 0 && std::string(self, static_cast<size_t>(length)) == std::to_string(getpid())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      host.proc,
      " shows another PID namespace than that of numa-migrate; run numa-migrate in that "
      "namespace, or mount /proc again (unshare --mount-proc)"));
}

// NOT_FOUND, with a note if a PID namespace may be the reason.
absl::Status NotFound(const Host& host) {
  const auto privileges = ReadOwnPrivileges(host);
  if (privileges.ok() && !privileges->in_host_pid_namespace) {
    std::cerr
        << "Note: numa-migrate runs in a PID namespace and sees no process outside of it; run "
           "it on the host, or in a pod with hostPID: true\n";
  }
  return ProcessGone();
}

}  // namespace

absl::Status ProcessGone() { return absl::NotFoundError("process not found"); }

absl::Status OrGone(const absl::Status& status, const ProcessHandle& process) {
  if (!absl::IsNotFound(status)) return status;
  // An exiting process loses its memory before the kernel reports it as exited.
  const bool is_gone =
      process.Fate() != ProcessFate::kRunning || absl::IsNotFound(process.ReadMaps().status());
  return is_gone ? ProcessGone() : status;
}

absl::StatusOr<Subject> OpenSubject(const EngineContext& context, pid_t pid) {
  NL_RETURN_IF_ERROR(CheckPidNamespace(context.host));
  auto process = ProcessHandle::Open(context.kernel, context.host, pid);
  if (absl::IsNotFound(process.status())) return NotFound(context.host);
  if (!process.ok()) return process.status();
  const auto mappings = process->ReadMaps();
  if (absl::IsNotFound(mappings.status()) && process->Fate() == ProcessFate::kRunning) {
    return absl::InvalidArgumentError(
        absl::StrCat("process ", pid, " has no memory: it is a kernel thread, or exiting"));
  }
  if (absl::IsNotFound(mappings.status())) return ProcessGone();
  if (!mappings.ok()) return WithContext(mappings.status(), absl::StrCat("process ", pid));
  NL_ASSIGN_OR_RETURN(Topology topology, TopologyReader(context.host).Read());
  const PageScanner scanner(context.kernel, context.clock, context.host, topology.page_bytes);
  return Subject{*std::move(process), std::move(topology), scanner};
}

absl::Status ScanUntilSignal(const PageScanner& scanner, const ProcessHandle& process,
                             absl::Span<const AddressRange> ranges, KindSet kinds,
                             WindowVisitor visit) {
  bool is_cut = false;
  ReadBudget budget(kRequestLimits, Clock::System(), [] { return EndSignal() != 0; });
  NL_ASSIGN_OR_RETURN(const std::vector<Mapping> mappings, process.ReadMaps(budget));
  NL_RETURN_IF_ERROR(
      scanner.Scan(process, mappings, ranges, kinds, [&](absl::Span<const PageSpan> spans) {
        is_cut = EndSignal() != 0;
        return !is_cut && visit(spans);
      }));
  return is_cut ? absl::CancelledError("interrupted") : absl::OkStatus();
}

absl::StatusOr<std::map<NodeId, int64_t>> CountByNode(const Subject& subject,
                                                      absl::Span<const AddressRange> ranges,
                                                      KindSet kinds) {
  std::map<NodeId, int64_t> pages;
  const auto count = [&](absl::Span<const PageSpan> spans) {
    for (const PageSpan& span : spans) {
      if (span.node != kHiddenNode) pages[span.node] += span.pages;
    }
    return true;
  };
  NL_RETURN_IF_ERROR(ScanUntilSignal(subject.scanner, subject.process, ranges, kinds, count));
  return pages;
}

}  // namespace numalocality::numa_migrate
