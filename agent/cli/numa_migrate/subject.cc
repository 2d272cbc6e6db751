#include "agent/cli/numa_migrate/subject.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/status.h"
#include "agent/cli/numa_migrate/end_signal.h"
#include "agent/os/topology_reader.h"

namespace numalocality {

absl::Status ProcessGone() { return absl::NotFoundError("process not found"); }

absl::Status OrGone(const absl::Status& status, const ProcessHandle& process) {
  if (!absl::IsNotFound(status)) return status;
  // Its memory goes before the kernel calls it exited.
  const bool is_gone =
      process.Fate() != ProcessFate::kRunning || absl::IsNotFound(process.ReadMaps().status());
  return is_gone ? ProcessGone() : status;
}

absl::StatusOr<Subject> OpenSubject(const MigrationContext& context, pid_t pid) {
  auto process = ProcessHandle::Open(context.kernel, context.paths, pid);
  if (absl::IsNotFound(process.status())) return ProcessGone();
  if (!process.ok()) return process.status();
  const auto mappings = process->ReadMaps();
  if (absl::IsNotFound(mappings.status()) && process->Fate() == ProcessFate::kRunning) {
    return absl::InvalidArgumentError(absl::StrCat(
        "process ", pid, " has no memory of its own: it is a kernel thread, or exiting"));
  }
  if (absl::IsNotFound(mappings.status())) return ProcessGone();
  if (!mappings.ok()) return WithContext(mappings.status(), absl::StrCat("process ", pid));
  NL_ASSIGN_OR_RETURN(Topology topology, TopologyReader(context.paths).Read());
  const PageScanner scanner(context.kernel, context.clock, context.paths, topology.page_bytes);
  return Subject{*std::move(process), std::move(topology), scanner};
}

absl::Status ScanUntilSignal(const PageScanner& scanner, const ProcessHandle& process,
                             absl::Span<const AddressRange> ranges, KindSet kinds,
                             WindowVisitor visit) {
  bool is_cut = false;
  NL_RETURN_IF_ERROR(scanner.Scan(process, ranges, kinds, [&](absl::Span<const PageRun> runs) {
    is_cut = EndSignal() != 0;
    return !is_cut && visit(runs);
  }));
  return is_cut ? absl::CancelledError("interrupted") : absl::OkStatus();
}

absl::StatusOr<std::map<NodeId, int64_t>> CountByNode(const Subject& subject,
                                                      absl::Span<const AddressRange> ranges,
                                                      KindSet kinds) {
  std::map<NodeId, int64_t> pages;
  const auto count = [&](absl::Span<const PageRun> runs) {
    for (const PageRun& run : runs) {
      if (run.node != kHiddenNode) pages[run.node] += run.pages;
    }
    return true;
  };
  NL_RETURN_IF_ERROR(ScanUntilSignal(subject.scanner, subject.process, ranges, kinds, count));
  return pages;
}

}  // namespace numalocality
