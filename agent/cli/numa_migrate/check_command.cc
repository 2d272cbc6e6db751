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

absl::StatusOr<std::map<NodeId, int64_t>> CountPages(const MigrationContext& context,
                                                     const Options& options) {
  NL_ASSIGN_OR_RETURN(const Subject subject, OpenSubject(context, options.pid));
  NL_ASSIGN_OR_RETURN(const std::vector<AddressRange> ranges,
                      FindPart(options.part, subject.process, subject.scanner, kPrivateKinds,
                               subject.topology.page_bytes));
  std::map<NodeId, int64_t> pages;
  for (const NodeId node : subject.topology.MemoryNodes()) pages[node] = 0;
  NL_RETURN_IF_ERROR(
      subject.scanner.Scan(subject.process, ranges, kAllKinds, [&](absl::Span<const PageRun> runs) {
        for (const PageRun& run : runs) {
          pages[run.node] += run.pages;
        }
        return true;
      }));
  return pages;
}

}  // namespace

absl::StatusOr<ExitCode> Check(const MigrationContext& context, const Options& options) {
  const auto pages = CountPages(context, options);
  if (!pages.ok()) return WithDenial(pages.status(), Capability::kSysPtrace, context.paths);
  std::cout << CheckReport(options, *pages);
  return kExitSuccess;
}

}  // namespace numalocality
