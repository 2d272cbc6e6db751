#include <iostream>
#include <map>
#include <vector>

#include "agent/base/status.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/numa_migrate/subject.h"

namespace numalocality {
namespace {

absl::StatusOr<std::map<NodeId, int64_t>> CountPages(const Options& options,
                                                     const Subject& subject) {
  NL_ASSIGN_OR_RETURN(const std::vector<AddressRange> ranges,
                      FindPart(options.part, subject.process, subject.scanner, kPrivateKinds,
                               subject.topology.page_bytes));
  std::map<NodeId, int64_t> pages;
  for (const NodeId node : subject.topology.MemoryNodes()) pages[node] = 0;
  NL_RETURN_IF_ERROR(
      subject.scanner.Scan(subject.process, ranges, kAllKinds, [&](absl::Span<const PageRun> runs) {
        for (const PageRun& run : runs) {
          if (run.node != kHiddenNode) pages[run.node] += run.pages;
        }
        return true;
      }));
  return pages;
}

}  // namespace

absl::StatusOr<ExitCode> Check(const MigrationContext& context, const Options& options) {
  const auto subject = OpenSubject(context, options.pid);
  if (!subject.ok()) return WithDenial(subject.status(), Capability::kSysPtrace, context.paths);
  const auto pages = CountPages(options, *subject);
  if (!pages.ok()) {
    return WithDenial(OrGone(pages.status(), subject->process), Capability::kSysPtrace,
                      context.paths);
  }
  std::cout << CheckReport(options, *pages);
  return kExitSuccess;
}

}  // namespace numalocality
