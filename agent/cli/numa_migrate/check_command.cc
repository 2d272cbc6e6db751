#include <iostream>
#include <map>
#include <vector>

#include "agent/base/status.h"
#include "agent/cli/numa_migrate/commands.h"
#include "agent/cli/numa_migrate/denial.h"
#include "agent/cli/numa_migrate/report.h"
#include "agent/cli/numa_migrate/subject.h"

namespace numalocality::numa_migrate {
namespace {

absl::StatusOr<std::map<NodeId, int64_t>> CountPages(const Options& options,
                                                     const Subject& subject) {
  NL_ASSIGN_OR_RETURN(const std::vector<AddressRange> ranges,
                      FindPart(options.part, subject.process, subject.scanner, kPrivateKinds,
                               subject.topology.page_bytes));
  NL_ASSIGN_OR_RETURN(auto pages, CountByNode(subject, ranges, kAllKinds));
  for (const NodeId node : subject.topology.MemoryNodes()) pages.try_emplace(node, 0);
  return pages;
}

}  // namespace

absl::StatusOr<ExitCode> Check(const EngineContext& context, const Options& options) {
  const auto subject = OpenSubject(context, options.pid);
  if (!subject.ok()) return WithDenial(subject.status(), Capability::kSysPtrace, context.host);
  const auto pages = CountPages(options, *subject);
  if (!pages.ok()) {
    return WithDenial(OrGone(pages.status(), subject->process), Capability::kSysPtrace,
                      context.host);
  }
  std::cout << CheckReport(options, *pages);
  return kExitSuccess;
}

}  // namespace numalocality::numa_migrate
